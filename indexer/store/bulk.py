"""How do many rows enter a table at once?

COPY of one text buffer on PostgreSQL, `executemany` on SQLite. No ORM: an object a row costs more than
everything else together.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from sqlmodel import SQLModel

from indexer.columns import Uint, digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Table

Value: TypeAlias = bytes | int | bool | str | None
Values: TypeAlias = tuple[Value, ...]
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def table_of(model: type[SQLModel]) -> Table:
    """The SQL table behind a model."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def insert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """The rows are in the table, their values in the order of its columns."""
    if not rows:
        return
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    if connection.dialect.name == "postgresql":
        copy = f"COPY {quote(table.name)} ({columns}) FROM STDIN"
        driver = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(copy) as pipe:  # type: ignore[union-attr] # psycopg's own
            pipe.write("".join(map(_line, rows)).encode())
        return
    wide = _wide(table)
    marks = ", ".join("?" * len(table.columns))
    connection.exec_driver_sql(
        f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})",  # noqa: S608 - names of our own schema
        [_padded(row, wide) for row in rows] if wide else list(rows),
    )


@cache
def _wide(table: Table) -> frozenset[int]:
    return frozenset(i for i, column in enumerate(table.columns) if isinstance(column.type, Uint))


def _padded(row: Values, wide: Iterable[int]) -> Values:
    return tuple(digits(value) if i in wide and isinstance(value, int) else value for i, value in enumerate(row))


def _line(row: Values) -> str:
    """Source: PostgreSQL manual, COPY, "Text Format"."""
    return "\t".join(map(_field, row)) + "\n"


def _field(value: Value) -> str:
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, bool):
        return "t" if value else "f"
    if value is None:
        return "\\N"
    return value.translate(_ESCAPES) if isinstance(value, str) else str(value)
