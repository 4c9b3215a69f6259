from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.anvil import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def chain_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One Anvil for all chain tests; what a test changes in time it undoes."""
    with world(tmp_path_factory.mktemp("anvil") / "devnet") as made:
        yield made
