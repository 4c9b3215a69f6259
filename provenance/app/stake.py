"""Stakes and bonds: what proposers and challengers put in, and what is owed to them.

The distributor keeps both outside of the sums that payees are paid from; nothing here touches these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from provenance.app import payee, role
from provenance.app.ports import Call, Chain
from provenance.app.token import approvals
from provenance.domain.fields import checksummed, dated, shown
from provenance.errors import Conflict, Denied
from provenance.types import Address, UnixSeconds, Wei


class StakeIsIn(Conflict):
    """The account's stake is in already."""

    next = "Nothing to do; `provenance role unstake` takes out a stake that no pending root needs."


class StakeMissing(Conflict):
    """The publisher proposes nothing without its stake."""

    next = "Put it in: `provenance role stake --account publisher`."


class ExitShut(Denied):
    """Another than the publisher proposes only once no epoch has become active for 90 days."""

    next = "Wait until the named time; the publisher settles with `provenance node settle`."


class NothingOwed(Conflict):
    """Nothing is owed to this account, and no stake of it is in."""

    next = "Nothing to do; `provenance role show` says what is in and what is owed."


@dataclass(frozen=True, slots=True)
class Kept:
    """What the distributor keeps of one account outside the sums, in base units of the token."""

    staked: Wei
    owed: Wei
    """What can be taken now."""
    waiting: Wei
    """Bonds that the arbiter's silence returned: owed once an epoch has become active."""


def kept(chain: Chain, account: Address) -> Kept:
    """What the account has in, and what is owed to it."""
    (staked,) = chain.read(Call("RoyaltyDistributor", "staked", (account,)))
    owed, waiting = chain.read(Call("RoyaltyDistributor", "owed", (account,)))
    return Kept(*(Wei(cast("int", amount)) for amount in (staked, owed, waiting)))


def price(chain: Chain) -> Wei:
    """What a proposer must have in."""
    return Wei(cast("int", chain.read(Call("RoyaltyDistributor", "stakeAmount", ()))[0]))


def exit_opens_at(chain: Chain) -> UnixSeconds:
    """From when on anybody with a stake may propose."""
    return UnixSeconds(cast("int", chain.read(Call("RoyaltyDistributor", "exitOpensAt", ()))[0]))


def staking(chain: Chain, publisher: Address) -> tuple[Call, ...]:
    """The publisher's stake is in; approvals go first, where they are missing.

    Raises:
        NotInRole: the account is not the publisher.
        StakeIsIn: it is in already.
        TooFewTokens: the account has less.
    """
    role.check(chain, "RoyaltyDistributor", "publisher", publisher)
    if kept(chain, publisher).staked:
        raise StakeIsIn(f"a stake of {checksummed(publisher)} is in", account=shown(publisher))
    stake = Call("RoyaltyDistributor", "stake", ())
    return (*approvals(chain, publisher, price(chain)), stake)


def proposing(chain: Chain, proposer: Address, now: UnixSeconds, *, stranger: bool) -> tuple[bool, tuple[Call, ...]]:
    """Whether the account would propose by the exit, and the approvals of its stake that have to be sent before.

    Args:
        chain: where it would be proposed.
        proposer: who sends it.
        now: the present time.
        stranger: whether the account may be another than the publisher.

    Raises:
        NotInRole: it is another, and may not be.
        StakeMissing: it is the publisher, and its stake is not in.
        ExitShut: it is another, and the time of the publisher alone is not over.
        TooFewTokens: it has less than the stake.
    """
    staked = kept(chain, proposer).staked
    if not stranger or proposer == role.holder(chain, "RoyaltyDistributor", "publisher"):
        role.check(chain, "RoyaltyDistributor", "publisher", proposer)
        if not staked:
            raise StakeMissing(f"no stake of {checksummed(proposer)} is in", account=shown(proposer))
        return False, ()
    opens_at = exit_opens_at(chain)
    if now < opens_at:
        raise ExitShut(f"until {dated(opens_at)} only the publisher proposes", opensAt=opens_at)
    return True, () if staked else approvals(chain, proposer, price(chain))


def unstaking(chain: Chain, owner: Address, to: Address) -> Call:
    """What is owed to the account goes there, and a stake of it that binds no pending root.

    Raises:
        NoPayee: it would go to a contract of the network.
        NothingOwed: there is neither.
    """
    payee.check(chain.deployment, (to,), "TO")
    there = kept(chain, owner)
    if not there.owed and not there.staked:
        later = "; a bond waits until an epoch has become active" if there.waiting else ""
        raise NothingOwed(f"nothing is owed to {checksummed(owner)}{later}", account=shown(owner))
    return Call("RoyaltyDistributor", "unstake", (to,))
