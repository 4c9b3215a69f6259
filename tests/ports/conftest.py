"""The operator's database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import shutil
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


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    _create(postgres_url, "made")
    _upgrade(postgres_url + "made")
    return postgres_url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "made.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, database_of: Callable[[str], Database]) -> NewDatabase:
    """Makes empty databases of each kind."""
    return lambda: database_of(request.param)


@pytest.fixture
def database_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Makes empty databases of one kind at the newest schema, which is made once and copied."""
    opened: list[Database] = []

    def make(kind: str) -> Database:
        name = f"d{next(_NAMES)}"
        if kind == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / name)
            url = f"sqlite:///{tmp_path / name}"
        else:
            prefix = request.getfixturevalue("postgres_template")
            _create(prefix, name, template="made")
            url = prefix + name
        opened.append(connect(url))
        return opened[-1]

    yield make
    for database in opened:
        database.dispose()


def _upgrade(url: str) -> None:
    database = connect(url)
    database.upgrade()
    database.dispose()


def _create(prefix: str, name: str, template: str = "template1") -> None:
    import psycopg

    with psycopg.connect(prefix + "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
