"""Whether an account can pay for what it is about to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from provenance.domain.fees import Limits
from provenance.domain.fields import checksummed, ether, shown
from provenance.errors import Conflict
from provenance.types import Address, Wei

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.app.ports import Cost


class Balances(Protocol):
    """Who knows what an account has, and what a transaction may cost."""

    limits: Limits

    def balance(self, address: Address) -> Wei: ...


class InsufficientFunds(Conflict):
    """The account cannot pay for the transaction."""

    next = "Send the named account some of the chain's own currency, then repeat."


def afford(node: Balances, account: Address, costs: Sequence[Cost], *, together: bool = False) -> None:
    """The account has what the dearest of these transactions may cost, or all of them together.

    Raises:
        InsufficientFunds: it has less.
        FeeAboveLimit: it has less, and nobody should send it as much.
    """
    fees = [cost.fee_wei for cost in costs]
    most_wei, has = sum(fees) if together else max(fees, default=0), node.balance(account)
    if has < most_wei:
        for cost in costs:
            node.limits.check(cost.fee_wei, cost.gas_price_wei)
        raise InsufficientFunds(
            f"{checksummed(account)} has {ether(has)} ETH, this may cost {ether(most_wei)} ETH",
            account=shown(account),
            balanceWei=str(has),
            neededWei=str(most_wei),
        )
