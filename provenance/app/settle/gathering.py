"""Which facts does an epoch rest on? Chain events up to its cutoff, and content under their digests."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from provenance.app.settle import reading
from provenance.app.settle.batches import Anchors, SegmentReader, place
from provenance.app.settle.catalog import Catalog, Recordings
from provenance.domain import cid, fields
from provenance.domain.ledger import ChainBlock, Ledger, Settlement
from provenance.domain.settlement import tables
from provenance.domain.settlement.carry import Carry
from provenance.domain.settlement.facts import Anchored, Funding, Inputs, Ruleset, Ruling, Session
from provenance.errors import Invalid
from provenance.types import ZERO32, BlockNumber, Bytes32, ReceiptId, SessionId, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.app.ports import Content, Deployment, Events
    from provenance.app.settle.reading import Published
    from provenance.domain.usage import Use


def gather(
    events: Events,
    content: Content,
    deployment: Deployment,
    cutoff: ChainBlock,
    *,
    ruleset_hash: Bytes32,
    read_uses: SegmentReader,
) -> Inputs:
    """The facts of the epoch that follows the last active one, up to a block.

    A root by the exit that is still open there is not followed: the publisher's takes its place.

    Args:
        events: the chain's, from a node or a mirror.
        content: where documents are found by digest.
        deployment: whose contracts.
        cutoff: the last block that counts.
        ruleset_hash: as the distributor holds it.
        read_uses: the reader of segment files.

    Raises:
        Missing: a document that the chain names and nobody has.
    """
    ledger = Ledger.fold(events.upto(cutoff.number))

    prior = standing(ledger, active_by=cutoff.time)
    before = reading.published(content, prior.proposed.event.manifest_digest) if prior else None
    carry = reading.carry(content, before) if before else Carry()
    start = _cutoff(before) if before else events.block(deployment.first_block)
    anchors = Anchors.gather(ledger, deployment, content, read_uses=read_uses, at=cutoff)
    sessions = anchors.sessions()
    segments = tuple(anchors.segments(sessions, start.number if before else None))
    catalog = Catalog(ledger, deployment, content, cutoff.number)
    known = Recordings(catalog, anchors.reports(), tuple(anchors.opened()))
    recordings = known.around(
        (opened.recording_id for opened in known.opened), [hold.id for hold in carry.holds if hold.kind == "cluster"]
    )
    datasets = {recording.dataset_id for recording in recordings.values()}
    return Inputs(
        chain_id=deployment.chain_id,
        distributor=deployment.contracts["RoyaltyDistributor"],
        token=deployment.contracts["Token"],
        epoch=before.epoch + 1 if before else 1,
        start=start,
        cutoff=cutoff,
        usage_head=anchors.usage_head(),
        ruleset=Ruleset.parse(content.get_digest(ruleset_hash)[1]),
        carry=carry,
        licenses=catalog.licenses(session.session.license_id for session in sessions.values()),
        recordings=recordings,
        splits={one: catalog.splits(ledger.datasets[one], start.time) for one in sorted(datasets)},
        sessions=sessions,
        segments=segments,
        opened=known.opened,
        attributed=anchors.attributed(),
        fundings=tuple(
            Funding(fact.event.memo, fact.event.from_, fact.event.received, place(fact)) for fact in ledger.fundings
        ),
        ruling=_rulings(ledger, content, cutoff.number),
        earlier=_earlier(anchors, sessions, segments, content, before),
        prev_cid=before.cid if before else None,
        prev_root=prior.proposed.event.root if prior else None,
    )


def standing(ledger: Ledger, *, active_by: UnixSeconds | None = None) -> Settlement | None:
    """The last proposed settlement that was neither vetoed nor rejected.

    Args:
        ledger: the chain's facts.
        active_by: only one that is active by then.
    """
    proposed = (one for one in reversed(ledger.settlements) if not one.rejected)
    return next((one for one in proposed if active_by is None or one.active_at <= active_by), None)


def _cutoff(before: Published) -> ChainBlock:
    """Where the epoch before ended, as its manifest says."""
    block, window = fields.mapping(before.manifest, "cutoffBlock"), fields.mapping(before.manifest, "window")
    number, time = fields.integer(block, "number", bits=53), fields.integer(window, "end", bits=53)
    return ChainBlock(BlockNumber(number), fields.word(block, "hash"), UnixSeconds(time))


def _rulings(ledger: Ledger, content: Content, at: BlockNumber) -> Ruling:
    """What the guardian published, in chain order."""
    ruling = Ruling()
    for fact in sorted((fact for dataset in ledger.datasets.values() for fact in dataset.rulings(at)), key=place):
        with suppress(Invalid):  # of what is no ruling nothing follows
            ruling = ruling.then(Ruling.parse(content.get_digest(fact.event.reason)[1]))
    return ruling


def _earlier(
    anchors: Anchors,
    sessions: Mapping[SessionId, Session],
    segments: tuple[Anchored, ...],
    content: Content,
    before: Published | None,
) -> dict[ReceiptId, Use]:
    """Receipts that counted in earlier epochs and that a receipt of this one corrects."""
    corrected = {use.receipt.corrects for one in segments for use in one.uses} - {ZERO32}
    if not corrected or before is None:
        return {}
    now = {one.hash for one in segments}
    found = {
        use.receipt.receipt_id: use
        for one in anchors.segments(sessions, None)
        if one.hash not in now
        for use in one.uses
        if use.receipt.receipt_id in corrected
    }
    return {one: use for one, use in found.items() if one not in _rejected(content, before)} if found else {}


def _rejected(content: Content, last: Published) -> set[ReceiptId]:
    """Every receipt that an epoch up to this one rejected."""
    rejected: set[ReceiptId] = set()
    at: Published | None = last
    while at is not None:
        rows = tables.parse(reading.document(content, at, "rejected"), "provenance/rejected")[1]
        rejected |= {fields.word(row, "receiptId") for row in rows}
        prev = fields.mapping(at.manifest, "prev").get("cid")
        at = reading.published(content, cid.parse(prev).digest) if isinstance(prev, str) else None
    return rejected
