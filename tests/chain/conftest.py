from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.anvil import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", choices=["anvil", "ganache"], default="anvil", help="the node under the chain tests")


@pytest.fixture(scope="session")
def chain_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One node for all chain tests; what a test changes in time it undoes."""
    backend = request.config.getoption("--backend", "anvil")
    with world(tmp_path_factory.mktemp(backend) / "devnet", backend) as made:
        yield made
