"""Sessions: which usage the gateway takes, and what it promises by an acknowledgement.

- Write, fsync, remember, then acknowledge: what was acknowledged is anchored.
- Who sends a segment is known before its file is read: the header that came before it is signed by the session's key
  and names the file's digest.
- Of two segments for one place one file each is kept: that proves it and suspends the session; more are refused.

What a use costs is `settlement`; whether a run of receipts is whole is `domain.usage`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from indexer import records
from indexer.gateway import leases, money
from provenance.adapters import segments as files
from provenance.domain import fields, record, refusal, signature, typed, usage
from provenance.domain.rules.access import check_standing
from provenance.domain.rules.terms import session_end
from provenance.domain.usage import Unit, Use
from provenance.errors import Conflict, Denied, Invalid, Missing
from provenance.types import Bytes32, SessionId, UnixMs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.gateway.node import GatewayNode
    from provenance.domain.typed import MeterSession, Segment

SEGMENT_BYTES: Final = 64 << 20


class OtherMeter(Invalid):
    """The session names another gateway."""

    next = "Open the session at the gateway that the dataset's manifest names."


class SessionOver(Denied):
    """The session's time is past, longer than its license or the terms, or its signer revoked it."""

    next = "Open a new session; it ends with its license and the terms at the latest."


class UnknownSession(Missing):
    """No session of this id was opened here."""

    next = "Open the session first; a Meter does so by itself."


class Equivocated(Conflict):
    """Another segment stands in this place: both are kept as evidence, and the session is suspended."""

    code = "equivocation"
    next = "Open a new session; never give two receipts one number."


class SessionSuspended(Conflict):
    """The session gave two segments for one place."""

    next = "Open a new session."


class UnitsExceeded(Denied):
    """The segment goes past what the session may use."""

    next = "Open a new session for further use; fund the license for it first."


class PoolNotSettled(Denied):
    """Use under a pool's license would be paid to nobody: the network's ruleset knows no pools."""

    next = "Open recordings under it; meter their use under a license of the member's own dataset."


@dataclass(frozen=True, slots=True)
class Acked:
    """An acknowledged segment and what is still missing before it."""

    row: records.ReceivedSegment
    missing: tuple[tuple[int, int], ...]

    @property
    def ack(self) -> typed.Ack:
        """What was signed."""
        return typed.Ack(Bytes32(self.row.segment_hash), UnixMs(self.row.received_at_ms))


def open_session(node: GatewayNode, session: MeterSession, signed: bytes) -> SessionId:
    """The session takes segments; the same session twice is once.

    Raises:
        Denied: the license does not stand, is in arrears, or its balance does not cover `maxUnits`.
    """
    if session.meter != node.address:
        raise OtherMeter(
            f"the session names {fields.checksummed(session.meter)}, this is {fields.checksummed(node.address)}"
        )
    if session.valid_from > session.valid_until or not session.max_units:
        raise Invalid("a session has a time and at least one unit", field="validUntil")
    session_id = usage.session_id(node.deployment.domains.usage, session)
    if node.usage.session(session_id) is not None:
        return session_id
    grounds = leases.basis(node, session.license_id)
    if grounds.dataset.manifest.pool:
        raise PoolNotSettled("the license is a pool's", license=fields.shown(session.license_id))
    licensee, state = grounds.license.licensee, grounds.state
    node.check_signed(session_id, signed, licensee)
    stands = check_standing(grounds.dataset, session.license_id, licensee)
    if refused := refusal.refused([stands]) or money.arrears(node, session.license_id, state):
        raise refused
    end = session_end(grounds.license.end(state.block.number), grounds.dataset.terms)
    if not node.clock.now() <= session.valid_until <= end:
        raise SessionOver(
            f"the session ends at {fields.dated(session.valid_until)}, the license or its terms at {fields.dated(end)}"
        )
    if node.about(state.block, state.final, session_id).ledger.session_revoked(
        licensee, session_id, state.block.number
    ):
        raise SessionOver("its signer revoked the session")
    money.cover(node, session.license_id, grounds.dataset.terms, session.max_units, state)
    node.usage.add_session(
        records.SessionRecord(
            session_id=session_id,
            license_id=session.license_id,
            licensee=licensee,
            session=json.dumps(record.write(session)),
            signature=signed,
            at_s=node.clock.now(),
        )
    )
    return session_id


def sender(node: GatewayNode, segment: Segment, signed: bytes) -> records.SessionRecord:
    """The open session whose key signed this segment; its file, which it names by its digest, was not read yet.

    Raises:
        UnknownSession: none of this id was opened here.
        BadSignature: another key signed.
    """
    row = node.usage.session(segment.session_id)
    if row is None:
        raise UnknownSession("no session of this id was opened here", session=fields.shown(segment.session_id))
    digest = usage.segment_hash(node.deployment.domains.usage, segment)
    signature.check(digest, signed, session_of(row).session_key)
    return row


def put_segment(node: GatewayNode, segment: Segment, signed: bytes, parquet: bytes) -> Acked:
    """The segment is on disk and on record, and acknowledged; the same bytes get the same answer.

    Raises:
        Equivocated: other bytes stand in its place; both are kept.
        BadSegment, WrongSegmentFile: it is no whole, signed run of receipts.
    """
    row = sender(node, segment, signed)
    session, digest = session_of(row), usage.segment_hash(node.deployment.domains.usage, segment)
    uses = files.read(parquet, expected_sha256=segment.sha256)
    earlier = node.usage.segments(segment.session_id)
    same = next((acked for acked in earlier if acked.segment_hash == digest), None)
    if same is not None:
        return Acked(same, _missing(earlier, segment))
    _refuse_second(node, segment, signed, parquet, [segment_of(acked) for acked in earlier])
    if node.usage.suspended(segment.session_id):
        raise SessionSuspended("the session gave two segments for one place", session=fields.shown(row.session_id))
    now_ms = node.clock.now_ms()
    _check_run(node, session, segment, uses, [segment_of(acked) for acked in earlier], now_ms)
    _check_units(session, segment, earlier)
    kept = node.usage.add_segment(_row(node, session, segment, signed, parquet, uses, now_ms))
    if kept.segment_hash != digest:  # another one was faster
        _refuse_second(node, segment, signed, parquet, [segment_of(kept)])
    return Acked(kept, _missing((*earlier, kept), segment))


def session_of(row: records.SessionRecord) -> MeterSession:
    """The session as it was signed."""
    return record.read(typed.MeterSession, json.loads(row.session))


def segment_of(row: records.ReceivedSegment | records.Equivocation) -> Segment:
    """The segment as it was signed."""
    return record.read(typed.Segment, json.loads(row.segment))


def _refuse_second(node: GatewayNode, segment: Segment, signed: bytes, parquet: bytes, earlier: list[Segment]) -> None:
    """No receipt's place is taken already; if one is, both segments are kept as evidence, and no third."""
    taken = [
        acked
        for acked in earlier
        if acked.first_seq == segment.first_seq
        or (acked.first_seq < usage.following(segment) and segment.first_seq < usage.following(acked))
    ]
    if not taken:
        return
    domain, now_ms = node.deployment.domains.usage, node.clock.now_ms()
    ack = typed.Ack(usage.segment_hash(domain, segment), now_ms)
    node.usage.add_equivocation(
        segment.session_id,
        lambda: records.Equivocation(
            segment_hash=ack.segment_hash,
            session_id=segment.session_id,
            cid=str(node.content.put(parquet)),
            segment=json.dumps(record.write(segment)),
            signature=signed,
            received_at_ms=now_ms,
            ack_signature=node.wallet.signer.sign(typed.digest(domain, ack)),
        ),
    )
    raise Equivocated(
        f"another segment holds receipt {max(taken[0].first_seq, segment.first_seq)}",
        session=fields.shown(segment.session_id),
        segment=fields.shown(usage.segment_hash(domain, segment)),
        acknowledged=fields.shown(usage.segment_hash(domain, taken[0])),
    )


def _check_run(
    node: GatewayNode,
    session: MeterSession,
    segment: Segment,
    uses: Sequence[Use],
    earlier: list[Segment],
    now_ms: UnixMs,
) -> None:
    """One whole run; its chain is checked as far as its neighbors are here."""
    domain = node.deployment.domains.usage
    before = next((acked for acked in earlier if usage.following(acked) == segment.first_seq), None)
    after = next((acked for acked in earlier if acked.first_seq == usage.following(segment)), None)
    if after is not None and after.prev_segment_hash != usage.segment_hash(domain, segment):
        raise usage.BadSegment("the segment after it names another one before", fault="broken-chain")
    if any(acked.last for acked in earlier if usage.following(acked) <= segment.first_seq):
        raise usage.BadSegment("the session was closed by its last segment", fault="after-last")
    gap = before is None and segment.first_seq > 0
    if gap and [use.receipt.seq for use in uses] != list(range(segment.first_seq, usage.following(segment))):
        raise usage.BadSegment("the receipts are not numbered in order", fault="gap")
    for fault, detail in usage.faults(domain, session, segment, uses=uses, previous=before, received_at_ms=now_ms):
        if not (gap and fault in ("gap", "broken-chain")):
            raise usage.BadSegment(detail, fault=fault, firstSeq=str(segment.first_seq))


def _check_units(session: MeterSession, segment: Segment, earlier: Sequence[records.ReceivedSegment]) -> None:
    total = segment.units_total + sum(acked.units for acked in earlier)
    if total > session.max_units:
        raise UnitsExceeded(
            f"{total} units are past the session's {session.max_units}",
            session=fields.shown(segment.session_id),
            maxUnits=str(session.max_units),
        )


def _row(
    node: GatewayNode,
    session: MeterSession,
    segment: Segment,
    signed: bytes,
    parquet: bytes,
    uses: Sequence[Use],
    now_ms: UnixMs,
) -> records.ReceivedSegment:
    """The file on disk, and the row with the acknowledgement that goes out when it is on record."""
    domain = node.deployment.domains.usage
    ack = typed.Ack(usage.segment_hash(domain, segment), now_ms)
    return records.ReceivedSegment(
        segment_hash=ack.segment_hash,
        session_id=segment.session_id,
        license_id=session.license_id,
        first_seq=segment.first_seq,
        count=segment.count,
        units=segment.units_total,
        outputs=_sum(uses, Unit.OUTPUT),
        output_ms=_sum(uses, Unit.OUTPUT_MS),
        last=segment.last,
        cid=str(node.content.put(parquet)),
        segment=json.dumps(record.write(segment)),
        signature=signed,
        received_at_ms=now_ms,
        ack_signature=node.wallet.signer.sign(typed.digest(domain, ack)),
    )


def _sum(uses: Sequence[Use], unit: Unit) -> int:
    return sum(use.receipt.units for use in uses if use.receipt.unit == unit)


def _missing(earlier: Sequence[records.ReceivedSegment], upto: Segment) -> tuple[tuple[int, int], ...]:
    """The runs of receipts before a segment's end that nobody has sent."""
    gaps, reached = [], 0
    for first, count in sorted((acked.first_seq, acked.count) for acked in earlier):
        if first > reached:
            gaps.append((reached, min(first, upto.first_seq) - 1))
        reached = max(reached, first + count)
        if first >= upto.first_seq:
            break
    return tuple(gaps)
