"""What is each receipt: counted, or rejected for which reason, and what does it cost?

Every receipt that is signed and anchored in time costs its units; what breaks a rule is charged and
held, so that telling it wrongly never costs less. Who shares is asked by `scoring`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from provenance.domain import attribution
from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED
from provenance.domain.rules.case import ConsentCase, LicenseCase, UseFacts, first_broken
from provenance.domain.rules.consent import CONSENT
from provenance.domain.rules.license import LICENSE, receipt_facts
from provenance.domain.rules.reason import Subject
from provenance.domain.settlement.carry import CHARGED, COMPLETE, Cursor, Settled
from provenance.domain.settlement.facts import PASSED, Anchored, Inputs, License, Place, Session
from provenance.domain.usage import CLOCK_AHEAD_MS, Use, clock_faults
from provenance.types import ZERO32, Address, Bytes32, LicenseId, ReceiptId, RecordingId, SessionId


class Fault(NamedTuple):
    """Why a receipt is rejected; `about` is the recording or consent that it breaks the rule with."""

    reason: str
    about: Bytes32 = ZERO32


@dataclass(frozen=True, slots=True)
class Rejected:
    """A receipt that scores nothing: published with its reason, its units charged and held."""

    id: Bytes32
    """The receipt's id; the segment's digest where its receipts cannot be read."""
    session_id: SessionId
    license_id: LicenseId
    seq: int
    units: int
    reason: str
    about: Bytes32


@dataclass(frozen=True, slots=True)
class Counted:
    """A receipt that breaks no rule; `units` is what it is charged."""

    use: Use
    units: int
    at: Place


@dataclass(slots=True)
class Account:
    """One license's usage in one epoch."""

    counted: list[Counted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unreported: int = 0
    corrections: list[Use] = field(default_factory=list)

    @property
    def good_units(self) -> int:
        """Units of receipts that break no rule."""
        return sum(one.units for one in self.counted)

    @property
    def units(self) -> int:
        """All units that are due."""
        return self.good_units + sum(one.units for one in self.rejected) + self.unreported


@dataclass(frozen=True, slots=True)
class Judged:
    """Every license's usage, and how far each session is settled now."""

    accounts: Mapping[LicenseId, Account]
    cursors: Mapping[SessionId, Cursor]
    corrected: frozenset[ReceiptId]

    @property
    def rejected(self) -> list[Rejected]:
        """The rejected receipts of all licenses."""
        return [receipt for account in self.accounts.values() for receipt in account.rejected]


class Judge:
    """One epoch's judgement; the facts stay as they are, the sessions' cursors move."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.grace_s = inputs, inputs.ruleset.grace_s
        self.accounts: dict[LicenseId, Account] = defaultdict(Account)
        self.cursors: dict[SessionId, Cursor] = dict(inputs.carry.cursors)
        self.corrected: set[ReceiptId] = set(inputs.carry.corrected)
        self.known: dict[ReceiptId, Use] = dict(inputs.earlier)
        self.anchored: UseFacts | None = None
        self.faults: dict[tuple[RecordingId, Address], Fault | None] = {}
        """Of uses `anchored`, by who granted the license: a segment's receipts are mostly alike."""
        self.opened: dict[tuple[LicenseId, RecordingId], Place] = {
            (opened.license_id, opened.recording_id): opened.at
            for opened in sorted(inputs.opened, key=lambda opened: opened.at, reverse=True)  # the first one stays
        }

    def judged(self) -> Judged:
        """Every segment in chain order, then every session that should have ended."""
        for anchored in self.inputs.segments:
            session = self.inputs.sessions.get(anchored.segment.session_id)
            if session is not None and session.session.license_id in self.inputs.licenses:
                self._segment(session, anchored)
        for session_id, session in sorted(self.inputs.sessions.items()):
            cursor = self.cursors.get(session_id, Cursor(session_id))
            silent = not cursor.closed and self.inputs.cutoff.time > session.end + self.grace_s
            if silent and session.session.license_id in self.inputs.licenses:
                self._charge(session, cursor)
        return Judged(dict(self.accounts), self.cursors, frozenset(self.corrected))

    def _segment(self, session: Session, anchored: Anchored) -> None:
        """One segment: counted once, refused where its place is taken or its session is over."""
        cursor = self.cursors.get(session.id, Cursor(session.id))
        if any(settled.hash == anchored.hash for settled in cursor.segments):
            return
        if cursor.closed == CHARGED:
            self._refuse(session, anchored, "session-closed")
        elif _overlaps(cursor, anchored):
            self._refuse(session, anchored, "two-in-one-place")
            self._charge(session, cursor)
        elif cursor.end is not None and anchored.segment.first_seq >= cursor.end:
            self._refuse(session, anchored, "session-closed")
        else:
            self.cursors[session.id] = self._count(session, cursor, anchored)

    def _count(self, session: Session, cursor: Cursor, anchored: Anchored) -> Cursor:
        license_ = self.inputs.licenses[session.session.license_id]
        account = self.accounts[license_.id]
        left, spent, segment = session.session.max_units - cursor.units, 0, anchored.segment
        if anchored.fault:
            spent = min(left, segment.units_total)
            account.rejected.append(
                Rejected(anchored.hash, session.id, license_.id, segment.first_seq, spent, anchored.fault, ZERO32)
            )
        for use, late in zip(anchored.uses, self._clock(session, cursor, anchored), strict=True):
            spent += self._receipt(account, use, anchored.at, late, session, license_, left - spent)
        settled = Settled(segment.first_seq, segment.count, segment.max_time_ms, anchored.hash)
        moved = replace(
            cursor,
            segments=tuple(sorted((*cursor.segments, settled))),
            units=cursor.units + spent,
            end=segment.first_seq + segment.count if segment.last else cursor.end,
        )
        return replace(moved, closed=COMPLETE) if moved.end is not None and not moved.missing else moved

    def _clock(self, session: Session, cursor: Cursor, anchored: Anchored) -> Iterator[str]:
        before = [one.max_time_ms for one in cursor.segments if one.first_seq < anchored.segment.first_seq]
        ceiling = min(anchored.received_at_ms + CLOCK_AHEAD_MS, session.session.valid_until * 1000 + 999)
        return clock_faults(anchored.uses, max([session.session.valid_from * 1000, *before]), ceiling)

    def _receipt(
        self, account: Account, use: Use, at: Place, late: str, session: Session, license_: License, left: int
    ) -> int:
        """The receipt is counted or rejected; returns the units that it takes of the session's."""
        receipt = use.receipt
        fault = self._fault(use, at, late, session, license_)
        units = min(receipt.units, left)
        if fault is None and receipt.corrects != ZERO32:
            self.corrected.add(receipt.corrects)
            account.corrections.append(use)
            return 0
        if fault is None and receipt.units > left:
            fault = Fault("past-max-units")
        if fault is None:
            account.counted.append(Counted(use, units, at))
            self.known[receipt.receipt_id] = use
        else:
            account.rejected.append(
                Rejected(receipt.receipt_id, session.id, license_.id, receipt.seq, units, fault.reason, fault.about)
            )
        return units

    def _fault(self, use: Use, at: Place, late: str, session: Session, license_: License) -> Fault | None:
        receipt = use.receipt
        if late:
            return Fault("bad-time")
        if session.revoked_at is not None and at.time > session.revoked_at + self.grace_s:
            return Fault("session-revoked", session.id)
        broken = first_broken(LICENSE, LicenseCase(receipt_facts(receipt), license_.extent))
        if broken:
            return Fault(broken.reason, license_.id if broken.reason.about is Subject.LICENSE else ZERO32)
        if receipt.corrects != ZERO32 and not self._corrects(use, license_):
            return Fault("bad-correction", receipt.corrects)
        return self._weights_fault(use, at)

    def _corrects(self, use: Use, license_: License) -> bool:
        receipt, target = use.receipt, self.known.get(use.receipt.corrects)
        return (
            target is not None
            and receipt.corrects not in self.corrected
            and (license_.attributor is None or receipt.corrects not in self.inputs.earlier)
            and target.receipt.corrects == ZERO32
            and (target.receipt.license_id, target.receipt.output_commit, target.receipt.units)
            == (receipt.license_id, receipt.output_commit, receipt.units)
        )

    def _weights_fault(self, use: Use, at: Place) -> Fault | None:
        if attribution.attribution_root(use.weights) != use.receipt.attribution_root:
            return Fault("bad-weights")
        if not use.weights:
            return None
        try:
            attribution.check(use.weights)
        except attribution.BadWeights:
            return Fault("bad-weights")
        return self.draws(use, (recording for recording, _ in use.weights), at)

    def draws(self, use: Use, drawn: Iterable[RecordingId], at: Place) -> Fault | None:
        """The first recording that this use may not draw on, and why."""
        receipt = use.receipt
        holder = self.inputs.licenses[receipt.license_id].holder
        anchored = UseFacts(at.time, receipt.purpose, receipt.territory)
        for recording_id in drawn:
            if recording_id in (UNATTRIBUTED, ELSEWHERE):
                continue
            opened = self.opened.get((receipt.license_id, recording_id))
            if opened is None or opened > at:
                return Fault("never-opened", recording_id)
            if anchored != self.anchored:
                self.anchored, self.faults = anchored, {}
            key = recording_id, holder
            if key not in self.faults:
                self.faults[key] = self._recording_fault(recording_id, holder, anchored)
            if fault := self.faults[key]:
                return fault
        return None

    def _recording_fault(self, recording_id: RecordingId, holder: Address, anchored: UseFacts) -> Fault | None:
        """Why a use of this kind, anchored then, may not draw on a recording under a license of this holder."""
        recording = self.inputs.recordings.get(recording_id)
        if recording is None or recording.verdict != PASSED:
            return Fault("no-passing-report", recording_id)
        for consent in recording.consents:
            broken = first_broken(CONSENT, ConsentCase(consent, holder, anchored, self.grace_s))
            if broken:
                return Fault(broken.reason, consent.id)
        return Fault(recording.fault, recording_id) if recording.fault else None

    def _charge(self, session: Session, cursor: Cursor) -> None:
        """A session that should have ended and has not told everything is charged whole."""
        self.accounts[session.session.license_id].unreported += session.session.max_units - cursor.units
        self.cursors[session.id] = replace(cursor, units=session.session.max_units, closed=CHARGED)

    def _refuse(self, session: Session, anchored: Anchored, reason: str) -> None:
        license_id = session.session.license_id
        self.accounts[license_id].rejected += [
            Rejected(use.receipt.receipt_id, session.id, license_id, use.receipt.seq, 0, reason, anchored.hash)
            for use in anchored.uses
        ]


def _overlaps(cursor: Cursor, anchored: Anchored) -> bool:
    first, count = anchored.segment.first_seq, anchored.segment.count
    return any(
        first < settled.first_seq + settled.size and settled.first_seq < first + count for settled in cursor.segments
    )
