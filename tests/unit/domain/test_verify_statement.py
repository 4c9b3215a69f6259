"""A payee checks leaf, proof and statement with a script that shares no line with us."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.epochs import World, account

SCRIPT = Path(__file__).parents[3] / "scripts" / "verify_statement.py"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, str]:
    world = World()
    license_ = world.license("L")
    recordings = [world.recording(f"r{i}") for i in range(5)]
    world.open(license_, *recordings)
    world.fund(license_, 10_000)
    world.used(license_, *({recording: 1_000_000} for recording in recordings))
    epoch = world.publish()
    for name in ("tree", "statements"):
        (tmp_path / name).write_bytes(epoch.documents[name])
    return tmp_path, "0x" + epoch.root.hex()


def run(folder: Path, root: str, payee: str = "r3") -> subprocess.CompletedProcess[str]:
    options = ["--tree", folder / "tree", "--statements", folder / "statements", "--root", root]
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, options), "--payee", "0x" + account(payee).hex()],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_agrees_with_an_honest_epoch_and_says_why(files: tuple[Path, str]) -> None:
    done = run(*files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "why   95: 1000000 of 5000000 points of score" in done.stdout


@pytest.mark.parametrize("name", ["tree", "statements"])
def test_one_changed_amount_fails(files: tuple[Path, str], name: str) -> None:
    folder, root = files
    data = (folder / name).read_text()
    (folder / name).write_text(data.replace('"95"', '"96"', 1))
    done = run(folder, root)
    assert done.returncode == (1 if name == "tree" else 0)  # the statement changed is another payee's
    mine = "0x" + account("r3").hex()
    lines = data.splitlines()
    changed = [line.replace('"95"', '"96"') if mine in line else line for line in lines]
    (folder / name).write_text("\n".join(changed) + "\n")
    assert run(folder, root).returncode == 1


def test_a_stranger_and_another_root_fail(files: tuple[Path, str]) -> None:
    folder, root = files
    assert run(folder, root, "nobody").returncode == 1
    assert run(folder, "0x" + "00" * 32).returncode == 1


def test_it_imports_nothing_of_ours_and_is_short() -> None:
    text = SCRIPT.read_text()
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"provenance", "indexer"}
    assert len(text.splitlines()) <= 150
