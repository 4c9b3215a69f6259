"""The comparison with the peers fails when one of them is cheaper at the same work, and only then."""

from __future__ import annotations

import importlib.util
import sys
from functools import reduce
from pathlib import Path
from types import ModuleType

import pytest

BENCHES = Path(__file__).resolve().parents[2] / "benches"


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHES))
    spec = importlib.util.spec_from_file_location("benches_peers", BENCHES / "peers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("gas", "less", "lost"), [(99, False, True), (100, False, True), (101, False, False), (99, True, False)]
)
def test_a_peer_that_does_the_same_for_no_more_wins(peers: ModuleType, gas: int, *, less: bool, lost: bool) -> None:
    row = peers.Row("record one access", "somebody", gas, less)
    assert peers.beaten({"record one access": 100}, [row]) == ([row] if lost else [])
    assert ("checks less" in peers.line(row, 100)) is less


def test_the_table_has_every_operation_with_its_target_and_every_peer(peers: ModuleType) -> None:
    rows = [peers.Row("record one access", name, gas, False) for name, gas in (("one", 200), ("other", 150))]
    lines = peers.table({"record one access": 100, "register an artifact with 10,000 parents": 7}, rows)
    told = [line.split() for line in lines[1:]]
    assert told[0] == ["record", "one", "access", "100", "30,000", "one", "200", "2.00×"]
    assert told[1] == ["other", "150", "1.50×"]
    assert " ".join(told[2]).endswith("7 60,000 none on npm does this")


def test_the_proof_for_the_peers_tree_leads_to_its_root(peers: ModuleType) -> None:
    leaves = [peers.digest(at) for at in range(11)]
    for place, leaf in enumerate(leaves):
        root, path = peers.proved(leaves, place)
        assert reduce(lambda node, sibling: peers.keccak(b"".join(sorted((node, sibling)))), path, leaf) == root
