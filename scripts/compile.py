"""Compiles the contracts and writes `provenance/abi/*.json`; with --check only says what has drifted.

The reproducible build: solc of npm through `scripts/solc.js`, standard JSON through py-solc-x. forge and
hardhat give the same code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "provenance" / "abi"
SOURCES = {
    "ArtifactRegistry": "contracts/ArtifactRegistry.sol",
    "ConsentRegistry": "contracts/ConsentRegistry.sol",
    "DataAccess": "contracts/DataAccess.sol",
    "DatasetRegistry": "contracts/DatasetRegistry.sol",
    "RoyaltyDistributor": "contracts/RoyaltyDistributor.sol",
    "Token": "contracts/mocks/Token.sol",
    "UsageLedger": "contracts/UsageLedger.sol",
}
OUTPUTS = ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode"]
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 1_000_000},
    "evmVersion": "shanghai",
    "metadata": {"bytecodeHash": "none", "appendCBOR": True},
    "outputSelection": {"*": {"*": OUTPUTS}},
}
IMPORT = re.compile(r'^\s*import\s[^;]*?"([^"]+)"\s*;|^\} from "([^"]+)";', re.MULTILINE)


def main() -> int:
    """Exit 0: written, or nothing has drifted; 1: something has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    drifted = [name for name, text in built().items() if differs(OUT / f"{name}.json", text, write=not check)]
    for name in drifted:
        sys.stderr.write(f"{name}.json {'differs from' if check else 'written from'} {SOURCES[name]}\n")
    if check and drifted:
        sys.stderr.write("Next: make abi, and commit what it wrote\n")
    return int(check and bool(drifted))


def built() -> dict[str, str]:
    """The JSON text of each contract."""
    try:
        out = solcx.compile_standard(standard_input(), solc_binary=ROOT / "scripts" / "solc.js")
    except solcx.exceptions.SolcError as refused:
        raise SystemExit(refused.message) from None
    return {name: render(name, out["contracts"][path][name]) for name, path in SOURCES.items()}


def standard_input() -> dict[str, Any]:
    """Solidity's standard JSON input with every source in it."""
    sources: dict[str, dict[str, str]] = {}
    queue = sorted(SOURCES.values())
    while queue:
        name = queue.pop()
        if name not in sources:
            text = located(name).read_text("utf-8")
            sources[name] = {"content": text}
            queue += [resolved(name, one or two) for one, two in IMPORT.findall(text)]
    return {"language": "Solidity", "sources": dict(sorted(sources.items())), "settings": SETTINGS}


def resolved(importer: str, name: str) -> str:
    """The source unit that an import names."""
    if not name.startswith("."):
        return name
    parts = list(Path(importer).parent.parts)
    for part in Path(name).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def located(name: str) -> Path:
    """The file of a source unit: ours, or an npm package's."""
    return ROOT / "node_modules" / name if name.startswith("@") else ROOT / name


def render(name: str, contract: dict[str, Any]) -> str:
    """What the package keeps of a compiled contract."""
    metadata = json.loads(contract["metadata"])
    lines = [f"{path} {source['keccak256']}\n" for path, source in sorted(metadata["sources"].items())]
    deployed = contract["evm"]["deployedBytecode"]
    places = [place for one in deployed.get("immutableReferences", {}).values() for place in one]
    kept = {
        "contractName": name,
        "compiler": metadata["compiler"]["version"],
        "sourceHash": "0x" + hashlib.sha256("".join(lines).encode()).hexdigest(),
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": sorted([place["start"], place["length"]] for place in places),
    }
    return json.dumps(kept, indent=1) + "\n"


def differs(path: Path, text: str, *, write: bool) -> bool:
    """Whether the file has other contents; after a write it has these."""
    if path.exists() and path.read_text("utf-8") == text:
        return False
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
