"""What does each list of the catalogue show in a row?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from indexer import records, tables
from indexer.gateway import deposits, leases, money, sessions
from provenance.domain import cid, events, fields, purposes, typed
from provenance.domain.consent import SignedConsent
from provenance.domain.ledger import (
    DATASET_ACTIVE,
    DATASET_HALTED,
    DATASET_REVOKED,
    DATASET_SUSPENDED,
    Block,
    Ledger,
    Settlement,
)
from provenance.errors import Unavailable
from provenance.types import Address, Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import RowMapping

    from indexer.gateway.node import Node
    from indexer.store.catalogue import CatalogueStore
    from provenance.domain.ledger import License
    from provenance.types import Json

Row: TypeAlias = "dict[str, Json]"
STATUS: Final = {
    DATASET_ACTIVE: "ACTIVE",
    DATASET_SUSPENDED: "SUSPENDED",
    DATASET_REVOKED: "REVOKED",
    DATASET_HALTED: "HALTED",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page: which column values, which words, from where, how many, as of which block."""

    names: dict[str, object]
    words: str
    offset: int
    limit: int
    at: Block


@dataclass(frozen=True, slots=True)
class Shelf:
    """One list: its filters (name → column and parser), its key, and how its rows are made."""

    rows: Callable[[Node, CatalogueStore, Wanted], list[Row]]
    filters: Mapping[str, tuple[str, Callable[[str, str], object]]]
    key: str | None = None
    searched: bool = False


def word(name: str, value: str) -> bytes:
    """A filter of 32 bytes."""
    return fields.word({name: value}, name)


def address(name: str, value: str) -> bytes:
    """A filter of 20 bytes."""
    return fields.address({name: value}, name)


def number(name: str, value: str) -> int:
    """A filter that is a whole number."""
    return fields.integer({name: value}, name, bits=64)


def text(name: str, value: str) -> str:
    """A filter that is text."""
    return fields.text({name: value}, name)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else fields.shown(value)


def _place(row: RowMapping) -> Row:
    return {"block": str(row["block"]), "tx": fields.shown(row["tx"]), "time": row["time"]}


def _datasets(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    words = deposits.search_words(wanted.words)
    found = store.datasets(wanted.names, words, offset=wanted.offset, limit=wanted.limit)
    facts = node.facts(wanted.at, *(row["dataset_id"] for row in found))
    ledger, shown = Ledger.fold(facts), []
    for row in found:
        dataset = ledger.datasets[row["dataset_id"]]
        manifest = row["deposit_manifest_cid"]
        shown.append(
            {
                "datasetId": fields.shown(dataset.id),
                "holder": fields.shown(dataset.holder(wanted.at.number)),
                "registrant": fields.shown(dataset.registrant),
                "status": STATUS.get(dataset.status(wanted.at.number), "UNKNOWN"),
                "supersededBy": _hex(dataset.superseded_by),
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
                **_place(row),
            }
        )
    return shown


def _recordings(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
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


def _licenses(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    found = store.facts(tables.GrantedLicense, wanted.names, offset=wanted.offset, limit=wanted.limit)
    subjects = {row[name] for row in found for name in ("license_id", "dataset_id")}
    ledger = Ledger.fold(node.facts(wanted.at, *subjects))
    titles = store.titles({row["dataset_id"] for row in found})
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
            **_money(node, ledger, row["license_id"], wanted.at),
            **_place(row),
        }
        for row in found
    ]


def _license_state(ledger: Ledger, license_: License, at: Block) -> str:
    """ACTIVE, SUSPENDED by the guardian's hand on the dataset, TERMINATED or EXPIRED."""
    state = license_.state(at)
    dataset = ledger.datasets.get(license_.dataset_id)
    halted = dataset is not None and dataset.halt(at.number, at.number) is not None
    return "SUSPENDED" if state == "ACTIVE" and halted else state


def _money(node: Node, ledger: Ledger, license_id: Bytes32, at: Block) -> Row:
    funded = ledger.funded(license_id, at.number)
    try:
        carry = money.carried(node, at)
    except Unavailable:
        return {"funded": str(funded), "balance": None, "arrears": None}
    owed = sum(debt.total for debt in carry.debts if debt.license_id == license_id)
    return {
        "funded": str(funded),
        "balance": str(funded - carry.spent.get(license_id, 0)),
        "arrears": str(owed),
    }


def _offers(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
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


def _accesses(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    found = store.kept(
        records.Lease, wanted.names, order=("at_s", "access_id"), offset=wanted.offset, limit=wanted.limit
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
                "recorded": _place(recorded[row.access_id]) if row.access_id in recorded else None,
                "batch": row.batch,
            }
        )
    return shown


def _refusals(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
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
        "consentId": _hex(row.consent_id),
        "block": str(row.block),
    }


def _sessions(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    found = store.kept(
        records.Session, wanted.names, order=("at_s", "session_id"), offset=wanted.offset, limit=wanted.limit
    )
    suspended = store.suspended([row.session_id for row in found])
    shown: list[Row] = []
    for row in found:
        segments = node.usage.segments(Bytes32(row.session_id))
        shown.append(
            {
                "sessionId": fields.shown(row.session_id),
                "licensee": fields.shown(row.licensee),
                **typed.to_json(sessions.session_of(row)),
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


def _segments(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
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


def _consents(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
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
        over = "EXPIRED" if wanted.at.time > said.not_after else "GIVEN"
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
                "state": "WITHDRAWN" if revoked else over,
                "revokedAt": revoked.event.at if revoked else None,
                "datasets": [fields.shown(one) for one in used.get(consent_id, [])],
            }
        )
    return shown


def _settlements(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    found = store.facts(tables.ProposedSettlement, wanted.names, offset=wanted.offset, limit=wanted.limit)
    said = {
        (one.proposed.number, one.proposed.logged.log_index): _settlement_state(one, wanted.at)
        for one in node.settlements(wanted.at)
    }
    return [
        {
            "epoch": str(row["epoch"]),
            "root": fields.shown(row["root"]),
            "usageHead": fields.shown(row["usage_head"]),
            "manifestDigest": fields.shown(row["manifest_digest"]),
            "total": str(row["total"]),
            "activeAt": row["active_at"],
            "state": said.get((row["block"], row["log_index"]), "PROPOSED"),
            **_place(row),
        }
        for row in found
    ]


def _settlement_state(one: Settlement, at: Block) -> str:
    if one.rejected:
        return "VETOED" if one.vetoed else "REJECTED"
    if len(one.challenged) > len(one.resolved):
        return "CHALLENGED"
    return "FINAL" if at.time >= one.proposed.event.active_at and not one.resolved else "PROPOSED"


def _claims(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    found = store.facts(tables.ClaimedRoyalty, wanted.names, offset=wanted.offset, limit=wanted.limit)
    return [
        {
            "payee": fields.shown(row["payee"]),
            "epoch": str(row["epoch"]),
            "to": fields.shown(row["to"]),
            "amount": str(row["amount"]),
            "cumulative": str(row["cumulative"]),
            **_place(row),
        }
        for row in found
    ]


def _artifacts(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    found = store.facts(tables.RegisteredArtifact, wanted.names, offset=wanted.offset, limit=wanted.limit)
    return [
        {
            "artifactId": fields.shown(row["artifact_id"]),
            "registrant": fields.shown(row["registrant"]),
            "kind": row["kind"],
            "parentsRoot": fields.shown(row["parents_root"]),
            "parentCount": row["parent_count"],
            "digest": fields.shown(row["digest"]),
            "licensesRoot": fields.shown(row["licenses_root"]),
            **_place(row),
        }
        for row in found
    ]


def _events(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    about = wanted.names.get("about")
    named = about.rjust(32, b"\0") if isinstance(about, bytes) else None
    by_address = {at: str(name) for name, at in node.deployment.contracts.items()}
    shown: list[Row] = []
    for row in store.logs(named, offset=wanted.offset, limit=wanted.limit):
        topics = [one for one in (row["topic0"], row["topic1"], row["topic2"], row["topic3"]) if one is not None]
        contract = by_address.get(Address(row["contract"]), "")
        try:
            event = events.decode(contract, topics, row["data"])
        except events.BadLog:
            event = None
        name = type(event).__name__ if event else None
        arguments = typed_arguments(event) if event else {}
        shown.append(
            {"contract": contract, "event": name, "arguments": arguments, "logIndex": row["log_index"], **_place(row)}
        )
    return shown


def typed_arguments(event: events.Event) -> Row:
    """An event's arguments as documents write them."""
    shown: Row = {}
    names: Iterable[tuple[str, bool, str]] = events.arguments(type(event))
    for (_, _, name), value in zip(names, (getattr(event, slot) for slot in event.__slots__), strict=True):
        shown[name] = (
            fields.shown(value) if isinstance(value, bytes) else value if isinstance(value, bool) else str(value)
        )
    return shown


def _subject(name: str, value: str) -> bytes:
    """An id or an account."""
    return address(name, value) if len(value) == 42 else word(name, value)


_WHO: Final = {"licensee": ("licensee", address), "license": ("license_id", word), "dataset": ("dataset_id", word)}
SHELVES: Final[dict[str, Shelf]] = {
    "datasets": Shelf(
        _datasets,
        {
            "dataset": ("dataset_id", word),
            "holder": ("holder", address),
            "kind": ("kind", text),
            "language": ("language", text),
        },
        key="dataset",
        searched=True,
    ),
    "recordings": Shelf(
        _recordings, {"recording": ("recording_id", word), "dataset": ("dataset_id", word)}, key="recording"
    ),
    "licenses": Shelf(_licenses, {**_WHO, "holder": ("holder", address)}, key="license"),
    "offers": Shelf(
        _offers,
        {
            "offer": ("digest", word),
            "dataset": ("dataset_id", word),
            "holder": ("holder", address),
            "licensee": ("licensee", address),
        },
        key="offer",
    ),
    "accesses": Shelf(_accesses, {**_WHO, "access": ("access_id", word)}, key="access"),
    "refusals": Shelf(_refusals, {"licensee": ("licensee", address), "license": ("license_id", word)}),
    "sessions": Shelf(
        _sessions,
        {"session": ("session_id", word), "licensee": ("licensee", address), "license": ("license_id", word)},
        key="session",
    ),
    "segments": Shelf(
        _segments,
        {"segment": ("segment_hash", word), "session": ("session_id", word), "license": ("license_id", word)},
        key="segment",
    ),
    "consents": Shelf(
        _consents,
        {
            "consent": ("consent_id", word),
            "subject": ("subject", address),
            "holder": ("holder", address),
            "dataset": ("dataset_id", word),
        },
        key="consent",
    ),
    "settlements": Shelf(_settlements, {"epoch": ("epoch", number)}, key="epoch"),
    "claims": Shelf(_claims, {"payee": ("payee", address), "epoch": ("epoch", number)}),
    "artifacts": Shelf(
        _artifacts, {"artifact": ("artifact_id", word), "registrant": ("registrant", address)}, key="artifact"
    ),
    "events": Shelf(_events, {"about": ("about", _subject)}),
}
