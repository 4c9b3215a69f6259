"""What people are told to type exists: each command in backticks, in any text of the code, the README and the docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from provenance.cli.main import root

ROOT = Path(__file__).parents[3]
QUOTED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
WORD = re.compile(r"[a-z][a-z-]*\Z")


def texts(tree: ast.AST) -> Iterator[str]:
    """Each string of a module; what a format string fills in is an ellipsis."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def told() -> Iterator[tuple[str, str]]:
    """(file, what stands in backticks there)."""
    for path in (*(ROOT / "provenance").rglob("*.py"), *(ROOT / "indexer").rglob("*.py")):
        for text in texts(ast.parse(path.read_text("utf-8"))):
            yield from ((path.name, quoted) for quoted in QUOTED.findall(text))
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        yield from ((page.name, quoted) for quoted in QUOTED.findall(page.read_text("utf-8")))


def wrong(quoted: str) -> str | None:
    """What of `[provenance] group command --option` does not exist; None too where no command is meant."""
    words = quoted.removeprefix("provenance ").split()
    context = click.Context(root)
    found: click.Command = root
    while isinstance(found, click.Group) and words and WORD.match(words[0]):
        name = words.pop(0)
        inner = found.get_command(context, name)
        if inner is None:
            return None if found is root and not quoted.startswith("provenance ") else name
        found = inner
    if found is root or isinstance(found, click.Group):
        return None
    options = {"--help"} | {name for param in found.params for name in (*param.opts, *param.secondary_opts)}
    return next((word for word in words if word.startswith("--") and word.split("=")[0] not in options), None)


def test_each_command_that_people_are_told_exists() -> None:
    assert sorted({(file, quoted, lacking) for file, quoted in told() if (lacking := wrong(quoted))}) == []


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
