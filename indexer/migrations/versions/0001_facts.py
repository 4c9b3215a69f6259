"""The mirrored chain: blocks, logs, the cursor. The tables of events follow from their classes after all migrations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from indexer.columns import Uint

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KINDS = {"bytes": sa.LargeBinary, "int": sa.BigInteger, "uint": Uint, "bool": sa.Boolean, "text": sa.String}
LOCATED = {
    "logs": (
        "tx bytes, contract bytes index, topic0 bytes null, topic1 bytes null index, topic2 bytes null index, "
        "topic3 bytes null index, data bytes"
    ),
    "quarantine": "reason text",
}


def upgrade() -> None:
    """The newer schema."""
    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursor",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis", sa.LargeBinary(), nullable=False),
        sa.Column("contracts", sa.LargeBinary(), nullable=False),
        sa.Column("first_block", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("final", sa.BigInteger(), nullable=False),
        sa.Column("final_hash", sa.LargeBinary(), nullable=False),
    )
    for table, columns in LOCATED.items():
        _create_located(table, columns)


def _create_located(table: str, columns: str) -> None:
    """A table whose rows die with their block."""
    op.create_table(
        table,
        sa.Column("block", sa.BigInteger(), sa.ForeignKey("blocks.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("log_index", sa.BigInteger(), primary_key=True),
        *(_column(words.split()) for words in columns.split(", ")),
        sqlite_with_rowid=False,
    )
    for words in columns.split(", "):
        name, *rest = words.split()
        if "index" in rest:
            op.create_index(f"ix_{table}_{name}", table, [name])


def _column(words: list[str]) -> sa.Column[object]:
    name, kind, *rest = words
    return sa.Column(name, KINDS[kind](), nullable="null" in rest)
