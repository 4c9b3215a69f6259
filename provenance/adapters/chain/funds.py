"""Whether an account can pay for what it is about to send."""

from __future__ import annotations

from typing import Protocol

from provenance.domain.fields import checksummed, ether, shown
from provenance.errors import Conflict
from provenance.types import Address, Wei


class Balances(Protocol):
    """Who knows what an account has."""

    def balance(self, address: Address) -> Wei: ...


class InsufficientFunds(Conflict):
    """The account cannot pay for the transaction."""

    next = "Send the named account some of the chain's own currency, then repeat."


def afford(node: Balances, account: Address, most_wei: int) -> None:
    """The account has as much.

    Raises:
        InsufficientFunds: it has less.
    """
    has = node.balance(account)
    if has < most_wei:
        raise InsufficientFunds(
            f"{checksummed(account)} has {ether(has)} ETH, this may cost {ether(most_wei)} ETH",
            account=shown(account),
            balanceWei=str(has),
            neededWei=str(most_wei),
        )
