"""What the operator sends, and when it must stand still."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from indexer.columns import Uint

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newer schema."""
    op.create_table(
        "halts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("fork", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.BigInteger(), nullable=False),
        sa.Column("final_hash", sa.LargeBinary(), nullable=False),
        sa.Column("released_at_s", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "payouts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("epoch", Uint(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("call", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("tx", sa.LargeBinary(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_s", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel", "nonce"),
    )

    op.create_index("ix_payouts_channel", "payouts", ["channel"])
    op.create_index("ix_payouts_state", "payouts", ["state"])

    op.create_table(
        "attempts",
        sa.Column("payout", sa.Integer(), nullable=False),
        sa.Column("tx", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("max_fee_wei", Uint(), nullable=False),
        sa.Column("signed_at_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payout"],
            ["payouts.id"],
        ),
        sa.PrimaryKeyConstraint("payout", "tx"),
    )
    op.create_table(
        "payout_lines",
        sa.Column("payout", sa.Integer(), nullable=False),
        sa.Column("payee", sa.LargeBinary(), nullable=False),
        sa.Column("cumulative", Uint(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payout"],
            ["payouts.id"],
        ),
        sa.PrimaryKeyConstraint("payout", "payee"),
    )
