"""Writes `docs/reference/*.md` from the compiled contracts; with --check only says what has drifted.

One page an interface: what it is, its functions, events, errors and structs with selectors and topics, in the
words of the comments in Solidity.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance import abi
from provenance.adapters.chain.abi import signature
from provenance.adapters.chain.natspec import Said, key, parse, struct, structs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OUT = Path(__file__).resolve().parents[1] / "docs" / "reference"
INTRODUCTION = """# The contracts, function by function

Generated from the comments in `contracts/interfaces` by `make abi`; never edited. Types are Solidity's; units stand in
brackets. An `i` marks an indexed argument of an event. Selectors and topics are keccak-256 of the signature shown.

| interface | of | what it is |
|---|---|---|
"""
SORTS = (("function", "Functions", "selector"), ("event", "Events", "topic"), ("error", "Errors", "selector"))


def main() -> int:
    """Exit 0: written, or nothing has drifted; 1: something has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    texts = {OUT / name: text for name, text in pages().items()}
    drifted = [path for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text]
    drifted += [path for path in OUT.glob("*.md") if path not in texts]
    for path in drifted:
        sys.stderr.write(f"docs/reference/{path.name} {'differs from' if check else 'written from'} the comments\n")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], "utf-8") if path in texts else path.unlink()
    if check and drifted:
        sys.stderr.write("Next: make abi, and commit what it wrote\n")
    return int(check and bool(drifted))


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    users: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    for name in abi.NAMES:
        compiled = abi.load(name)
        for interface, comments in compiled.natspec.items():
            if interface.startswith("I") and interface[1:2].isupper() and not interface.startswith("IERC"):
                users.setdefault(interface, []).append(name)
                found[interface] = page(interface, compiled, {key: parse(text) for key, text in comments.items()})
    rows = "".join(
        f"| [{interface}]({interface}.md) | {', '.join(users[interface])} | {found[interface].splitlines()[2]} |\n"
        for interface in sorted(found)
    )
    return {"README.md": INTRODUCTION + rows} | {f"{interface}.md": text for interface, text in found.items()}


def page(interface: str, compiled: abi.Artifact, said: dict[str, Said]) -> str:
    """One interface's page."""
    entries: list[Any] = [one for one in compiled.abi if "name" in one and key(one) in said]
    parts = [f"# {interface}\n\n{said[''].title}\n", f"{said[''].notice}\n"]
    for sort, title, word in SORTS:
        chosen = sorted((one for one in entries if one["type"] == sort), key=lambda one: str(one["name"]))
        parts += [f"## {title}\n"] * bool(chosen)
        parts += [entry(one, said[key(one)], word) for one in chosen]
    rows = [f"| `{name}` | {literal(one)} | {cell(text)} |\n" for name, (one, text) in abi.constants(interface).items()]
    parts += ["## Constants\n", "| name | value | |\n|---|---|---|\n" + "".join(rows)] * bool(rows)
    every = [one for some in entries for side in ("inputs", "outputs") for one in some.get(side, ())]
    kept = {name: members for name, members in structs(every).items() if name in said}
    parts += ["## Structs\n"] * bool(kept)
    parts += [f"### {name}\n\n{said[name].notice}\n\n{table(kept[name], said[name])}" for name in sorted(kept)]
    return "\n".join(parts)


def entry(one: Any, said: Said, word: str) -> str:
    """A function, an event or an error."""
    mutability = one.get("stateMutability", "")
    view = f" · {mutability}" if mutability in {"view", "pure"} else ""
    text = f"### {one['name']}\n\n`{signature(one)}` · {word} `0x{key(one)}`{view}\n\n{said.notice}\n"
    text += f"\n{table(one['inputs'], said)}" if one["inputs"] else ""
    return text + f"\n{answers(one['outputs'], said)}" if one.get("outputs") else text


def table(members: Iterable[Any], said: Said) -> str:
    """Type, name and meaning of each."""
    rows = [
        f"| `{shown(one)}`{' i' * bool(one.get('indexed'))} | `{one['name']}` | {cell(said.params.get(one['name'], ''))} |\n"
        for one in members
    ]
    return "| type | name | |\n|---|---|---|\n" + "".join(rows)


def answers(outputs: Sequence[Any], said: Said) -> str:
    """What a function returns; NatSpec says the name of a named value first."""
    told = [*said.returns, *("" for _ in outputs)]
    rows = [
        f"Returns `{shown(one)}{' ' * bool(one['name'])}{one['name']}` {text.removeprefix(one['name']).strip()}".rstrip()
        for one, text in zip(outputs, told, strict=False)
    ]
    return "\n\n".join(rows) + "\n"


def shown(parameter: Any) -> str:
    """A type as a reader of Solidity knows it, a struct by its name."""
    declared = str(parameter["type"])
    return struct(parameter) + declared.removeprefix("tuple") if "components" in parameter else declared


def literal(value: int | bytes) -> str:
    """A number, or text that is padded with zeros on the right."""
    return str(value) if isinstance(value, int) else f'`"{value.rstrip(bytes(1)).decode()}"`'


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
