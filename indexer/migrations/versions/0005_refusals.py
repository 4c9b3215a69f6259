"""One refusal a request, with how many recordings it went over and the root of their indexes; one equivocation a session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newer schema; older rows, one for each recording, count none."""
    op.add_column("refusals", sa.Column("count", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("refusals", sa.Column("root", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    op.get_bind().execute(sa.text("UPDATE refusals SET root = :zero"), {"zero": bytes(32)})
    op.drop_index("ix_equivocations_session_id", "equivocations")
    op.create_index("ix_equivocations_session_id", "equivocations", ["session_id"], unique=True)
