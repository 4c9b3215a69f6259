"""What was settled and claimed, made of it, and emitted?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.gateway.shelves.row import Row, Wanted, place
from provenance.domain import events, fields
from provenance.types import Address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.gateway.node import Node
    from indexer.store.catalogue import CatalogueStore
    from provenance.domain.ledger import (
        ChainBlock,
        Settlement,
    )


def settlements_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of settlements."""
    found = store.facts(events.SettlementProposed, wanted.names, offset=wanted.offset, limit=wanted.limit)
    known = {(one.proposed.number, one.proposed.logged.log_index): one for one in node.settlements(wanted.at)}
    standing = [known.get((row["block"], row["log_index"])) for row in found]
    return [
        {
            "epoch": str(row["epoch"]),
            "root": fields.shown(row["root"]),
            "usageHead": fields.shown(row["usage_head"]),
            "manifestDigest": fields.shown(row["manifest_digest"]),
            "total": str(row["total"]),
            "activeAt": one.active_at if one else row["active_at"],
            "state": _settlement_state(one, wanted.at) if one else "PROPOSED",
            **place(row),
        }
        for row, one in zip(found, standing, strict=True)
    ]


def _settlement_state(one: Settlement, at: ChainBlock) -> str:
    if one.rejected:
        return "VETOED" if one.vetoed else "REJECTED"
    if one.disputed:
        return "CHALLENGED"
    return "FINAL" if at.time >= one.active_at else "PROPOSED"


def claims_rows(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of claims."""
    found = store.facts(events.RoyaltyClaimed, wanted.names, offset=wanted.offset, limit=wanted.limit)
    return [
        {
            "payee": fields.shown(row["payee"]),
            "epoch": str(row["epoch"]),
            "to": fields.shown(row["to"]),
            "amount": str(row["amount"]),
            "cumulative": str(row["cumulative"]),
            **place(row),
        }
        for row in found
    ]


def artifacts_rows(_node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of artifacts."""
    found = store.facts(events.ArtifactRegistered, wanted.names, offset=wanted.offset, limit=wanted.limit)
    return [
        {
            "artifactId": fields.shown(row["artifact_id"]),
            "registrant": fields.shown(row["registrant"]),
            "kind": row["kind"],
            "parentsRoot": fields.shown(row["parents_root"]),
            "parentCount": row["parent_count"],
            "digest": fields.shown(row["digest"]),
            "licensesRoot": fields.shown(row["licenses_root"]),
            **place(row),
        }
        for row in found
    ]


def events_rows(node: Node, store: CatalogueStore, wanted: Wanted) -> list[Row]:
    """The rows of events."""
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
            {"contract": contract, "event": name, "arguments": arguments, "logIndex": row["log_index"], **place(row)}
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
