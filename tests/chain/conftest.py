from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.anvil import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", choices=["anvil", "ganache"], default="anvil", help="the node under the chain tests")


@pytest.fixture(scope="module")
def chain_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One node for each file of tests: what one file anchors is no other's business."""
    backend = request.config.getoption("--backend", "anvil")
    with world(tmp_path_factory.mktemp(backend) / "devnet", backend) as made:
        yield made
