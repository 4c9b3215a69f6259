"""Checks that every anchored batch is whole, and everything in it signed by whom it binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.app.audit.evidence import AuditedBatch, Evidence, judge, named
from provenance.domain import batch as batches, fields, signature, typed, usage
from provenance.domain.attribution import attribution_root
from provenance.domain.batch import RefusalList
from provenance.errors import Failed, Incomplete
from provenance.types import ZERO32, Bytes32, RecordingId, SessionId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.domain.batch import Batch, GateEntry, SegmentEntry, SessionEntry
    from provenance.domain.events import UsageAnchored
    from provenance.domain.ledger import Fact
    from provenance.domain.typed import Segment
    from provenance.domain.verdict import Check


def checks(evidence: Evidence) -> Iterator[Check]:
    """Batches, sessions, segments, receipts, acknowledgements and gate reports."""
    heads: dict[bytes, Bytes32] = {}
    yield judge(
        "batches",
        evidence.anchors(),
        lambda fact: _batch(evidence, fact, heads),
        named,
        "batches chained from each meter's admission, roots and counts rebuilt",
        singular="batch chained from its meter's admission, root and count rebuilt",
    )
    sessions, unread = evidence.sessions(), evidence.unread()
    yield judge(
        "sessions",
        sessions.items(),
        lambda session: _session(evidence, session[0], *session[1]),
        lambda session: f"session {fields.shown(session[0])}",
        "sessions signed by their licensees, within their licenses",
        singular="session signed by its licensee, within its license",
        unread=unread,
    )
    domain = evidence.chain.deployment.domains.usage
    previous: dict[SessionId, Segment] = {}
    yield judge(
        "segments",
        evidence.segments(),
        lambda segment: _segment(evidence, *segment, sessions, previous),
        lambda segment: f"segment {fields.shown(usage.segment_hash(domain, segment[1].segment))} ({segment[1].cid})",
        "segments signed by session keys, without a gap, every receipt under its root",
        unread=unread,
    )
    yield judge(
        "acknowledgements",
        evidence.segments(),
        lambda segment: _ack(evidence, *segment),
        lambda segment: f"segment {fields.shown(usage.segment_hash(domain, segment[1].segment))}",
        "segments acknowledged by the serving gateway",
        unread=unread,
    )
    reports = [(anchored, entry) for anchored in evidence.batches() for entry in anchored.batch.gates]
    known = evidence.known({entry.report.recording_id for _, entry in reports})
    yield judge(
        "gates",
        reports,
        lambda gate: _gate(evidence, *gate, known),
        lambda gate: f"gate report of {fields.shown(gate[1].report.recording_id)}",
        "gate reports signed by the gateway that judged",
        singular="gate report signed by the gateway that judged",
        unread=unread,
    )


def _batch(evidence: Evidence, fact: Fact[UsageAnchored], heads: dict[bytes, Bytes32]) -> None:
    event = fact.event
    prev = heads.get(event.meter, batches.first_head(event.meter))
    if batches.head(prev, event.root, event.count, event.data_digest) != event.head:
        raise Failed(f"its head does not follow {fields.shown(prev)}")
    heads[event.meter] = event.head
    batch = evidence.batch(fact)
    if (batch.meter, batch.prev_head) != (event.meter, prev):
        raise Failed("it names another meter or previous head")
    root = batch.root(evidence.chain.deployment.domains.usage)
    if (root, batch.count) != (event.root, event.count):
        raise Failed(f"its segments give root {fields.shown(root)} and {fields.counted(batch.count, 'receipt')}")
    if _refusals_root(evidence, batch) != batch.refusals_root:
        raise Failed(f"its refusals ({batch.refusals}) are not those it commits to")


def _refusals_root(evidence: Evidence, batch: Batch) -> Bytes32:
    """Over the refusals that the batch lists; zero if it lists none."""
    return ZERO32 if batch.refusals is None else RefusalList.parse(evidence.content.get(batch.refusals)).root()


def _session(evidence: Evidence, session_id: SessionId, anchored: AuditedBatch, entry: SessionEntry) -> None:
    session = entry.session
    license_ = evidence.license(session.license_id)
    evidence.check_signed(session_id, entry.signature, license_.licensee)
    if session.meter != anchored.batch.meter:
        raise Failed("anchored by another meter than the licensee named")
    if evidence.manifest(evidence.dataset_of(session.license_id)).gateway != session.meter:
        raise Failed("its meter is not the gateway of the dataset")
    if session.valid_from > session.valid_until or session.valid_until > license_.granted.event.expiry:
        raise Failed("it outlasts its license")


def _segment(
    evidence: Evidence,
    anchored: AuditedBatch,
    entry: SegmentEntry,
    sessions: dict[SessionId, tuple[AuditedBatch, SessionEntry]],
    previous: dict[SessionId, Segment],
) -> None:
    session_id = entry.segment.session_id
    if session_id not in sessions:
        raise evidence.lacking("its session is in no batch", anchored.batch.meter)
    session = sessions[session_id][1].session
    if session.meter != anchored.batch.meter:
        raise Failed("anchored by another meter than its session names")
    domain = evidence.chain.deployment.domains.usage
    signature.check(usage.segment_hash(domain, entry.segment), entry.signature, session.session_key)
    before, previous[session_id] = (
        previous.get(session_id),
        entry.segment,
    )  # also if nobody has its file: the next one follows it
    follows = usage.segment_hash(domain, before) if before else ZERO32
    between = evidence.unread(anchored.batch.meter, before=anchored.fact)
    if entry.segment.prev_segment_hash != follows and between:
        raise Incomplete(between)
    uses = evidence.uses(entry)
    usage.check(
        domain,
        session,
        entry.segment,
        uses=uses,
        previous=before,
        received_at_ms=entry.received_at_ms,
    )
    for use in uses:
        if attribution_root(use.weights) != use.receipt.attribution_root:
            raise Failed(f"the weights of receipt {use.receipt.seq} are not those it commits to")


def _ack(evidence: Evidence, anchored: AuditedBatch, entry: SegmentEntry) -> None:
    domain = evidence.chain.deployment.domains.usage
    ack = typed.Ack(usage.segment_hash(domain, entry.segment), entry.received_at_ms)
    signature.check(typed.digest(domain, ack), entry.ack_signature, anchored.batch.meter)


def _gate(evidence: Evidence, anchored: AuditedBatch, entry: GateEntry, known: set[RecordingId]) -> None:
    domain = evidence.chain.deployment.domains.usage
    signature.check(typed.digest(domain, entry.report), entry.signature, anchored.batch.meter)
    if entry.report.recording_id not in known:
        raise evidence.lacking("of a recording that no dataset registered", anchored.batch.meter)
