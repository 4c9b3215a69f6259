"""The events of the contracts' second version: the tables of those that changed are made anew, with the new ones.

What the old ones held came from contracts that no deployment of this program has any more. A lease may be on record
with others, under one root, to which its path leads.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

CHANGED = (
    *("dataset_status_changed", "split_set", "consent_revoked", "erasure_attested", "license_granted"),
    *("session_revoked", "settlement_vetoed", "settlement_challenged", "challenge_resolved"),
)


def upgrade() -> None:
    """The newer schema; the upgrade makes every table of an event that is missing after it."""
    for table in (*CHANGED, "published_splits"):
        op.drop_table(table)
    op.add_column("leases", sa.Column("path", sa.LargeBinary(), nullable=True))
