"""Gas is under git: every operation within its target, and any change is seen."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def gas() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("benches_gas", ROOT / "benches/gas.py")
    assert spec is not None
    assert spec.loader is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benches"))
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


def test_every_target_is_held_and_the_snapshot_is_what_a_node_says(gas: ModuleType) -> None:
    with gas.anvil() as web3:
        measured = gas.measure(web3)
    assert gas.over(measured) == []
    assert measured == json.loads((ROOT / "snapshots/gas.json").read_text("utf-8"))


def test_a_passed_target_and_a_missing_operation_are_seen(gas: ModuleType) -> None:
    held = dict(gas.TARGETS)
    assert gas.over(held) == []
    dear = {**held, "record one access": held["record one access"] + 1}
    assert gas.over(dear) == ["record one access"]
    del held["anchor a usage batch"]
    assert gas.over(held) == ["anchor a usage batch"]
