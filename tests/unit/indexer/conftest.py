"""A migrated database is copied, not made anew, for each test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.store.database import Database, connect, open_database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "node.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def new_database(template: Path, tmp_path: Path) -> Callable[[], Database]:
    count = itertools.count()

    def make() -> Database:
        path = tmp_path / f"{next(count)}.db"
        shutil.copy(template, path)
        return connect(f"sqlite:///{path}")

    return make
