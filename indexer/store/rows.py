"""How does a record become a row, and a row a record?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from indexer.store import bulk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import ColumnElement, Connection
    from sqlmodel import SQLModel

R = TypeVar("R", bound="SQLModel")
_MOST: Final = 500  # values in one IN list; SQLite's oldest limit is 999


def values(record: SQLModel) -> dict[str, Any]:
    """The record's columns by name; an id that the database gives is left out."""
    return {name: value for name, value in record.model_dump().items() if not (name == "id" and value is None)}


def keep(connection: Connection, record: SQLModel) -> bool:
    """The record is there; False if its place was taken, and nothing was changed."""
    table = bulk.table_of(type(record))
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    added = connection.execute(make(table).values(**values(record)).on_conflict_do_nothing()).rowcount
    return bool(added)


def one(connection: Connection, model: type[R], condition: ColumnElement[bool]) -> R | None:
    """The only record under a condition."""
    found = connection.execute(select(bulk.table_of(model)).where(condition)).mappings().one_or_none()
    return None if found is None else model(**found)


def every(
    connection: Connection,
    model: type[R],
    condition: ColumnElement[bool],
    *,
    order_by: ColumnElement[Any] | None = None,
) -> tuple[R, ...]:
    """The records under a condition."""
    query = select(bulk.table_of(model)).where(condition)
    if order_by is not None:
        query = query.order_by(order_by)
    return tuple(model(**found) for found in connection.execute(query).mappings())


def chunks(of: Collection[bytes]) -> Iterator[list[bytes]]:
    """The distinct values in parts that an IN list takes."""
    ordered = sorted(set(of))
    for start in range(0, len(ordered), _MOST):
        yield ordered[start : start + _MOST]
