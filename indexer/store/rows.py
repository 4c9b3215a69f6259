"""Records as rows: inserting what may be there already, and reading by condition or by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from indexer.store import bulk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlmodel import SQLModel

    from indexer.store.database import Database

R = TypeVar("R", bound="SQLModel")
K = TypeVar("K", bytes, str)
IN_LIST: Final = 500  # values in one IN list; SQLite's oldest limit is 999


def values(record: SQLModel) -> dict[str, Any]:
    """The record's columns by name; an id that the database gives is left out."""
    return {name: field for name, field in record.model_dump().items() if not (name == "id" and field is None)}


def keep(connection: Connection, record: SQLModel) -> bool:
    """The record is there; False if its place was taken, and nothing was changed."""
    table = bulk.table_of(type(record))
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    kept = insert(table).values(**values(record)).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return connection.execute(kept).first() is not None  # no driver promises a rowcount here: psycopg's is -1


def one(connection: Connection, model: type[R], condition: ColumnElement[bool]) -> R | None:
    """The only record under a condition."""
    row = connection.execute(select(bulk.table_of(model)).where(condition)).mappings().one_or_none()
    return None if row is None else model(**row)


def find(database: Database, model: type[R], condition: ColumnElement[bool]) -> R | None:
    """The only record under a condition, from a snapshot of its own."""
    with database.read() as connection:
        return one(connection, model, condition)


def add(database: Database, record: SQLModel) -> None:
    """The record is there, in a transaction of its own; twice is once."""
    with database.write() as connection:
        keep(connection, record)


def every(
    connection: Connection, model: type[R], condition: ColumnElement[bool], *order: ColumnElement[Any]
) -> tuple[R, ...]:
    """The records under a condition, by these columns."""
    query = select(bulk.table_of(model)).where(condition).order_by(*order)
    return tuple(model(**row) for row in connection.execute(query).mappings())


def among(database: Database, model: type[R], column: str, keys: Collection[bytes]) -> Iterator[R]:
    """The records whose column has one of these values, from one snapshot."""
    with database.read() as connection:
        for part in chunks(keys):
            yield from every(connection, model, bulk.table_of(model).c[column].in_(part))


def chunks(keys: Collection[K]) -> Iterator[list[K]]:
    """The distinct values in parts that an IN list takes."""
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), IN_LIST):
        yield ordered[start : start + IN_LIST]
