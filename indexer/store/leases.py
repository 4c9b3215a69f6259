"""Offers, leases, refusals and the nonces of signed requests, as the gateway keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from indexer import records
from indexer.store import bulk, rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from indexer.store.database import Database
    from provenance.types import AccessId, Address, Bytes32, UnixSeconds

_LEASES = bulk.table_of(records.LeaseRecord)
_ENVELOPES = bulk.table_of(records.EnvelopeRecord)
_REFUSALS = bulk.table_of(records.Refusal)
_NONCES = bulk.table_of(records.Nonce)


@dataclass(frozen=True, slots=True)
class LeaseStore:
    """The records of leases, in one database."""

    database: Database

    def use_nonce(self, account: Address, nonce: int, deadline: UnixSeconds, now: UnixSeconds) -> bool:
        """The nonce is used up; False if it was before. Requests past their deadline are forgotten."""
        with self.database.write() as connection:
            connection.execute(delete(_NONCES).where(_NONCES.c.deadline < now))
            return rows.keep(connection, records.Nonce(account=account, nonce=nonce, deadline=deadline))

    def add_offer(self, offer: records.PublishedOffer) -> None:
        """The offer is public; twice is once."""
        rows.add(self.database, offer)

    def lease(self, access_id: AccessId) -> records.LeaseRecord | None:
        """The lease of this id."""
        return rows.find(self.database, records.LeaseRecord, _LEASES.c.access_id == access_id)

    def lease_of(self, request_id: Bytes32) -> records.LeaseRecord | None:
        """The lease that answered this request."""
        return rows.find(self.database, records.LeaseRecord, _LEASES.c.request_id == request_id)

    def binding_nonce(self, licensee: Address) -> int:
        """The highest key-binding nonce seen of this account; -1 if none."""
        highest = self.database.scalar(select(func.max(_LEASES.c.binding_nonce)).where(_LEASES.c.licensee == licensee))
        return -1 if highest is None else int(highest)

    def envelopes(self, access_id: AccessId) -> tuple[records.EnvelopeRecord, ...]:
        """A lease's envelopes, by index."""
        with self.database.read() as connection:
            return rows.every(
                connection,
                records.EnvelopeRecord,
                _ENVELOPES.c.access_id == access_id,
                _ENVELOPES.c.index,
            )

    def leases_over(self, cid: str, licensee: Address, now: UnixSeconds) -> tuple[records.LeaseRecord, ...]:
        """The leases of an account, still running, that include this content."""
        query = (
            select(_LEASES)
            .join(_ENVELOPES, _ENVELOPES.c.access_id == _LEASES.c.access_id)
            .where((_ENVELOPES.c.cid == cid) & (_LEASES.c.licensee == licensee) & (_LEASES.c.valid_until >= now))
        )
        return tuple(records.LeaseRecord(**row) for row in self.database.mappings(query))

    def add_lease(
        self, lease: records.LeaseRecord, envelopes: Collection[records.EnvelopeRecord]
    ) -> records.LeaseRecord:
        """The lease and its envelopes are on record; if its request was answered before, that answer stands."""
        with self.database.write() as connection:
            if rows.keep(connection, lease):
                connection.execute(insert(_ENVELOPES), [rows.values(envelope) for envelope in envelopes])
                return lease
            return rows.one(connection, records.LeaseRecord, _LEASES.c.request_id == lease.request_id) or lease

    def recorded_under(self, access_id: AccessId, path: bytes) -> None:
        """The lease is on record under the root to which the path leads; the next batch says so."""
        with self.database.write() as connection:
            connection.execute(update(_LEASES).where(_LEASES.c.access_id == access_id).values(path=path, batch=None))

    def add_refusal(self, refusal: records.Refusal) -> None:
        """The refusal is on record."""
        with self.database.write() as connection:
            connection.execute(insert(_REFUSALS), [rows.values(refusal)])
