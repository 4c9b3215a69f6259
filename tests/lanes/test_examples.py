"""Whoever has only the packed tarball and the wheel builds and runs the examples."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance import config
from provenance.adapters.anvil import tool
from tests.anvil import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TARBALL = "provenance-network-contracts-0.1.0.tgz"
HOME = Path(pwd.getpwuid(os.getuid()).pw_dir)
CACHES = {"npm_config_cache": str(HOME / ".npm"), "UV_CACHE_DIR": str(HOME / ".cache/uv")}  # what `make` downloaded
SOLC = "node_modules/.bin/provenance-solc"


def run(cwd: Path, *command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=config.child_environment(**CACHES | env),
    )
    sys.stdout.write(done.stdout + done.stderr)
    return done


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, the tarball and the wheel, and nothing else of this repository."""
    folder = tmp_path_factory.mktemp("fresh")
    left = ("node_modules", "out", "cache", "artifacts", "package-lock.json")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns(*left))
    packed = run(ROOT, sys.executable, "scripts/package.py")
    assert packed.stdout.strip().endswith(TARBALL), packed.stderr
    (folder / "build/npm").mkdir(parents=True)
    shutil.copy(packed.stdout.strip(), folder / "build/npm" / TARBALL)
    built = run(ROOT, sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def examples(fresh: Path) -> Path:
    """The examples with what `npm install` brings: the tarball and its tools."""
    installed = run(fresh / "examples", "npm", "install", "--no-audit", "--no-fund", "--prefer-offline")
    assert installed.returncode == 0, installed.stderr
    for found in (fresh / "examples").rglob("*"):
        assert not (found.is_symlink() and found.resolve().is_relative_to(ROOT)), found
    return fresh / "examples"


@pytest.fixture(scope="module")
def python(fresh: Path) -> Path:
    """A Python of its own, into which the wheel was installed as it is."""
    (wheel,) = fresh.glob("*.whl")
    uv = (sys.executable, "-m", "uv")
    exported = run(ROOT, *uv, "export", "--frozen", "--quiet", "--no-dev", "--no-emit-project")
    (fresh / "locked.txt").write_text(exported.stdout, "utf-8")
    assert run(fresh, *uv, "venv", "--quiet", "--python", sys.executable, fresh / "venv").returncode == 0
    into = ("pip", "install", "--quiet", "--python", fresh / "venv/bin/python")
    assert run(fresh, *uv, *into, "--constraint", "locked.txt", f"{wheel}").returncode == 0
    return fresh / "venv/bin/python"


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    """A chain with the contracts, and the document that says where they are."""
    folder = tmp_path_factory.mktemp("devnet")
    with world(folder / "devnet") as made:
        (folder / "31337.json").write_bytes(made.record.encode())
        yield made, folder / "31337.json"


def test_forge_builds_and_tests_the_consumer(examples: Path) -> None:
    offline = {"FOUNDRY_SOLC": str(examples / SOLC), "FOUNDRY_OFFLINE": "true"}
    done = run(examples, tool("forge"), "test", **offline)
    assert done.returncode == 0
    assert "14 passed; 0 failed" in done.stdout
    assert "promoted to keyword" not in done.stdout + done.stderr


def test_hardhat_builds_and_tests_the_consumer(examples: Path) -> None:
    done = run(examples, "node", "node_modules/hardhat/internal/cli/bootstrap.js", "test", "test/ModelRegistry.test.js")
    assert done.returncode == 0
    assert "3 passing" in done.stdout


@pytest.mark.parametrize(
    "gate",
    [
        "onlyLicensed(datasetId, licenseId, TRAIN_TTS)",
        "onlyTrainer(modelId)",
        "onlyAllowed(query, evidence, datasetOf[modelId], TRAIN_TTS)",
    ],
)
def test_a_consumer_without_its_gate_fails_in_both(examples: Path, tmp_path: Path, gate: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(examples, broken, symlinks=True, ignore=shutil.ignore_patterns("out", "cache", "artifacts"))
    source = broken / "contracts/ModelRegistry.sol"
    text = source.read_text("utf-8")
    assert f"        {gate}\n" in text
    source.write_text(text.replace(f"        {gate}\n", ""), "utf-8")
    offline = {"FOUNDRY_SOLC": str(examples / SOLC), "FOUNDRY_OFFLINE": "true"}
    forge = run(broken, tool("forge"), "test", **offline)
    assert (forge.returncode != 0, "[FAIL" in forge.stdout) == (True, True)
    bootstrap = "node_modules/hardhat/internal/cli/bootstrap.js"
    hardhat = run(broken, "node", bootstrap, "test", "test/ModelRegistry.test.js")
    assert (hardhat.returncode != 0, "1 failing" in hardhat.stdout) == (True, True)


def test_a_script_of_viem_licenses_and_records(examples: Path, devnet: tuple[World, Path]) -> None:
    made, document = devnet
    done = run(examples, "node", "license.mjs", made.url, document)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["accessor"].lower() == "0x" + made.signers[5].address.hex()
    assert told["units"] == "3"


def test_a_script_without_arguments_says_what_it_needs(examples: Path, python: Path) -> None:
    for command in (("node", "license.mjs"), (python, "license.py")):
        done = run(examples, *command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"Usage: {Path(command[0]).name} {command[1]} RPC DEPLOYMENT.json\n"


def test_the_package_is_required_and_imported_alike(examples: Path) -> None:
    asked = (
        "console.log(m.purposes['train.tts'], m.errorsAbi.length, m.eventsAbi.length, Object.keys(m.typedData).length)"
    )
    package = "'@provenance-network/contracts'"
    required = run(examples, "node", "-e", f"const m = require({package}); {asked}")
    imported = run(examples, "node", "--input-type=module", "-e", f"import * as m from {package}; {asked}")
    assert (required.returncode, imported.returncode) == (0, 0)
    bit, *counts = map(int, required.stdout.split())
    assert (bit, required.stdout, min(counts) > 10) == (2, imported.stdout, True)


def test_types_of_the_package_are_right_and_strict(examples: Path) -> None:
    strict = (
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "node16",
        "--skipLibCheck",
        "--allowJs",
        "--checkJs",
    )
    typed = examples / "typed.mts"
    typed.write_text(
        'import { dataAccessAbi, purposes } from "@provenance-network/contracts";\n'
        "const bit: 2 = purposes['train.tts'];\n"
        "const first: 'error' | 'event' | 'function' | 'constructor' = dataAccessAbi[0].type;\n"
        "// @ts-expect-error no such purpose\n"
        "purposes['train.everything'];\n"
        "export { bit, first };\n",
        "utf-8",
    )
    tsc = ("node", ROOT / "node_modules/typescript/bin/tsc", *strict)
    done = run(examples, *tsc, "typed.mts")
    assert done.returncode == 0, done.stdout
    typed.write_text(typed.read_text("utf-8").replace("const bit: 2", "const bit: 3"), "utf-8")
    assert run(examples, *tsc, "typed.mts").returncode != 0


def test_the_wheel_verifies_a_deployment_with_npms_compiler(
    examples: Path, devnet: tuple[World, Path], python: Path
) -> None:
    made, document = devnet
    settings = {"rpc": [made.url], "chain_id": 31_337, "deployment": str(document)}
    config.save(
        {"": {"home": str(examples / "home"), "network": "here"}, "networks.here": settings}, path=examples / "p.toml"
    )
    command = (python.with_name("provenance"), "contracts", "verify", "--config", "p.toml", "--json")
    assert run(examples, *command, "--solc", "nowhere").returncode == 11
    done = run(examples, *command, "--solc", SOLC)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "VERIFIED")


@pytest.mark.parametrize("version", ["8", "7.16.0"])
def test_a_script_of_web3_runs_with_the_wheel_alone(
    examples: Path, devnet: tuple[World, Path], python: Path, version: str
) -> None:
    """With the locked web3 8, then with the oldest line that is still kept up."""
    made, document = devnet
    if version != "8":
        into = ("pip", "install", "--quiet", "--python", python, f"web3=={version}")
        assert run(examples, sys.executable, "-m", "uv", *into).returncode == 0
    asked = run(examples, python, "-c", "import provenance, web3; print(web3.__version__, provenance.__file__)")
    assert asked.stdout.startswith(version)
    assert str(python.parents[1]) in asked.stdout
    done = run(examples, python, "license.py", made.url, document)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["accessor"].lower(), told["units"], told["allowed"]) == (
        "0x" + made.signers[5].address.hex(),
        "3",
        True,
    )
    assert all(re.fullmatch("0x[0-9a-f]{64}", told[one]) for one in ("datasetId", "licenseId"))
    broken = examples / "broken.py"
    text = (examples / "license.py").read_text("utf-8")
    assert "(holder, deployed.access.grant(grant))" in text
    broken.write_text(
        text.replace("(holder, deployed.access.grant(grant))", "(licensee, deployed.access.grant(grant))"), "utf-8"
    )
    assert run(examples, python, "broken.py", made.url, document).returncode != 0  # only the holder grants
