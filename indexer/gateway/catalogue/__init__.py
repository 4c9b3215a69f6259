"""The catalogue: datasets, licenses, leases, usage and payouts in lists, as of one block.

Rows are shown as documents write things: bytes as 0x-hex, wide integers as strings. `LISTS` names
each list, what it can be filtered by and how its rows are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from indexer.gateway.catalogue import payouts, rights, use
from indexer.gateway.catalogue.row import PageQuery, Row, address, number, text, word
from indexer.store.catalogue import PAGE
from provenance.domain import fields, record
from provenance.domain.messages import AsOf, Page
from provenance.errors import Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.gateway.node import GatewayNode
    from provenance.types import Json

__all__ = ["LISTS", "UnknownFilter", "UnknownList", "entry", "page"]


@dataclass(frozen=True, slots=True)
class CatalogueList:
    """One list: its filters (name → column and parser), its key, and how its rows are made."""

    rows: Callable[[GatewayNode, PageQuery], list[Row]]
    filters: Mapping[str, tuple[str, Callable[[str, str], object]]]
    key: str | None = None
    searched: bool = False


def _subject(name: str, given: str) -> bytes:
    """An id or an account."""
    return address(name, given) if len(given) == 42 else word(name, given)


_WHO: Final = {"licensee": ("licensee", address), "license": ("license_id", word), "dataset": ("dataset_id", word)}
LISTS: Final[dict[str, CatalogueList]] = {
    "datasets": CatalogueList(
        rights.datasets_rows,
        {
            "dataset": ("dataset_id", word),
            "holder": ("holder", address),
            "kind": ("kind", text),
            "language": ("language", text),
        },
        key="dataset",
        searched=True,
    ),
    "recordings": CatalogueList(
        rights.recordings_rows, {"recording": ("recording_id", word), "dataset": ("dataset_id", word)}, key="recording"
    ),
    "licenses": CatalogueList(use.licenses_rows, {**_WHO, "holder": ("holder", address)}, key="license"),
    "offers": CatalogueList(
        rights.offers_rows,
        {
            "offer": ("digest", word),
            "dataset": ("dataset_id", word),
            "holder": ("holder", address),
            "licensee": ("licensee", address),
        },
        key="offer",
    ),
    "accesses": CatalogueList(use.accesses_rows, {**_WHO, "access": ("access_id", word)}, key="access"),
    "refusals": CatalogueList(use.refusals_rows, {"licensee": ("licensee", address), "license": ("license_id", word)}),
    "sessions": CatalogueList(
        use.sessions_rows,
        {"session": ("session_id", word), "licensee": ("licensee", address), "license": ("license_id", word)},
        key="session",
    ),
    "segments": CatalogueList(
        use.segments_rows,
        {"segment": ("segment_hash", word), "session": ("session_id", word), "license": ("license_id", word)},
        key="segment",
    ),
    "consents": CatalogueList(
        rights.consents_rows,
        {
            "consent": ("consent_id", word),
            "subject": ("subject", address),
            "holder": ("holder", address),
            "dataset": ("dataset_id", word),
        },
        key="consent",
    ),
    "settlements": CatalogueList(payouts.settlements_rows, {"epoch": ("epoch", number)}, key="epoch"),
    "claims": CatalogueList(payouts.claims_rows, {"payee": ("payee", address), "epoch": ("epoch", number)}),
    "artifacts": CatalogueList(
        payouts.artifacts_rows,
        {"artifact": ("artifact_id", word), "registrant": ("registrant", address)},
        key="artifact",
    ),
    "events": CatalogueList(payouts.events_rows, {"about": ("about", _subject)}),
}


class UnknownFilter(Invalid):
    """A list that cannot be narrowed by this."""


class UnknownList(Missing):
    """No list of this name."""

    next = f"Ask for one of: {', '.join(sorted(LISTS))}."


def page(node: GatewayNode, kind: str, query: Mapping[str, str]) -> Page:
    """One page of a list.

    Raises:
        UnknownList, UnknownFilter: naming what there is.
    """
    listing = LISTS.get(kind)
    if listing is None:
        raise UnknownList(f"there is no list {kind[:40]!r}")
    wanted = dict(query)
    offset = fields.integer({"after": wanted.pop("after", "0")}, "after", bits=31)
    limit = max(1, min(fields.integer({"limit": wanted.pop("limit", str(PAGE))}, "limit", bits=31), PAGE))
    words = wanted.pop("q", "") if listing.searched else ""
    if words:
        fields.text({"q": words}, "q")
    unknown = sorted(set(wanted) - set(listing.filters))
    if unknown:
        known = ", ".join([*listing.filters, *(["q"] if listing.searched else [])])
        raise UnknownFilter(f"{kind} cannot be narrowed by {unknown[0][:40]!r}", next=f"Use one of: {known}.")
    columns = {listing.filters[name][0]: listing.filters[name][1](name, given) for name, given in wanted.items()}
    block = node.newest()
    rows = listing.rows(node, PageQuery(columns, words, offset, limit, block, node.stores.catalogue(block.number)))
    node.check_pinned(block)
    return Page(
        tuple(rows),
        str(offset + limit) if len(rows) == limit else None,
        AsOf(block.number, block.hash, node.finality),
    )


def entry(node: GatewayNode, kind: str, name: str) -> dict[str, Json]:
    """The one row under an id, with the block it was read at."""
    listing = LISTS.get(kind)
    if listing is None or listing.key is None:
        raise UnknownList(f"there is no list {kind[:40]!r}")
    only = page(node, kind, {listing.key: name, "limit": "1"})
    if not only.items:
        raise Missing(f"nothing under {name[:80]} in {kind}")
    return {**only.items[0], "asOf": record.write(only.as_of)}
