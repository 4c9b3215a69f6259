"""Traces: what one use rests on. Receipt → license → terms → recording → consent, with transactions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.app import settle
from provenance.domain import fields, purposes
from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED
from provenance.domain.settlement import tables
from provenance.domain.usage import Use, outcome_label, unit_label
from provenance.errors import Failed, Invalid, Missing

if TYPE_CHECKING:
    from provenance.app.audit.evidence import AuditedBatch, Evidence
    from provenance.domain.batch import SegmentEntry
    from provenance.domain.typed import Consent
    from provenance.types import ConsentId, Json, ReceiptId, RecordingId


class UnknownReceipt(Missing):
    """No anchored segment holds this receipt."""

    next = "`Meter.record` returned its id to the licensee; it can be traced once its batch is anchored."


@dataclass(frozen=True, slots=True)
class Trace:
    """What a receipt rests on, as `--json` prints it."""

    document: dict[str, Json]


def trace(evidence: Evidence, receipt_id: ReceiptId) -> Trace:
    """Everything behind one use.

    Raises:
        UnknownReceipt: not in any anchored segment that can be read.
    """
    anchored, entry, use = _use_of(evidence, receipt_id)
    license_ = evidence.license(use.receipt.license_id)
    dataset = evidence.dataset_of(license_.id)

    return Trace(
        {
            "receipt": _receipt(use),
            "segment": {
                "cid": str(entry.cid),
                "acknowledgedAtMs": str(entry.received_at_ms),
                "batch": fields.shown(anchored.fact.event.data_digest),
                "tx": fields.shown(anchored.fact.logged.tx),
                "block": anchored.fact.number,
            },
            "license": {
                "id": fields.shown(license_.id),
                "licensee": fields.shown(license_.licensee),
                "holder": fields.shown(license_.holder),
                "purposes": list(purposes.codes(license_.purposes)),
                "tx": fields.shown(license_.granted.logged.tx),
                "block": license_.granted.number,
            },
            "terms": {
                "termsHash": fields.shown(dataset.terms_hash),
                "territories": list(evidence.terms(dataset).territories),
            },
            "dataset": {
                "id": fields.shown(dataset.id),
                "title": evidence.manifest(dataset).title,
                "tx": fields.shown(dataset.registered.logged.tx),
                "block": dataset.registered.number,
            },
            "settlement": _settlement(evidence, anchored, receipt_id),
            "recordings": [_recording(evidence, use, recording, ppm) for recording, ppm in use.weights],
        }
    )


def _use_of(evidence: Evidence, receipt_id: ReceiptId) -> tuple[AuditedBatch, SegmentEntry, Use]:
    for anchored, entry in evidence.segments():
        with suppress(Missing, Failed, Invalid):  # of a segment that nobody can read no receipt is known
            for use in evidence.uses(entry):
                if use.receipt.receipt_id == receipt_id:
                    return anchored, entry, use
    raise UnknownReceipt(
        f"no anchored segment holds receipt {fields.shown(receipt_id)}", receipt=fields.shown(receipt_id)
    )


def _settlement(evidence: Evidence, anchored: AuditedBatch, receipt_id: ReceiptId) -> dict[str, Json] | None:
    """The epoch that settled the receipt, and whether it counted there; None if none did yet."""
    for settlement in evidence.standing:
        published = settle.published(evidence.content, settlement.proposed.event.manifest_digest)
        if fields.integer(fields.mapping(published.manifest, "cutoffBlock"), "number", bits=53) < anchored.fact.number:
            continue
        _, rows = tables.parse(settle.document(evidence.content, published, "rejected"), "provenance/rejected")
        reason = next((row.get("reason") for row in rows if fields.word(row, "receiptId") == receipt_id), None)
        return {
            "epoch": settlement.epoch,
            "verdict": "rejected" if reason else "counted",
            "reason": reason,
            "manifest": str(published.cid),
            "tx": fields.shown(settlement.proposed.logged.tx),
            "block": settlement.proposed.number,
        }
    return None


def _receipt(use: Use) -> dict[str, Json]:
    receipt = use.receipt
    return {
        "id": fields.shown(receipt.receipt_id),
        "session": fields.shown(receipt.session_id),
        "seq": receipt.seq,
        "purpose": purposes.label(receipt.purpose),
        "territory": receipt.territory.decode("ascii", "replace"),
        "outcome": outcome_label(receipt.outcome),
        "units": str(receipt.units),
        "unit": unit_label(receipt.unit),
        "model": fields.shown(receipt.model_id),
        "output": fields.shown(receipt.output_commit),
        "occurredAtMs": str(receipt.occurred_at_ms),
    }


def _recording(evidence: Evidence, use: Use, recording: RecordingId, ppm: int) -> dict[str, Json]:
    if recording in (UNATTRIBUTED, ELSEWHERE):
        return {"id": "unattributed" if recording == UNATTRIBUTED else "elsewhere", "ppm": ppm}
    dataset = evidence.dataset_of(use.receipt.license_id)
    index = evidence.recordings(dataset).get(recording)
    if index is None:
        return {"id": fields.shown(recording), "ppm": ppm, "note": "not of the licensed dataset"}
    manifest = evidence.manifest(dataset)
    domains = evidence.chain.deployment.domains
    signed = manifest.consents_by_id(domains.consent)
    accesses: list[Json] = [
        {"id": fields.shown(fact.event.receipt_hash), "tx": fields.shown(fact.logged.tx), "block": fact.number}
        for _, entry in evidence.accesses()
        if recording in entry.recordings and entry.request.license_id == use.receipt.license_id
        for fact in evidence.ledger.access_by_id.get(entry.receipt(domains.access), ())
        if entry.recorded_by(fact.event)
    ]
    return {
        "id": fields.shown(recording),
        "index": index,
        "name": manifest.recordings[index].name,
        "ppm": ppm,
        "accesses": accesses,
        "consents": [
            _consent(evidence, consent_id, signed[consent_id].consent)
            for consent_id in manifest.recordings[index].consent_ids
            if consent_id in signed
        ],
    }


def _consent(evidence: Evidence, consent_id: ConsentId, consent: Consent) -> dict[str, Json]:
    revoked = evidence.ledger.revoked(consent.subject, consent_id, evidence.head.number)
    return {
        "id": fields.shown(consent_id),
        "subject": fields.shown(consent.subject),
        "purposes": list(purposes.codes(consent.purposes)),
        "notAfter": consent.not_after,
        "revokedTx": fields.shown(revoked.logged.tx) if revoked else None,
        "revokedBlock": revoked.number if revoked else None,
    }
