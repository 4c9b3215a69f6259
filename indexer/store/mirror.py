"""The mirror's writing side: blocks enter and leave.

A span of blocks, its rows and the cursor are one transaction; a forked branch leaves in the same one.
Reading the facts is left to `history` and `catalogue`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, RowMapping, Table, delete, insert, select, update

from indexer import records
from indexer.store import bulk, rows
from indexer.store.facts import BLOCKS, CURSOR, FACTS, LOGS, QUARANTINE, topics_of
from provenance.errors import Broken, Conflict, Unavailable
from provenance.types import BlockNumber, Bytes32, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from indexer.store.bulk import Values
    from indexer.store.database import Database

    Decoded: TypeAlias = tuple[Table, Values] | None

_HALTS = bulk.table_of(records.Halt)
_UNRELEASED = _HALTS.c.released_at_s.is_(None)


class OtherChain(Conflict):
    """The database mirrors another chain or another deployment."""

    next = (
        "If the chain was reset on purpose, remove the database or set [node] database to a new file; "
        "else check the network's rpc and deployment."
    )


class NotMirrored(Unavailable):
    """The mirror has not reached what is asked."""

    next = "Start `provenance node follow`, or wait until it has caught up."


class Halted(Conflict):
    """A reorg went below finality and nobody has looked at it yet."""

    next = "Look at what changed, then run: provenance node release --reason TEXT"


@dataclass(frozen=True, slots=True)
class Origin:
    """Which chain and which contracts a database mirrors."""

    chain_id: int
    genesis: Bytes32
    contracts: Bytes32
    first_block: BlockNumber


@dataclass(frozen=True, slots=True)
class Position:
    """How far the mirror is, and up to where the nodes say that nothing changes any more."""

    number: BlockNumber
    hash: Bytes32
    final: BlockNumber
    final_hash: Bytes32


@dataclass(frozen=True, slots=True)
class ChainMirror:
    """The writing side of one database's facts."""

    database: Database

    def position(self) -> Position | None:
        """Where the mirror stands; None before the first `begin`."""
        with self.database.read() as connection:
            return read_position(connection)

    def begin(self, origin: Origin, anchor: Values) -> Position:
        """The database belongs to this chain; the anchor is the block below the first of ours.

        Args:
            origin: what is mirrored.
            anchor: the anchor's row of `blocks`.

        Raises:
            OtherChain: it belongs to another one already.
        """
        with self.database.write() as connection:
            cursor = connection.execute(select(CURSOR)).mappings().one_or_none()
            if cursor is None:
                self._place(connection, origin, anchor)
            else:
                _check_origin(cursor, origin)
            position = read_position(connection)
        if position is None:
            raise Broken("the cursor vanished")
        return position

    def check(self, origin: Origin) -> None:
        """The database is empty, or belongs to this chain.

        Raises:
            OtherChain: it belongs to another one.
        """
        with self.database.read() as connection:
            cursor = connection.execute(select(CURSOR)).mappings().one_or_none()
        if cursor is not None:
            _check_origin(cursor, origin)

    def check_genesis(self, genesis: Bytes32) -> None:
        """The database is empty, or of the chain that begins so.

        Raises:
            OtherChain: it is of another chain.
        """
        known = self.database.scalar(select(CURSOR.c.genesis))
        if known not in (None, genesis):
            raise OtherChain("the node serves another chain than this database mirrors")

    def commit(
        self,
        rows_by_table: Mapping[Table, Sequence[Values]],
        before: Position,
        after: Position,
        *,
        keep: BlockNumber,
        now: UnixSeconds,
    ) -> None:
        """Blocks above `keep` are gone with all their facts, the rows are in, the cursor is at `after`.

        A reorg below the final block is put on record with them: payouts stand still until a release.

        Raises:
            Conflict: the cursor is not at `before` any more.
        """
        with self.database.write() as connection:
            if keep < before.number:
                connection.execute(delete(BLOCKS).where(BLOCKS.c.number > keep))
            if keep < before.final:
                connection.execute(
                    insert(_HALTS).values(at_s=now, fork=keep, final=before.final, final_hash=before.final_hash)
                )
            for table in sorted(
                rows_by_table, key=lambda table: table is not BLOCKS
            ):  # what hangs on a block comes after it
                bulk.insert(connection, table, rows_by_table[table])
            self._move(connection, before, after)

    def halts(self) -> tuple[records.Halt, ...]:
        """The reorgs below finality that nobody has released."""
        with self.database.read() as connection:
            return rows.every(connection, records.Halt, _UNRELEASED, _HALTS.c.id)

    def release(self, reason: str, now: UnixSeconds) -> int:
        """Payouts go on; the reason is on record. The answer is how many halts it lifted."""
        with self.database.write() as connection:
            lift = update(_HALTS).where(_UNRELEASED).values(released_at_s=now, reason=reason)
            return int(connection.execute(lift).rowcount)

    def hash_at(self, number: BlockNumber) -> Bytes32 | None:
        """The mirrored block's hash, or None where nothing is mirrored."""
        digest = self.database.scalar(select(BLOCKS.c.hash).where(BLOCKS.c.number == number))
        return None if digest is None else Bytes32(digest)

    def redecode(self, decode: Callable[[bytes, tuple[bytes, ...], bytes], Decoded]) -> int:
        """Every fact was made again from the raw logs, without a node. The answer is how many.

        Args:
            decode: from contract, topics and data to the table and its values, None for no event of ours.
        """
        by_table: dict[Table, list[Values]] = {}
        with self.database.write() as connection:
            for log in connection.execute(select(LOGS).order_by(LOGS.c.block, LOGS.c.log_index)):
                fact = decode(log.contract, topics_of(log), log.data)
                if fact is not None:
                    table, values = fact
                    by_table.setdefault(table, []).append((log.block, log.log_index, *values))
            for table in (QUARANTINE, *FACTS.values()):
                connection.execute(delete(table))
                bulk.insert(connection, table, by_table.get(table, ()))
        return sum(map(len, by_table.values()))

    def clear(self) -> None:
        """No fact and no cursor is left; what the operator recorded stays."""
        with self.database.write() as connection:
            connection.execute(delete(BLOCKS))
            connection.execute(delete(CURSOR))

    def _place(self, connection: Connection, origin: Origin, anchor: Values) -> None:
        bulk.insert(connection, BLOCKS, [anchor])
        number, digest = anchor[0], anchor[1]
        connection.execute(
            insert(CURSOR).values(
                id=1,
                chain_id=origin.chain_id,
                genesis=origin.genesis,
                contracts=origin.contracts,
                first_block=origin.first_block,
                number=number,
                hash=digest,
                final=number,
                final_hash=digest,
            )
        )

    def _move(self, connection: Connection, before: Position, after: Position) -> None:
        moved = connection.execute(
            update(CURSOR)
            .where((CURSOR.c.number == before.number) & (CURSOR.c.hash == before.hash))
            .values(number=after.number, hash=after.hash, final=after.final, final_hash=after.final_hash)
        ).rowcount
        if moved != 1:
            raise Conflict("another follower moved the cursor", next="Keep one `node follow` per database.")


def read_position(connection: Connection) -> Position | None:
    """Where the mirror stands in this snapshot."""
    row = connection.execute(select(CURSOR.c.number, CURSOR.c.hash, CURSOR.c.final, CURSOR.c.final_hash)).one_or_none()
    return row and Position(BlockNumber(row[0]), Bytes32(row[1]), BlockNumber(row[2]), Bytes32(row[3]))


def _check_origin(cursor: RowMapping, origin: Origin) -> None:
    if origin != Origin(cursor["chain_id"], cursor["genesis"], cursor["contracts"], BlockNumber(cursor["first_block"])):
        raise OtherChain("this database mirrors another chain or deployment", chain=cursor["chain_id"])
