"""Lists of what was settled and claimed, of artifacts, and of every event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.gateway.catalogue.row import PageQuery, Row, place
from provenance.domain import events, fields
from provenance.types import Address

if TYPE_CHECKING:
    from indexer.gateway.node import GatewayNode
    from provenance.domain.ledger import (
        ChainBlock,
        Settlement,
    )


def settlements_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of settlements."""
    rows = query.facts(events.SettlementProposed)
    known = {
        (settlement.proposed.number, settlement.proposed.logged.log_index): settlement
        for settlement in node.settlements(query.block)
    }
    standing = [known.get((row["block"], row["log_index"])) for row in rows]
    return [
        {
            "epoch": str(row["epoch"]),
            "root": fields.shown(row["root"]),
            "usageHead": fields.shown(row["usage_head"]),
            "manifestDigest": fields.shown(row["manifest_digest"]),
            "total": str(row["total"]),
            "activeAt": settlement.active_at if settlement else row["active_at"],
            "state": _settlement_state(settlement, query.block) if settlement else "PROPOSED",
            **place(row),
        }
        for row, settlement in zip(rows, standing, strict=True)
    ]


def _settlement_state(settlement: Settlement, block: ChainBlock) -> str:
    if settlement.rejected:
        return "VETOED" if settlement.vetoed else "REJECTED"
    if settlement.disputed:
        return "CHALLENGED"
    return "FINAL" if block.time >= settlement.active_at else "PROPOSED"


def claims_rows(_node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of claims."""
    return [
        {
            "payee": fields.shown(row["payee"]),
            "epoch": str(row["epoch"]),
            "to": fields.shown(row["to"]),
            "amount": str(row["amount"]),
            "cumulative": str(row["cumulative"]),
            **place(row),
        }
        for row in query.facts(events.RoyaltyClaimed)
    ]


def artifacts_rows(_node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of artifacts."""
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
        for row in query.facts(events.ArtifactRegistered)
    ]


def events_rows(node: GatewayNode, query: PageQuery) -> list[Row]:
    """The rows of events."""
    about = query.columns.get("about")
    named = about.rjust(32, b"\0") if isinstance(about, bytes) else None
    by_address = {address: str(name) for name, address in node.deployment.contracts.items()}
    shown: list[Row] = []
    for row in query.store.logs(named, offset=query.offset, limit=query.limit):
        topics = [row[name] for name in ("topic0", "topic1", "topic2", "topic3") if row[name] is not None]
        contract = by_address.get(Address(row["contract"]), "")
        try:
            event = events.decode(contract, topics, row["data"])
        except events.BadLog:
            event = None
        shown.append(
            {
                "contract": contract,
                "event": type(event).__name__ if event else None,
                "arguments": typed_arguments(event) if event else {},
                "logIndex": row["log_index"],
                **place(row),
            }
        )
    return shown


def typed_arguments(event: events.Event) -> Row:
    """An event's arguments as documents write them."""
    return {
        name: fields.shown(argument)
        if isinstance(argument, bytes)
        else argument
        if isinstance(argument, bool)
        else str(argument)
        for (_, _, name), argument in zip(events.arguments(type(event)), events.values(event), strict=True)
    }
