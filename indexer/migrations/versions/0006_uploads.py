"""How much was sent that no registered dataset names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newer schema; what was sent before counts as nothing."""
    op.add_column("uploads", sa.Column("size_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("dataset_id", sa.LargeBinary(), nullable=True))
    op.add_column("uploads", sa.Column("registered", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_uploads_registered", "uploads", ["registered"])
