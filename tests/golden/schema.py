"""Makes schema.sql: the operator's whole schema as SQLAlchemy spells it for SQLite and for PostgreSQL.

git worktree add ../before c682cf1 && cp tests/golden/schema.py ../before/tests/golden && cd ../before
python tests/golden/schema.py > schema.sql    # c682cf1: the last commit that spelled the tables of events by hand

What a migration changed since is written anew here, line by line: refusals, equivocations, uploads.
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
