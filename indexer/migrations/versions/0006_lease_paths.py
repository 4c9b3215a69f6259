"""Leases that are on record with others, under one root: each has its path there; and those of a pool's members."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newer schema."""
    op.add_column("leases", sa.Column("path", sa.LargeBinary(), nullable=True))
    op.add_column("leases", sa.Column("member", sa.LargeBinary(), nullable=True))
