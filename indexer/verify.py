"""The mirror compared with the chain: read again, derived again, row by row.

The nodes' answers are checked as when they were mirrored; that headers and receipts hash to what they
claim is not proved here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from indexer.rpc.node import RangeTooLarge
from indexer.store import state
from indexer.store.facts import BLOCKS, MIRRORED, rows
from provenance.errors import Failed
from provenance.types import Address, BlockNumber, Bytes32

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Table

    from indexer.rpc.source import ChainSource
    from indexer.store.bulk import Values
    from indexer.store.mirror import ChainMirror

SPAN_BLOCKS: Final = 500


class RowDiffers(Failed):
    """A mirrored row that the chain does not have, or the other way round."""

    next = "Rebuild the mirror: provenance node replay. If it stays so, the node is wrong."


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, all of it equal."""

    first: BlockNumber
    last: BlockNumber
    rows: int


def compare(
    source: ChainSource,
    mirror: ChainMirror,
    contracts: Mapping[str, Address],
    first: BlockNumber,
    last: BlockNumber,
) -> Compared:
    """Every block, log and fact in [first, last] is the same in SQL and on chain.

    Raises:
        RowDiffers: the first one that is not, by place in the chain.
    """
    names = {address: name for name, address in contracts.items()}
    count, start, width = 0, first, SPAN_BLOCKS
    while start <= last:
        end = BlockNumber(min(last, start + width - 1))
        try:
            expected = rows(source.span(start, end, _parent(source, mirror, start)), names)
        except RangeTooLarge:
            if start == end:
                raise
            width = max(1, width // 2)
            continue
        count += _same(mirror, expected, start, end)
        start = BlockNumber(end + 1)
    return Compared(first, last, count)


def _parent(source: ChainSource, mirror: ChainMirror, block: BlockNumber) -> Bytes32:
    below = BlockNumber(block - 1)
    stored, header = mirror.hash_at(below), source.header(below)
    if header is None or stored != header.hash:
        raise RowDiffers(f"block {below}: the chain has another hash", table="blocks", block=below)
    return stored


def _same(
    mirror: ChainMirror, expected: Mapping[Table, Sequence[Values]], first: BlockNumber, last: BlockNumber
) -> int:
    """How many rows were equal."""
    differences: list[tuple[int, int, str, str]] = []
    count = 0
    for table in MIRRORED:
        on_chain, in_sql = set(expected.get(table, ())), set(state.stored(mirror.database, table, first, last))
        count += len(on_chain)
        is_block = table is BLOCKS
        differences += [(*_place(row, is_block=is_block), table.name, "missing in SQL") for row in on_chain - in_sql]
        differences += [(*_place(row, is_block=is_block), table.name, "not on chain") for row in in_sql - on_chain]
    if differences:
        block, log, name, fault = min(differences)
        where = f"block {block}" if name == BLOCKS.name else f"block {block}, log {log}"
        raise RowDiffers(f"{name}: the row of {where} is {fault}", table=name, block=block, log=log)
    return count


def _place(row: Values, *, is_block: bool) -> tuple[int, int]:
    return int(row[0] or 0), -1 if is_block or not isinstance(row[1], int) else row[1]
