"""Every way to fail has one code, one kind, a meaning and a next step, and the page in the docs says them."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from provenance.domain.events import TOPICS
from tests.unit.house.tree import script

EVENTS = {kind.__name__ for kind in TOPICS.values()}


@pytest.fixture(scope="module")
def table():
    return script("error_table")


@pytest.fixture(scope="module")
def errors(table):
    return table.leaves()


def test_the_page_in_the_docs_is_as_the_code_has_it(table):
    assert table.FILE.read_text("utf-8") == table.page(), "run: python scripts/error_table.py"


def test_codes_are_unique_words(errors):
    codes = Counter(error.code for error in errors)
    assert [code for code, count in codes.items() if count > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", code)] == []


def test_every_error_says_what_it_means_and_what_to_do(errors):
    """`next` is a sentence, or ends with the command to run."""
    assert [e.__name__ for e in errors if not (e.__doc__ or "").strip()] == []
    assert [e.__name__ for e in errors if not re.search(r"\w.*[.`')\]]$|\w.*: provenance [a-z].*$", e.next)] == []


def test_an_error_keeps_the_numbers_of_its_kind(errors):
    """But for the statuses that HTTP has of its own."""
    kinds = {error.kind: (error.exit_status, error.http_status) for error in errors if error.code == error.kind}
    assert len(kinds) == 9
    assert [e.__name__ for e in errors if e.exit_status != kinds[e.kind][0]] == []
    assert [
        e.__name__ for e in errors if e.http_status != kinds[e.kind][1] and not e.__module__.startswith("indexer.http.")
    ] == []


def test_an_error_and_an_event_never_share_a_name(errors):
    assert {error.__name__ for error in errors} & EVENTS == set()
