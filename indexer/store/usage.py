"""Sessions and segments that the gateway acknowledged, and the batches that anchor them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, true, update

from indexer import records
from indexer.ports import Unbatched
from indexer.store import bulk, rows
from indexer.store.facts import FACTS
from provenance.domain import events
from provenance.domain.rules.case import Produced

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import SQLModel

    from indexer.store.database import Database
    from provenance.types import Bytes32, LicenseId, SessionId

_SESSIONS = bulk.table_of(records.SessionRecord)
_SEGMENTS = bulk.table_of(records.ReceivedSegment)
_EQUIVOCATIONS = bulk.table_of(records.Equivocation)
_LEASES = bulk.table_of(records.LeaseRecord)
_BATCHES = bulk.table_of(records.AnchoredBatch)
_RECORDINGS = bulk.table_of(records.DepositedRecording)
_DATASETS = FACTS[events.DatasetRegistered]
R = TypeVar("R", bound="SQLModel")
WAITING: Final = 1 << 16  # rows of a kind that are looked at for one batch: its 64 MiB hold fewer segments
BATCHED: tuple[type[SQLModel], ...] = (
    records.ReceivedSegment,
    records.Equivocation,
    records.SessionRecord,
    records.LeaseRecord,
    records.DepositedRecording,
    records.Refusal,
)
"""What a batch document publishes, in the order of `Unbatched`."""


@dataclass(frozen=True, slots=True)
class UsageStore:
    """The records of usage, in one database."""

    database: Database

    def session(self, session_id: SessionId) -> records.SessionRecord | None:
        """The session of this id."""
        return rows.find(self.database, records.SessionRecord, _SESSIONS.c.session_id == session_id)

    def add_session(self, session: records.SessionRecord) -> None:
        """The session takes segments; twice is once."""
        rows.add(self.database, session)

    def suspended(self, session_id: SessionId) -> bool:
        """Whether the session gave two segments for one place."""
        return self.database.scalar(_suspended(session_id)) is not None

    def segments(self, session_id: SessionId) -> tuple[records.ReceivedSegment, ...]:
        """A session's acknowledged segments, by their place."""
        with self.database.read() as connection:
            return rows.every(
                connection,
                records.ReceivedSegment,
                _SEGMENTS.c.session_id == session_id,
                _SEGMENTS.c.first_seq,
            )

    def add_segment(self, segment: records.ReceivedSegment) -> records.ReceivedSegment:
        """The segment is on record; what stands in its place already is the answer."""
        place = (_SEGMENTS.c.session_id == segment.session_id) & (_SEGMENTS.c.first_seq == segment.first_seq)
        with self.database.write() as connection:
            rows.keep(connection, segment)
            return rows.one(connection, records.ReceivedSegment, place) or segment

    def add_equivocation(self, session_id: SessionId, evidence: Callable[[], records.Equivocation]) -> None:
        """The session is suspended; `evidence` is made, its file written, only if nothing is kept against it yet."""
        with self.database.write() as connection:
            if connection.scalar(_suspended(session_id)) is None:
                rows.keep(connection, evidence())

    def produced(self, license_id: LicenseId) -> Produced:
        """What was made under a license, as far as its segments are acknowledged."""
        query = select(_SEGMENTS.c.outputs, _SEGMENTS.c.output_ms).where(_SEGMENTS.c.license_id == license_id)
        segments = self.database.rows(query)
        return Produced(sum(outputs for outputs, _ in segments), sum(length for _, length in segments) // 1000)

    def pending(self) -> Unbatched:
        """What no batch holds yet, from one snapshot, of each kind the first in a fixed order and at most `WAITING`.

        Reports wait until their dataset is registered: of one that never is, nobody needs to know.
        """
        with self.database.read() as connection:
            unreported = select(_RECORDINGS.c.dataset_id).where(_RECORDINGS.c.batch.is_(None))
            registered = select(_DATASETS.c.dataset_id).where(_DATASETS.c.dataset_id.in_(unreported))
            reports = _RECORDINGS.c.dataset_id.in_(registered)
            sessions = _left(connection, records.SessionRecord, "session_id")
            known: ColumnElement[bool] = _SESSIONS.c.batch.is_not(None)
            if sessions:  # a segment whose session is further back waits with it
                known |= _SESSIONS.c.session_id <= sessions[-1].session_id
            sessions_known = select(_SESSIONS.c.session_id).where(known)
            segments = _SEGMENTS.c.session_id.in_(sessions_known)
            equivocations = _EQUIVOCATIONS.c.session_id.in_(sessions_known)
            return Unbatched(
                _left(connection, records.ReceivedSegment, "session_id", "first_seq", where=segments),
                _left(connection, records.Equivocation, "session_id", "segment_hash", where=equivocations),
                sessions,
                _left(connection, records.LeaseRecord, "access_id"),
                _left(connection, records.DepositedRecording, "recording_id", where=reports),
                _left(connection, records.Refusal, "id"),
            )

    def add_batch(self, batch: records.AnchoredBatch, pending: Unbatched) -> int:
        """The batch is written down and holds exactly this; a killed worker finds it again.

        A lease that was recorded under a root since it was taken waits for the next batch, which says so.
        """
        with self.database.write() as connection:
            number = connection.execute(
                insert(_BATCHES).values(**rows.values(batch)).returning(_BATCHES.c.id)
            ).scalar_one()
            for model, members in zip(
                BATCHED, (getattr(pending, field.name) for field in fields(pending)), strict=True
            ):
                table = bulk.table_of(model)
                (key,) = table.primary_key.columns
                for member in members:
                    same = key == getattr(member, key.name)
                    if isinstance(member, records.LeaseRecord):
                        same &= _LEASES.c.path.is_not_distinct_from(member.path)
                    connection.execute(update(table).where(same).values(batch=number))
        return int(number)

    def batch_after(self, prev_head: Bytes32) -> records.AnchoredBatch | None:
        """The batch that was written down to follow this head."""
        return rows.find(self.database, records.AnchoredBatch, _BATCHES.c.prev_head == prev_head)

    def counts(self) -> dict[str, int]:
        """How many rows there are, for the metrics."""
        with self.database.read() as connection:
            return {
                str(model.__tablename__): int(
                    connection.scalar(select(func.count()).select_from(bulk.table_of(model))) or 0
                )
                for model in BATCHED
            }


def _suspended(session_id: SessionId) -> Select[tuple[bytes]]:
    return select(_EQUIVOCATIONS.c.segment_hash).where(_EQUIVOCATIONS.c.session_id == session_id).limit(1)


def _left(
    connection: Connection, model: type[R], *order: str, where: ColumnElement[bool] | None = None
) -> tuple[R, ...]:
    """The first records of a kind that no batch holds."""
    table = bulk.table_of(model)
    columns = table.c
    query = select(table).where(columns.batch.is_(None), true() if where is None else where)
    ordered = query.order_by(*(columns[name] for name in order)).limit(WAITING)
    return tuple(model(**row) for row in connection.execute(ordered).mappings())
