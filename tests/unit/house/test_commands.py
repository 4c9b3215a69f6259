"""What people are told to type exists: each command in backticks, in any text of the code, the README and the docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache

import click
import pytest

from provenance.cli.main import root
from tests.unit.house.tree import ROOT, files, nodes, parsed, text

QUOTED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
WORD = re.compile(r"[a-z][a-z-]*\Z")


def texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Each string of a module; what a format string fills in is an ellipsis."""
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def quotations() -> Iterator[tuple[str, str]]:
    """(file, what stands in backticks there)."""
    for path in files("provenance", "indexer"):
        for string in texts(nodes(parsed(path))):
            yield from ((path.name, quoted) for quoted in QUOTED.findall(string))
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        yield from ((page.name, quoted) for quoted in QUOTED.findall(text(page)))


@cache
def command(name: str) -> click.Command | None:
    """A command or group by its first word."""
    context = click.Context(root)
    return root.get_command(context, name) if name in names() else None


@cache
def names() -> frozenset[str]:
    """First words; looked up once, because who asks for one that is none has every installed package searched."""
    return frozenset(root.list_commands(click.Context(root)))


@cache
def wrong(quoted: str) -> str | None:
    """What of `[provenance] group command --option` does not exist; None too where no command is meant."""
    words = quoted.removeprefix("provenance ").split()
    if not words or not WORD.match(words[0]):
        return None
    group = command(words[0])
    if group is None:
        return words[0] if quoted.startswith("provenance ") else None
    words.pop(0)
    while isinstance(group, click.Group) and words and WORD.match(words[0]):
        name = words.pop(0)
        inner = group.get_command(click.Context(root), name)
        if inner is None:
            return name
        group = inner
    if isinstance(group, click.Group):
        return None
    options = {"--help"} | {name for param in group.params for name in (*param.opts, *param.secondary_opts)}
    return next((word for word in words if word.startswith("--") and word.split("=")[0] not in options), None)


def test_each_command_that_people_are_told_exists() -> None:
    assert sorted({(file, quoted, lacking) for file, quoted in quotations() if (lacking := wrong(quoted))}) == []


@pytest.mark.parametrize(
    ("quoted", "lacking"),
    [
        ("terms show", "show"),
        ("provenance nowhere", "nowhere"),
        ("terms new FILE --out F", "--out"),
        ("node db downgrade", "downgrade"),
        ("provenance terms check FILE --json", None),
        ("node db upgrade", None),
        ("upload --for", None),
        ("--account NAME", None),
        ("offer expired", None),
    ],
)
def test_a_command_that_does_not_exist_is_seen(quoted: str, lacking: str | None) -> None:
    assert wrong(quoted) == lacking
