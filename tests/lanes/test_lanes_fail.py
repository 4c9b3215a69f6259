"""A lane that cannot fail says nothing: each is run over contracts of which one check was taken away."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = re.compile(r"^ *revert PurposeNotLicensed\([^;]*\);\n", re.MULTILINE)
COPIED = ("contracts", "scripts", "provenance", "test-hardhat")
FILES = ("package.json", "hardhat.config.js", "brownie-config.yaml", "pyproject.toml")
LINKED = ("node_modules", ".venv", ".venv-brownie", "indexer")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with a `DataAccess` that takes any purpose for licensed, compiled into its package."""
    copy = tmp_path_factory.mktemp("broken")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__", "e2e", "golden"))
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    for name in LINKED:
        (copy / name).symlink_to(ROOT / name)
    source = copy / "contracts/DataAccess.sol"
    text, count = CHECK.subn("", source.read_text("utf-8"))
    assert count == 1
    source.write_text(text, "utf-8")
    return copy


def run(broken: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=broken, capture_output=True, text=True, check=False, timeout=280)


def test_brownie_fails(broken: Path) -> None:
    done = run(broken, "scripts/brownie.sh", "contracts", "-k", "licensed_purpose_only")
    assert "test_a_use_is_recorded_for_a_licensed_purpose_only" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert done.returncode != 0


def test_hardhat_fails(broken: Path) -> None:
    done = run(broken, "node", "node_modules/hardhat/internal/cli/bootstrap.js", "test")
    assert "1 failing" in done.stdout, done.stdout + done.stderr
    assert "licensed purpose only" in done.stdout
    assert done.returncode != 0


def test_ganache_fails(broken: Path) -> None:
    compiled = run(broken, ".venv/bin/python", "scripts/compile.py")
    assert compiled.returncode == 0, compiled.stderr
    lane = (".venv/bin/python", "-m", "pytest", "-q", "--backend", "ganache", "tests/chain/test_licensing.py")
    done = run(broken, *lane)
    refuses = "test_a_refusal_names_the_custom_error_and_changes_nothing"
    assert f"FAILED tests/chain/test_licensing.py::{refuses}" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert done.returncode == 1
