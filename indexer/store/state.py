"""The mirror's state as one digest over every fact, and the first table in which two mirrors differ."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import Column, Table, select

from indexer.store.facts import BLOCKS, MIRRORED
from provenance.types import BlockNumber, Bytes32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.store.bulk import Values
    from indexer.store.database import Database


def digests(database: Database, last: BlockNumber) -> dict[str, Bytes32]:
    """SHA-256 of each mirrored table's rows up to a block, in chain order, whatever the database."""
    by_table: dict[str, Bytes32] = {}
    with database.read() as connection:
        for table in MIRRORED:
            digest = hashlib.sha256()
            query = select(table).where(_block(table) <= last).order_by(*table.primary_key.columns)
            for row in connection.execute(query).yield_per(5_000):
                digest.update(b"".join(map(_field, row)))
            by_table[table.name] = Bytes32(digest.digest())
    return by_table


def stored(database: Database, table: Table, first: BlockNumber, last: BlockNumber) -> tuple[Values, ...]:
    """The rows of one mirrored table in [first, last], in chain order."""
    query = select(table).where(_block(table).between(first, last)).order_by(*table.primary_key.columns)
    return tuple(map(tuple, database.rows(query)))


def digest(by_table: Mapping[str, Bytes32]) -> Bytes32:
    """One digest for all of them."""
    return Bytes32(hashlib.sha256(b"".join(name.encode() + by_table[name] for name in sorted(by_table))).digest())


def first_difference(left: Mapping[str, Bytes32], right: Mapping[str, Bytes32]) -> str | None:
    """The first table, in the schema's order, whose rows differ."""
    return next((name for name in left if left[name] != right.get(name)), None)


def _block(table: Table) -> Column[int]:
    column: Column[int] = table.c.number if table is BLOCKS else table.c.block
    return column


def _field(cell: object) -> bytes:
    """Type, length and bytes of one cell: no two rows read alike."""
    if cell is None:
        return b"n"
    kind, text = (b"b", bytes(cell)) if isinstance(cell, bytes | memoryview) else (b"s", str(cell).encode())
    if isinstance(cell, int):
        kind, text = b"i", str(int(cell)).encode()
    return kind + len(text).to_bytes(8, "big") + text
