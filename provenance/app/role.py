"""Roles on chain: what owner, guardian, arbiter and publisher may do, and who holds them.

Each function reads what the chain says, decides, and answers the transactions that do it. A guardian's
suspension of a dataset is `dataset`; a challenge is `audit`; stakes are `stake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from provenance.app.ports import Call, Chain, ContractName
from provenance.domain.fields import checksummed, dated, shown
from provenance.domain.ledger import Ledger
from provenance.errors import Conflict, Denied, Invalid
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bytes32, UnixSeconds

CONTRACTS: Final[dict[str, tuple[ContractName, ...]]] = {
    "owner": ("DatasetRegistry", "UsageLedger", "RoyaltyDistributor"),
    "guardian": ("DatasetRegistry", "RoyaltyDistributor"),
    "arbiter": ("RoyaltyDistributor",),
    "publisher": ("RoyaltyDistributor",),
}
"""Which contracts know a role, each for itself."""
OFFER_S: Final = 12 * 86_400
"""How long a role can be accepted once it can. Source: contracts/mixins/Roles.sol."""
_REMOVED: Final = Bytes32(b"\x01".rjust(32, b"\0"))


class NotInRole(Denied):
    """The account does not hold the role that this needs."""

    next = "Use the account that holds the role; `provenance role show` names it."


class NotOffered(Denied):
    """The role is not offered to this account; an offer ends 14 days after it was made."""

    code = "role-not-offered"
    next = "Ask the owner for `provenance role offer`; `provenance role show` lists what is offered."


class TooEarly(Conflict):
    """An offered role can be accepted two days after the offer."""

    code = "role-too-early"
    next = "Wait until the named time, then repeat; the present holder keeps the role until then."


class Unchanged(Conflict):
    """It is so already."""

    code = "role-unchanged"
    next = "Nothing to do; `provenance role show` says how it is."


@dataclass(frozen=True, slots=True)
class HeldRole:
    """One role on one contract: who holds it, and to whom it is offered."""

    contract: ContractName
    role: str
    holder: Address
    offered: Address
    """Zero: to nobody, or the offer has ended."""
    ready_at: UnixSeconds

    @property
    def ends_at(self) -> UnixSeconds:
        """From when on the offer can be accepted no more."""
        return UnixSeconds(self.ready_at + OFFER_S)


def held_roles(chain: Chain, role: str | None = None) -> tuple[HeldRole, ...]:
    """Every role on every contract that has it, or only one role."""
    return tuple(
        _held_role(chain, contract, name)
        for name, contracts in CONTRACTS.items()
        for contract in contracts
        if role in (None, name)
    )


def _held_role(chain: Chain, contract: ContractName, role: str) -> HeldRole:
    key = role.encode().ljust(32, b"\0")
    (holder,) = chain.read(Call(contract, "roleHolder", (key,)))
    offered, ready_at = chain.read(Call(contract, "roleOffer", (key,)))
    return HeldRole(
        contract,
        role,
        Address(cast("bytes", holder)),
        Address(cast("bytes", offered)),
        UnixSeconds(cast("int", ready_at)),
    )


def holder(chain: Chain, contract: ContractName, role: str) -> Address:
    """Who holds the role on that contract."""
    return _held_role(chain, contract, role).holder


def check(chain: Chain, contract: ContractName, role: str, account: Address) -> None:
    """The account holds the role on that contract.

    Raises:
        NotInRole: another does.
    """
    held_by = holder(chain, contract, role)
    if held_by != account:
        raise NotInRole(f"the {role} of {contract} is {checksummed(held_by)}", role=role, holder=shown(held_by))


def offer(chain: Chain, role: str, to: Address, account: Address) -> tuple[Call, ...]:
    """The role is offered on every contract that has it, where it is not offered to that account already.

    An offer to the present holder withdraws one that stands; where none does, the contract would refuse it.

    Raises:
        NotInRole: the sender owns none of these contracts, or not all.
        Unchanged: it is offered already, or there is no offer to withdraw.
        Invalid: to the zero address, which no contract takes.
    """
    if to == ZERO_ADDRESS:
        raise Invalid(
            "nobody has the zero address",
            next="Name who shall have the role; its holder withdraws an offer.",
            field="to",
        )
    places = held_roles(chain, role)
    for place in places:
        check(chain, place.contract, "owner", account)
    key = role.encode().ljust(32, b"\0")
    calls = tuple(
        Call(place.contract, "offerRole", (key, to))
        for place in places
        if (any(place.offered) if place.holder == to else place.offered != to)
    )
    if not calls:
        raise Unchanged(f"{checksummed(to)} is {role}, or was offered it, on every contract", role=role)
    return calls


def acceptance(chain: Chain, role: str, account: Address, now: UnixSeconds) -> tuple[Call, ...]:
    """The role is this account's on every contract where it was offered to it.

    Raises:
        NotOffered: nowhere.
        TooEarly: less than two days ago.
    """
    offered = [place for place in held_roles(chain, role) if place.offered == account]
    if not offered:
        raise NotOffered(f"the role {role} is not offered to {checksummed(account)}", role=role)
    latest = max(place.ready_at for place in offered)
    if now < latest:
        raise TooEarly(f"{role} can be accepted from {dated(latest)} on", role=role, readyAt=latest)
    return tuple(Call(place.contract, "acceptRole", (role.encode().ljust(32, b"\0"),)) for place in offered)


def pause(chain: Chain, until: UnixSeconds | None, account: Address, now: UnixSeconds) -> Call:
    """Proposals wait until then; None ends the pause that runs, which can be shortened only.

    Raises:
        NotInRole: the sender is not the guardian.
        Invalid: the time has passed.
        Unchanged: there is no pause to end, or one runs that ends by then.
    """
    check(chain, "RoyaltyDistributor", "guardian", account)
    if until is not None and until <= now:
        raise Invalid(
            f"{dated(until)} has passed", next="Name a later time, or end a pause with --lift.", field="--until"
        )
    end = paused_until(chain)
    if until is None:
        if end <= now:
            raise Unchanged("nothing is paused")
        return Call("RoyaltyDistributor", "pause", (0,))
    if now < end <= until:
        raise Unchanged(
            f"proposals are paused until {dated(end)}",
            next="A running pause can be shortened only; the next begins 7 days after it ends, or later.",
        )
    return Call("RoyaltyDistributor", "pause", (until,))


def paused_until(chain: Chain) -> UnixSeconds:
    """When the present or the last pause of proposals ends."""
    return UnixSeconds(cast("int", chain.read(Call("RoyaltyDistributor", "pausedUntil", ()))[0]))


def admission(chain: Chain, meter: Address, account: Address) -> Call:
    """The meter may anchor usage; one that was removed never may again."""
    check(chain, "UsageLedger", "owner", account)
    head = _head(chain, meter)
    if head == _REMOVED:
        raise Denied(f"{checksummed(meter)} was removed, for good", next="Admit another key.", meter=shown(meter))
    if head != ZERO32:
        raise Unchanged(f"{checksummed(meter)} is a meter already", next="Nothing to do.", meter=shown(meter))
    return Call("UsageLedger", "admitMeter", (meter,))


def meters(chain: Chain) -> tuple[Address, ...]:
    """Which keys may anchor usage now, in the order in which they were admitted; every event is read for it."""
    head = chain.head().number
    ledger = Ledger.fold(chain.events(chain.deployment.first_block, head))
    return tuple(meter for meter in ledger.meters if ledger.admitted(meter, head))


def removal(chain: Chain, meter: Address, account: Address) -> Call:
    """The meter may anchor no more, for good; what it anchored stands."""
    check(chain, "UsageLedger", "owner", account)
    if _head(chain, meter) in (ZERO32, _REMOVED):
        raise Unchanged(f"{checksummed(meter)} is no meter", next="Nothing to do.", meter=shown(meter))
    return Call("UsageLedger", "removeMeter", (meter,))


def _head(chain: Chain, meter: Address) -> object:
    return chain.read(Call("UsageLedger", "headOf", (meter,)))[0]
