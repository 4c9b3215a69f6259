"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from indexer.columns import Uint

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newer schema."""
    ${upgrades if upgrades else "pass"}
