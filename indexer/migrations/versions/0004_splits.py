"""Which splits documents the gateway names in its batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newer schema."""
    op.create_table(
        "published_splits",
        sa.Column("digest", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("cid", sa.String(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_published_splits_batch", "published_splits", ["batch"])
