"""What the docs say of the project is so: files, symbols, purposes, units, and the index of decisions."""

from __future__ import annotations

import ast
import datetime as dt
import re

import pytest

from provenance.domain.purposes import CODES
from provenance.domain.terms import UNITS
from tests.unit.house.ratchets import consent_ends
from tests.unit.house.tree import ROOT, parsed, sources, text

DOCS = ROOT / "docs"
QUOTED = re.compile(r"`([^`\n]+)`")
PLACE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?(?:::\w+(?:\.\w+)?)?")
HEAD = re.compile(r"# .+\n\nDecision (\d+) of (\d{4}-\d\d-\d\d)\n\n")
ROW = re.compile(r"^\| (\d+) \| ([\d-]+) \| \[([\w-]+)\]\((\S+)\) \| .+ \|$", re.MULTILINE)


def places(page: str) -> list[str]:
    """Files, folders and symbols that a page names."""
    return [quoted for quoted in QUOTED.findall(page) if "/" in quoted and PLACE.fullmatch(quoted)]


def lacking(place: str) -> str | None:
    """What of `folder/`, `folder/file`, `file.py::name` or `file.py::Class.member` does not exist."""
    file, _, symbol = place.partition("::")
    path = ROOT / file
    if not (path.is_dir() if file.endswith("/") else path.is_file()):
        return file
    body = parsed(path).body if symbol else []
    for name in symbol.split(".") if symbol else ():
        node = next((node for node in body if name in bound(node)), None)
        if node is None:
            return place
        body = node.body if isinstance(node, ast.ClassDef) else []
    return None


def bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return {node.name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.ImportFrom(names=names):
            return {alias.asname or alias.name for alias in names}
    return set()


def test_every_file_and_symbol_that_the_architecture_names_exists() -> None:
    named = places(text(DOCS / "architecture.md"))
    assert len(named) > 60
    assert [gone for place in named if (gone := lacking(place))] == []


@pytest.mark.parametrize(
    "place",
    [
        "provenance/nowhere/", "provenance/domain/nowhere.py", "provenance/domain/merkle.py::nowhere",
        "provenance/domain/manifest.py::Manifest.nowhere", "provenance/domain/merkle.py::root.nowhere",
    ],
)  # fmt: skip
def test_what_does_not_exist_is_seen(place: str) -> None:
    assert places(f"see `{place}`") == [place]
    assert lacking(place)


def test_the_architecture_says_where_a_consents_end_is_checked() -> None:
    row = next(line for line in text(DOCS / "architecture.md").splitlines() if line.startswith("| a consent's end |"))
    named, contract = QUOTED.findall(row)
    (only,) = consent_ends(sources())
    file, _, symbol = named.partition("::")
    function = next(node for node in parsed(ROOT / file).body if symbol in bound(node))
    assert only.file == file
    assert function.lineno <= only.line <= (function.end_lineno or 0)
    assert text(ROOT / contract).count("consent.notAfter") == 1


@pytest.mark.parametrize(
    "addition", ["An event", "A document", "A route", "A payment rail", "A metric", "A modality", "A reason"]
)
def test_the_architecture_says_how_to_add(addition: str) -> None:
    paragraphs = text(DOCS / "architecture.md").partition("## How to add")[2].split("\n\n")
    paragraph = next(paragraph for paragraph in paragraphs if f"**{addition}" in paragraph)
    assert places(paragraph)


def test_the_glossary_has_every_purpose_and_unit() -> None:
    page = text(DOCS / "words.md")
    listed = {int(bit): code for bit, code in re.findall(r"\| (\d+) \| `([\w.-]+)`", page)}
    assert listed == dict(enumerate(CODES))
    assert re.search(r"\| usage \| (.+) \|", page)[1] == ", ".join(f"`{unit}`" for unit in UNITS)


def test_decisions_are_numbered_dated_and_listed() -> None:
    pages = {path.stem: HEAD.match(text(path)) for path in (DOCS / "decisions").glob("*.md") if path.stem != "README"}
    assert [name for name, head in pages.items() if not head] == [], "a title, then: Decision NUMBER of YYYY-MM-DD"
    rows = ROW.findall(text(DOCS / "decisions" / "README.md"))
    assert [(number, date, name) for number, date, name, _ in rows] == sorted(
        ((head[1], head[2], name) for name, head in pages.items()), key=lambda row: int(row[0])
    )
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1))
    dates = [dt.date.fromisoformat(date) for _, date, *_ in rows]
    assert dates == sorted(dates)
    assert all(link == f"{name}.md" for *_, name, link in rows)
