"""The Solidity compiler on this machine, and what it makes of the package's sources.

Nothing is downloaded. Any program counts that answers `--version` with the version that the package was compiled
by and takes `--standard-json`: the native solc, npm's solcjs, py-solc-x's, or the one beside this repository.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast, get_args

from provenance import abi, config
from provenance.app.bytecode import Compiled, CompilerFailed, CompilerMissing
from provenance.app.ports import ContractName

TIMEOUT_S: Final = 600
WANTED: Final = {"*": {"*": ["evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]}}


def compiled(compiler: Path | None = None) -> Mapping[ContractName, Compiled]:
    """Every contract, compiled from the sources in this package.

    Args:
        said: the compiler; by default the first of the right version in the usual places.

    Raises:
        CompilerMissing: there is none.
        CompilerFailed: it did not answer with the contracts.
    """
    asked = json.loads(abi.solc_input())
    asked["settings"]["outputSelection"] = WANTED
    output = _answered(_compiler(compiler), json.dumps(asked))
    contracts: dict[str, Any] = {
        name: contract for unit in output["contracts"].values() for name, contract in unit.items()
    }
    return {name: _compiled(contracts[name]["evm"]["deployedBytecode"]) for name in get_args(ContractName)}


def _compiled(deployed: dict[str, Any]) -> Compiled:
    places = (place for references in deployed.get("immutableReferences", {}).values() for place in references)
    return Compiled(
        bytes.fromhex(deployed["object"]), tuple(sorted((place["start"], place["length"]) for place in places))
    )


def _compiler(compiler: Path | None) -> str:
    version = abi.load("DataAccess").compiler
    tried = (compiler,) if compiler else _places(version.partition("+")[0])
    for program in tried:
        if program and version in _version(program):
            return str(program)
    where = f"{compiler} is not" if compiler else "there is no"
    raise CompilerMissing(f"{where} solc {version}", version=version)


def _places(version: str) -> Iterator[Path | str | None]:
    beside = Path(__file__).resolve().parents[2] / "scripts" / "solc.js"
    yield beside if beside.is_file() else None
    yield config.solcx_folder() / f"solc-v{version}"
    yield from (Path("node_modules", ".bin", name).absolute() for name in ("provenance-solc", "solcjs"))
    yield from map(shutil.which, ("solc", "solcjs"))


def _version(program: Path | str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout


def _answered(program: str, asked: str) -> dict[str, Any]:
    """The compiler's output; through a file, because solcjs cuts what it writes into a pipe."""
    with tempfile.TemporaryFile() as into, tempfile.TemporaryFile() as out:
        into.write(asked.encode())
        into.seek(0)
        try:
            subprocess.run([program, "--standard-json"], stdin=into, stdout=out, check=True, timeout=TIMEOUT_S)
            out.seek(0)
            text = out.read().decode()
            output = json.loads(text[text.index("{") :])
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise CompilerFailed(f"{program}: {error}", compiler=program) from None
    wrong = [error["formattedMessage"] for error in output.get("errors", ()) if error["severity"] == "error"]
    if wrong or not output.get("contracts"):
        raise CompilerFailed(f"{program}: {wrong[0] if wrong else 'no contracts came out'}", compiler=program)
    return cast("dict[str, Any]", output)
