"""Deposits: the keys, gate reports and documents in this gateway's custody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, case, func, insert, select, update

from indexer import records
from indexer.ports import Earlier
from indexer.store import bulk, rows
from indexer.store.facts import FACTS
from provenance.domain import events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from indexer.store.database import Database
    from provenance.types import Address, DatasetId, UnixSeconds

_UPLOADS = bulk.table_of(records.Upload)
_DEPOSITS = bulk.table_of(records.Deposit)
_RECORDINGS = bulk.table_of(records.DepositedRecording)
_CONSENTS = bulk.table_of(records.DepositedConsent)
_REGISTERED = FACTS[events.DatasetRegistered]
_SEGMENTS = bulk.table_of(records.ReceivedSegment)
_EQUIVOCATIONS = bulk.table_of(records.Equivocation)


@dataclass(frozen=True, slots=True)
class CustodyStore:
    """The records of deposits, in one database."""

    database: Database

    def add_upload(self, cid: str, sender: Address, now: UnixSeconds, *, document: bool, size: int) -> None:
        """It is known who sent this content, and how much it was."""
        upload = records.Upload(cid=cid, sender=sender, document=document, at_s=now, size_bytes=size)
        rows.add(self.database, upload)

    def name_uploads(self, dataset_id: DatasetId, cids: Collection[str]) -> None:
        """A deposit names this content; what a registered dataset names stays that one's."""
        with self.database.write() as connection:
            for part in rows.chunks(cids):
                free = _UPLOADS.c.cid.in_(part) & _UPLOADS.c.registered.is_(False)
                connection.execute(update(_UPLOADS).where(free).values(dataset_id=dataset_id))

    def settle_uploads(self) -> None:
        """What registered datasets name does not count any more; after a reorg it may not count though it should."""
        named = _UPLOADS.c.dataset_id.in_(select(_REGISTERED.c.dataset_id)) & _UPLOADS.c.registered.is_(False)
        with self.database.write() as connection:
            connection.execute(update(_UPLOADS).where(named).values(registered=True))

    def unregistered_bytes(self, charged: int) -> int:
        """The bytes of all other uploads, each at least `charged` unless it was here before."""
        size = _UPLOADS.c.size_bytes
        counted = case((size == 0, 0), (size < charged, charged), else_=size)
        return int(self.database.scalar(select(func.sum(counted)).where(_UPLOADS.c.registered.is_(False))) or 0)

    def sealed(self, cid: str) -> bool:
        """Whether this content is audio or a private part, or was sent and nobody said yet what it is.

        A segment is evidence and stays public, also if somebody sends it as content of his own.
        """
        with self.database.read() as connection:

            def among(column: ColumnElement[str], where: ColumnElement[bool]) -> bool:
                return connection.scalar(select(column).where(where).limit(1)) is not None

            if any(among(column, column == cid) for column in (_RECORDINGS.c.cid, _DEPOSITS.c.private_cid)):
                return True
            evidence = any(among(column, column == cid) for column in (_SEGMENTS.c.cid, _EQUIVOCATIONS.c.cid))
            return not evidence and among(_UPLOADS.c.cid, (_UPLOADS.c.cid == cid) & _UPLOADS.c.document.is_(False))

    def senders(self, cid: str) -> frozenset[bytes]:
        """Who sent this content, and the holders of the deposits it belongs to."""
        with self.database.read() as connection:
            senders = connection.scalars(select(_UPLOADS.c.sender).where(_UPLOADS.c.cid == cid)).all()
            holders = connection.scalars(
                select(_DEPOSITS.c.holder)
                .outerjoin(_RECORDINGS, _RECORDINGS.c.dataset_id == _DEPOSITS.c.dataset_id)
                .where((_RECORDINGS.c.cid == cid) | (_DEPOSITS.c.private_cid == cid))
            ).all()
        return frozenset((*senders, *holders))

    def deposit(self, dataset_id: DatasetId) -> records.Deposit | None:
        """The deposit of this dataset."""
        return rows.find(self.database, records.Deposit, _DEPOSITS.c.dataset_id == dataset_id)

    def recordings(self, dataset_id: DatasetId) -> tuple[records.DepositedRecording, ...]:
        """A deposit's recordings with their reports, by index."""
        with self.database.read() as connection:
            return rows.every(
                connection,
                records.DepositedRecording,
                _RECORDINGS.c.dataset_id == dataset_id,
                _RECORDINGS.c.index,
            )

    def judged(self, object_ids: Collection[bytes]) -> dict[tuple[bytes, str], records.JudgedObject]:
        """The gate reports made before, by object and address."""
        return {
            (judged.object_id, judged.cid): judged
            for judged in rows.among(self.database, records.JudgedObject, "object_id", object_ids)
        }

    def add_judged(self, judged: records.JudgedObject) -> None:
        """The object's gate report is on record; it need not be opened again."""
        rows.add(self.database, judged)

    def earlier(self, clusters: Collection[bytes], holder: Address) -> dict[bytes, Earlier]:
        """By cluster, the first dataset of another holder that is registered on chain with the same audio."""
        earlier: dict[bytes, Earlier] = {}
        with self.database.read() as connection:
            for part in rows.chunks(clusters):
                query = (
                    select(
                        _RECORDINGS.c.cluster, _RECORDINGS.c.dataset_id, _RECORDINGS.c["index"], _REGISTERED.c.holder
                    )
                    .join(_REGISTERED, _REGISTERED.c.dataset_id == _RECORDINGS.c.dataset_id)
                    .where(_RECORDINGS.c.cluster.in_(part) & (_REGISTERED.c.holder != holder))
                    .order_by(_REGISTERED.c.block, _REGISTERED.c.log_index, _RECORDINGS.c["index"])
                )
                for cluster, dataset_id, index, other in connection.execute(query):
                    earlier.setdefault(cluster, Earlier(cluster, dataset_id, index, other))
        return earlier

    def envelopes(self, object_ids: Collection[bytes]) -> dict[tuple[bytes, int], bytes]:
        """The keys in custody, sealed, by object and key version."""
        return {
            (key.object_id, key.key_version): key.envelope
            for key in rows.among(self.database, records.Custody, "object_id", object_ids)
        }

    def add_key(self, custody: records.Custody) -> None:
        """One more key is in custody."""
        rows.add(self.database, custody)

    def deposits_of(self, cid: str) -> int:
        """In how many datasets this audio is deposited."""
        return len(self.database.rows(select(_RECORDINGS.c.dataset_id).where(_RECORDINGS.c.cid == cid).distinct()))

    def add_deposit(
        self,
        deposit: records.Deposit,
        *,
        recordings: Collection[records.DepositedRecording],
        consents: Collection[records.DepositedConsent],
        custody: Collection[records.Custody],
    ) -> None:
        """The whole deposit is on record, or nothing of it; the same deposit twice is once."""
        with self.database.write() as connection:
            if rows.one(connection, records.Deposit, _DEPOSITS.c.dataset_id == deposit.dataset_id) is not None:
                return
            connection.execute(insert(_DEPOSITS), [rows.values(deposit)])
            for table, parts in ((_RECORDINGS, recordings), (_CONSENTS, consents)):
                if parts:
                    connection.execute(insert(table), [rows.values(part) for part in parts])
            for key in custody:
                rows.keep(connection, key)

    def consents(self, consent_ids: Collection[bytes]) -> Mapping[bytes, records.DepositedConsent]:
        """The consents behind deposits, by id."""
        return {
            consent.consent_id: consent
            for consent in rows.among(self.database, records.DepositedConsent, "consent_id", consent_ids)
        }
