"""Every row of the threat model, and every attack on record, names a test that is there; what nothing stops is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from provenance.domain import typed
from tests.unit.house.tree import ROOT, functions, parsed

PAGE = ROOT / "docs" / "security.md"
ON_RECORD = ("attacks", "money-limits", "offers-and-pools", "stakes")
NAMED = re.compile(r"`([\w/]+\.py::test_\w+|[A-Z]\w+\.(?:test|testFuzz|invariant)_\w+)`")
OPEN = re.compile(r"\*\*Not stopped\*\*[\w' ]*: \w.{20,}")
ROLES = {
    "owner", "guardian", "arbiter", "publisher", "relayer", "meter", "gateway", "licensee's wallet", "session key",
    "rights holder", "voice owner", "token's issuer",
}  # fmt: skip
COLLUSION = "| who | what comes of it | what bounds it |\n|---|---|---|\n"
RACED = {"register", "accept", "revoke", "claim", "challenge"}
pytestmark = pytest.mark.unit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what is done, at what cost, what stops it, which tests show it."""

    section: str
    attack: str
    cost: str
    stopped: str
    tests: str


def rows(page: str) -> Iterator[Row]:
    """The lines of every table whose last column is `test`."""
    section, inside = "", False
    for line in page.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[-1] == "test":
            inside = True
            assert len(cells) == 4, line
        elif inside and not set(line) <= set("|-: "):
            assert len(cells) == 4, line
            yield Row(section, *cells)


def unproved(row: Row) -> str | None:
    """What is missing in a row; None if nothing is."""
    if not all((row.attack, row.cost, row.stopped)):
        return f"{row.attack}: an empty cell"
    named = NAMED.findall(row.tests)
    gone = [name for name in named if not exists(name)]
    if gone:
        return f"{row.attack}: there is no {', '.join(gone)}"
    if NAMED.sub("", row.tests).strip(" ,") or not named:
        return f"{row.attack}: no test"
    if "**Not stopped**" in row.stopped and not OPEN.search(row.stopped):
        return f"{row.attack}: not stopped, and nothing that bounds it"
    return None


def exists(name: str) -> bool:
    return name in (python(name.partition("::")[0]) if "::" in name else solidity())


@cache
def python(file: str) -> frozenset[str]:
    path = ROOT / "tests" / file
    if not path.is_file():
        return frozenset()
    return frozenset(f"{file}::{test.name}" for test in functions(parsed(path)))


@cache
def solidity() -> frozenset[str]:
    tests = set[str]()
    for path in (ROOT / "test-forge").rglob("*.sol"):
        contract = ""
        for line in path.read_text("utf-8").splitlines():
            if begins := re.match(r"(?:abstract )?contract (\w+)", line):
                contract = begins[1]
            elif test := re.match(r"\s+function (\w+)\(", line):
                tests.add(f"{contract}.{test[1]}")
    return frozenset(tests)


@pytest.fixture(scope="module")
def model() -> list[Row]:
    return list(rows(PAGE.read_text("utf-8")))


def test_every_row_names_its_test(model: list[Row]) -> None:
    assert [missing for row in model if (missing := unproved(row))] == []


def test_every_role_has_a_stolen_key(model: list[Row]) -> None:
    roles = {row.attack.partition(",")[0] for row in model if row.section == "Stolen keys"}
    assert roles == ROLES


def test_every_signature_has_a_replay(model: list[Row]) -> None:
    replayed = {row.attack.strip("`") for row in model if row.section == "Replayed signatures"}
    signed = {struct.__name__ for struct in vars(typed).values() if isinstance(getattr(struct, "TYPE", None), str)}
    assert signed - replayed == set()


def test_every_race_is_run(model: list[Row]) -> None:
    raced = {row.attack.split()[0].strip("`,") for row in model if row.section == "Front-running"}
    assert RACED - raced == set()


def test_every_collusion_says_what_comes_of_it_and_what_bounds_it() -> None:
    table = PAGE.read_text("utf-8").partition(COLLUSION)[2].partition("\n\n")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert len(lines) >= 11
    assert [line for line in lines if len(line) != 3 or not all(len(cell) > 10 for cell in line)] == []


@pytest.mark.parametrize("decision", ON_RECORD)
def test_every_attack_on_record_names_its_test(decision: str) -> None:
    tried = list(rows((ROOT / "docs" / "decisions" / f"{decision}.md").read_text("utf-8")))
    assert len(tried) >= 8
    assert [missing for row in tried if (missing := unproved(row))] == []


@pytest.mark.parametrize(
    ("tests", "stopped"),
    [
        ("", "the law"),
        ("`unit/house/test_security.py::test_that_is_not_there`", "the law"),
        ("`ReplayTest.test_that_is_not_there`", "the law"),
        ("a test that somebody will write", "**Not stopped**: it costs nothing to say so at length"),
        ("", "**Not stopped**: no contract sees a copy. Bounded by law, and by what is on chain"),
        ("`ClaimsTest.test_claim_pays_the_payee_whoever_calls`", "**Not stopped**"),
    ],
)
def test_a_row_without_proof_is_found(tests: str, stopped: str) -> None:
    assert unproved(Row("Stolen keys", "theft", "nothing", stopped, tests))
