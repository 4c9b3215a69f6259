"""Roles on chain: what owner, guardian, arbiter and publisher may do, and who holds them.

Each function reads what the chain says, decides, and answers the transactions that do it. A guardian's
suspension of a dataset is `dataset`; a challenge is `audit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from provenance.app.ports import Call, Chain, ContractName
from provenance.domain.fields import checksummed, dated, shown
from provenance.domain.hashes import sha256
from provenance.domain.ledger import Ledger
from provenance.errors import Conflict, Denied, Invalid, Missing
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bytes32, UnixSeconds

CONTRACTS: Final[dict[str, tuple[ContractName, ...]]] = {
    "owner": ("DatasetRegistry", "UsageLedger", "RoyaltyDistributor"),
    "guardian": ("DatasetRegistry", "RoyaltyDistributor"),
    "arbiter": ("RoyaltyDistributor",),
    "publisher": ("RoyaltyDistributor",),
}
"""Which contracts know a role, each for itself."""
PAUSING: Final[tuple[ContractName, ...]] = ("RoyaltyDistributor",)
ARBITER_S: Final = 14 * 86_400
PROPOSED, CHALLENGED, VETOED, REJECTED = 1, 2, 3, 4
"""Status codes of a settlement. Source: IRoyaltyDistributor."""
_REMOVED: Final = Bytes32(b"\x01".rjust(32, b"\0"))


class NotInRole(Denied):
    """The account does not hold the role that this needs."""

    next = "Use the account that holds the role; `provenance role show` names it."


class NotOffered(Denied):
    """The role was not offered to this account."""

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


class NotProposed(Missing):
    """No root of that epoch is proposed, as far as the chain is final."""

    next = (
        "`provenance role show` names the epoch that waits; a proposal that is not final yet is judged a little later."
    )


class NotChallenged(Conflict):
    """The epoch's root is not under challenge."""

    next = "Nothing to decide; `provenance role show` names the epoch that waits, and what for."


@dataclass(frozen=True, slots=True)
class HeldRole:
    """One role on one contract: who holds it, and to whom it is offered."""

    contract: ContractName
    role: str
    holder: Address
    offered: Address
    """Zero: to nobody."""
    ready_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class Pending:
    """The settlement after the active one, as the distributor keeps it."""

    epoch: int
    root: Bytes32
    active_at: UnixSeconds
    status: int
    by_exit: bool
    """Whether it was proposed by the exit, or by a publisher whose role has changed hands since."""
    challenger: Address
    challenged_at: UnixSeconds

    def state(self, now: UnixSeconds) -> str:
        """In one word."""
        if self.status == PROPOSED:
            return "PROPOSED" if now < self.active_at else "FINAL"
        return {CHALLENGED: "CHALLENGED", VETOED: "VETOED", REJECTED: "REJECTED"}.get(self.status, "NONE")


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


def settlement(chain: Chain, epoch: int) -> Pending | None:
    """An epoch as the distributor keeps it; None if it is not one of the two kept."""
    (slot,) = chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    root, _, active_at, number, status, by_exit = cast("tuple[bytes, int, int, int, int, bool]", slot)
    if number != epoch or not status:
        return None
    challenger, challenged_at = ZERO_ADDRESS, 0
    if status == CHALLENGED:
        challenger, challenged_at = cast(
            "tuple[Address, int]", chain.read(Call("RoyaltyDistributor", "challenger", ()))
        )
    return Pending(
        epoch,
        Bytes32(root),
        UnixSeconds(active_at),
        status,
        by_exit,
        Address(challenger),
        UnixSeconds(challenged_at),
    )


def pending(chain: Chain) -> Pending | None:
    """The settlement after the active one, if any was proposed."""
    (active,) = chain.read(Call("RoyaltyDistributor", "activeEpoch", ()))
    return settlement(chain, cast("int", active) + 1)


def offer(chain: Chain, role: str, to: Address, account: Address) -> tuple[Call, ...]:
    """The role is offered on every contract that has it, where it is not offered to that account already.

    An offer to the present holder withdraws one that stands.

    Raises:
        NotInRole: the sender owns none of these contracts, or not all.
        Unchanged: it is offered already.
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
        _check_role(chain, place.contract, "owner", account)
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


def pause(chain: Chain, until: UnixSeconds | None, account: Address, now: UnixSeconds) -> tuple[Call, ...]:
    """New licenses and proposals wait until then; None ends the pauses that run.

    A contract takes a time that has passed for a pause of no length, after which the next must wait seven days:
    that is never sent where nothing is paused. Where a pause runs that ends by then, as after a run that was cut
    short, it stays: a contract lets it be shortened only.

    Raises:
        NotInRole: the sender is not the guardian.
        Invalid: the time has passed.
        Unchanged: there is no pause to end, or all is paused and would have to be for longer.
    """
    for contract in PAUSING:
        _check_role(chain, contract, "guardian", account)
    if until is not None and until <= now:
        raise Invalid(
            f"{dated(until)} has passed", next="Name a later time, or end a pause with --lift.", field="--until"
        )
    paused = {contract: paused_until(chain, contract) for contract in PAUSING}
    if until is None:
        running = [contract for contract, end in paused.items() if now < end]
        if not running:
            raise Unchanged("nothing is paused")
        return tuple(Call(contract, "pause", (0,)) for contract in running)
    left = [contract for contract, end in paused.items() if not now < end <= until]
    if not left:
        raise Unchanged(
            f"all is paused until {dated(min(paused.values()))}",
            next="A running pause can be shortened only; the next begins 7 days after it ends, or later.",
        )
    return tuple(Call(contract, "pause", (until,)) for contract in left)


def paused_until(chain: Chain, contract: ContractName) -> UnixSeconds:
    """When the present or the last pause ends."""
    return UnixSeconds(cast("int", chain.read(Call(contract, "pausedUntil", ()))[0]))


def veto(chain: Chain, epoch: int, reason: str, account: Address) -> Call:
    """The proposed root is refused; the transaction carries the sha-256 of the reason.

    Raises:
        NotInRole: the sender is not the guardian.
        NotProposed: no root of that epoch waits.
        Invalid: no reason is given.
    """
    _check_role(chain, "RoyaltyDistributor", "guardian", account)
    if settlement(chain, epoch) is None:
        raise NotProposed(f"no root of epoch {epoch} waits", epoch=epoch)
    if not reason.strip():
        raise Invalid("a veto has a reason", next="Say what is wrong with --reason.", field="reason")
    return Call("RoyaltyDistributor", "veto", (epoch, sha256(reason.encode())))


def ruling(chain: Chain, epoch: int, account: Address, now: UnixSeconds, *, upheld: bool) -> Call:
    """The challenge of the epoch is decided: by the arbiter within 14 days, after that upheld by anybody.

    Raises:
        NotChallenged: nothing is to be decided.
        NotInRole: it is the arbiter's to decide, or the arbiter's time is over.
    """
    challenged = settlement(chain, epoch)
    if challenged is None or challenged.status != CHALLENGED:
        raise NotChallenged(f"epoch {epoch} is not under challenge", epoch=epoch)
    over = UnixSeconds(challenged.challenged_at + ARBITER_S)
    if now < over:
        _check_role(chain, "RoyaltyDistributor", "arbiter", account)
    elif not upheld:
        raise NotInRole(
            f"the arbiter was silent until {dated(over)}: the challenge is upheld",
            next="Repeat with `upheld`; anybody may.",
            epoch=epoch,
        )
    return Call("RoyaltyDistributor", "resolve", (epoch, upheld))


def admission(chain: Chain, meter: Address, account: Address) -> Call:
    """The meter may anchor usage; one that was removed never may again."""
    _check_role(chain, "UsageLedger", "owner", account)
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
    _check_role(chain, "UsageLedger", "owner", account)
    if _head(chain, meter) in (ZERO32, _REMOVED):
        raise Unchanged(f"{checksummed(meter)} is no meter", next="Nothing to do.", meter=shown(meter))
    return Call("UsageLedger", "removeMeter", (meter,))


def _head(chain: Chain, meter: Address) -> object:
    return chain.read(Call("UsageLedger", "headOf", (meter,)))[0]


def _check_role(chain: Chain, contract: ContractName, role: str, account: Address) -> None:
    holder = _held_role(chain, contract, role).holder
    if holder != account:
        raise NotInRole(f"the {role} of {contract} is {checksummed(holder)}", role=role, holder=shown(holder))
