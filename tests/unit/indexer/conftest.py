"""A migrated database is copied, not made anew, for each test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.store.database import Database, connect, open_database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "node.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def pool() -> list[Database]:
    """Databases that no test uses; each has compiled most statements already, which is slow."""
    return []


class NewDatabase:
    """Makes empty databases at the newest schema."""

    def __init__(self, template: Path, folder: Path, pool: list[Database]) -> None:
        self._template, self._folder, self._pool = template, folder, pool
        self._lent: list[Database] = []

    def __call__(self) -> Database:
        database = self._pool.pop() if self._pool else connect(f"sqlite:///{self._folder / uuid.uuid4().hex}.db")
        shutil.copy(self._template, Path(str(database.url.database)))
        self._lent.append(database)
        return database

    def give_back(self) -> None:
        """What was lent is not used any more."""
        for database in self._lent:
            database.dispose()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{database.url.database}{suffix}").unlink(missing_ok=True)
        self._pool += self._lent
        self._lent = []


@pytest.fixture
def new_database(
    template: Path, tmp_path_factory: pytest.TempPathFactory, pool: list[Database]
) -> Iterator[NewDatabase]:
    new = NewDatabase(template, tmp_path_factory.getbasetemp(), pool)
    yield new
    new.give_back()
