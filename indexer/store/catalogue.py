"""One page of the catalogue: facts and records selected by the values of their columns.

How a row is shown is left to `gateway.catalogue`.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import ColumnElement, RowMapping, Table, and_, desc, or_, select, true

from indexer import records
from indexer.store import bulk, rows
from indexer.store.facts import BLOCKS, FACTS, LOGS
from provenance.domain import events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlmodel import SQLModel

    from indexer.store.database import Database
    from provenance.types import BlockNumber

R = TypeVar("R", bound="SQLModel")
_DEPOSITS = bulk.table_of(records.Deposit)
_REGISTERED = FACTS[events.DatasetRegistered]
PAGE: Final = 500


class CatalogueStore:
    """One database, read page by page, its facts as of one block."""

    def __init__(self, database: Database, upto: BlockNumber) -> None:
        self.database, self.upto = database, upto

    def facts(
        self, event: type[events.Event], names: Mapping[str, object], *, offset: int, limit: int
    ) -> Sequence[RowMapping]:
        """Facts of one kind whose columns have these values, in chain order, with `tx` and `time`."""
        table = FACTS[event]
        return self.database.mappings(self._located(table).where(_equal(table, names)).offset(offset).limit(limit))

    def datasets(self, names: Mapping[str, object], words: str, *, offset: int, limit: int) -> Sequence[RowMapping]:
        """Registered datasets with what was deposited of them; every word stands in title, kind, language or tags."""
        facts = {name: wanted for name, wanted in names.items() if name in _REGISTERED.c}
        deposited = {name: wanted for name, wanted in names.items() if name not in _REGISTERED.c}
        matches = [_DEPOSITS.c.words.contains(word, autoescape=True) for word in words.split()]
        return self.database.mappings(
            self._located(_REGISTERED, _DEPOSITS)
            .outerjoin(_DEPOSITS, _DEPOSITS.c.dataset_id == _REGISTERED.c.dataset_id)
            .where(and_(_equal(_REGISTERED, facts), _equal(_DEPOSITS, deposited), *matches))
            .offset(offset)
            .limit(limit)
        )

    def kept(
        self, model: type[R], names: Mapping[str, object], *, order: Sequence[str], offset: int, limit: int
    ) -> tuple[R, ...]:
        """Records of one kind whose columns have these values."""
        table = bulk.table_of(model)
        query = (
            select(table)
            .where(_equal(table, names))
            .order_by(*(table.c[name] for name in order))
            .offset(offset)
            .limit(limit)
        )
        return tuple(model(**row) for row in self.database.mappings(query))

    def recorded(self, receipts: Collection[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], RowMapping]:
        """By license and receipt, the first `AccessRecorded` with `tx` and `time`; anybody can repeat a receipt."""
        table, first = FACTS[events.AccessRecorded], dict[tuple[bytes, bytes], RowMapping]()
        for part in rows.chunks({receipt for _, receipt in receipts}):
            for row in self.database.mappings(self._located(table).where(table.c.receipt_hash.in_(part))):
                first.setdefault((row["license_id"], row["receipt_hash"]), row)
        return {asked: first[asked] for asked in receipts if asked in first}

    def titles(self, dataset_ids: Collection[bytes]) -> dict[bytes, records.Deposit]:
        """By dataset, its deposit."""
        return {each.dataset_id: each for each in rows.among(self.database, records.Deposit, "dataset_id", dataset_ids)}

    def suspended(self, session_ids: Collection[bytes]) -> frozenset[bytes]:
        """Those of these sessions that gave two segments for one place."""
        evidence = rows.among(self.database, records.Equivocation, "session_id", session_ids)
        return frozenset(equivocation.session_id for equivocation in evidence)

    def subjects_of(self, consent_ids: Collection[bytes]) -> dict[bytes, list[bytes]]:
        """By consent, the datasets that rest on it."""
        datasets: dict[bytes, list[bytes]] = {}
        for consent in rows.among(self.database, records.DepositedConsent, "consent_id", consent_ids):
            bisect.insort(datasets.setdefault(consent.consent_id, []), consent.dataset_id)
        return datasets

    def logs(self, word: bytes | None, *, offset: int, limit: int) -> Sequence[RowMapping]:
        """Raw logs, newest first, that name an id or account in an indexed argument."""
        named = true() if word is None else or_(*(LOGS.c[f"topic{i}"] == word for i in (1, 2, 3)))
        return self.database.mappings(
            select(LOGS, BLOCKS.c.time)
            .join(BLOCKS, BLOCKS.c.number == LOGS.c.block)
            .where(named & (LOGS.c.block <= self.upto))
            .order_by(desc(LOGS.c.block), desc(LOGS.c.log_index))
            .offset(offset)
            .limit(limit)
        )

    def _located(self, table: Table, *beside: Table) -> Any:
        """Facts with the transaction and the time of their block, in chain order."""
        extra = [column.label(f"deposit_{column.name}") for other in beside for column in other.c]
        return (
            select(table, *extra, LOGS.c.tx, BLOCKS.c.time)
            .join(BLOCKS, BLOCKS.c.number == table.c.block)
            .join(LOGS, (LOGS.c.block == table.c.block) & (LOGS.c.log_index == table.c.log_index))
            .where(table.c.block <= self.upto)
            .order_by(table.c.block, table.c.log_index)
        )


def _equal(table: Table, names: Mapping[str, object]) -> ColumnElement[bool]:
    return and_(true(), *(table.c[name] == wanted for name, wanted in names.items()))
