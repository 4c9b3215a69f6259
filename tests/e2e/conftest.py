"""What is slow to make is made once for all end-to-end tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.adapters.content.embedded import Embedded
from tests.e2e.finished_demo import FinishedDemo, finished_demo
from tests.e2e.forgery import Forger
from tests.e2e.network import OperatedNetwork, operated_network


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedDemo]:
    """One finished demo for all tests that only look at it."""
    with finished_demo(tmp_path_factory.mktemp("finished") / "demo") as made:
        yield made


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatedNetwork]:
    """One devnet and operator for tests that go on from each other's epochs."""
    with operated_network(tmp_path_factory.mktemp("network")) as made:
        yield made


@pytest.fixture
def forger(demo: FinishedDemo, tmp_path: Path) -> Iterator[Forger]:
    """What is put on chain here has never happened afterwards."""
    chain = demo.chain()
    mark = chain.node.rpc.call("evm_snapshot")
    for name in ("keystore", "devnet/password"):
        where = demo.room / "home" / name
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if where.is_dir() else shutil.copy)(where, tmp_path / name)
    wallets = [demo.wallet(name).signer for name in ("operator", "publisher", "licensee")]
    yield Forger(demo, chain, tmp_path, Embedded(demo.copy(tmp_path)), *wallets)
    chain.node.rpc.call("evm_revert", mark)
