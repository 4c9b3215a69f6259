"""Packs `packages/contracts` for npm: what is hand-written there, the interfaces, and what follows from the ABIs.

Writes `build/npm/contracts/` and the tarball beside it, whose name it prints. TypeScript of `node_modules` makes
the JavaScript and the types; nothing is downloaded.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import provenance
from provenance import abi
from provenance.domain import purposes, typed

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "npm" / "contracts"
HEAD = "// SPDX-License-Identifier: Apache-2.0\n"
COMPILE = ("--declaration", "--target", "es2022", "--strict", "--skipLibCheck")


def main() -> int:
    """Exit 0: the tarball is there."""
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(ROOT / "packages" / "contracts", OUT)
    shutil.copytree(ROOT / "contracts" / "interfaces", OUT / "interfaces")
    shutil.copy(ROOT / "LICENSE", OUT)
    shutil.copy(ROOT / "scripts" / "solc.js", OUT / "solc.cjs")
    manifest = json.loads((OUT / "package.json").read_text("utf-8"))
    manifest["version"] = provenance.__version__
    (OUT / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    (OUT / "Purposes.sol").write_text(purposes_sol(), "utf-8")
    for folder in ("abi", "artifacts"):
        (OUT / folder).mkdir()
    (OUT / "artifacts" / "solc-input.json").write_text(abi.solc_input(), "utf-8")
    for name in abi.NAMES:
        built = json.loads((ROOT / "provenance" / "abi" / f"{name}.json").read_text("utf-8"))
        (OUT / "abi" / f"{name}.json").write_text(json.dumps(built["abi"], indent=1) + "\n", "utf-8")
        (OUT / "artifacts" / f"{name}.json").write_text(json.dumps(built, indent=1) + "\n", "utf-8")
    modules()
    done = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", OUT.parent],
        cwd=OUT,
        check=True,
        capture_output=True,
        text=True,
    )
    sys.stdout.write(f"{OUT.parent / done.stdout.split()[-1]}\n")
    return 0


def purposes_sol() -> str:
    """The purposes as constants of the file."""
    lines = [f"uint32 constant {constant(code)} = 1 << {bit};\n" for bit, code in enumerate(purposes.CODES)]
    return (
        f"{HEAD}pragma solidity ^0.8.20;\n\n// What a license or a consent may be for, one bit each.\n{''.join(lines)}"
    )


def constant(code: str) -> str:
    """`train.voice-clone` → `TRAIN_VOICE_CLONE`."""
    return code.replace(".", "_").replace("-", "_").upper()


def modules() -> None:
    """`index.js`, `index.cjs` and their types, from one TypeScript source."""
    for name, kind in (("index.ts", "es2022"), ("index.cts", "node16")):
        (OUT / name).write_text(source(), "utf-8")
        resolution = ("--module", kind, "--moduleResolution", "node16" if kind == "node16" else "bundler")
        tsc = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
        subprocess.run(["node", tsc, *COMPILE, *resolution, name], cwd=OUT, check=True)
        (OUT / name).unlink()


def source() -> str:
    """The TypeScript of everything that JavaScript can use."""
    abis = {f"{name[0].lower()}{name[1:]}Abi": list(abi.load(name).abi) for name in abi.NAMES}
    every = [entry for entries in abis.values() for entry in entries]
    parts = {
        **abis,
        "eventsAbi": unique(every, "event"),
        "errorsAbi": unique(every, "error"),
        "purposes": {code: 1 << bit for bit, code in enumerate(purposes.CODES)},
        "constants": constants(),
        "typedData": {
            struct.__name__: {"contract": contract, "types": {struct.__name__: members(struct)}}
            for struct, contract in typed.CONTRACT_BY_TYPE.items()
        },
    }
    return HEAD + "".join(
        f"export const {name} = {json.dumps(part, indent=1)} as const;\n" for name, part in parts.items()
    )


def constants() -> dict[str, int | str]:
    """What stands beside the interfaces in their files: reasons, statuses, roles (in hex)."""
    interfaces = dict.fromkeys(interface for name in abi.NAMES for interface in abi.load(name).natspec)
    named = [pair for interface in interfaces for pair in abi.constants(interface).items()]
    return {name: constant if isinstance(constant, int) else "0x" + constant.hex() for name, (constant, _) in named}


def unique(entries: list[Any], kind: str) -> list[Any]:
    """Every entry of that kind once."""
    return list({json.dumps(entry, sort_keys=True): entry for entry in entries if entry["type"] == kind}.values())


def members(struct: type[typed.Struct]) -> list[dict[str, str]]:
    """The members of an EIP-712 type, in their order."""
    return [{"name": name, "type": kind} for kind, name in typed.members(struct.TYPE)]


if __name__ == "__main__":
    sys.exit(main())
