"""What have all rows of the catalogue in common?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.domain import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.domain.ledger import (
        ChainBlock,
    )
    from provenance.types import Json

Row: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page: which column values, which words, from where, how many, as of which block."""

    names: dict[str, object]
    words: str
    offset: int
    limit: int
    at: ChainBlock


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


def hexed(value: bytes | None) -> str | None:
    """Bytes as documents write them; nothing stays nothing."""
    return None if value is None else fields.shown(value)


def place(row: Mapping[Any, Any]) -> Row:
    """Where the chain recorded it."""
    return {"block": str(row["block"]), "tx": fields.shown(row["tx"]), "time": row["time"]}
