"""`make contracts` that cannot fail says nothing: each of its steps is run over a project with one thing wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("benches", "contracts", "docs", "provenance", "scripts", "snapshots", "test-forge")
FILES = ("Makefile", "foundry.toml", "pyproject.toml")
LINKED = ("node_modules", ".venv", ".stamps", "indexer")
pytestmark = pytest.mark.timeout(900)  # [s]; a tenth on two idle cores, most of it npm's compiler


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project as it is, to be broken."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copytree(ROOT / "tests" / "unit" / "house", tmp_path / "tests" / "unit" / "house", ignore=ignored)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def change(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text("utf-8")
    assert text.count(old) == 1
    (project / name).write_text(text.replace(old, new), "utf-8")


def keep(project: Path, *tests: str) -> None:
    """Takes away the forge tests that the step could only compile."""
    for path in (project / "test-forge").rglob("*.t.sol"):
        if path.name not in tests:
            path.unlink()


def fails(project: Path, step: str) -> str:
    """What a step of `make contracts` says while it fails; everything is set up already."""
    steps = (project / "Makefile").read_text("utf-8").split("\ncontracts: ")[1].split(" ##")[0].split()
    assert step in steps
    settings = (f"PYTHONPATH={project}", "PYTEST_ADDOPTS=-vv")  # the copy's package, not ours; every fault in full
    command = ("env", *settings, "make", "--old-file=setup", step)
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def test_a_removed_check_fails(project: Path):
    keep(project, "UsageLedger.t.sol")
    check = "        if (present != prev) revert HeadMismatch(present, prev);\n"
    change(project, "contracts/UsageLedger.sol", check, "")
    said = fails(project, "forge")
    assert "] test_anchor_refuses_another_head()" in said
    assert "Encountered 1 failing test in" in said


def test_a_failing_forge_test_fails(project: Path):
    keep(project, "UsageLedger.t.sol")
    right = "vm.assertEq(ledger.headOf(meter), first);"
    change(project, "test-forge/unit/UsageLedger.t.sol", right, right.replace("first", "MANIFEST"))
    said = fails(project, "forge")
    assert "] test_admitMeter_starts_a_chain_of_heads()" in said
    assert "Encountered 1 failing test in" in said


def test_a_branch_without_a_leaf_fails(project: Path):
    change(project, "contracts/UsageLedger.sol", "revert BadSignature(msg.sender)", "revert ZeroRole(0)")
    said = fails(project, "trees")
    for caller in ("closeSession", "revokeSession"):  # they share the check
        assert f"'UsageLedger::{caller}: no leaf says that it reverts with ZeroRole'" in said


def test_an_uncovered_branch_fails(project: Path):
    source = "contracts/ArtifactRegistry.sol"
    text = (project / source).read_text("utf-8").splitlines()
    line = next(number for number, words in enumerate(text) if "revert UnknownArtifact(" in words)
    text.insert(line, "        if (status == 77) revert NoParents();")
    (project / source).write_text("\n".join(text), "utf-8")
    assert f"Error: {source}:{line + 1}: this branch is never taken" in fails(project, "coverage")


def test_a_swapped_storage_field_fails(project: Path):
    keep(project)
    revoked = "    mapping(address subject => mapping(bytes32 consentId => uint40)) public revokedAt;\n"
    by_holder = "mapping(bytes32 consentId => mapping(address holder => uint40))"
    extended = f"    mapping(address subject => {by_holder}) public extendedAt;\n"
    between = "    /// @inheritdoc IConsentRegistry\n"
    change(project, "contracts/ConsentRegistry.sol", revoked + between + extended, extended + between + revoked)
    assert "Error: ConsentRegistry: revokedAt is at slot 3, byte 0" in fails(project, "drift")


def test_a_gas_target_passed_fails(project: Path):
    keep(project)
    written = "        slot.value =\n"
    more = "        pendingHolder[datasetId] = msg.sender;\n"
    change(project, "contracts/DatasetRegistry.sol", written, more + written)
    for script in ("compile", "bindings", "reference"):
        subprocess.run((".venv/bin/python", f"scripts/{script}.py"), cwd=project, check=True, capture_output=True)
    assert "Error: revoke a dataset: " in fails(project, "drift")
