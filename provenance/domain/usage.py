"""Usage: sessions, receipts and segments, and whether a run of receipts is whole.

What a use earns or costs is asked by `settlement`;
the file a segment signs is `adapters.segments`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Annotated, Final

from provenance.domain import merkle, record, typed
from provenance.domain.attribution import WEIGHTS, Weights
from provenance.domain.hashes import abi_words, keccak, sha256
from provenance.domain.typed import Domain, MeterSession, Segment, UsageReceipt
from provenance.errors import Invalid
from provenance.types import ZERO32, Bytes32, ReceiptId, SessionId, UnixMs


class Outcome(IntEnum):
    """What became of an output. All are owed; only delivered ones score."""

    DRAFT = 0
    DELIVERED = 1
    REJECTED = 2
    REFUNDED = 3


class Unit(IntEnum):
    """What is counted."""

    AUDIO_MS = 0
    OUTPUT = 1
    OUTPUT_MS = 2
    REQUEST = 3
    TRAINING_HOUR = 4

    @property
    def label(self) -> str:
        """As terms write it."""
        return self.name.lower().replace("_", "-")


def unit_label(unit: int) -> str:
    """As terms write it; a receipt may say a number that is no unit, which is rejected and still told."""
    return Unit(unit).label if unit in set(Unit) else str(unit)


def outcome_label(outcome: int) -> str:
    """In lower case; a number that is no outcome as it is."""
    return Outcome(outcome).name.lower() if outcome in set(Outcome) else str(outcome)


UNIT_BY_LABEL: Final = {unit.label: unit for unit in Unit}
CLOCK_AHEAD_MS: Final = 5 * 60_000  # how far a licensee's clock may run ahead of the gateway's


class BadSegment(Invalid):
    """A segment that is not one whole, signed, chained run of receipts."""

    next = "Keep the queue as it is and run `provenance usage check FILE`; a Meter writes whole segments."


@record.dataclass(frozen=True, slots=True)
class Use:
    """One receipt with the weights it commits to."""

    receipt: typed.UsageReceipt
    weights: Annotated[Weights, WEIGHTS] = ()
    quality_ppm: Annotated[int, record.integer(31)] = 0


def receipt_id(session_id: SessionId, seq: int) -> ReceiptId:
    """Derived, so that a retry repeats it."""
    return keccak(abi_words(session_id, seq))


def session_id(domain: Domain, session: MeterSession) -> SessionId:
    """The session's EIP-712 digest."""
    return typed.digest(domain, session)


def segment_hash(domain: Domain, segment: Segment) -> Bytes32:
    """The segment's EIP-712 digest: what the session key signs and the next segment names."""
    return typed.digest(domain, segment)


def model_id(name: str, version: str) -> Bytes32:
    """The sha-256 of `name@version`."""
    return sha256(f"{name}@{version}".encode())


def receipts_root(domain: Domain, receipts: Iterable[UsageReceipt]) -> Bytes32:
    """The root over the receipts' digests; zero if there are none."""
    return merkle.root(merkle.leaf(typed.digest(domain, receipt)) for receipt in receipts)


def segment_of(
    domain: Domain,
    session_digest: SessionId,
    uses: Sequence[Use],
    *,
    next_seq: int,
    previous: Segment | None,
    file_sha256: Bytes32,
    last: bool,
) -> Segment:
    """The segment over these uses, chained to the one before it."""
    receipts = [use.receipt for use in uses]
    times = [receipt.occurred_at_ms for receipt in receipts]
    return typed.Segment(
        session_id=session_digest,
        first_seq=next_seq,
        last_seq=next_seq + max(len(receipts) - 1, 0),
        count=len(receipts),
        units_total=sum(receipt.units for receipt in receipts),
        receipts_root=receipts_root(domain, receipts),
        prev_segment_hash=segment_hash(domain, previous) if previous else ZERO32,
        min_time_ms=UnixMs(min(times, default=0)),
        max_time_ms=UnixMs(max(times, default=0)),
        sha256=file_sha256,
        last=last,
    )


def following(segment: Segment) -> int:
    """The seq after a segment."""
    return segment.first_seq + segment.count


def check(
    domain: Domain,
    session: MeterSession,
    segment: Segment,
    *,
    uses: Sequence[Use],
    previous: Segment | None,
    received_at_ms: UnixMs | None = None,
) -> None:
    """The segment is one whole run of the session's receipts, chained to the one before.

    Args:
        domain: the usage ledger's.
        session: whose receipts they are.
        segment: what is signed.
        uses: what its file holds, in order.
        previous: the session's segment before it; None if it is the first.
        received_at_ms: when the gateway got it; bounds the receipts' clock.

    Raises:
        BadSegment: with the first `fault` and its detail.
    """
    for fault, detail in faults(
        domain,
        session,
        segment,
        uses=uses,
        previous=previous,
        received_at_ms=received_at_ms,
    ):
        raise BadSegment(detail, fault=fault, firstSeq=str(segment.first_seq))


def faults(
    domain: Domain,
    session: MeterSession,
    segment: Segment,
    *,
    uses: Sequence[Use],
    previous: Segment | None,
    received_at_ms: UnixMs | None = None,
) -> Iterator[tuple[str, str]]:
    """(code, detail) of everything wrong with a segment, whatever its signature."""
    session_digest = session_id(domain, session)
    yield from _chain_faults(domain, session_digest, segment, previous)
    yield from content_faults(domain, session, session_digest, segment, uses)
    floor = max(session.valid_from * 1000, previous.max_time_ms if previous else 0)
    ceiling = None if received_at_ms is None else received_at_ms + CLOCK_AHEAD_MS
    for use, fault in zip(uses, clock_faults(uses, floor, ceiling), strict=True):
        if fault:
            yield "bad-time", f"receipt {use.receipt.seq}: {fault}"


def clock_faults(uses: Sequence[Use], floor_ms: int, ceiling_ms: int | None) -> Iterator[str]:
    """For each use what is wrong with its time, or nothing: it never falls and stays within its bounds."""
    latest = floor_ms
    for use in uses:
        time_ms = use.receipt.occurred_at_ms
        if time_ms < latest:
            yield f"time {time_ms} is before {latest}"
        elif ceiling_ms is not None and time_ms > ceiling_ms:
            yield f"time {time_ms} is after {ceiling_ms}"
        else:
            yield ""
            latest = time_ms


def _chain_faults(
    domain: Domain, session_digest: SessionId, segment: Segment, previous: Segment | None
) -> Iterator[tuple[str, str]]:
    if segment.session_id != session_digest:
        yield "wrong-session", "the segment names another session"
    expected = segment_hash(domain, previous) if previous else ZERO32
    if segment.prev_segment_hash != expected:
        yield (
            "broken-chain",
            f"the previous segment is 0x{expected.hex()}, not 0x{segment.prev_segment_hash.hex()}",
        )
    start = following(previous) if previous else 0
    if segment.first_seq != start:
        yield "gap", f"it begins at {segment.first_seq}; {start} is next"
    if previous is not None and previous.last:
        yield "after-last", "the session was closed by the segment before it"


def content_faults(
    domain: Domain,
    session: MeterSession,
    session_digest: SessionId,
    segment: Segment,
    uses: Sequence[Use],
) -> Iterator[tuple[str, str]]:
    """(code, detail) of every way in which the file's receipts are not what the segment says of them."""
    receipts = [use.receipt for use in uses]
    if segment.count != len(receipts) or segment.last_seq != segment.first_seq + max(segment.count - 1, 0):
        yield (
            "wrong-count",
            f"{len(receipts)} receipts; the segment says {segment.count}, up to {segment.last_seq}",
        )
    if not receipts and not segment.last:
        yield "empty", "only a session's last segment may be empty"
    yield from _place_faults(session, session_digest, segment.first_seq, receipts)
    units = sum(receipt.units for receipt in receipts)
    if segment.units_total != units:
        yield (
            "wrong-units",
            f"the receipts sum to {units} units; the segment says {segment.units_total}",
        )
    times = [receipt.occurred_at_ms for receipt in receipts]
    if (segment.min_time_ms, segment.max_time_ms) != (
        min(times, default=0),
        max(times, default=0),
    ):
        yield "wrong-times", "the segment's times are not those of its receipts"
    if segment.receipts_root != receipts_root(domain, receipts):
        yield "wrong-root", "the receipts are not those that the segment commits to"


def _place_faults(
    session: MeterSession, session_digest: SessionId, first: int, receipts: Sequence[UsageReceipt]
) -> Iterator[tuple[str, str]]:
    for seq, receipt in enumerate(receipts, first):
        if receipt.seq != seq:
            yield "gap", f"receipt {receipt.seq} stands in the place of {seq}"
            return
        if (receipt.session_id, receipt.license_id) != (session_digest, session.license_id):
            yield "wrong-session", f"receipt {seq} names another session or license"
        if receipt.receipt_id != receipt_id(session_digest, seq):
            yield "wrong-id", f"receipt {seq} has another id than its place gives"
