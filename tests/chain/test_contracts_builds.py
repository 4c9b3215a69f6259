"""forge, hardhat and py-solc-x give the same code; a failing suite is not passed over."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from provenance import abi

ROOT = Path(__file__).resolve().parents[2]
FORGE = next(iter((ROOT / "node_modules/@foundry-rs").glob("forge-*/bin/forge")), Path("forge"))
HARDHAT = ROOT / "node_modules/hardhat/internal/cli/bootstrap.js"
EMPTY = """// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
contract SuiteTest {{
    function test_it() public pure {{ require({condition}, "seen"); }}
}}
"""


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


def code(path: str, *keys: str) -> bytes:
    found = json.loads((ROOT / path).read_text("utf-8"))
    for key in keys:
        found = found[key]
    return bytes.fromhex(found.removeprefix("0x"))


def folder(name: abi.Name) -> str:
    return "mocks/" if name == "Token" else ""


def test_forge_builds_the_same_code() -> None:
    done = run(FORGE, "build", "--skip", "test")
    assert done.returncode == 0, done.stderr
    for name in abi.NAMES:
        path = f"out/{name}.sol/{name}.json"
        assert code(path, "bytecode", "object") == abi.load(name).bytecode, name
        assert code(path, "deployedBytecode", "object") == abi.load(name).deployed_bytecode, name


def test_hardhat_builds_the_same_code() -> None:
    done = run("node", HARDHAT, "compile")
    assert done.returncode == 0, done.stderr
    for name in abi.NAMES:
        path = f"artifacts/contracts/{folder(name)}{name}.sol/{name}.json"
        assert code(path, "bytecode") == abi.load(name).bytecode, name
        assert code(path, "deployedBytecode") == abi.load(name).deployed_bytecode, name


@pytest.mark.parametrize(("condition", "fails"), [("true", False), ("false", True)])
def test_a_failing_suite_exits_non_zero(tmp_path: Path, condition: str, *, fails: bool) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "foundry.toml", tmp_path)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "test-forge").mkdir()
    (tmp_path / "test-forge/Suite.t.sol").write_text(EMPTY.format(condition=condition), "utf-8")
    done = run(FORGE, "test", cwd=tmp_path)
    assert "Ran 1 test for test-forge/Suite.t.sol:SuiteTest" in done.stdout, done.stdout + done.stderr
    assert (done.returncode != 0) == fails


def test_the_compiler_answers_in_full_through_a_pipe() -> None:
    """More than the 64 KiB that a pipe holds: nothing is cut."""
    wanted = {"*": {"*": ["*"]}}
    source = "contract A { mapping(uint256 => uint256) a; " + "".join(
        f"function f{i}(uint256 x) external returns (uint256) {{ a[x] += {i}; return a[x]; }} " for i in range(60)
    )
    asked = {
        "language": "Solidity",
        "sources": {"A.sol": {"content": source + "}"}},
        "settings": {"outputSelection": wanted},
    }
    done = subprocess.run(
        ["node", "scripts/solc.js", "--standard-json"],
        cwd=ROOT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert len(done.stdout) > 1 << 17
    assert json.loads(done.stdout)["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]


def test_the_compiler_says_its_version_as_native_tools_read_it() -> None:
    done = run("node", "scripts/solc.js", "--version")
    assert done.stdout.splitlines()[-1] == "Version: 0.8.37+commit.f401782d.Linux.g++"
    assert run("node", "scripts/solc.js", "--nonsense").returncode == 2


def test_the_compiler_answers_combined_json() -> None:
    done = run("node", "scripts/solc.js", "--combined-json", "abi,bin", "contracts/libraries/Purposes.sol")
    assert done.returncode == 0, done.stderr
    assert "contracts/libraries/Purposes.sol:Purposes" in json.loads(done.stdout)["contracts"]
