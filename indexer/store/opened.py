"""The gateway's ports over one open database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.ports import Stores
from indexer.store.catalogue import CatalogueStore
from indexer.store.custody import CustodyStore
from indexer.store.history import History
from indexer.store.leases import LeaseStore
from indexer.store.mirror import ChainMirror
from indexer.store.usage import UsageStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.store.database import Database
    from provenance.types import Address


def stores(database: Database, contracts: Mapping[str, Address]) -> Stores:
    """What the gateway asks of this database, which mirrors these contracts."""
    return Stores(
        history=History(database, contracts),
        mirror=ChainMirror(database),
        custody=CustodyStore(database),
        leases=LeaseStore(database),
        usage=UsageStore(database),
        catalogue=lambda upto: CatalogueStore(database, upto),
        lock=database.lock,
    )
