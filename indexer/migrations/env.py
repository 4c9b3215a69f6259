"""The database and the tables that Alembic compares.

`Database.upgrade` hands over its own connection; nothing is read from a file.
"""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from indexer import records
from indexer.store import facts

_ = facts, records  # importing them registers the tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
