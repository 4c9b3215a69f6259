"""The package's ABIs, events and signed types are those of the Solidity files; a difference is seen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from provenance import abi
from provenance.domain import events, typed

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tuple(name for name in abi.NAMES if name != "Token")
OF_THE_STANDARD = {"EIP712DomainChanged"}  # ERC-5267; never emitted here

Declared = tuple[str, str, tuple[tuple[str, bool, str], ...]]


def emitted(contract: str, entries: Iterable[Any]) -> set[Declared]:
    """(contract, event, arguments) as an ABI declares them."""
    return {
        (contract, one["name"], tuple((part["type"], part["indexed"], part["name"]) for part in one["inputs"]))
        for one in entries
        if one["type"] == "event" and one["name"] not in OF_THE_STANDARD
    }


def compiled() -> set[Declared]:
    return set().union(*(emitted(name, abi.load(name).abi) for name in CONTRACTS))


def decoded() -> set[Declared]:
    return {(name, one.__name__, events.arguments(one)) for one in events.EVENTS for name in one.CONTRACTS}


def test_every_event_of_the_contracts_is_decoded_and_no_other() -> None:
    assert decoded() == compiled()


@pytest.mark.parametrize("change", ["type", "indexed", "name"])
def test_a_changed_event_is_seen(change: str) -> None:
    entries = json.loads(json.dumps(abi.load("UsageLedger").abi))
    count = next(part for one in entries if one.get("name") == "UsageAnchored" for part in one["inputs"][3:4])
    count[change] = {"type": "uint128", "indexed": True, "name": "total"}[change]
    assert emitted("UsageLedger", entries) - decoded() == {
        one for one in emitted("UsageLedger", entries) if one[1] == "UsageAnchored"
    }


def test_every_signed_type_is_the_one_that_solidity_hashes() -> None:
    source = (ROOT / "contracts/libraries/TypedData.sol").read_text("utf-8")
    in_solidity = set(re.findall(r'"(\w+\([^"]+\))"', source))
    structs = [one for one in vars(typed).values() if isinstance(one, type) and hasattr(one, "TYPE")]
    in_python = {one.TYPE for one in structs if isinstance(vars(one).get("TYPE"), str)}
    assert in_python == in_solidity


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build reads and writes."""
    room = tmp_path_factory.mktemp("workshop")
    for name in ("contracts", "scripts", "provenance/abi"):
        shutil.copytree(ROOT / name, room / name, ignore=shutil.ignore_patterns("__pycache__"))
    (room / "node_modules").symlink_to(ROOT / "node_modules")
    return room


def check(workshop: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/compile.py", "--check"]
    return subprocess.run(command, cwd=workshop, capture_output=True, text=True, check=False, timeout=300)


def test_the_package_holds_what_the_sources_compile_to_and_drift_is_named(workshop: Path) -> None:
    ledger = workshop / "provenance/abi/UsageLedger.json"
    text = ledger.read_text("utf-8")
    ledger.write_text(text.replace('"UsageAnchored"', '"UsageAnchered"'), "utf-8")
    done = check(workshop)
    assert done.returncode == 1, done.stderr
    assert [line for line in done.stderr.splitlines() if "differs" in line] == [
        "UsageLedger.json differs from contracts/UsageLedger.sol"
    ]
    assert "Next: make abi" in done.stderr


def test_a_source_that_does_not_compile_is_an_error(workshop: Path) -> None:
    source = workshop / "contracts/UsageLedger.sol"
    source.write_text(source.read_text("utf-8").replace("headOf[msg.sender] = head;", "headOf = head;"), "utf-8")
    done = check(workshop)
    assert done.returncode == 1
    assert "UsageLedger.sol" in done.stderr


def test_every_artifact_is_loaded_typed() -> None:
    for name in abi.NAMES:
        artifact = abi.load(name)
        assert artifact.name == name
        assert artifact.bytecode.endswith(artifact.deployed_bytecode[-40:])
        assert len(artifact.deployed_bytecode) <= 24_576
        assert len(artifact.source_hash) == 32
        for start, length in artifact.immutables:
            assert artifact.deployed_bytecode[start : start + length] == bytes(length)


def test_an_unknown_artifact_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        abi.load(cast("abi.Name", "Proxy"))
