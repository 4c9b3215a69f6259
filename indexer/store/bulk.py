"""Many rows into one table at once.

COPY of one text buffer on PostgreSQL, `executemany` on SQLite. No ORM: an object a row costs more than
everything else together.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from sqlmodel import SQLModel

from indexer.columns import Uint, digits

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        [
            tuple(digits(cell) if i in wide and isinstance(cell, int) else cell for i, cell in enumerate(row))
            for row in rows
        ]
        if wide
        else list(rows),
    )


@cache
def _wide(table: Table) -> frozenset[int]:
    return frozenset(i for i, column in enumerate(table.columns) if isinstance(column.type, Uint))


def _line(row: Values) -> str:
    """Source: PostgreSQL manual, COPY, "Text Format"."""
    return "\t".join(map(_field, row)) + "\n"


def _field(cell: Value) -> str:
    if isinstance(cell, bytes):
        return "\\\\x" + cell.hex()
    if isinstance(cell, bool):
        return "t" if cell else "f"
    if cell is None:
        return "\\N"
    return cell.translate(_ESCAPES) if isinstance(cell, str) else str(cell)
