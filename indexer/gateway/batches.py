"""Batches: how everything that the gateway acknowledged, opened, judged and refused gets on chain.

- One document behind the meter's head, written down before its transaction is sent, so that a killed worker sends the
  same bytes again, and nothing is anchored twice or left out.
- A batch takes what fits into the largest document that anybody reads, each kind in its order; the rest goes into the
  next. Refusals, which strangers cause, are a document of their own and take no room from anything else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, TypeVar, cast

from indexer import records
from indexer.gateway import deposits, leases, sessions
from indexer.ports import Unbatched
from provenance.app.ports import Call, Mined
from provenance.domain import batch, canonical, cid, record
from provenance.domain.batch import AccessEntry, Batch, GateEntry, RefusalList, SegmentEntry, SessionEntry
from provenance.domain.fields import checksummed
from provenance.errors import Denied
from provenance.types import ZERO32, Bytes32, RecordingId, UnixMs

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import DataclassInstance

    from indexer.gateway.node import GatewayNode
    from provenance.domain.cid import Cid

LOCK = "anchor"
REMOVED = Bytes32((1).to_bytes(32, "big"))
HEAD_BYTES: Final = 2 << 10  # a batch without entries has 800
R = TypeVar("R")
E = TypeVar("E", bound="DataclassInstance")


class NotAdmitted(Denied):
    """The gateway's account may not anchor."""

    code = "meter-not-admitted"
    next = "Ask the owner of the usage ledger to admit the meter; a removed one is never admitted again."


@dataclass(frozen=True, slots=True)
class AnchoredDocument:
    """A batch on chain."""

    batch: Batch
    cid: Cid
    head: Bytes32
    mined: Mined
    rest: bool
    """Whether something waited that did not fit."""


def anchor(node: GatewayNode, send: Callable[[Call], Mined]) -> AnchoredDocument | None:
    """What no batch held is on chain, as far as it fits into one; None if there was nothing.

    Args:
        node: the gateway whose account is the meter.
        send: sends a transaction of the meter.

    Raises:
        NotAdmitted: the account is no meter.
    """
    with node.stores.lock(LOCK):
        head, rest = _head(node), False
        row = node.usage.batch_after(head)
        if row is None:
            row, rest = _written(node, head)
        if row is None:
            return None
        mined, address = send(_call(head, row)), cid.parse(row.cid)
        after = batch.head(head, Bytes32(row.root), row.count, Bytes32(row.digest))
        return AnchoredDocument(Batch.parse(node.content.get(address)), address, after, mined, rest)


def foreseen(node: GatewayNode, pending: Unbatched) -> tuple[Call, ...]:
    """A call that costs what anchoring these records will, without the batch that it names; none if none wait."""
    head = _head(node)
    if row := node.usage.batch_after(head):
        return (_call(head, row),)
    named = b"\xff" * 32
    return (Call("UsageLedger", "anchor", (head, named, len(pending.segments), named)),) if _any(pending) else ()


@dataclass(slots=True)
class _Room:
    """What is left of the largest document; once something did not fit, nothing after it is taken."""

    bytes_left: int

    def take(self, rows: tuple[R, ...], entry: Callable[[R], E]) -> tuple[tuple[R, ...], tuple[E, ...]]:
        """The first rows that still fit, and their entries."""
        entries: list[E] = []
        for row in rows:
            shown = entry(row)
            self.bytes_left -= len(canonical.dumps(record.write(shown))) + 1  # the comma
            if self.bytes_left < 0:
                break
            entries.append(shown)
        return rows[: len(entries)], tuple(entries)


def document(
    node: GatewayNode, pending: Unbatched, prev_head: Bytes32, most_bytes: int = canonical.DOCUMENT_BYTES
) -> tuple[Batch, Unbatched]:
    """The batch of the first of these records, and which they are; what it names is content.

    A session, lease or report goes before the segments that rest on it. The largest entry, a lease of 100,000
    recordings, is 7 MB, so that each batch takes something.
    """
    room = _Room(most_bytes - HEAD_BYTES)
    sessions_, session_entries = room.take(
        pending.sessions, lambda row: SessionEntry(sessions.session_of(row), row.signature)
    )
    leases_, accesses = room.take(pending.leases, lambda row: _access(node, row))
    reports, gates = room.take(pending.reports, lambda row: GateEntry(deposits.report_of(row), row.signature))
    segments, acknowledged = room.take(pending.segments, _segment)
    equivocations, evidence = room.take(pending.equivocations, _segment)
    refusals, refused = _Room(most_bytes - HEAD_BYTES).take(pending.refusals, leases.refusal_of)
    listed = RefusalList(refused)
    return (
        Batch(
            meter=node.address,
            prev_head=prev_head,
            segments=(*acknowledged, *evidence),
            sessions=session_entries,
            accesses=accesses,
            gates=gates,
            refusals=node.content.put(listed.encode()) if refused else None,
            refusals_root=listed.root(),
        ),
        Unbatched(segments, equivocations, sessions_, leases_, reports, refusals),
    )


def _call(head: Bytes32, row: records.AnchoredBatch) -> Call:
    return Call("UsageLedger", "anchor", (head, row.root, row.count, row.digest))


def _any(pending: Unbatched) -> bool:
    return any(getattr(pending, kind.name) for kind in fields(pending))


def _head(node: GatewayNode) -> Bytes32:
    """The meter's head on chain."""
    head = Bytes32(cast("bytes", node.chain.read(Call("UsageLedger", "headOf", (node.address,)))[0]))
    if head in (ZERO32, REMOVED):
        raise NotAdmitted(f"{checksummed(node.address)} is no admitted meter")
    return head


def _written(node: GatewayNode, head: Bytes32) -> tuple[records.AnchoredBatch | None, bool]:
    """A batch of what is pending, put as content and then written down; and whether more waits than fitted."""
    pending = node.usage.pending()
    if not _any(pending):
        return None, False
    fitting, taken = document(node, pending, head)
    address = node.content.put(fitting.encode())
    row = records.AnchoredBatch(
        prev_head=head,
        root=fitting.root(node.deployment.domains.usage),
        count=fitting.count,
        digest=address.digest,
        cid=str(address),
        at_s=node.clock.now(),
    )
    node.usage.add_batch(row, taken)
    return row, _any(node.usage.pending()) if taken != pending else False


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
