"""The recorder: each use on record before anybody hears of it, each record handed over exactly once.

The journal is the truth: what `record` returned from is on disk. Segments are cut from it, signed by
the session's key and submitted until the gateway's signed word is in the journal too. Killed at any
instruction, the same journal goes on from where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from provenance.domain import attribution, batch, fields, record, signature, territories, typed, usage
from provenance.domain.hashes import sha256
from provenance.domain.usage import Outcome, Unit, Use
from provenance.errors import Denied, Invalid, Missing
from provenance.types import PPM_ONE, ZERO32, Bytes32, Json, ReceiptId, SessionId, UnixMs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.app.meter.extent import MeterExtent
    from provenance.app.meter.opening import OpenSession
    from provenance.app.ports import Clock, Gateway, Journal, SignedAck, Signer
    from provenance.domain.typed import Domain, MeterSession

RECEIPTS: Final = 1_000  # in one segment: one signature and one fsync at the gateway for all of them
WEIGHTS: Final = PPM_ONE  # in one segment: as many as one receipt may have, 36 MB in all


class SessionSpent(Denied):
    """The receipt goes past the session's maxUnits: nobody would be paid for it."""

    next = "Close this Meter and open another session; fund the license if its balance does not cover it."


class MeterClosed(Denied):
    """The session has signed its last segment."""

    next = "Open another Meter; a closed session takes no more receipts."


class KeyGone(Missing):
    """The session can sign nothing more: everything was acknowledged, or its key is lost."""

    code = "session-key-gone"
    next = "If receipts are missing, end it with `provenance usage revoke SESSION`: what was not reported is charged."


class SegmentFiles(Protocol):
    """The files that segments sign, beside the journal."""

    def make(self, uses: Sequence[Use]) -> bytes: ...

    def keep(self, name: str, file_bytes: bytes) -> None:
        """The file is on disk under this name."""
        ...

    def load(self, name: str) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredOutput:
    """What was made: one fact to record.

    Attributes:
        commitment: sha-256 of the output.
        model: `usage.model_id` of what made it.
        purpose: one bit of the license's.
        territory: two ASCII letters of the country of use.
        weights: whole ppm that sum to 1,000,000, or any scores; empty if nobody can say.
        method: how the weights came about; 1 is by construction.
        quality_ppm: of the method's own measure.
        outcome: delivered, draft, rejected or refunded.
        unit: what is counted; the terms' unit.
        units: how many.
        corrects: the receipt that this one corrects.
    """

    commitment: Bytes32
    model: Bytes32
    purpose: int
    territory: str
    weights: attribution.Given
    method: int = attribution.METHOD_CONSTRUCTION
    quality_ppm: int = PPM_ONE
    outcome: Outcome = Outcome.DELIVERED
    unit: Unit = Unit.OUTPUT
    units: int = 1
    corrects: ReceiptId = ZERO32


@record.dataclass(frozen=True, slots=True)
class _Cut:
    """A signed segment and its file."""

    segment: typed.Segment
    signature: bytes
    file: str


@record.dataclass(frozen=True, slots=True)
class _Answer:
    """The gateway's signed word that a segment arrived."""

    ack: typed.Ack
    signature: bytes


class Recorder:
    """One session's queue. Not for several threads at once; `sdk.Meter` keeps them apart."""

    def __init__(
        self,
        journal: Journal,
        files: SegmentFiles,
        key: Signer | None,
        domain: Domain,
        clock: Clock,
        *,
        extent: MeterExtent | None = None,
    ) -> None:
        self._journal, self._files, self._key, self._domain, self._clock = journal, files, key, domain, clock
        self._extent = extent
        self.session: MeterSession | None = None
        self.session_id: SessionId = ZERO32
        self.session_signature = b""
        self.units = 0
        self.uses: list[Use] = []
        self.cuts: list[_Cut] = []
        self.acks: dict[Bytes32, SignedAck | None] = {}
        for entry in journal.entries():
            self._replay(entry)

    @property
    def closed(self) -> bool:
        """Whether the last segment is signed."""
        return bool(self.cuts) and self.cuts[-1].segment.last

    @property
    def done(self) -> bool:
        """Whether the last segment is signed and everything is acknowledged."""
        return self.closed and not self.unsubmitted

    @property
    def unsubmitted(self) -> int:
        """How many signed segments the gateway has not acknowledged."""
        return len(self.cuts) - len(self.acks)

    @property
    def unsigned(self) -> int:
        """How many receipts no segment holds yet."""
        return len(self.uses) - self._cut_to

    @property
    def _cut_to(self) -> int:
        return usage.following(self.cuts[-1].segment) if self.cuts else 0

    def begin(self, opened: OpenSession) -> None:
        """The journal belongs to this session."""
        self._journal.append({"is": "session", **record.write(batch.SessionEntry(opened.session, opened.signature))})
        self.session, self.session_id, self.session_signature = opened.session, opened.id, opened.signature

    def record(self, output: MeteredOutput) -> Use:
        """The use is on disk with its place in the session.

        Raises:
            MeterClosed: the last segment is signed.
            SessionSpent: the session's maxUnits do not reach for it.
            Invalid: weights that do not sum, a purpose that is not one, a territory that is no country.
            Denied, ForeignRecording: a settlement would reject the use, if the license's extent is known.
        """
        session = self._open_session()
        if self.units + output.units > session.max_units:
            raise SessionSpent(
                f"{self.units} of {session.max_units} units are recorded, {output.units} more are too many",
                maxUnits=str(session.max_units),
            )
        use = self._use(session, output)
        if self._extent:
            self._extent.check(use)
        self._journal.append({"is": "receipt", **record.write(use)})
        self._remember(use)
        return use

    def _remember(self, use: Use) -> None:
        self.uses.append(use)
        self.units += use.receipt.units

    def _use(self, session: MeterSession, output: MeteredOutput) -> Use:
        if output.units < 0 or not 0 <= output.quality_ppm <= PPM_ONE:
            raise Invalid("units and quality are not negative; quality is at most 1,000,000 ppm", field="units")
        if output.purpose.bit_count() != 1:
            raise Invalid("exactly one purpose is meant", field="purpose")
        weights = attribution.weights(output.weights) if output.weights else ()
        seq = len(self.uses)
        latest = self.uses[-1].receipt.occurred_at_ms if self.uses else UnixMs(session.valid_from * 1000)
        receipt = typed.UsageReceipt(
            receipt_id=usage.receipt_id(self.session_id, seq),
            session_id=self.session_id,
            seq=seq,
            license_id=session.license_id,
            purpose=output.purpose,
            territory=territories.country(output.territory),
            model_id=output.model,
            output_commit=output.commitment,
            outcome=output.outcome,
            unit=output.unit,
            units=output.units,
            attribution_root=attribution.attribution_root(weights),
            attribution_method=output.method if weights else attribution.METHOD_NONE,
            occurred_at_ms=max(latest, self._clock.now_ms()),
            corrects=output.corrects,
        )
        typed.struct_hash(receipt)  # every field in range, before it is on record
        return Use(receipt, weights, output.quality_ppm)

    def cut(self, *, last: bool = False) -> None:
        """Everything recorded and not yet signed is in signed segments; with `last` the session is closed."""
        self._open_session()
        *whole, rest = _runs(self.uses[self._cut_to :])
        for uses in whole:
            self._sign(uses, last=False)
        if last or rest:
            self._sign(rest, last=last)

    def _sign(self, uses: Sequence[Use], *, last: bool) -> None:
        if self._key is None:
            raise KeyGone("the session's key is not here any more", session=fields.shown(self.session_id))
        file_bytes, start = self._files.make(uses), self._cut_to
        segment = usage.segment_of(
            self._domain,
            self.session_id,
            uses,
            next_seq=start,
            previous=self.cuts[-1].segment if self.cuts else None,
            file_sha256=sha256(file_bytes),
            last=last,
        )
        name = f"{start:012d}-{'last' if last else 'part'}.parquet"
        self._files.keep(name, file_bytes)
        cut = _Cut(segment, self._key.sign(usage.segment_hash(self._domain, segment)), name)
        self._journal.append({"is": "segment", **record.write(cut)})
        self.cuts.append(cut)

    def submit(self, gateway: Gateway) -> int:
        """Every signed segment is acknowledged; returns how many were new.

        Raises:
            Unavailable: the gateway is silent; nothing is lost, call again.
            BadSignature: an acknowledgement that the session's meter did not sign.
        """
        session, new = self._session(), 0
        for cut in self.cuts:
            digest = usage.segment_hash(self._domain, cut.segment)
            if digest in self.acks:
                continue
            answer = gateway.put_segment(cut.segment, cut.signature, self._files.load(cut.file))
            signature.check(typed.digest(self._domain, answer.ack), answer.signature, session.meter)
            self._journal.append({"is": "ack", **record.write(_Answer(answer.ack, answer.signature))})
            self.acks[digest] = answer
            new += 1
        return new

    def _session(self) -> MeterSession:
        if self.session is None:
            raise Invalid("the queue has no session yet", next="Open it with `provenance.Meter(license)`.")
        return self.session

    def _open_session(self) -> MeterSession:
        if self.closed:
            raise MeterClosed("the session has signed its last segment", session=fields.shown(self.session_id))
        return self._session()

    def _replay(self, entry: Mapping[str, Json]) -> None:
        kind = entry.get("is")
        if kind == "session":
            opened = record.read(batch.SessionEntry, entry)
            self.session, self.session_signature = opened.session, opened.signature
            self.session_id = usage.session_id(self._domain, opened.session)
        elif kind == "receipt":
            self._remember(record.read(Use, entry))
        elif kind == "segment":
            self.cuts.append(record.read(_Cut, entry))
        elif kind == "ack":
            self.acks[record.read(_Answer, entry).ack.segment_hash] = None


def _runs(uses: Sequence[Use]) -> list[list[Use]]:
    """The uses in order, so many together as one segment takes; the last run may be empty."""
    runs: list[list[Use]] = [[]]
    weights = 0
    for use in uses:
        weights += len(use.weights)
        if len(runs[-1]) == RECEIPTS or (runs[-1] and weights > WEIGHTS):
            runs.append([])
            weights = len(use.weights)
        runs[-1].append(use)
    return runs
