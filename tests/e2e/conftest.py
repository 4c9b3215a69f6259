"""What is slow to make is made once for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.kept import Kept, kept
from tests.e2e.town import Town, town


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One finished demo for all tests that only look at it."""
    with kept(tmp_path_factory.mktemp("kept") / "demo") as made:
        yield made


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One devnet and operator for tests that go on from each other's epochs."""
    with town(tmp_path_factory.mktemp("city")) as made:
        yield made
