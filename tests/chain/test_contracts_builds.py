"""forge, hardhat and py-solc-x give the same code; a failing suite is not passed over."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from provenance import abi, config

ROOT = Path(__file__).resolve().parents[2]
FORGE = next(iter((ROOT / "node_modules/@foundry-rs").glob("forge-*/bin/forge")), Path("forge"))
HARDHAT = ROOT / "node_modules/hardhat/internal/cli/bootstrap.js"
EMPTY = """// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
contract SuiteTest {{
    function test_it() public pure {{ require({condition}, "seen"); }}
}}
"""


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    own = config.child_environment(**env)
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300, env=own)


def code(path: Path, *keys: str) -> bytes:
    found = json.loads(path.read_text("utf-8"))
    for key in keys:
        found = found[key]
    return bytes.fromhex(found.removeprefix("0x"))


def folder(name: abi.Name) -> str:
    return "mocks/" if name == "Token" else ""


def forges(out: Path = ROOT / "out", names: tuple[abi.Name, ...] = abi.NAMES, **env: str) -> set[str]:
    """The contracts whose code forge makes otherwise than the package has it."""
    apart = () if out == ROOT / "out" else ("--out", out, "--cache-path", out / "cache")
    paths = [f"contracts/{folder(name)}{name}.sol" for name in names]
    done = run(FORGE, "build", *paths, *apart, **env)
    assert done.returncode == 0, done.stderr
    return {
        name
        for name in names
        for path in [out / f"{name}.sol/{name}.json"]
        if code(path, "bytecode", "object") != abi.load(name).bytecode
        or code(path, "deployedBytecode", "object") != abi.load(name).deployed_bytecode
    }


def hardhats(out: Path, change: str = "") -> set[str]:
    """The same for hardhat; `change` is a line of its configuration."""
    paths = {"root": str(ROOT)} | ({"cache": str(out / "cache"), "artifacts": str(out)} if change else {})
    (out / "hardhat.config.js").write_text(
        f"const config = require({json.dumps(str(ROOT / 'hardhat.config.js'))});\n"
        f"Object.assign(config.paths, {json.dumps(paths)});\n{change}\nmodule.exports = config;\n",
        "utf-8",
    )
    built = out if change else ROOT / "artifacts"
    done = run("node", HARDHAT, "--config", out / "hardhat.config.js", "compile", NODE_PATH=str(ROOT / "node_modules"))
    assert done.returncode == 0, done.stderr
    return {
        name
        for name in abi.NAMES
        for path in [built / f"contracts/{folder(name)}{name}.sol/{name}.json"]
        if code(path, "bytecode") != abi.load(name).bytecode
        or code(path, "deployedBytecode") != abi.load(name).deployed_bytecode
    }


def test_forge_builds_the_same_code() -> None:
    assert forges() == set()


def test_hardhat_builds_the_same_code(tmp_path: Path) -> None:
    assert hardhats(tmp_path) == set()


def test_one_other_setting_gives_other_code(tmp_path: Path) -> None:
    """Without PUSH0 by forge, without the CBOR tail by hardhat: the difference is seen."""
    (tmp_path / "hardhat").mkdir()
    assert forges(tmp_path / "forge", ("UsageLedger",), FOUNDRY_EVM_VERSION="paris") == {"UsageLedger"}
    change = "config.solidity.settings.metadata.appendCBOR = false;"
    assert hardhats(tmp_path / "hardhat", change) == set(abi.NAMES)


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


@pytest.mark.parametrize("beside", [None, "0.8.20"])
def test_without_its_solc_the_compiler_says_what_to_install(tmp_path: Path, beside: str | None) -> None:
    script = tmp_path / "package/bin/solc.cjs"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "scripts/solc.js", script)
    if beside:
        (tmp_path / "node_modules/solc").mkdir(parents=True)
        (tmp_path / "node_modules/solc/package.json").write_text(json.dumps({"version": beside}), "utf-8")
    done = subprocess.run(
        ["node", script, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (69, "")
    found = f"solc {beside}" if beside else "none"
    assert (
        done.stderr == f"Error: npm's solc 0.8.37 is needed beside this, found {found}\nNext: npm install solc@0.8.37\n"
    )


def test_the_compiler_answers_combined_json() -> None:
    done = run("node", "scripts/solc.js", "--combined-json", "abi,bin", "contracts/libraries/Purposes.sol")
    assert done.returncode == 0, done.stderr
    assert "contracts/libraries/Purposes.sol:Purposes" in json.loads(done.stdout)["contracts"]
