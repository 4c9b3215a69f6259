"""Rows of the catalogue: the query of one page, what a filter may be, and how a row shows bytes and places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.domain import events, fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.ports import CatalogueRecords, R
    from provenance.domain.ledger import ChainBlock
    from provenance.types import Json

Row: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class PageQuery:
    """One page: which column values, which words, from where, how many, as of which block."""

    columns: dict[str, object]
    words: str
    offset: int
    limit: int
    block: ChainBlock
    store: CatalogueRecords

    def facts(self, event: type[events.Event]) -> Sequence[Mapping[Any, Any]]:
        """The page's facts of one kind."""
        return self.store.facts(event, self.columns, offset=self.offset, limit=self.limit)

    def kept(self, model: type[R], *, order: Sequence[str]) -> tuple[R, ...]:
        """The page's records of one kind."""
        return self.store.kept(model, self.columns, order=order, offset=self.offset, limit=self.limit)


def word(name: str, given: str) -> bytes:
    """A filter of 32 bytes."""
    return fields.word({name: given}, name)


def address(name: str, given: str) -> bytes:
    """A filter of 20 bytes."""
    return fields.address({name: given}, name)


def number(name: str, given: str) -> int:
    """A filter that is a whole number."""
    return fields.integer({name: given}, name, bits=64)


def text(name: str, given: str) -> str:
    """A filter that is text."""
    return fields.text({name: given}, name)


def hexed(octets: bytes | None) -> str | None:
    """Bytes as documents write them; nothing stays nothing."""
    return None if octets is None else fields.shown(octets)


def place(row: Mapping[Any, Any]) -> Row:
    """Where the chain recorded it."""
    return {"block": str(row["block"]), "tx": fields.shown(row["tx"]), "time": row["time"]}
