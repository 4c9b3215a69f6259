"""The operator's schema is the one that databases in use have; what events add to it follows from their classes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect
from sqlmodel import SQLModel

from indexer.store.database import Database, open_database
from indexer.store.facts import FACTS

GOLDEN = Path(__file__).parents[2] / "golden"
NewDatabase = Callable[[], Database]


def test_tables_keys_and_indexes_are_what_they_were() -> None:
    known: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in (GOLDEN / "schema.sql").read_text("utf-8").splitlines():
        dialect, _, statement = line.partition(": ")
        if statement.startswith("CREATE TABLE "):
            table = statement.split()[2]
        known.setdefault((dialect, table), []).append(statement)
    spec = importlib.util.spec_from_file_location("golden_schema", GOLDEN / "schema.py")
    assert spec is not None
    assert spec.loader is not None
    schema = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(schema)
    statements = schema.statements()
    assert {place: statements.get(place) for place in known} == known
    newer = {table for _, table in statements.keys() - known.keys()}
    assert newer <= {table.name for table in FACTS.values()}


def test_migrations_lead_to_the_schema_of_the_tables(new_database: NewDatabase) -> None:
    """Alembic compares columns and indexes; here are also keys, and what happens to a row whose block goes."""
    fresh = create_engine("sqlite://")
    SQLModel.metadata.create_all(fresh)
    assert described(new_database().engine) == described(fresh)
    fresh.dispose()


def described(engine: Engine) -> dict[str, object]:
    with engine.connect() as connection:
        rowless = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'")
        kinds = {name: "without rowid" for (name,) in rowless}
    seen = inspect(engine)
    return {
        table: (
            kinds.get(table),
            [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(table)],
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted((k["constrained_columns"], k["referred_table"], str(k["options"])) for k in seen.get_foreign_keys(table)),
            sorted((i["name"], i["column_names"]) for i in seen.get_indexes(table)),
            sorted(u["column_names"] for u in seen.get_unique_constraints(table)),
        )
        for table in seen.get_table_names()
        if table != "alembic_version"
    }  # fmt: skip


def test_a_database_older_than_an_event_gets_its_table(new_database: NewDatabase) -> None:
    database = new_database()
    whole = described(database.engine)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE pause_set")
    assert database.missing_facts() == {"pause_set"}
    opened = open_database(database.url.render_as_string())
    assert described(opened.engine) == whole
    opened.dispose()
