"""The column type of integers that are wider than a database's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Dialect, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from decimal import Decimal


DIGITS = 78  # 2^256 - 1 has 78


class Uint(TypeDecorator[int]):
    """A uint64…uint256, exact and in numeric order: NUMERIC on PostgreSQL, padded digits on SQLite."""

    impl = String(DIGITS)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[Decimal]:
        """The column type of this database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(DIGITS, 0))
        return dialect.type_descriptor(String(DIGITS))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | int | None:
        """The integer as the driver takes it."""
        return value if value is None or dialect.name == "postgresql" else digits(value)

    def process_result_value(self, value: str | int | Decimal | None, dialect: Dialect) -> int | None:
        """The driver's answer as an integer."""
        _ = dialect
        return None if value is None else int(value)


def digits(number: int) -> str:
    """The text of an unsigned integer that sorts like the integer."""
    return f"{number:0{DIGITS}d}"
