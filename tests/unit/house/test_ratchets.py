"""Counts that only fall: fillers, questions, namesakes, small helpers, late imports, uncalled code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.unit.house.ratchets import RATCHETS, consent_ends, counted, event_files, package, risen
from tests.unit.house.tree import ROOT, Sources, script, sources

COMMITTED = json.loads((ROOT / "tests" / "unit" / "house" / "ratchets.json").read_text("utf-8"))


def test_no_package_has_more_than_was_committed() -> None:
    assert risen(COMMITTED, counted(sources())) == [], "see: python scripts/words.py --list RATCHET PACKAGE"


CASES = {
    "fillers": (
        "found = 1",
        "def judge(of): ...",
        "for one in x: pass",
        "y = [item for item in x]",
        "import a as data",
        "match x:\n    case {'a': 1, **made}: pass",
        "try: pass\nexcept E as result: pass",
        "if (n := 1) or (value := 2): pass",
    ),
    "questions": ('"""What is here?\n\nThis."""', 'def f():\n    """Is it so?"""', 'class C:\n    """Whose?"""'),
    "namesakes": ("class License: ...",),
    "small_helpers": ("def f(x):\n    return _g(x)\n\ndef _g(x):\n    return x",),
    "late_imports": ("def f():\n    import json", "def f():\n    from provenance.errors import Failed"),
    "uncalled": ("def nobody(): ...", "class Nobody: ...", "class _C:\n    def nobody(self): ...\n_C()"),
}
NONE_OF_THEM = {
    "fillers": ("recording = 1", "x.found = 1", "f(value=1)"),
    "questions": ('"""Leases: who may read."""', "x = 'is it?'"),
    "namesakes": ("class Unheard: ...", "class Outer:\n    class License: ..."),
    "small_helpers": (
        "x = _g(1) + _g(2)\n\ndef _g(x):\n    return x",
        "x = sorted(y, key=_g)\n\ndef _g(x):\n    return x",
        "x = _g(1)\n\ndef _g(x):\n" + "    x += 1\n" * 9 + "    return x",
    ),
    "late_imports": ("import json", "def f():\n    import duckdb", "def f():\n    from web3 import Web3"),
    "uncalled": (
        "def f(): ...\nf()",
        "@command(None)\ndef f(): ...",
        "from click import Group\nclass _G(Group):\n    def invoke(self): ...\n_G()",
        "import click\nclass _G(click.Group):\n    def invoke(self): ...\n_G()",
    ),
}


def cases(source: str, ratchet: str) -> int:
    """How many cases of a ratchet the source adds to a product that has a License already."""
    product: Sources = {"provenance/domain/license.py": ast.parse("class License: ...\nLicense()")}
    added = product | {"provenance/app/added.py": ast.parse(source)}
    return sum(case.file == "provenance/app/added.py" for case in RATCHETS[ratchet](added))


@pytest.mark.parametrize(
    ("ratchet", "source"), [(name, source) for name, several in CASES.items() for source in several]
)
def test_an_added_case_is_seen(ratchet: str, source: str) -> None:
    assert cases(source, ratchet) == 1


@pytest.mark.parametrize(
    ("ratchet", "source"), [(name, source) for name, several in NONE_OF_THEM.items() for source in several]
)
def test_what_is_no_case_is_not_counted(ratchet: str, source: str) -> None:
    assert cases(source, ratchet) == 0


@pytest.mark.parametrize(
    ("now", "named"),
    [
        ({"provenance/app": 4, "provenance/cli": 1}, ["fillers in provenance/app: 4, at most 3"]),
        ({"provenance/app": 3, "provenance/cli": 2}, []),
        ({"provenance/app": 1, "provenance/app/access": 2}, []),
        ({"provenance/app": 3, "indexer/web": 3}, ["fillers in all: 6, at most 5; new: indexer/web"]),
    ],
)
def test_a_count_that_rose_is_named_and_one_that_fell_or_moved_is_not(now: dict[str, int], named: list[str]) -> None:
    assert risen({"fillers": {"provenance/app": 3, "provenance/cli": 2}}, {"fillers": now}) == named


def test_the_script_commits_lower_counts_and_refuses_higher_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = script("words")
    committed = tmp_path / "ratchets.json"
    committed.write_text(json.dumps({"fillers": {"provenance/app": 3}}))
    monkeypatch.setattr(words, "COMMITTED", committed)
    with pytest.raises(SystemExit, match=r"fillers in provenance/app: 4, at most 3"):
        words.check({"fillers": {"provenance/app": 4}}, write=True)
    words.check({"fillers": {"provenance/app": 2}}, write=False)
    assert json.loads(committed.read_text()) == {"fillers": {"provenance/app": 3}}
    words.check({"fillers": {"provenance/app": 2}}, write=True)
    assert json.loads(committed.read_text()) == {"fillers": {"provenance/app": 2}}
    assert capsys.readouterr().out.splitlines()[0].split() == ["fillers", "2", "committed", "3"]


def test_rooms_that_are_rewritten_later_are_counted_apart() -> None:
    assert package("indexer/gateway/leases.py") == "indexer/gateway/leases"
    assert package("indexer/gateway/money.py") == "indexer/gateway"
    assert package("provenance/domain/settlement/judging.py") == "provenance/domain/settlement"


def test_a_second_place_that_compares_a_consents_end_is_seen() -> None:
    product: Sources = {
        "provenance/domain/a.py": ast.parse("if at > consent.not_after: ..."),
        "provenance/domain/b.py": ast.parse("x = terms.not_after < at"),
        "provenance/domain/c.py": ast.parse("x = consent.not_before > consent.not_after"),
    }
    assert [case.file for case in consent_ends(product)] == ["provenance/domain/a.py"]


def test_a_new_event_touches_two_files() -> None:
    """The class and its arm in the ledger."""
    of_events, ledger = event_files(sources())
    assert of_events.startswith("provenance/domain/events/")
    assert ledger == "provenance/domain/ledger.py"
