"""The operator's database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.store.database import Database, connect
from tests.fakes import postgres

NewDatabase = Callable[[], Database]
_NAMES = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL's initdb is not installed (Debian: postgresql)")
    with postgres.cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Makes empty databases at the newest schema; `url_of` opens one again."""
    opened: list[Database] = []

    def make() -> Database:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / str(next(_NAMES))}.db"
        else:
            prefix = request.getfixturevalue("postgres_url")
            name = f"d{next(_NAMES)}"
            _create(prefix, name)
            url = prefix + name
        database = connect(url)
        opened.append(database)
        database.upgrade()
        return database

    yield make
    for database in opened:
        database.dispose()


def _create(prefix: str, name: str) -> None:
    import psycopg

    with psycopg.connect(prefix + "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
