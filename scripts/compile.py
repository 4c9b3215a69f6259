"""Compiles the contracts and writes `provenance/abi/*.json`; with --check only says what has drifted.

The reproducible build: solc of npm through `scripts/solc.js`, standard JSON through py-solc-x. forge and
hardhat give the same code. `solc-input.json` is what the compiler was given, so that anybody can repeat it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
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
OUTPUTS = [
    "abi",
    "metadata",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
]
INPUT = "solc-input"
KEYS, SEEN = ("functionSelector", "errorSelector", "eventSelector"), {"ContractDefinition", "StructDefinition"}
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 1_000_000},
    "evmVersion": "shanghai",
    "metadata": {"bytecodeHash": "none", "appendCBOR": True},
    "outputSelection": {"*": {"*": OUTPUTS, "": ["ast"]}},
}
IMPORT = re.compile(r'^\s*import\s[^;]*?"([^"]+)"\s*;|^\} from "([^"]+)";', re.MULTILINE)


def main() -> int:
    """Exit 0: written, or nothing has drifted; 1: something has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    drifted = [name for name, text in built().items() if differs(OUT / f"{name}.json", text, write=not check)]
    for name in drifted:
        verb = "differs from" if check else "written from"
        sys.stderr.write(f"{name}.json {verb} {SOURCES.get(name, 'the sources')}\n")
    if check and drifted:
        sys.stderr.write("Next: make abi, and commit what it wrote\n")
    return int(check and bool(drifted))


def built() -> dict[str, str]:
    """The JSON text of each contract, and of the compiler's input."""
    given = standard_input()
    try:
        out = solcx.compile_standard(given, solc_binary=ROOT / "scripts" / "solc.js")
    except solcx.exceptions.SolcError as refused:
        raise SystemExit(refused.message) from None
    units = [unit["ast"] for unit in out["sources"].values()]
    parts = {node["id"]: node for unit in units for node in unit["nodes"]}
    parts |= {node["id"]: node for part in list(parts.values()) for node in part.get("nodes", ())}
    texts = {name: render(name, out["contracts"][path][name], parts) for name, path in SOURCES.items()}
    return {**texts, INPUT: json.dumps(given, indent=1) + "\n"}


def standard_input() -> dict[str, Any]:
    """Solidity's standard JSON input with every source in it."""
    sources: dict[str, dict[str, str]] = {}
    queue = sorted(SOURCES.values())
    while queue:
        name = queue.pop()
        if name not in sources:
            text = located(name).read_text("utf-8")
            sources[name] = {"content": text}
            queue += [resolved(name, direct or selected) for direct, selected in IMPORT.findall(text)]
    return {"language": "Solidity", "sources": dict(sorted(sources.items())), "settings": SETTINGS}


def resolved(importer: str, name: str) -> str:
    """The source unit that an import names."""
    return os.path.normpath(Path(importer).parent / name) if name.startswith(".") else name


def located(name: str) -> Path:
    """The file of a source unit: ours, or an npm package's."""
    return ROOT / "node_modules" / name if name.startswith("@") else ROOT / name


def render(name: str, contract: dict[str, Any], parts: dict[int, Any]) -> str:
    """What the package keeps of a compiled contract; `parts` are the nodes of the syntax trees by id."""
    metadata = json.loads(contract["metadata"])
    lines = [f"{path} {source['keccak256']}\n" for path, source in sorted(metadata["sources"].items())]
    deployed = contract["evm"]["deployedBytecode"]
    immutables = {
        parts[int(number)]["name"]: sorted([place["start"], place["length"]] for place in places)
        for number, places in deployed.get("immutableReferences", {}).items()
    }
    kept = {
        "contractName": name,
        "compiler": metadata["compiler"]["version"],
        "sourceHash": "0x" + hashlib.sha256("".join(lines).encode()).hexdigest(),
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": dict(sorted(immutables.items())),
        "natspec": natspec(name, parts),
    }
    return json.dumps(kept, indent=1) + "\n"


def natspec(name: str, parts: dict[int, Any]) -> dict[str, dict[str, str]]:
    """The comments by declaring contract: of itself (""), of its structs (name), of what has a selector or a topic."""
    own = next(node for node in parts.values() if node["nodeType"] == "ContractDefinition" and node["name"] == name)
    comments: dict[str, dict[str, str]] = {}
    for base in (parts[number] for number in own["linearizedBaseContracts"]):
        keyed = {next(filter(None, map(node.get, KEYS)), node.get("name")): node for node in base["nodes"]} | {"": base}
        seen = {key: node for key, node in keyed.items() if node["nodeType"] in SEEN or set(KEYS) & set(node)}
        texts = {key: (node.get("documentation") or {}).get("text", "") for key, node in seen.items()}
        comments[base["name"]] = {key: text for key, text in texts.items() if "@inheritdoc" not in text}
    return comments


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
