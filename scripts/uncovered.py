"""Which lines, branches and functions of the contracts no unit test reaches? Read from `forge coverage --report lcov`.

Exit 1 and each of them named, if there are any. Forge counts of an `if` without `else` one side only; the other was
taken when the line was reached more often than the branch. A side that does nothing (a bare `return;`, a `try` with
empty blocks) it counts whenever it reaches the line; there the next line tells whether the other side was taken.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ("contracts/*.sol", "contracts/libraries/*.sol", "contracts/mixins/*.sol")
DOES_NOTHING = re.compile(r"\breturn;$|^try\b")


@dataclass
class Reached:
    """How often the tests came to each place of one file."""

    lines: dict[int, int] = field(default_factory=dict)
    functions: dict[str, int] = field(default_factory=dict)
    branches: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))  # by line and number


def main() -> int:
    """Exit 0: everything is reached; 1: something is not, or not all was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lcov", type=Path)
    files = read(parser.parse_args().lcov.read_text("utf-8"))
    missing = [f"{name}: not measured" for name in measured() if name not in files]
    missing += [f"{name}:{gap}" for name, reached in sorted(files.items()) for gap in gaps(name, reached)]
    for place in missing:
        sys.stderr.write(f"Error: {place}\n")
    if missing:
        sys.stderr.write("Next: write the test, and its leaf in test-forge/unit/*.tree\n")
        return 1
    counts = Counter[str]()
    for reached in files.values():
        counts.update(lines=len(reached.lines), branches=len(reached.branches), functions=len(reached.functions))
    sys.stdout.write(
        f"{len(files)} files: all {counts['lines']} lines, {counts['branches']} branches (both sides) and "
        f"{counts['functions']} functions are reached\n"
    )
    return 0


def measured() -> list[str]:
    """The files that hold code: a library of constants or a struct has none."""
    paths = [path for pattern in MEASURED for path in sorted(ROOT.glob(pattern))]
    return [path.relative_to(ROOT).as_posix() for path in paths if re.search(r"\bfunction\b", path.read_text("utf-8"))]


def read(text: str) -> dict[str, Reached]:
    """By file, of an lcov report: see geninfo(1), "FILES"."""
    files: dict[str, Reached] = {}
    name = ""
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            name = rest
            files[name] = Reached()
        elif kind == "DA":
            number, hits = rest.split(",")
            files[name].lines[int(number)] = int(hits)
        elif kind == "FNDA":
            count, function = rest.split(",", 1)
            files[name].functions[function] = int(count)
        elif kind == "BRDA":
            number, block, _, taken = rest.split(",")
            files[name].branches[int(number), int(block)].append(0 if taken == "-" else int(taken))
    return files


def gaps(name: str, reached: Reached) -> list[str]:
    """What was not reached, with its line."""
    source = (ROOT / name).read_text("utf-8").splitlines()
    places = [f"{line}: this line is never reached" for line, hits in reached.lines.items() if hits == 0]
    places += [f" {function} is never called" for function, hits in reached.functions.items() if hits == 0]
    for (line, _), sides in reached.branches.items():
        if 0 in sides:
            places.append(f"{line}: this branch is never taken")
        elif len(sides) == 1 and sides[0] >= reached.lines[line] and not DOES_NOTHING.search(source[line - 1].strip()):
            places.append(f"{line}: this branch is always taken")
    return places


if __name__ == "__main__":
    sys.exit(main())
