"""Limits of what one transaction may cost in the chain's own coin, whatever a node says that it costs.

- What counts is the most that can be taken: the gas limit times the highest fee per gas.
- Settings win over the deployment document, which wins over the defaults; a node's figures are compared and never used.
"""

from __future__ import annotations

from typing import Annotated, Final

from provenance.domain import record
from provenance.domain.fields import ether, gwei
from provenance.errors import Conflict
from provenance.types import Wei

MAX_FEE: Final = Wei(2 * 10**16)
"""0.02 of the coin: thirty times an acceptance at 20 gwei."""
MAX_GAS_PRICE: Final = Wei(500 * 10**9)


class FeeAboveLimit(Conflict):
    """The node wants more for the transaction than one may cost."""

    next = (
        "Compare with another node (`rpc`), or wait until the chain is cheaper. If the price is right, raise `max_fee` "
        "or `max_gas_price` of the network in the settings, or repeat at a terminal without --yes and answer."
    )


@record.dataclass(frozen=True, slots=True)
class Limits:
    """The most that one transaction may cost, and each unit of its gas."""

    max_fee_wei: Annotated[Wei, record.OPTIONAL] = MAX_FEE
    max_gas_price_wei: Annotated[Wei, record.OPTIONAL] = MAX_GAS_PRICE

    def allow(self, fee_wei: int, gas_price_wei: int) -> bool:
        """Whether a transaction may cost as much."""
        return fee_wei <= self.max_fee_wei and gas_price_wei <= self.max_gas_price_wei

    def check(self, fee_wei: int, gas_price_wei: int) -> None:
        """A transaction may be signed that costs as much: its gas limit times the highest fee per gas, and that fee.

        Raises:
            FeeAboveLimit: it may not.
        """
        if not self.allow(fee_wei, gas_price_wei):
            raise FeeAboveLimit(
                f"the transaction would cost up to {ether(fee_wei)} ETH, at {gwei(gas_price_wei)} gwei a gas: {self.words()}",
                feeWei=str(fee_wei),
                gasPriceWei=str(gas_price_wei),
                maxFeeWei=str(self.max_fee_wei),
                maxGasPriceWei=str(self.max_gas_price_wei),
            )

    def words(self) -> str:
        """The limits as people read them."""
        return f"one may cost {ether(self.max_fee_wei)} ETH and {gwei(self.max_gas_price_wei)} gwei a gas at most"
