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
from provenance.adapters.chain.natspec import Comment, key, parse, struct, structs

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
    texts: dict[str, str] = {}
    for name in abi.NAMES:
        compiled = abi.load(name)
        for interface, comments in compiled.natspec.items():
            if interface.startswith("I") and interface[1:2].isupper() and not interface.startswith("IERC"):
                users.setdefault(interface, []).append(name)
                texts[interface] = page(interface, compiled, {key: parse(text) for key, text in comments.items()})
    rows = "".join(
        f"| [{interface}]({interface}.md) | {', '.join(users[interface])} | {texts[interface].splitlines()[2]} |\n"
        for interface in sorted(texts)
    )
    return {"README.md": INTRODUCTION + rows} | {f"{interface}.md": text for interface, text in texts.items()}


def page(interface: str, compiled: abi.Artifact, comments: dict[str, Comment]) -> str:
    """One interface's page."""
    entries: list[Any] = [named for named in compiled.abi if "name" in named and key(named) in comments]
    parts = [f"# {interface}\n\n{comments[''].title}\n", f"{comments[''].notice}\n"]
    for sort, title, word in SORTS:
        chosen = sorted((named for named in entries if named["type"] == sort), key=lambda named: str(named["name"]))
        parts += [f"## {title}\n"] * bool(chosen)
        parts += [entry(named, comments[key(named)], word) for named in chosen]
    rows = [
        f"| `{name}` | {literal(constant)} | {cell(text)} |\n"
        for name, (constant, text) in abi.constants(interface).items()
    ]
    parts += ["## Constants\n", "| name | value | |\n|---|---|---|\n" + "".join(rows)] * bool(rows)
    every = [member for named in entries for side in ("inputs", "outputs") for member in named.get(side, ())]
    kept = {name: members for name, members in structs(every).items() if name in comments}
    parts += ["## Structs\n"] * bool(kept)
    parts += [f"### {name}\n\n{comments[name].notice}\n\n{table(kept[name], comments[name])}" for name in sorted(kept)]
    return "\n".join(parts)


def entry(named: Any, comment: Comment, word: str) -> str:
    """A function, an event or an error."""
    mutability = named.get("stateMutability", "")
    view = f" · {mutability}" if mutability in {"view", "pure"} else ""
    text = f"### {named['name']}\n\n`{signature(named)}` · {word} `0x{key(named)}`{view}\n\n{comment.notice}\n"
    text += f"\n{table(named['inputs'], comment)}" if named["inputs"] else ""
    return text + f"\n{answers(named['outputs'], comment)}" if named.get("outputs") else text


def table(members: Iterable[Any], comment: Comment) -> str:
    """Type, name and meaning of each."""
    rows = [
        f"| `{shown(member)}`{' i' * bool(member.get('indexed'))} | `{member['name']}` | {cell(comment.params.get(member['name'], ''))} |\n"
        for member in members
    ]
    return "| type | name | |\n|---|---|---|\n" + "".join(rows)


def answers(outputs: Sequence[Any], comment: Comment) -> str:
    """What a function returns; NatSpec says the name of a named value first."""
    texts = [*comment.returns, *("" for _ in outputs)]
    rows = [
        f"Returns `{shown(output)}{' ' * bool(output['name'])}{output['name']}` {text.removeprefix(output['name']).strip()}".rstrip()
        for output, text in zip(outputs, texts, strict=False)
    ]
    return "\n\n".join(rows) + "\n"


def shown(parameter: Any) -> str:
    """A type as a reader of Solidity knows it, a struct by its name."""
    declared = str(parameter["type"])
    return struct(parameter) + declared.removeprefix("tuple") if "components" in parameter else declared


def literal(constant: int | bytes) -> str:
    """A number, or text that is padded with zeros on the right."""
    return str(constant) if isinstance(constant, int) else f'`"{constant.rstrip(bytes(1)).decode()}"`'


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
