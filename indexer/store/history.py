"""Events in chain order: the mirror's side of the port `Events`.

The raw logs are decoded again as they are read, so an answer never depends on how a row was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, true

from indexer.store.facts import BLOCKS, LOGS, QUARANTINE, topics_of
from indexer.store.mirror import NotMirrored, Position, read_position
from provenance.domain import events
from provenance.domain.ledger import ChainBlock, Logged
from provenance.errors import Broken
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexer.store.database import Database

_BLOCK: Final = select(BLOCKS.c.number, BLOCKS.c.hash, BLOCKS.c.time)
_CHUNK: Final = 5_000  # rows fetched at a time, so that memory does not grow with the history


@dataclass(frozen=True, slots=True)
class History:
    """The events of one deployment as the mirror has them."""

    database: Database
    contracts: Mapping[str, Address]

    def upto(self, last: BlockNumber) -> Iterator[Logged]:
        """Every event up to a block, in chain order, from one snapshot.

        Raises:
            NotMirrored: the mirror ends before that block.
        """
        return self._selected(true(), last)

    def events_about(self, *subjects: bytes, last: BlockNumber) -> tuple[Logged, ...]:
        """The events that name any of these ids or accounts in an indexed argument, in chain order."""
        words = [subject.rjust(32, b"\0") for subject in subjects]
        named = or_(LOGS.c.topic1.in_(words), LOGS.c.topic2.in_(words), LOGS.c.topic3.in_(words))
        return tuple(self._selected(named, last))

    def events_of(self, *kinds: type[events.Event], last: BlockNumber) -> tuple[Logged, ...]:
        """The events of these kinds up to a block, in chain order."""
        return tuple(self._selected(LOGS.c.topic0.in_(map(events.topic, kinds)), last))

    def block(self, number: BlockNumber) -> ChainBlock:
        """The mirrored block.

        Raises:
            NotMirrored: it is not part of the mirror.
        """
        rows = self.database.rows(_BLOCK.where(BLOCKS.c.number == number))
        if not rows:
            raise NotMirrored(f"block {number} is not mirrored", block=number)
        return _block(rows[0])

    def head(self, *, final: bool = False) -> ChainBlock:
        """The newest mirrored block, or with `final` the newest one that nothing may change."""
        with self.database.read() as connection:
            position = _position(connection)
            number = position.final if final else position.number
            return _block(connection.execute(_BLOCK.where(BLOCKS.c.number == number)).one())

    def _selected(self, condition: ColumnElement[bool], last: BlockNumber) -> Iterator[Logged]:
        names = {address: name for name, address in self.contracts.items()}
        query = (
            select(LOGS, BLOCKS.c.hash, BLOCKS.c.time)
            .join(BLOCKS, BLOCKS.c.number == LOGS.c.block)
            .outerjoin(
                QUARANTINE,
                and_(QUARANTINE.c.block == LOGS.c.block, QUARANTINE.c.log_index == LOGS.c.log_index),
            )
            .where(condition & (LOGS.c.block <= last) & QUARANTINE.c.reason.is_(None))
            .order_by(LOGS.c.block, LOGS.c.log_index)
        )
        with self.database.read() as connection:
            position = _position(connection)
            if position.number < last:
                raise NotMirrored(f"the mirror is at block {position.number}, asked was {last}", block=last)
            for row in connection.execute(query).yield_per(_CHUNK):
                event = events.decode(names.get(Address(row.contract), ""), topics_of(row), row.data)
                if event is not None:
                    block = ChainBlock(BlockNumber(row.block), Bytes32(row.hash), UnixSeconds(row.time))
                    yield Logged(block, Bytes32(row.tx), row.log_index, Address(row.contract), event)


def _position(connection: Connection) -> Position:
    position = read_position(connection)
    if position is None:
        raise NotMirrored("nothing has been mirrored yet")
    return position


def _block(row: Row[*tuple[Any, ...]]) -> ChainBlock:
    number, digest, time = row
    if len(digest) != 32:
        raise Broken("a mirrored block without a hash")
    return ChainBlock(BlockNumber(number), Bytes32(digest), UnixSeconds(time))
