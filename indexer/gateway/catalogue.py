"""How are datasets, licenses, leases, usage and payouts listed, as of which block?

Rows are shown as documents write things: bytes as 0x-hex, wide integers as strings. `SHELVES` names
each list, what it can be filtered by and how its rows are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.gateway import shelves
from indexer.store.catalogue import PAGE, CatalogueStore
from provenance.domain import fields, record
from provenance.domain.messages import AsOf, Page
from provenance.errors import Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.gateway.node import Node
    from provenance.types import Json

MOST: Final = PAGE


class UnknownFilter(Invalid):
    """A list that cannot be narrowed by this."""

    code = "unknown-filter"


class UnknownList(Missing):
    """No list of this name."""

    code = "unknown-list"
    next = f"Ask for one of: {', '.join(sorted(shelves.SHELVES))}."


def page(node: Node, kind: str, query: Mapping[str, str]) -> Page:
    """One page of a list.

    Raises:
        UnknownList, UnknownFilter: naming what there is.
    """
    shelf = shelves.SHELVES.get(kind)
    if shelf is None:
        raise UnknownList(f"there is no list {kind[:40]!r}")
    wanted = dict(query)
    offset, limit = _number(wanted.pop("after", "0"), "after"), _number(wanted.pop("limit", str(MOST)), "limit")
    limit = max(1, min(limit, MOST))
    words = wanted.pop("q", "") if shelf.searched else ""
    if words:
        fields.text({"q": words}, "q")
    unknown = sorted(set(wanted) - set(shelf.filters))
    if unknown:
        known = ", ".join([*shelf.filters, *(["q"] if shelf.searched else [])])
        raise UnknownFilter(f"{kind} cannot be narrowed by {unknown[0][:40]!r}", next=f"Use one of: {known}.")
    names = {shelf.filters[name][0]: shelf.filters[name][1](name, value) for name, value in wanted.items()}
    at = node.newest()
    store = CatalogueStore(node.database, at.number)
    items = shelf.rows(node, store, shelves.Wanted(names, words, offset, limit, at))
    node.check_pinned(at)
    following = str(offset + limit) if len(items) == limit else None
    return Page(tuple(items), following, AsOf(at.number, at.hash, node.finality))


def one(node: Node, kind: str, name: str) -> dict[str, Json]:
    """The one row under an id, with the block it was read at."""
    shelf = shelves.SHELVES.get(kind)
    if shelf is None or shelf.key is None:
        raise UnknownList(f"there is no list {kind[:40]!r}")
    found = page(node, kind, {shelf.key: name, "limit": "1"})
    if not found.items:
        raise Missing(f"nothing under {name[:80]} in {kind}")
    return {**found.items[0], "asOf": record.write(found.as_of)}


def _number(text: str, name: str) -> int:
    value: Any = fields.integer({name: text}, name, bits=31)
    return int(value)
