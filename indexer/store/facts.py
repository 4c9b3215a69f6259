"""Facts: the mirrored chain as tables, one for each event, derived from the events' own ABI strings.

- A block's number is its key. What hangs on a block (`LOGS`, `QUARANTINE`, `FACTS`) dies with it by one
  cascading delete; nothing is ever updated.
- A fact's columns are the event's arguments in order, its values those of `events.decode`.
- Raw logs are kept, so that a new decoder needs no node.

What the operator itself decides is in `records`.
"""

from __future__ import annotations

import re
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Row, String, Table
from sqlmodel import SQLModel

from indexer.columns import Uint
from provenance.domain import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.types import TypeEngine

    from indexer.blocks import BlockHeader, Span
    from indexer.store.bulk import Values
    from provenance.types import Address

INDEXED: Final = frozenset(
    {
        *("dataset_id", "old_id", "pool_id", "consent_id", "license_id", "session_id", "artifact_id"),
        *("holder", "subject", "wallet", "licensee", "accessor", "meter", "payee", "account"),
        *("epoch", "memo", "offer_digest", "receipt_hash"),
    }
)
"""The arguments that facts are selected by; an event's column of such a name has an index."""

_SQL: Final[Mapping[str, type[TypeEngine[Any]]]] = {
    "address": LargeBinary,
    "bytes32": LargeBinary,
    "bytes": LargeBinary,
    "bool": Boolean,
    **{f"uint{bits}": BigInteger if bits < 64 else Uint for bits in range(8, 257, 8)},  # BIGINT is signed
}
"""The column types that hold every value of a Solidity type exactly."""

_required = partial(Column, nullable=False)


def _on_block(name: str, *columns: Column[Any]) -> Table:
    """A table whose rows die with their block."""
    return Table(
        name,
        SQLModel.metadata,
        Column("block", BigInteger, ForeignKey("blocks.number", ondelete="CASCADE"), primary_key=True),
        Column("log_index", BigInteger, primary_key=True),
        *columns,
        sqlite_with_rowid=False,
    )


BLOCKS: Final = Table(
    "blocks",
    SQLModel.metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _required("hash", LargeBinary),
    _required("parent", LargeBinary),
    _required("time", BigInteger),
    sqlite_with_rowid=False,
)
LOGS: Final = _on_block(
    "logs",
    _required("tx", LargeBinary),
    _required("contract", LargeBinary, index=True),
    Column("topic0", LargeBinary),
    *(Column(f"topic{i}", LargeBinary, index=True) for i in (1, 2, 3)),
    _required("data", LargeBinary),
)
QUARANTINE: Final = _on_block("quarantine", _required("reason", String))
"""Logs under one of our topics that are not encoded like our event, and why."""

CURSOR: Final = Table(
    "cursor",
    SQLModel.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _required("chain_id", BigInteger),
    _required("genesis", LargeBinary),
    _required("contracts", LargeBinary),
    _required("first_block", BigInteger),
    _required("number", BigInteger),
    _required("hash", LargeBinary),
    _required("final", BigInteger),
    _required("final_hash", LargeBinary),
)
"""How far the chain has been mirrored: a single row."""

FACTS: Final[Mapping[type[events.Event], Table]] = MappingProxyType(
    {
        event: _on_block(
            re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower(),
            *(
                _required(name, _SQL[kind], index=name in INDEXED)
                for name, (kind, _, _) in zip(event.__slots__, events.arguments(event), strict=True)
            ),
        )
        for event in events.EVENTS
    }
)
MIRRORED: Final = (BLOCKS, LOGS, QUARANTINE, *FACTS.values())


def rows(span: Span, names: Mapping[Address, str]) -> dict[Table, list[Values]]:
    """What a span of blocks leaves in each table.

    Args:
        span: checked blocks and logs.
        names: contract names by address; every log's contract is among them.
    """
    by_table: dict[Table, list[Values]] = {
        BLOCKS: [block_row(header) for header in span.headers],
        LOGS: [
            (log.block, log.log_index, log.tx, log.contract, *(*log.topics, None, None, None, None)[:4], log.data)
            for log in span.logs
        ],
    }
    for log in span.logs:
        fact = decoded(names[log.contract], log.topics, log.data)
        if fact is not None:
            table, values = fact
            by_table.setdefault(table, []).append((log.block, log.log_index, *values))
    return by_table


def decoded(contract: str, topics: tuple[bytes, ...], data: bytes) -> tuple[Table, Values] | None:
    """The row of one log: of its event's table, of the quarantine, or none where the topic is not ours."""
    try:
        event = events.decode(contract, topics, data)
    except events.BadLog as error:
        return QUARANTINE, (error.detail,)
    return None if event is None else (FACTS[type(event)], events.values(event))


def block_row(block: BlockHeader) -> Values:
    """The block's row."""
    return (block.number, block.hash, block.parent, block.time)


def topics_of(row: Row[*tuple[Any, ...]]) -> tuple[bytes, ...]:
    """The topics of one row of `LOGS`."""
    return tuple(topic for topic in (row.topic0, row.topic1, row.topic2, row.topic3) if topic is not None)
