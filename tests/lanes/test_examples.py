"""Whoever has only the packed tarball and the wheel builds and runs the examples."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
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
EXTRACTED = "node_modules/@provenance-network/contracts"


def run(cwd: Path, *command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**config.child_environment(), **env},
    )
    sys.stdout.write(done.stdout + done.stderr)
    return done


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples elsewhere, with the tools of npm and what the tarball holds."""
    copy = tmp_path_factory.mktemp("examples") / "examples"
    left = ("node_modules", "out", "cache", "artifacts", "package-lock.json")
    shutil.copytree(ROOT / "examples", copy, ignore=shutil.ignore_patterns(*left))
    packed = run(ROOT, sys.executable, "scripts/package.py")
    assert packed.stdout.strip().endswith(TARBALL), packed.stderr
    (copy / EXTRACTED).mkdir(parents=True)
    for found in (ROOT / "node_modules").iterdir():
        if found.name != "@provenance-network":
            (copy / "node_modules" / found.name).symlink_to(found)
    with tarfile.open(packed.stdout.strip()) as tar:
        for member in tar.getmembers():
            member.name = member.name.removeprefix("package/")
            tar.extract(member, copy / EXTRACTED, filter="data")
    return copy


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    """A chain with the contracts, and the document that says where they are."""
    folder = tmp_path_factory.mktemp("devnet")
    with world(folder / "devnet") as made:
        (folder / "31337.json").write_bytes(made.record.encode())
        yield made, folder / "31337.json"


def test_forge_builds_and_tests_the_consumer(examples: Path) -> None:
    offline = {"FOUNDRY_SOLC": str(ROOT / "scripts/solc.js"), "FOUNDRY_OFFLINE": "true"}
    done = run(examples, tool("forge"), "test", **offline)
    assert done.returncode == 0
    assert "10 passed; 0 failed" in done.stdout


def test_hardhat_builds_and_tests_the_consumer(examples: Path) -> None:
    done = run(examples, "node", "node_modules/hardhat/internal/cli/bootstrap.js", "test", "test/ModelRegistry.test.js")
    assert done.returncode == 0
    assert "2 passing" in done.stdout


def test_a_consumer_without_its_gate_fails_in_both(examples: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(examples, broken, symlinks=True, ignore=shutil.ignore_patterns("out", "cache", "artifacts"))
    source = broken / "contracts/ModelRegistry.sol"
    text = source.read_text("utf-8")
    gate = "        onlyLicensed(datasetId, licenseId, TRAIN_TTS)\n"
    assert gate in text
    source.write_text(text.replace(gate, ""), "utf-8")
    offline = {"FOUNDRY_SOLC": str(ROOT / "scripts/solc.js"), "FOUNDRY_OFFLINE": "true"}
    assert run(broken, tool("forge"), "test", **offline).returncode != 0
    hardhat = "node_modules/hardhat/internal/cli/bootstrap.js"
    assert run(broken, "node", hardhat, "test", "test/ModelRegistry.test.js").returncode != 0


def test_a_script_of_viem_licenses_and_records(examples: Path, devnet: tuple[World, Path]) -> None:
    made, document = devnet
    done = run(examples, "node", "license.mjs", made.url, document)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["accessor"].lower() == "0x" + made.signers[5].address.hex()
    assert told["units"] == "3"


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
    tsc = ("node", "node_modules/typescript/bin/tsc", *strict)
    done = run(examples, *tsc, "typed.mts")
    assert done.returncode == 0, done.stdout
    typed.write_text(typed.read_text("utf-8").replace("const bit: 2", "const bit: 3"), "utf-8")
    assert run(examples, *tsc, "typed.mts").returncode != 0


def test_a_script_of_web3_runs_with_the_wheel_alone(examples: Path, devnet: tuple[World, Path], tmp_path: Path) -> None:
    made, document = devnet
    built = run(ROOT, sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    asked = "import provenance, runpy, sys; sys.argv = sys.argv[1:]; sys.stderr.write(provenance.__file__); runpy.run_path(sys.argv[0], run_name='__main__')"
    python = (sys.executable, "-P", "-c", asked)
    done = run(examples, *python, "license.py", made.url, document, PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0
    assert str(tmp_path) in done.stderr
    assert json.loads(done.stdout)["accessor"].lower() == "0x" + made.signers[5].address.hex()
