"""How does everything that the gateway acknowledged, opened, judged and refused get on chain?

One batch document behind the meter's head. It is written down before its transaction is sent, so a
killed worker sends the same bytes again, and nothing is anchored twice or left out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, cast

from indexer import records
from indexer.gateway import catalogue, deposits, leases, sessions
from provenance.app.ports import Call, Mined
from provenance.domain import batch, canonical, cid, merkle
from provenance.domain.batch import AccessEntry, Batch, GateEntry, SegmentEntry, SessionEntry
from provenance.domain.fields import checksummed
from provenance.domain.hashes import sha256
from provenance.errors import Denied
from provenance.types import ZERO32, Bytes32, RecordingId, UnixMs

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.gateway.node import GatewayNode
    from indexer.store.usage import Unbatched
    from provenance.domain.cid import Cid

LOCK = "anchor"
REMOVED = Bytes32((1).to_bytes(32, "big"))


class NotAdmitted(Denied):
    """The gateway's account may not anchor."""

    code = "meter-not-admitted"
    next = "Ask the owner of the usage ledger to admit the meter; a removed one is never admitted again."


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch on chain."""

    batch: Batch
    cid: Cid
    head: Bytes32
    mined: Mined


def anchor(node: GatewayNode, send: Callable[[Call], Mined]) -> Anchored | None:
    """Everything that no batch held is on chain; None if there was nothing.

    Args:
        node: the gateway whose account is the meter.
        send: sends a transaction of the meter.

    Raises:
        NotAdmitted: the account is no meter.
    """
    with node.database.lock(LOCK):
        head = _head(node)
        row = node.usage.batch_after(head) or _written(node, head)
        if row is None:
            return None
        mined, address = send(_call(head, row)), cid.parse(row.cid)
        after = batch.head(head, Bytes32(row.root), row.count, Bytes32(row.digest))
        return Anchored(Batch.parse(node.content.get(address)), address, after, mined)


def foreseen(node: GatewayNode, pending: Unbatched) -> tuple[Call, ...]:
    """A call that costs what anchoring these records will, without the batch that it names; none if none wait."""
    head = _head(node)
    if row := node.usage.batch_after(head):
        return (_call(head, row),)
    named = b"\xff" * 32
    return (Call("UsageLedger", "anchor", (head, named, len(pending.segments), named)),) if _any(pending) else ()


def document(node: GatewayNode, pending: Unbatched, prev_head: Bytes32) -> Batch:
    """The batch of these records; what it names is content."""
    refused = [catalogue.refusal_row(row) for row in pending.refusals]
    listed = canonical.encode("provenance/refusals", 1, {"refusals": refused})
    received: list[records.ReceivedSegment | records.Equivocation] = [*pending.segments, *pending.equivocations]
    return Batch(
        meter=node.address,
        prev_head=prev_head,
        segments=tuple(_segment(row) for row in received),
        sessions=tuple(SessionEntry(sessions.session_of(row), row.signature) for row in pending.sessions),
        accesses=tuple(_access(node, row) for row in pending.leases),
        gates=tuple(GateEntry(deposits.report_of(row), row.signature) for row in pending.reports),
        refusals=node.content.put(listed) if refused else None,
        refusals_root=merkle.root(merkle.leaf(sha256(canonical.dumps(row))) for row in refused) if refused else ZERO32,
    )


def _call(head: Bytes32, row: records.AnchoredBatch) -> Call:
    return Call("UsageLedger", "anchor", (head, row.root, row.count, row.digest))


def _any(pending: Unbatched) -> bool:
    return any(getattr(pending, kind.name) for kind in fields(pending))


def _head(node: GatewayNode) -> Bytes32:
    """The meter's head on chain."""
    (found,) = node.chain.read(Call("UsageLedger", "headOf", (node.address,)))
    head = Bytes32(cast("bytes", found))
    if head in (ZERO32, REMOVED):
        raise NotAdmitted(f"{checksummed(node.address)} is no admitted meter")
    return head


def _written(node: GatewayNode, head: Bytes32) -> records.AnchoredBatch | None:
    """A batch of all that is pending, put as content and then written down."""
    pending = node.usage.pending()
    if not _any(pending):
        return None
    made = document(node, pending, head)
    found = node.content.put(made.encode())
    row = records.AnchoredBatch(
        prev_head=head,
        root=made.root(node.deployment.domains.usage),
        count=made.count,
        digest=found.digest,
        cid=str(found),
        at_s=node.clock.now(),
    )
    node.usage.add_batch(row, pending)
    return row


def _segment(row: records.ReceivedSegment | records.Equivocation) -> SegmentEntry:
    return SegmentEntry(
        cid=cid.parse(row.cid),
        segment=sessions.segment_of(row),
        signature=row.signature,
        received_at_ms=UnixMs(row.received_at_ms),
        ack_signature=row.ack_signature,
    )


def _access(node: GatewayNode, row: records.LeaseRecord) -> AccessEntry:
    return AccessEntry(
        request=leases.request_of(row),
        recordings=tuple(
            RecordingId(Bytes32(envelope.recording_id)) for envelope in node.leases.envelopes(Bytes32(row.access_id))
        ),
        access=leases.access_of(row),
        request_signature=row.request_signature,
        access_signature=row.signature,
        path=leases.path_of(row),
    )
