"""What does each list of the catalogue show, and by what can it be filtered?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from indexer.gateway.shelves import offered, paid, used
from indexer.gateway.shelves.row import Row, Wanted, address, number, text, word
from indexer.gateway.shelves.used import refusal_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.gateway.node import Node
    from indexer.store.catalogue import CatalogueStore

__all__ = ["SHELVES", "Row", "Shelf", "Wanted", "refusal_row"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One list: its filters (name → column and parser), its key, and how its rows are made."""

    rows: Callable[[Node, CatalogueStore, Wanted], list[Row]]
    filters: Mapping[str, tuple[str, Callable[[str, str], object]]]
    key: str | None = None
    searched: bool = False


def _subject(name: str, value: str) -> bytes:
    """An id or an account."""
    return address(name, value) if len(value) == 42 else word(name, value)


_WHO: Final = {"licensee": ("licensee", address), "license": ("license_id", word), "dataset": ("dataset_id", word)}
SHELVES: Final[dict[str, Shelf]] = {
    "datasets": Shelf(
        offered.datasets_rows,
        {
            "dataset": ("dataset_id", word),
            "holder": ("holder", address),
            "kind": ("kind", text),
            "language": ("language", text),
        },
        key="dataset",
        searched=True,
    ),
    "recordings": Shelf(
        offered.recordings_rows, {"recording": ("recording_id", word), "dataset": ("dataset_id", word)}, key="recording"
    ),
    "licenses": Shelf(used.licenses_rows, {**_WHO, "holder": ("holder", address)}, key="license"),
    "offers": Shelf(
        offered.offers_rows,
        {
            "offer": ("digest", word),
            "dataset": ("dataset_id", word),
            "holder": ("holder", address),
            "licensee": ("licensee", address),
        },
        key="offer",
    ),
    "accesses": Shelf(used.accesses_rows, {**_WHO, "access": ("access_id", word)}, key="access"),
    "refusals": Shelf(used.refusals_rows, {"licensee": ("licensee", address), "license": ("license_id", word)}),
    "sessions": Shelf(
        used.sessions_rows,
        {"session": ("session_id", word), "licensee": ("licensee", address), "license": ("license_id", word)},
        key="session",
    ),
    "segments": Shelf(
        used.segments_rows,
        {"segment": ("segment_hash", word), "session": ("session_id", word), "license": ("license_id", word)},
        key="segment",
    ),
    "consents": Shelf(
        offered.consents_rows,
        {
            "consent": ("consent_id", word),
            "subject": ("subject", address),
            "holder": ("holder", address),
            "dataset": ("dataset_id", word),
        },
        key="consent",
    ),
    "settlements": Shelf(paid.settlements_rows, {"epoch": ("epoch", number)}, key="epoch"),
    "claims": Shelf(paid.claims_rows, {"payee": ("payee", address), "epoch": ("epoch", number)}),
    "artifacts": Shelf(
        paid.artifacts_rows, {"artifact": ("artifact_id", word), "registrant": ("registrant", address)}, key="artifact"
    ),
    "events": Shelf(paid.events_rows, {"about": ("about", _subject)}),
}
