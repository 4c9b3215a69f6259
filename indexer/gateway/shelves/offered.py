"""What do rights holders and voice owners show: datasets, recordings, offers, consents?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from indexer import records
from indexer.gateway import deposits
from indexer.gateway.shelves.row import Row, Wanted, hexed, place
from provenance.domain import cid, fields, purposes
from provenance.domain.consent import SignedConsent
from provenance.domain.ledger import (
    DATASET_ACTIVE,
    DATASET_HALTED,
    DATASET_REVOKED,
    DATASET_SUSPENDED,
    Ledger,
)
from provenance.domain.rules.consent import state
from provenance.types import Bytes32

if TYPE_CHECKING:
    from indexer.gateway.node import Node
    from indexer.store.catalogue import CatalogueStore

STATUS: Final = {
    DATASET_ACTIVE: "ACTIVE",
    DATASET_SUSPENDED: "SUSPENDED",
    DATASET_REVOKED: "REVOKED",
    DATASET_HALTED: "HALTED",
}


def datasets_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of datasets."""
    words = deposits.search_words(wanted.words)
    found = store.datasets(wanted.names, words, offset=wanted.offset, limit=wanted.limit)
    facts = node.facts(wanted.at, *(row["dataset_id"] for row in found))
    ledger, shown = Ledger.fold(facts), []
    for row in found:
        dataset = ledger.datasets.get(row["dataset_id"])
        if dataset is None:  # undone meanwhile: the page is refused as a whole
            continue
        manifest = row["deposit_manifest_cid"]
        shown.append(
            {
                "datasetId": fields.shown(dataset.id),
                "holder": fields.shown(dataset.holder(wanted.at.number)),
                "registrant": fields.shown(dataset.registrant),
                "status": STATUS.get(dataset.status(wanted.at.number), "UNKNOWN"),
                "supersededBy": hexed(dataset.superseded_by),
                "title": row["deposit_title"],
                "kind": row["deposit_kind"],
                "language": row["deposit_language"],
                "tags": json.loads(row["deposit_tags"] or "[]"),
                "items": dataset.items,
                "durationMs": row["deposit_duration_ms"],
                "manifestRoot": fields.shown(dataset.manifest_root),
                "manifest": manifest or str(cid.Cid("raw", dataset.manifest_digest)),
                "termsHash": fields.shown(dataset.terms_hash),
                "terms": str(cid.Cid("raw", dataset.terms_hash)),
                "splitHash": fields.shown(dataset.registered.event.split_hash),
                "gateway": fields.shown(node.address) if manifest else None,
                **place(row),
            }
        )
    return shown


def recordings_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of recordings."""
    found = store.kept(
        records.DepositedRecording,
        wanted.names,
        order=("dataset_id", "index"),
        offset=wanted.offset,
        limit=wanted.limit,
    )
    quality = {key: one.quality for key, one in node.custody.judged([row.object_id for row in found]).items()}
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
        for row in found
    ]


def offers_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of offers."""
    found = store.kept(
        records.PublishedOffer, wanted.names, order=("at_s", "digest"), offset=wanted.offset, limit=wanted.limit
    )
    ledger = Ledger.fold(node.facts(wanted.at, *(row.digest for row in found)))
    return [
        {
            "digest": fields.shown(row.digest),
            "datasetId": fields.shown(row.dataset_id),
            "holder": fields.shown(row.holder),
            "licensee": fields.shown(row.licensee),
            "offer": json.loads(row.document),
            "state": "CANCELLED"
            if (row.holder, row.digest) in ledger.cancelled
            else "EXPIRED"
            if json.loads(row.document)["deadline"] < wanted.at.time
            else "OPEN",
        }
        for row in found
    ]


def consents_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of consents."""
    found = store.kept(
        records.DepositedConsent,
        wanted.names,
        order=("consent_id", "dataset_id"),
        offset=wanted.offset,
        limit=wanted.limit,
    )
    first = {row.consent_id: row for row in reversed(found)}
    ledger, used = Ledger.fold(node.facts(wanted.at, *first)), store.subjects_of(first)
    shown: list[Row] = []
    for consent_id in sorted(first):
        signed = SignedConsent.parse(first[consent_id].document.encode())
        said = signed.consent
        revoked = ledger.revoked(said.subject, Bytes32(consent_id), wanted.at.number)
        shown.append(
            {
                "consentId": fields.shown(consent_id),
                "subject": fields.shown(said.subject),
                "holder": fields.shown(said.holder),
                "voiceId": fields.shown(said.voice_id),
                "purposes": list(purposes.codes(said.purposes)),
                "territories": list(signed.territories),
                "notBefore": said.not_before,
                "notAfter": said.not_after,
                "state": state(signed, revoked.time if revoked else None, wanted.at.time),
                "revokedAt": revoked.event.at if revoked else None,
                "datasets": [fields.shown(one) for one in used.get(consent_id, [])],
            }
        )
    return shown
