"""Every small fault of the contracts that `mutants.py` can try, into build/mutants/faults.json.

They are those of slither-mutate's operators, and ours for what these leave alone: assembly and numbers. Runs where
slither is installed. Why so: docs/decisions/mutants.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "mutants"
# RR puts `revert()` before each statement, which tells what coverage tells; FHR changes what the compiler checks.
LEFT_OUT = ("RR", "FHR")
YUL = {"lt": "gt", "gt": "lt", "add": "sub", "sub": "add", "shl": "shr", "shr": "shl", "and": "or", "or": "and"}
YUL |= {"eq": "lt", "iszero": "not", "xor": "or", "mul": "add"}
OURS = re.compile(rf"\b(?:({'|'.join(YUL)})(?=\()|(0x[0-9a-fA-F_]+|[0-9][0-9_]*)\b)")
# Unsigned numbers are zero or above it; an immutable with a value is a constant.
SAME = (("!= 0", "> 0"), ("== 0", "<= 0"), (" constant ", " immutable "))


class Fault(NamedTuple):
    """`new` in place of bytes `start` to `end` of `file`; `was` and `now` are the lines it touches, spaces folded."""

    file: str
    line: int
    was: str
    now: str
    start: int
    end: int
    new: str


def fault(path: Path, start: int, end: int, new: str) -> Fault:
    """What a replacement makes of the lines around it."""
    text = path.read_bytes()
    first, last = text.rfind(b"\n", 0, start) + 1, text.find(b"\n", end)
    both = text[first:last], text[first:start] + new.encode() + text[end:last]
    was, now = (" ".join(lines.decode().split()) for lines in both)
    return Fault(path.relative_to(ROOT).as_posix(), text.count(b"\n", 0, first) + 1, was, now, start, end, new)


def sources() -> list[Path]:
    """The contracts, but for interfaces and what stands in for others in tests."""
    paths = (ROOT / "contracts").rglob("*.sol")
    return sorted(path for path in paths if path.parent.name not in ("interfaces", "mocks"))


def by_slither() -> Iterator[Fault]:
    """The operators' own, one function at a time: what an operator cannot do in one must not cost it the others."""
    from slither import Slither  # noqa: PLC0415  in an environment of its own
    from slither.tools.mutator.mutators import all_mutators  # noqa: PLC0415

    operators = [kind for name, kind in vars(all_mutators).items() if name.isupper() and name not in LEFT_OUT]
    known = set(sources())
    for contract in (each for unit in Slither(str(ROOT)).compilation_units for each in unit.contracts):
        if Path(contract.source_mapping.filename.absolute) not in known:
            continue
        parts: list[tuple[list[Any], list[Any]]] = [([], contract.state_variables_declared)]
        parts += [([function], []) for function in contract.functions_and_modifiers_declared]
        for operator in operators:
            for functions, variables in parts:
                yield from patches(operator, contract, functions, variables)


def patches(operator: Any, contract: Any, functions: list[Any], variables: list[Any]) -> Iterator[Fault]:
    """What one operator makes of these functions and variables."""
    mutator = operator(
        contract.compilation_unit, 1, "", "", contract, None, verbose=False, output_folder=OUT, dont_mutate_line=[]
    )
    mutator.contract = SimpleNamespace(functions_and_modifiers_declared=functions, state_variables_declared=variables)
    try:
        patches_by_file = mutator._mutate().get("patches", {})  # noqa: SLF001  the public way runs tests by itself
    except IndexError:  # ROR knows no comparison in assembly
        return
    for name, replacements in patches_by_file.items():
        text = Path(name).read_bytes()
        for patch in replacements:
            old, new = patch["old_string"], patch["new_string"]
            start = text.rfind(
                old.encode(), 0, patch["start"] + len(old.encode())
            )  # ROR replaces more than its range says
            # CR's `//` takes the rest of the line with it, the `{` after a modifier for one.
            yield fault(Path(name), start, start + len(old.encode()), f"/*{old}*/" if new == f"//{old}" else new)


def by_us() -> Iterator[Fault]:
    """An operation of assembly in place of another, and each number one more."""
    for path in sources():
        offset = 0
        for line in path.read_text("utf-8").splitlines(keepends=True):
            code = "" if line.startswith(("pragma", "import")) else line.split("//")[0]
            for match in OURS.finditer(code):
                start, end = (offset + len(code[:place].encode()) for place in match.span())
                more = match[2] and str(int(match[2].replace("_", ""), 0) + 1)
                yield fault(path, start, end, more or YUL[match[1]])
            offset += len(line.encode())


def is_same(change: Fault) -> bool:
    """Whether it is no fault."""
    return change.now in (change.was, *(change.was.replace(old, new) for old, new in SAME))


def main() -> int:
    """Exit 0: the list is written, each fault once."""
    changes = {
        (change.file, change.line, change.now): change for change in (*by_slither(), *by_us()) if not is_same(change)
    }
    OUT.mkdir(parents=True, exist_ok=True)
    faults = [change._asdict() for change in sorted(changes.values())]
    (OUT / "faults.json").write_text(json.dumps(faults, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{len(faults)} faults")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
