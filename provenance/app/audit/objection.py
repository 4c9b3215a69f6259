"""Objections: what can be done against an epoch that does not hold, while its window is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app import pending
from provenance.app.audit import paid
from provenance.app.pending import NotProposed
from provenance.app.ports import Call
from provenance.app.settle.gathering import standing
from provenance.domain.fields import checksummed, dated, shown
from provenance.domain.hashes import abi_words, keccak, sha256
from provenance.domain.verdict import AuditReport, Check, Verdict
from provenance.errors import Broken, Conflict, Denied, Incomplete
from provenance.types import Address, Bytes32, Json, UnixSeconds, Wei

if TYPE_CHECKING:
    from provenance.app.audit.evidence import Evidence
    from provenance.app.settle import Engine
    from provenance.domain.ledger import Settlement

_SELECTOR: Final = keccak(b"challenge(uint64,bytes32,bytes32)")[:4]


class WindowOver(Conflict):
    """The epoch can be challenged no more: its window is over."""

    next = "It can be stopped no more: publish what `provenance audit run` says; the owner can replace the publisher."


class AlreadyChallenged(Conflict):
    """Somebody challenged the epoch before."""

    next = "Wait for the arbiter, or until 14 days have passed; `provenance role show` says until when."


class NothingWrong(Denied):
    """The audit finds nothing wrong with the epoch; a challenge would cost its bond."""

    next = "Look at `provenance audit run`."


class NotJudged(Incomplete):
    """The epoch could not be checked, which may be for want of content here."""

    next = "Add a content source and repeat; if nobody has the documents, challenge that with --unavailable."


@dataclass(frozen=True, slots=True)
class Challenge:
    """The transaction that stops a pending epoch until the arbiter, or 14 days of silence, decides."""

    epoch: int
    root: Bytes32
    """What is challenged: the transaction reverts on any other."""
    distributor: Address
    reason: str
    """What is wrong, in words; the transaction carries its sha-256."""
    bond: Wei
    """What the sender must have approved; owed to it again, with half of the stake, if the challenge is upheld."""
    before: UnixSeconds
    judged: bool
    """Whether the epoch was found wrong; else it could not be judged, and is challenged for that alone."""

    @property
    def reason_digest(self) -> Bytes32:
        """What the transaction says of the reason."""
        return sha256(self.reason.encode())

    def call(self) -> Call:
        """The transaction, which takes the bond from whoever sends it."""
        return Call("RoyaltyDistributor", "challenge", (self.epoch, self.root, self.reason_digest))

    @property
    def data(self) -> bytes:
        """The transaction's calldata."""
        return _SELECTOR + abi_words(self.epoch, self.root, self.reason_digest)

    def document(self) -> dict[str, Json]:
        """As `--json` prints it."""
        return {
            "epoch": self.epoch,
            "root": shown(self.root),
            "to": "0x" + self.distributor.hex(),
            "data": "0x" + self.data.hex(),
            "bond": str(self.bond),
            "before": self.before,
            "reason": self.reason,
        }


def challenge(evidence: Evidence, engine: Engine, report: AuditReport) -> Challenge | None:
    """The challenge of the pending epoch, if a check of that epoch does not hold or cannot be made; else None.

    A check of all epochs names the first that does not hold: then the pending one is judged by itself.
    """
    last = standing(evidence.ledger)
    holds = all(check.verdict is Verdict.VERIFIED for check in report.checks if check.name in paid.EPOCH_CHECKS)
    if holds or last is None or last.disputed or last.active_at <= evidence.head.time:
        return None
    wrong = _wrong(evidence, engine, last)
    return None if wrong is None else _challenge(evidence, last, wrong)


def ready(evidence: Evidence, engine: Engine, epoch: int, now: UnixSeconds, *, unavailable: bool = False) -> Challenge:
    """The challenge of that epoch, which is judged here and which the distributor would take now.

    Args:
        evidence: what there is.
        engine: counts units times weights.
        epoch: which is meant.
        now: the present time.
        unavailable: whether it is challenged too if its documents cannot be had.

    Raises:
        NotProposed, WindowOver, AlreadyChallenged: it cannot be challenged.
        NothingWrong: the audit says that it holds.
        NotJudged: the audit cannot say, and `unavailable` is not said.
    """
    last, kept = standing(evidence.ledger), pending.settlement(evidence.chain, epoch)
    if kept is None or last is None or last.epoch != epoch or last.proposed.event.root != kept.root:
        if kept is not None and kept.status == pending.PROPOSED and kept.active_at <= now:
            raise WindowOver(f"epoch {epoch} counts since {dated(kept.active_at)}", epoch=epoch)
        raise NotProposed(f"no root of epoch {epoch} waits at block {evidence.head.number}", epoch=epoch)
    if kept.status == pending.CHALLENGED:
        raise AlreadyChallenged(
            f"{checksummed(kept.challenger)} challenged epoch {epoch} at {dated(kept.challenged_at)}",
            epoch=epoch,
            challenger=shown(kept.challenger),
        )
    if kept.active_at <= now:
        raise WindowOver(f"epoch {epoch} counts since {dated(kept.active_at)}", epoch=epoch)
    wrong = _wrong(evidence, engine, last)
    if wrong is None:
        raise NothingWrong(f"epoch {epoch} holds at block {evidence.head.number}", epoch=epoch)
    if wrong.verdict is not Verdict.FAILED and not unavailable:
        raise NotJudged(f"{wrong.name}: {wrong.detail}", epoch=epoch)
    return _challenge(evidence, last, wrong)


def _wrong(evidence: Evidence, engine: Engine, settlement: Settlement) -> Check | None:
    """The first check of this epoch alone that fails; else the first that cannot be made."""
    failing = [check for check in paid.epochs(evidence, engine, [settlement]) if check.verdict is not Verdict.VERIFIED]
    return next((check for check in failing if check.verdict is Verdict.FAILED), failing[0] if failing else None)


def _challenge(evidence: Evidence, against: Settlement, wrong: Check) -> Challenge:
    (bond,) = evidence.chain.read(Call("RoyaltyDistributor", "bond", ()), at=evidence.head.number)
    if not isinstance(bond, int):
        raise Broken("bond is not a number")
    return Challenge(
        epoch=against.epoch,
        root=against.proposed.event.root,
        distributor=evidence.chain.deployment.contracts["RoyaltyDistributor"],
        reason=f"{wrong.name}: {wrong.detail}",
        bond=Wei(bond),
        before=against.active_at,
        judged=wrong.verdict is Verdict.FAILED,
    )
