"""What is slow to make is made once for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.kept import Kept, kept


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One finished demo for all tests that only look at it."""
    with kept(tmp_path_factory.mktemp("kept") / "demo") as made:
        yield made
