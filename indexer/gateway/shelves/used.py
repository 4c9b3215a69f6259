"""What do licensees do: licenses, accesses, refusals, sessions, segments?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer import records
from indexer.gateway import leases, money, sessions
from indexer.gateway.shelves.row import Row, Wanted, hexed, place
from provenance.domain import events, fields, purposes, record
from provenance.domain.ledger import (
    ChainBlock,
    Ledger,
)
from provenance.errors import Unavailable
from provenance.types import Bytes32

if TYPE_CHECKING:
    from indexer.gateway.node import Node
    from indexer.store.catalogue import CatalogueStore
    from provenance.domain.ledger import GrantedLicense
    from provenance.domain.settlement.carry import Carry


def licenses_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of licenses."""
    found = store.facts(events.LicenseGranted, wanted.names, offset=wanted.offset, limit=wanted.limit)
    subjects = {row[name] for row in found for name in ("license_id", "dataset_id")}
    ledger = Ledger.fold(node.facts(wanted.at, *subjects))
    titles, carry = store.titles({row["dataset_id"] for row in found}), _carry(node, wanted.at)
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
            "token": fields.shown(row["token"]),
            "price": str(row["price"]),
            "state": _license_state(ledger, ledger.licenses[row["license_id"]], wanted.at),
            "end": ledger.licenses[row["license_id"]].end(wanted.at.number),
            **_money(ledger, carry, row["license_id"], wanted.at),
            **place(row),
        }
        for row in found
        if row["license_id"] in ledger.licenses
    ]


def _license_state(ledger: Ledger, license_: GrantedLicense, at: ChainBlock) -> str:
    """ACTIVE, SUSPENDED by the guardian's hand on the dataset, TERMINATED or EXPIRED."""
    state = license_.state(at)
    dataset = ledger.datasets.get(license_.dataset_id)
    halted = dataset is not None and dataset.halt(at.number, at.number) is not None
    return "SUSPENDED" if state == "ACTIVE" and halted else state


def _money(ledger: Ledger, carry: Carry | None, license_id: Bytes32, at: ChainBlock) -> Row:
    """What was funded, what is left of it and what is owed; the latter unknown without the last epoch."""
    funded = ledger.funded(license_id, at.number)
    if carry is None:
        return {"funded": str(funded), "balance": None, "arrears": None}
    owed = sum(debt.total for debt in carry.debts if debt.license_id == license_id)
    return {
        "funded": str(funded),
        "balance": str(funded - carry.spent.get(license_id, 0)),
        "arrears": str(owed),
    }


def _carry(node: Node, at: ChainBlock) -> Carry | None:
    try:
        return money.carried(node, at)
    except Unavailable:
        return None


def accesses_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of accesses."""
    found = store.kept(
        records.LeaseRecord, wanted.names, order=("at_s", "access_id"), offset=wanted.offset, limit=wanted.limit
    )
    recorded = store.recorded([row.access_id for row in found])
    shown: list[Row] = []
    for row in found:
        request = leases.request_of(row)
        shown.append(
            {
                "accessId": fields.shown(row.access_id),
                "licenseId": fields.shown(row.license_id),
                "datasetId": fields.shown(row.dataset_id),
                "licensee": fields.shown(row.licensee),
                "purpose": purposes.label(request.purpose),
                "territory": request.territory.decode("ascii"),
                "recordings": [one.index for one in node.leases.envelopes(Bytes32(row.access_id))],
                "validUntil": row.valid_until,
                "openedAt": row.at_s,
                "recorded": place(recorded[row.access_id]) if row.access_id in recorded else None,
                "batch": row.batch,
            }
        )
    return shown


def refusals_rows(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of refusals."""
    found = store.kept(records.Refusal, wanted.names, order=("id",), offset=wanted.offset, limit=wanted.limit)
    return [refusal_row(row) for row in found]


def refusal_row(row: records.Refusal) -> Row:
    """One refusal, as the catalogue and a batch show it."""
    return {
        "at": row.at_s,
        "step": row.step,
        "licenseId": fields.shown(row.license_id),
        "licensee": fields.shown(row.licensee),
        "purpose": purposes.label(row.purpose),
        "territory": row.territory,
        "code": row.code,
        "detail": row.detail,
        "recording": row.recording,
        "consentId": hexed(row.consent_id),
        "block": str(row.block),
    }


def sessions_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of sessions."""
    found = store.kept(
        records.SessionRecord, wanted.names, order=("at_s", "session_id"), offset=wanted.offset, limit=wanted.limit
    )
    suspended = store.suspended([row.session_id for row in found])
    shown: list[Row] = []
    for row in found:
        segments = node.usage.segments(Bytes32(row.session_id))
        shown.append(
            {
                "sessionId": fields.shown(row.session_id),
                "licensee": fields.shown(row.licensee),
                **record.write(sessions.session_of(row)),
                "openedAt": row.at_s,
                "suspended": row.session_id in suspended,
                "segments": len(segments),
                "receipts": str(sum(one.count for one in segments)),
                "units": str(sum(one.units for one in segments)),
                "closed": any(one.last for one in segments),
                "batch": row.batch,
            }
        )
    return shown


def segments_rows(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of segments."""
    found = store.kept(
        records.ReceivedSegment,
        wanted.names,
        order=("received_at_ms", "segment_hash"),
        offset=wanted.offset,
        limit=wanted.limit,
    )
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
        for row in found
    ]
