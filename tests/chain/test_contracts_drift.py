"""The package's ABIs, events and signed types are those of the Solidity files; a difference is seen."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from provenance import abi, config
from provenance.adapters.chain import naming, natspec
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
    for name in ("contracts", "scripts", "provenance", "docs"):
        shutil.copytree(ROOT / name, room / name, ignore=shutil.ignore_patterns("__pycache__"))
    (room / "node_modules").symlink_to(ROOT / "node_modules")
    return room


def check(workshop: Path, script: str = "compile") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"scripts/{script}.py", "--check"]
    env = config.child_environment(PYTHONPATH=str(workshop))
    return subprocess.run(command, cwd=workshop, capture_output=True, text=True, check=False, timeout=300, env=env)


def drifted(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 1, done.stderr
    assert "Next: make abi" in done.stderr
    return [line for line in done.stderr.splitlines() if "differs" in line]


def test_the_package_holds_what_the_sources_compile_to_and_drift_is_named(workshop: Path) -> None:
    """An ABI that was changed by hand, and a comment that was changed in the source."""
    ledger, source = (
        workshop / "provenance/abi/UsageLedger.json",
        workshop / "contracts/interfaces/IArtifactRegistry.sol",
    )
    text, said = ledger.read_text("utf-8"), source.read_text("utf-8")
    ledger.write_text(text.replace('"UsageAnchored"', '"UsageAnchered"'), "utf-8")
    source.write_text(said.replace("@notice An artifact exists from this block on", "@notice It exists"), "utf-8")
    assert drifted(check(workshop)) == [
        "ArtifactRegistry.json differs from contracts/ArtifactRegistry.sol",
        "UsageLedger.json differs from contracts/UsageLedger.sol",
        "solc-input.json differs from the sources",
    ]
    ledger.write_text(text, "utf-8")
    source.write_text(said, "utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"name": "dataDigest"', '"name": "digestOfData"'),
        ("The meter may never anchor again.", "The meter may anchor again."),
        ("receipts in the batch.", "segments in the batch."),
    ],
)
def test_bindings_and_reference_follow_abi_and_comments(workshop: Path, old: str, new: str) -> None:
    assert [check(workshop, script).returncode for script in ("bindings", "reference")] == [0, 0]
    ledger = workshop / "provenance/abi/UsageLedger.json"
    text = ledger.read_text("utf-8")
    assert old in text
    ledger.write_text(text.replace(old, new), "utf-8")
    try:
        assert drifted(check(workshop, "bindings")) == ["usage_ledger.py differs from the compiled contract"]
        assert drifted(check(workshop, "reference")) == ["docs/reference/IUsageLedger.md differs from the comments"]
    finally:
        ledger.write_text(text, "utf-8")


def declared() -> dict[str, dict[str, str]]:
    """By interface: the constants of its file as Solidity writes them."""
    constant = re.compile(r"^\w+ constant (\w+) = (.+);$", re.MULTILINE)
    files = sorted((ROOT / "contracts/interfaces").glob("*.sol"))
    return {path.stem: dict(constant.findall(path.read_text("utf-8"))) for path in files}


def test_reference_bindings_and_package_name_every_constant() -> None:
    """Whoever is told `AccessRefused(13, …)` finds what 13 is without a line of Solidity."""
    users = {interface: name for name in abi.NAMES for interface in abi.load(name).natspec}
    packed = runpy.run_path(str(ROOT / "scripts/package.py"))["source"]()
    for interface, named in declared().items():
        page = (ROOT / f"docs/reference/{interface}.md").read_text("utf-8")
        bindings = import_module(f"provenance.abi.bindings.{naming.snake(users[interface])}")
        for name, text in named.items():
            value = json.loads(text)
            word = value if isinstance(value, int) else value.encode().ljust(32, bytes(1))
            assert f"\n| `{name}` | {text if word == value else f'`{text}`'} | " in page
            assert getattr(bindings, name) == word
            assert f'\n "{name}": {text if isinstance(word, int) else json.dumps("0x" + word.hex())}' in packed
    page = (ROOT / "docs/reference/IDataAccess.md").read_text("utf-8")
    assert "| `CONSENT_WITHDRAWN` | 13 | A consent was revoked by its subject. |" in page


def unsaid(compiled: abi.Artifact) -> list[str]:
    """What the comments of the interfaces leave out: notices, parameters, members, answers."""
    found = []
    for interface, texts in compiled.natspec.items():
        if not re.match(r"I[A-Z]", interface) or interface.startswith("IERC"):
            continue
        said = {key: natspec.parse(text) for key, text in texts.items()}
        entries: list[Any] = [one for one in compiled.abi if "name" in one and natspec.key(one) in said]
        every = [part for one in entries for side in ("inputs", "outputs") for part in one.get(side, ())]
        members = {name: parts for name, parts in natspec.structs(every).items() if name in said}
        places = [(one["name"], said[natspec.key(one)], one["inputs"]) for one in entries]
        places += [(name, said[name], parts) for name, parts in members.items()]
        for name, comment, parts in places:
            found += [f"{interface}.{name}: no notice"] * (not comment.notice)
            found += [f"{interface}.{name}: {part['name']}" for part in parts if not comment.params.get(part["name"])]
        for one in entries:
            short = len(said[natspec.key(one)].returns) != len(one.get("outputs", ()))
            found += [f"{interface}.{one['name']}: returns"] * short
    return found


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_function_event_error_and_parameter_is_explained(name: abi.Name) -> None:
    assert unsaid(abi.load(name)) == []


def test_what_is_not_explained_is_named() -> None:
    ledger = abi.load("UsageLedger")
    texts = dict(ledger.natspec["IUsageLedger"])
    (anchor,) = (key for key, text in texts.items() if "@param count" in text and "@return" in text)
    (removed,) = (key for key, text in texts.items() if "may never anchor again" in text)
    texts[anchor] = texts[anchor].replace("@param count", "@dev count").replace("@return", "@dev")
    texts[removed] = ""
    said = {**ledger.natspec, "IUsageLedger": texts}
    assert sorted(unsaid(replace(ledger, natspec=said))) == [
        "IUsageLedger.MeterRemoved: meter",
        "IUsageLedger.MeterRemoved: no notice",
        "IUsageLedger.anchor: count",
        "IUsageLedger.anchor: returns",
    ]


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
        for start, length in chain.from_iterable(artifact.immutables.values()):
            assert artifact.deployed_bytecode[start : start + length] == bytes(length)


def test_an_unknown_artifact_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        abi.load(cast("abi.Name", "Proxy"))
