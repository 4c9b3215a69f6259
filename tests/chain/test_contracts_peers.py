"""The comparison with the peers fails when one of them is cheaper at the same work, and only then."""

from __future__ import annotations

import ast
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
    ("gas", "lacks", "lost"), [(99, "", True), (100, "", True), (101, "", False), (99, "any proof", False)]
)
def test_a_peer_that_does_the_same_for_no_more_wins(peers: ModuleType, gas: int, lacks: str, *, lost: bool) -> None:
    row = peers.Row("record one access", "somebody", gas, lacks)
    assert peers.beaten({"record one access": 100}, [row]) == ([row] if lost else [])
    assert peers.line(row, 100).endswith("  without any proof" if lacks else "×")


def test_what_a_row_that_is_only_printed_leaves_out_is_explained(peers: ModuleType) -> None:
    """Each such row of the source is one of the decision page, by the peer's name."""
    page = (BENCHES.parent / "docs" / "decisions" / "peers.md").read_text("utf-8")
    only_printed = {
        call.args[1].value
        for call in ast.walk(ast.parse((BENCHES / "peers.py").read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Row"
        and len(call.args) == 4
    }
    assert len(only_printed) == 10
    assert {name for name in only_printed if f"| {name} |" not in page} == set()


def test_the_table_has_every_operation_with_its_target_and_every_peer(peers: ModuleType) -> None:
    rows = [peers.Row("record one access", name, gas) for name, gas in (("one", 200), ("other", 150))]
    lines = peers.table({"record one access": 100, "register an artifact with 10,000 parents": 7}, rows)
    told = [line.split() for line in lines[1:]]
    assert told[0] == ["record", "one", "access", "100", "29,400", "one", "200", "2.00×"]
    assert told[1] == ["other", "150", "1.50×"]
    assert " ".join(told[2]).endswith("7 50,500 none on npm does this")


def test_the_proof_for_the_peers_tree_leads_to_its_root(peers: ModuleType) -> None:
    leaves = [peers.digest(at) for at in range(11)]
    for place, leaf in enumerate(leaves):
        root, path = peers.proved(leaves, place)
        assert reduce(lambda node, sibling: peers.keccak(b"".join(sorted((node, sibling)))), path, leaf) == root
