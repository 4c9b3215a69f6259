"""Which leases does this wallet have, and how far did each come? Read from and written to its journal.

A lease is `opened` when the gateway signed it and `released` when its keys are here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provenance.domain import fields, typed
from provenance.domain.fields import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.app.ports import Journal
    from provenance.types import AccessId, Json, UnixSeconds


@dataclass(frozen=True, slots=True)
class Lease:
    """A gateway's signed answer, and its keys once they are here."""

    id: AccessId
    request: typed.OpenAccess
    access: typed.Access
    signature: bytes
    recordings: tuple[int, ...]
    envelopes: Mapping[int, bytes] = field(default_factory=dict)

    def counts(self, purpose: int, territory: bytes, now: UnixSeconds) -> bool:
        """Whether it is for this use and not over."""
        return (self.request.purpose, self.request.territory) == (purpose, territory) and (
            now <= self.access.valid_until
        )


class Leases:
    """The leases of one license."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._by_id: dict[AccessId, Lease] = {}
        for entry in journal.entries():
            self._add(entry)

    def opened(self, lease: Lease) -> None:
        """The lease is remembered, so that it is recorded once."""
        self._write(
            {
                "step": "opened",
                "access": shown(lease.id),
                "request": typed.to_json(lease.request),
                "answer": typed.to_json(lease.access),
                "signature": shown(lease.signature),
                "recordings": list(lease.recordings),
            }
        )

    def released(self, access_id: AccessId, envelopes: Mapping[int, bytes]) -> None:
        """The lease's keys are remembered, sealed as they came."""
        listed: list[Json] = [{"index": index, "envelope": shown(one)} for index, one in sorted(envelopes.items())]
        self._write({"step": "released", "access": shown(access_id), "envelopes": listed})

    def unfinished(self, purpose: int, territory: bytes, now: UnixSeconds) -> tuple[Lease, ...]:
        """Leases for this use whose keys are not here yet."""
        return tuple(one for one in self._by_id.values() if one.counts(purpose, territory, now) and not one.envelopes)

    def readable(self, purpose: int, territory: bytes, now: UnixSeconds) -> tuple[Lease, ...]:
        """Leases for this use whose keys are here."""
        return tuple(one for one in self._by_id.values() if one.counts(purpose, territory, now) and one.envelopes)

    def open_indexes(self, purpose: int, territory: bytes, now: UnixSeconds) -> frozenset[int]:
        """The recordings whose keys are here for this use."""
        return frozenset(index for one in self.readable(purpose, territory, now) for index in one.envelopes)

    def _write(self, entry: dict[str, Json]) -> None:
        self._journal.append(entry)
        self._add(entry)

    def _add(self, entry: Mapping[str, Json]) -> None:
        access_id = fields.word(entry, "access")
        if entry.get("step") == "opened":
            self._by_id[access_id] = Lease(
                access_id,
                typed.from_json(typed.OpenAccess, fields.mapping(entry, "request")),
                typed.from_json(typed.Access, fields.mapping(entry, "answer")),
                fields.octets(entry, "signature"),
                tuple(fields.integer({"i": one}, "i") for one in fields.items(entry, "recordings", most=1 << 20)),
            )
        elif entry.get("step") == "released" and access_id in self._by_id:
            kept = fields.objects(entry, "envelopes", most=1 << 20)
            envelopes = {fields.integer(one, "index"): fields.octets(one, "envelope") for one in kept}
            self._by_id[access_id] = replace(self._by_id[access_id], envelopes=envelopes)
