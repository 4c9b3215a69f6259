"""Makes schema.sql: the operator's whole schema as SQLAlchemy spells it for SQLite and for PostgreSQL.

python tests/golden/schema.py > tests/golden/schema.sql

Written once for the contracts' second version, from the events' classes, and compared by eye with the one before, which
a commit that spelled the tables of events by hand had made; whatever differs from it needs a migration.
"""

from __future__ import annotations

import importlib
import sys

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

STORES = ("catalogue", "custody", "history", "leases", "mirror", "outbox", "state", "usage")
DIALECTS = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}


def statements() -> dict[tuple[str, str], list[str]]:
    """By dialect and table: its CREATE TABLE with keys and constraints, and its indexes by name."""
    for store in STORES:
        importlib.import_module(f"indexer.store.{store}")
    return {
        (name, table): [
            _one_line(CreateTable(model).compile(dialect=dialect())),
            *sorted(_one_line(CreateIndex(index).compile(dialect=dialect())) for index in model.indexes),
        ]
        for name, dialect in DIALECTS.items()
        for table, model in sorted(SQLModel.metadata.tables.items())
    }


def _one_line(compiled: object) -> str:
    return " ".join(str(compiled).split()) + ";"


def main() -> None:
    for (dialect, _), lines in statements().items():
        sys.stdout.write("".join(f"{dialect}: {line}\n" for line in lines))


if __name__ == "__main__":
    main()
