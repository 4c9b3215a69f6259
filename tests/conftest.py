"""A test's folder is its marker; unit tests open no socket and never sleep; no test sees the developer's settings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_socket
from hypothesis import settings

ROOT = Path(__file__).parent
collect_ignore = ["brownie", "lanes"]  # `make brownie` has its own environment; `make lanes` takes minutes
MARKERS = frozenset({"unit", "ports", "chain", "e2e", "assumptions"})

settings.register_profile("default", deadline=None, database=None, derandomize=True)
settings.register_profile("deep", deadline=None, database=None, max_examples=1_000)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=1, help="random moments at which each command is killed")
    parser.addoption("--write-docs", action="store_true", help="write what was played into the docs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(ROOT).parts[0] if item.path.is_relative_to(ROOT) else ""
        if folder in MARKERS:
            item.add_marker(folder)


@pytest.fixture(scope="session", autouse=True)
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The settings, keys and data of whoever runs the tests are out of sight."""
    room = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PROVENANCE_")]:
            patch.delenv(name)
        for name, folder in (("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share")):
            patch.setenv(name, str(room / folder))
        yield


@pytest.fixture(autouse=True)
def _unit_tests_stay_inside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.node.get_closest_marker("unit") is None:
        yield
        return

    def asleep(seconds: float) -> NoReturn:
        pytest.fail(f"a unit test slept for {seconds} s")

    monkeypatch.setattr(time, "sleep", asleep)
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
