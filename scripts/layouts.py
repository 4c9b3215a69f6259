"""Where does each contract keep each field? Writes `snapshots/layouts.json`; with --check names what has moved.

Read from what `forge build` left in `out/`, and, for fields that a contract packs into a word by hand, from the
constants that it shifts by.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = ROOT / "snapshots" / "layouts.json"
CONTRACTS = (
    "ArtifactRegistry",
    "ConsentRegistry",
    "DataAccess",
    "DatasetRegistry",
    "RoyaltyDistributor",
    "UsageLedger",
)
CONSTANT = re.compile(r"uint256 (?:private|internal) constant (\w+) = (?:1 << )?(\d+);")
Layouts = dict[str, dict[str, str]]


def main() -> int:
    """Exit 0: written, or nothing has moved; 1: something has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    present = layouts()
    if not check:
        SNAPSHOT.write_text(json.dumps(present, indent=1) + "\n", "utf-8")
        return 0
    moved = list(differences(json.loads(SNAPSHOT.read_text("utf-8")), present))
    for line in moved:
        sys.stderr.write(f"Error: {line}\n")
    if moved:
        sys.stderr.write("Next: if it is meant, make layouts, and commit what it wrote\n")
    return int(bool(moved))


def layouts() -> Layouts:
    """By contract, the place of each field; by source, the first bit of each packed one."""
    places = {name: dict(fields(artifact(name))) for name in CONTRACTS}
    paths = sorted([*ROOT.glob("contracts/*.sol"), *ROOT.glob("contracts/mixins/*.sol")])
    sources = {path.stem: path.read_text("utf-8") for path in paths}
    shifted = set(re.findall(r"(?:<<|>>|[|&^]) ([A-Z_]+)\b", "".join(sources.values())))
    for name, source in sources.items():
        if words := {field: f"bit {bit}" for field, bit in CONSTANT.findall(source) if field in shifted}:
            places[f"{name}, packed"] = words
    return places


def artifact(name: str) -> dict[str, Any]:
    """The storage layout that the compiler gave."""
    built: dict[str, Any] = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text("utf-8"))
    layout: dict[str, Any] = built["storageLayout"]
    return layout


def fields(layout: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each variable, and below it the members of each struct, with slot, byte and type."""

    def walk(entries: list[dict[str, Any]], above: str, slot: int) -> Iterator[tuple[str, str]]:
        for entry in entries:
            name, place = above + entry["label"], slot + int(entry["slot"])
            kind = layout["types"][entry["type"]]
            yield name, f"slot {place}, byte {entry['offset']}: {kind['label']}"
            while "value" in kind or "base" in kind:  # a mapping's values and an array's items count from their own 0
                name, place, kind = f"{name}[]", 0, layout["types"][kind.get("value") or kind["base"]]
            yield from walk(kind.get("members", []), f"{name}.", place)

    return walk(layout["storage"], "", 0)


def differences(known: Layouts, present: Layouts) -> Iterator[str]:
    """One line for each field that moved, came or went."""
    for contract in sorted({*known, *present}):
        before, after = known.get(contract, {}), present.get(contract, {})
        for name in sorted({*before, *after}, key=[*before, *after].index):
            if before.get(name) != after.get(name):
                yield f"{contract}: {name} is at {after.get(name, 'no place')}; it was at {before.get(name, 'no place')}"


if __name__ == "__main__":
    sys.exit(main())
