"""Lists of what rights holders and voice owners gave: datasets, recordings, offers, consents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from indexer import records
from indexer.gateway import deposits, offers
from indexer.gateway.catalogue.row import PageQuery, Row, hexed, place
from provenance.domain import cid, fields, purposes
from provenance.domain.consent import SignedConsent
from provenance.domain.ledger import (
    DATASET_ACTIVE,
    DATASET_HALTED,
    DATASET_REVOKED,
    DATASET_SUSPENDED,
    Ledger,
    RegisteredDataset,
)
from provenance.domain.offer import SignedOffer
from provenance.domain.rules.consent import state
from provenance.types import Bytes32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.gateway.node import GatewayNode

STATUS: Final = {
    DATASET_ACTIVE: "ACTIVE",
    DATASET_SUSPENDED: "SUSPENDED",
    DATASET_REVOKED: "REVOKED",
    DATASET_HALTED: "HALTED",
}


def datasets_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of datasets."""
    words = deposits.search_words(query.words)
    rows = query.store.datasets(query.columns, words, offset=query.offset, limit=query.limit)
    known = Ledger.fold(node.facts(query.block, *(row["dataset_id"] for row in rows))).datasets
    return [  # one that was undone meanwhile is left out: the page is refused as a whole
        _dataset_row(node, query, row, known[row["dataset_id"]]) for row in rows if row["dataset_id"] in known
    ]


def _dataset_row(node: GatewayNode, query: PageQuery, row: Mapping[Any, Any], dataset: RegisteredDataset) -> Row:
    manifest = row["deposit_manifest_cid"]
    return {
        "datasetId": fields.shown(dataset.id),
        "holder": fields.shown(dataset.holder(query.block.number)),
        "registrant": fields.shown(dataset.registrant),
        "status": STATUS.get(dataset.status(query.block.number), "UNKNOWN"),
        "supersededBy": hexed(dataset.superseded_by),
        "title": row["deposit_title"],
        "kind": row["deposit_kind"],
        "language": row["deposit_language"],
        "tags": json.loads(row["deposit_tags"] or "[]"),
        "items": 0 if dataset.pool else dataset.items,
        "noticeDays": dataset.items if dataset.pool else None,
        "durationMs": row["deposit_duration_ms"],
        "manifestRoot": fields.shown(dataset.manifest_root),
        "manifest": manifest or str(cid.Cid("raw", dataset.manifest_digest)),
        "termsHash": fields.shown(dataset.terms_hash),
        "terms": str(cid.Cid("raw", dataset.terms_hash)),
        "splitHash": fields.shown(dataset.registered.event.split_hash),
        "gateway": fields.shown(node.address) if manifest else None,
        **place(row),
    }


def recordings_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of recordings."""
    rows = query.kept(records.DepositedRecording, order=("dataset_id", "index"))
    quality = {key: judged.quality for key, judged in node.custody.judged([row.object_id for row in rows]).items()}
    return [
        {
            "recordingId": fields.shown(row.recording_id),
            "datasetId": fields.shown(row.dataset_id),
            "index": row.index,
            "name": row.name,
            "cid": row.cid,
            "durationMs": row.duration_ms,
            "voiceIds": json.loads(row.voice_ids),
            "consentIds": json.loads(row.consent_ids),
            "verdict": row.verdict,
            "cluster": fields.shown(row.cluster),
            "quality": json.loads(quality[row.object_id, row.cid]) if (row.object_id, row.cid) in quality else None,
        }
        for row in rows
    ]


def offers_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of offers."""
    rows = query.kept(records.PublishedOffer, order=("at_s", "digest"))
    documents = [SignedOffer.parse(row.document.encode()).offer for row in rows]
    ledger = Ledger.fold(node.facts(query.block, *{name for row in rows for name in (row.digest, row.dataset_id)}))
    return [
        {
            "digest": fields.shown(row.digest),
            "datasetId": fields.shown(row.dataset_id),
            "holder": fields.shown(row.holder),
            "licensee": fields.shown(row.licensee),
            "offer": json.loads(row.document),
            "state": offers.state(offer, Bytes32(row.digest), ledger, query.block),
        }
        for row, offer in zip(rows, documents, strict=True)
    ]


def consents_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of consents."""
    rows = query.kept(records.DepositedConsent, order=("consent_id", "dataset_id"))
    first = {row.consent_id: row for row in reversed(rows)}
    ledger, used = Ledger.fold(node.facts(query.block, *first)), query.store.subjects_of(first)
    shown: list[Row] = []
    for consent_id in sorted(first):
        signed = SignedConsent.parse(first[consent_id].document.encode())
        consent = signed.consent
        revoked = ledger.revoked(consent.subject, Bytes32(consent_id), query.block.number)
        shown.append(
            {
                "consentId": fields.shown(consent_id),
                "subject": fields.shown(consent.subject),
                "holder": fields.shown(consent.holder),
                "voiceId": fields.shown(consent.voice_id),
                "purposes": list(purposes.codes(consent.purposes)),
                "territories": list(signed.territories),
                "notBefore": consent.not_before,
                "notAfter": consent.not_after,
                "state": state(signed, revoked.time if revoked else None, query.block.time),
                "revokedAt": revoked.time if revoked else None,
                "datasets": [fields.shown(dataset_id) for dataset_id in used.get(consent_id, [])],
            }
        )
    return shown
