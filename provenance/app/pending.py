"""The settlement that waits: what guardian and arbiter do about its root, and about money that is held.

Each function reads what the chain says, decides, and answers the transaction that does it. A challenge is `audit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from provenance.app import role
from provenance.app.ports import Call, Chain
from provenance.domain.events import Ruled, RulingStruck
from provenance.domain.fields import checksummed, dated, shown
from provenance.domain.hashes import sha256
from provenance.errors import Conflict, Invalid, Missing
from provenance.types import ZERO_ADDRESS, Address, Bytes32, UnixSeconds

ARBITER_S: Final = 14 * 86_400
PROPOSED, CHALLENGED, VETOED, REJECTED = 1, 2, 3, 4
"""Status codes of a settlement. Source: IRoyaltyDistributor."""


class NotProposed(Missing):
    """No root of that epoch is proposed, as far as the chain is final."""

    next = (
        "`provenance role show` names the epoch that waits; a proposal that is not final yet is judged a little later."
    )


class OtherRoot(Conflict):
    """Another root, or another's challenge, stands there than was meant."""

    next = "Look at `provenance role show` and `provenance audit run` again, then decide about what stands there now."


class NotRuled(Missing):
    """The guardian put no ruling of that content on record."""

    next = "Copy the address from `provenance role rule`, or from who told of the ruling."


class NotChallenged(Conflict):
    """The epoch's root is not under challenge."""

    next = "Nothing to decide; `provenance role show` names the epoch that waits, and what for."


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


def waiting(chain: Chain) -> Pending | None:
    """The settlement after the active one, if any was proposed."""
    (active,) = chain.read(Call("RoyaltyDistributor", "activeEpoch", ()))
    return settlement(chain, cast("int", active) + 1)


def veto(chain: Chain, epoch: int, reason: str, account: Address, *, root: Bytes32 | None = None) -> Call:
    """The proposed root is refused; the transaction carries the sha-256 of the reason.

    Args:
        chain: where it is proposed.
        epoch: whose root.
        reason: what is wrong with it, in words.
        account: the sender.
        root: which one is meant; None: the one that stands there now.

    Raises:
        NotInRole: the sender is not the guardian.
        NotProposed: no root of that epoch waits.
        OtherRoot: another one does.
        Invalid: no reason is given.
    """
    role.check(chain, "RoyaltyDistributor", "guardian", account)
    proposed = settlement(chain, epoch)
    if proposed is None:
        raise NotProposed(f"no root of epoch {epoch} waits", epoch=epoch)
    _check_root(proposed, root)
    if not reason.strip():
        raise Invalid("a veto has a reason", next="Say what is wrong with --reason.", field="reason")
    return Call("RoyaltyDistributor", "veto", (epoch, proposed.root, sha256(reason.encode())))


def challenged(chain: Chain, epoch: int, *, root: Bytes32 | None = None, challenger: Address | None = None) -> Pending:
    """The settlement that is under challenge.

    Args:
        chain: where it is proposed.
        epoch: which.
        root: which root is meant; None: the one that stands there now.
        challenger: whose challenge is meant; None: anybody's.

    Raises:
        NotChallenged: nothing is to be decided.
        OtherRoot: another root is challenged than was meant, or by another.
    """
    kept = settlement(chain, epoch)
    if kept is None or kept.status != CHALLENGED:
        raise NotChallenged(f"epoch {epoch} is not under challenge", epoch=epoch)
    _check_root(kept, root)
    if challenger not in (None, kept.challenger):
        raise OtherRoot(f"{checksummed(kept.challenger)} challenged epoch {epoch}", challenger=shown(kept.challenger))
    return kept


def ruling(chain: Chain, challenged: Pending, account: Address, now: UnixSeconds, *, upheld: bool) -> Call:
    """The challenge is decided: by the arbiter within 14 days, after that upheld by anybody.

    Raises:
        NotInRole: it is the arbiter's to decide, or the arbiter's time is over.
    """
    over = UnixSeconds(challenged.challenged_at + ARBITER_S)
    if now < over:
        role.check(chain, "RoyaltyDistributor", "arbiter", account)
    elif not upheld:
        raise role.NotInRole(
            f"the arbiter was silent until {dated(over)}: the challenge is upheld",
            next="Repeat with `upheld`; anybody may.",
            epoch=challenged.epoch,
        )
    decided = (challenged.epoch, challenged.root, challenged.challenger, upheld)
    return Call("RoyaltyDistributor", "resolve", decided)


def rule(chain: Chain, ruling: Bytes32, account: Address) -> Call:
    """A ruling over money that is held is on record, by its digest.

    Raises:
        NotInRole: the sender is not the guardian.
        Unchanged: it is on record.
    """
    role.check(chain, "RoyaltyDistributor", "guardian", account)
    if any(isinstance(logged.event, Ruled) for logged in chain.about(ruling)):
        raise role.Unchanged("the ruling is on record already", next="Nothing to do.", ruling=shown(ruling))
    return Call("RoyaltyDistributor", "rule", (ruling,))


def striking(chain: Chain, ruling: Bytes32, account: Address) -> Call:
    """The ruling is struck.

    Raises:
        NotInRole: the sender is not the arbiter.
        NotRuled: no such ruling is on record.
        Unchanged: it is struck.
    """
    role.check(chain, "RoyaltyDistributor", "arbiter", account)
    kinds = {type(logged.event) for logged in chain.about(ruling)}
    if Ruled not in kinds:
        raise NotRuled("no ruling of that content is on record", ruling=shown(ruling))
    if RulingStruck in kinds:
        raise role.Unchanged("the ruling is struck already", next="Nothing to do.", ruling=shown(ruling))
    return Call("RoyaltyDistributor", "strike", (ruling,))


def _check_root(kept: Pending, meant: Bytes32 | None) -> None:
    if meant not in (None, kept.root):
        raise OtherRoot(f"the root of epoch {kept.epoch} is {shown(kept.root)}", root=shown(kept.root))
