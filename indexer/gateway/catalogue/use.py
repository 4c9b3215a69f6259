"""Lists of what licensees do: licenses, accesses, refusals, sessions, segments."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from indexer import records
from indexer.gateway import leases, money, sessions
from indexer.gateway.catalogue.row import PageQuery, Row, place
from provenance.domain import events, fields, purposes, record
from provenance.domain.ledger import ChainBlock, GrantedLicense, Ledger
from provenance.errors import Unavailable
from provenance.types import Bytes32

if TYPE_CHECKING:
    from indexer.gateway.node import GatewayNode
    from provenance.domain.settlement.carry import Carry


def licenses_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of licenses."""
    rows = query.facts(events.LicenseGranted)
    subjects = {row[name] for row in rows for name in ("license_id", "dataset_id")}
    ledger = Ledger.fold(node.facts(query.block, *subjects))
    titles, carry = query.store.titles({row["dataset_id"] for row in rows}), None
    with suppress(Unavailable):
        carry = money.carried(node, query.block)
    return [
        {
            "licenseId": fields.shown(row["license_id"]),
            "datasetId": fields.shown(row["dataset_id"]),
            "title": titles[row["dataset_id"]].title if row["dataset_id"] in titles else None,
            "licensee": fields.shown(row["licensee"]),
            "holder": fields.shown(row["holder"]),
            "termsHash": fields.shown(row["terms_hash"]),
            "purposes": list(purposes.codes(row["purposes"] & purposes.KNOWN)),
            "expiry": row["expiry"],
            "noticeDays": row["notice_days"],
            "distributor": fields.shown(row["distributor"]),
            "price": str(row["price"]),
            "state": _license_state(ledger, ledger.licenses[row["license_id"]], query.block),
            "end": ledger.licenses[row["license_id"]].end(query.block.number),
            **_money(ledger, carry, row["license_id"], query.block),
            **place(row),
        }
        for row in rows
        if row["license_id"] in ledger.licenses
    ]


def _license_state(ledger: Ledger, license_: GrantedLicense, block: ChainBlock) -> str:
    """ACTIVE, SUSPENDED by the guardian's hand on the dataset, TERMINATED or EXPIRED."""
    state = license_.state(block)
    dataset = ledger.datasets.get(license_.dataset_id)
    halted = dataset is not None and dataset.halt(block.number, block.number) is not None
    return "SUSPENDED" if state == "ACTIVE" and halted else state


def _money(ledger: Ledger, carry: Carry | None, license_id: Bytes32, block: ChainBlock) -> Row:
    """What was funded, what is left of it and what is owed; the latter unknown without the last epoch."""
    funded = ledger.funded(license_id, block.number)
    if carry is None:
        return {"funded": str(funded), "balance": None, "arrears": None}
    return {
        "funded": str(funded),
        "balance": str(funded - carry.spent.get(license_id, 0)),
        "arrears": str(sum(debt.total for debt in carry.debts if debt.license_id == license_id)),
    }


def accesses_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of accesses."""
    rows = query.kept(records.LeaseRecord, order=("at_s", "access_id"))
    receipts = {row.access_id: (row.license_id, leases.receipt_of(row)) for row in rows}
    recorded = query.store.recorded(receipts.values())
    return [
        {
            "accessId": fields.shown(row.access_id),
            "licenseId": fields.shown(row.license_id),
            "datasetId": fields.shown(row.dataset_id),
            "licensee": fields.shown(row.licensee),
            "purpose": purposes.label(request.purpose),
            "territory": request.territory.decode("ascii"),
            "recordings": [envelope.index for envelope in node.leases.envelopes(Bytes32(row.access_id))],
            "validUntil": row.valid_until,
            "openedAt": row.at_s,
            "recorded": place(recorded[receipts[row.access_id]]) if receipts[row.access_id] in recorded else None,
            "batch": row.batch,
        }
        for row, request in zip(rows, map(leases.request_of, rows), strict=True)
    ]


def refusals_rows(_node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of refusals."""
    return [record.write(leases.refusal_of(row)) for row in query.kept(records.Refusal, order=("id",))]


def sessions_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of sessions."""
    rows = query.kept(records.SessionRecord, order=("at_s", "session_id"))
    suspended = query.store.suspended([row.session_id for row in rows])
    received = [node.usage.segments(Bytes32(row.session_id)) for row in rows]
    return [
        {
            "sessionId": fields.shown(row.session_id),
            "licensee": fields.shown(row.licensee),
            **record.write(sessions.session_of(row)),
            "openedAt": row.at_s,
            "suspended": row.session_id in suspended,
            "segments": len(segments),
            "receipts": str(sum(segment.count for segment in segments)),
            "units": str(sum(segment.units for segment in segments)),
            "closed": any(segment.last for segment in segments),
            "batch": row.batch,
        }
        for row, segments in zip(rows, received, strict=True)
    ]


def segments_rows(_node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of segments."""
    return [
        {
            "segmentHash": fields.shown(row.segment_hash),
            "sessionId": fields.shown(row.session_id),
            "licenseId": fields.shown(row.license_id),
            "firstSeq": str(row.first_seq),
            "count": str(row.count),
            "units": str(row.units),
            "last": row.last,
            "cid": row.cid,
            "receivedAtMs": str(row.received_at_ms),
            "batch": row.batch,
        }
        for row in query.kept(records.ReceivedSegment, order=("received_at_ms", "segment_hash"))
    ]
