"""The network's token: what an account has, and what the distributor may take of it. Amounts are base units."""

from __future__ import annotations

from typing import cast

from provenance.app.ports import Call, Chain
from provenance.domain.fields import checksummed, shown
from provenance.errors import Conflict
from provenance.types import Address, Wei


class TooFewTokens(Conflict):
    """The account has less than it is to pay."""

    next = "Send the named account tokens, then repeat; nothing was paid."


def balance(chain: Chain, account: Address) -> Wei:
    """The account's tokens, in base units."""
    return Wei(cast("int", chain.read(Call("Token", "balanceOf", (account,)))[0]))


def approvals(chain: Chain, payer: Address, amount: Wei) -> tuple[Call, ...]:
    """The approval of exactly the amount to the distributor; none if there is one already, or nothing to pay.

    What is left of another one is set to zero first: USDT changes no allowance from one amount to another.

    Raises:
        TooFewTokens: the account has less.
    """
    if not amount:
        return ()
    has = balance(chain, payer)
    if has < amount:
        there, needed = map(chain.deployment.token.words, (has, amount))
        raise TooFewTokens(f"{checksummed(payer)} has {there}, {needed} are needed", account=shown(payer))
    spender = chain.deployment.contracts["RoyaltyDistributor"]
    approved = chain.read(Call("Token", "allowance", (payer, spender)))[0]
    amounts = () if approved == amount else (0, amount) if approved else (amount,)
    return tuple(Call("Token", "approve", (spender, each)) for each in amounts)
