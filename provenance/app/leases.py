"""Leases of this wallet, and how far each came, in its journal.

A lease is `opened` when the gateway signed it, `bundled` when one record on chain stands for it and others, and
`released` when its keys are here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from typing import Annotated, Final, TypeAlias

from provenance.app.ports import Journal
from provenance.domain import record, typed
from provenance.domain.batch import PATH, receipt, receipts
from provenance.domain.record import at, integer
from provenance.types import AccessId, Bytes32, Json, UnixSeconds

RECORDINGS: Final = 1 << 20


@record.dataclass(frozen=True, slots=True)
class _Key:
    index: Annotated[int, integer()]
    envelope: bytes


Envelopes: TypeAlias = Annotated[Mapping[int, bytes], record.pairs(_Key, "index", "envelope", RECORDINGS)]
"""By the recording's index, sealed as they came."""


@record.dataclass(frozen=True, slots=True)
class Lease:
    """A gateway's signed answer, and its keys once they are here."""

    id: Annotated[AccessId, at("access")]
    request: typed.OpenAccess
    access: Annotated[typed.Access, at("answer")]
    signature: bytes
    recordings: Annotated[tuple[int, ...], record.items(integer(), RECORDINGS)]
    envelopes: Annotated[Envelopes, record.OPTIONAL, record.OMITTED] = field(default_factory=dict)
    path: Annotated[tuple[Bytes32, ...], record.most(PATH), record.OPTIONAL, record.OMITTED] = ()
    """Siblings up to the root that is, or is to be, on record."""

    @property
    def receipt(self) -> Bytes32:
        """What is on record of it."""
        return receipt(self.id, self.path)

    def counts(self, purpose: int, territory: bytes, now: UnixSeconds) -> bool:
        """Whether it is for this use and not over."""
        return (self.request.purpose, self.request.territory) == (purpose, territory) and (
            now <= self.access.valid_until
        )


@record.dataclass(frozen=True, slots=True)
class _Bundled:
    accesses: Annotated[tuple[AccessId, ...], record.most(1 << PATH)]


@record.dataclass(frozen=True, slots=True)
class _Released:
    access: AccessId
    envelopes: Envelopes


class Leases:
    """The leases of one license."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._by_id: dict[AccessId, Lease] = {}
        for entry in journal.entries():
            self._add(entry)

    def opened(self, lease: Lease) -> None:
        """The lease is remembered, so that it is recorded once."""
        self._write({"step": "opened", **record.write(lease)})

    def bundled(self, access_ids: Collection[AccessId]) -> Bytes32:
        """One record with this receipt is to stand for these leases, which is remembered before it is sent."""
        root, paths = receipts(access_ids)
        if any(self._by_id[access_id].path != path for access_id, path in paths.items()):
            self._write({"step": "bundled", **record.write(_Bundled(tuple(access_ids)))})
        return root

    def released(self, access_id: AccessId, envelopes: Mapping[int, bytes]) -> None:
        """The lease's keys are remembered, sealed as they came."""
        self._write({"step": "released", **record.write(_Released(access_id, envelopes))})

    def lease(self, access_id: AccessId) -> Lease:
        """One that was opened."""
        return self._by_id[access_id]

    def unfinished(self, purpose: int, territory: bytes, now: UnixSeconds) -> tuple[Lease, ...]:
        """Leases for this use whose keys are not here yet."""
        return tuple(
            lease for lease in self._by_id.values() if lease.counts(purpose, territory, now) and not lease.envelopes
        )

    def readable(self, purpose: int, territory: bytes, now: UnixSeconds) -> tuple[Lease, ...]:
        """Leases for this use whose keys are here."""
        return tuple(
            lease for lease in self._by_id.values() if lease.counts(purpose, territory, now) and lease.envelopes
        )

    def open_indexes(self, purpose: int, territory: bytes, now: UnixSeconds) -> frozenset[int]:
        """The recordings whose keys are here for this use."""
        return frozenset(index for lease in self.readable(purpose, territory, now) for index in lease.envelopes)

    def _write(self, entry: dict[str, Json]) -> None:
        self._journal.append(entry)
        self._add(entry)

    def _add(self, entry: Mapping[str, Json]) -> None:
        if entry.get("step") == "opened":
            lease = record.read(Lease, entry)
            self._by_id[lease.id] = lease
        elif entry.get("step") == "bundled":
            _, paths = receipts(record.read(_Bundled, entry).accesses)
            for access_id in paths.keys() & self._by_id.keys():
                self._by_id[access_id] = replace(self._by_id[access_id], path=paths[access_id])
        elif entry.get("step") == "released":
            keys = record.read(_Released, entry)
            if keys.access in self._by_id:
                self._by_id[keys.access] = replace(self._by_id[keys.access], envelopes=keys.envelopes)
