"""What a stranger wrote is shown, and never obeyed."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, strategies as st

from provenance.domain.printable import MARKS, brief, escaped

ANY = st.text(st.characters(exclude_categories=()))
"""Every code point, lone surrogates among them."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Мой голос 我的声音 «é» 🎙\ufe0f ❤\ufe0f", "Мой голос 我的声音 «é» 🎙\ufe0f ❤\ufe0f"),
        ("שָׁלוֹם", "שָׁלוֹם"),
        ("a\x1b[2Jb\x07\x08\r\0", r"a\u001b[2Jb\u0007\u0008\u000d\u0000"),
        ("a\x9b31mb\x85\x7f", r"a\u009b31mb\u0085\u007f"),
        ("Ann\nVERIFIED\u2028x\u2029", r"Ann\u000aVERIFIED\u2028x\u2029"),
        ("\u202egnp.exe \u2066x\u2069\u200e\u200f\u061c", r"\u202egnp.exe \u2066x\u2069\u200e\u200f\u061c"),
        ("An\u200bn\u200d\u2060\ufeff\u00ad", r"An\u200bn\u200d\u2060\ufeff\u00ad"),
        ("An\u034fn\u3164\u115f\u2800x\ufe0f\U000e0100", r"An\u034fn\u3164\u115f\u2800x\ufe0f\udb40\udd00"),
        ("\ud800x\udcff", r"\ud800x\udcff"),
        ("\ue000\U000f0000\U0010ffff", r"\ue000\udb80\udc00\udbff\udfff"),
        ("\U000e0041\u0378", r"\udb40\udc41\u0378"),
        ("\u0301alone, and a\u0301", r"\u0301alone, and " + "a\u0301"),
        ("a" + "\u0336" * 300, "a" + "\u0336" * MARKS + r"\u0336" * (300 - MARKS)),
        ("a\u3000b\u00a0c", r"a\u3000b\u00a0c"),
    ],
)
def test_what_cannot_be_shown_stands_as_its_code(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(ANY)
def test_nothing_hides_turns_the_writing_or_leaves_its_line(text: str) -> None:
    shown = escaped(text)
    assert all(char.isprintable() for char in shown)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp") for char in shown)
    shown.encode()
    assert len(shown.splitlines()) <= 1


@given(ANY)
def test_escaped_text_stays_as_it_is(text: str) -> None:
    assert escaped(escaped(text)) == escaped(text)


@given(ANY)
def test_our_own_line_breaks_stay_where_the_text_is_of_several_lines(text: str) -> None:
    assert escaped(text, lines=True).split("\n") == [escaped(line) for line in text.split("\n")]


@given(st.recursive(ANY | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)))
def test_an_escaped_json_document_is_the_same_document(content: object) -> None:
    told = escaped(json.dumps(content, ensure_ascii=False, indent=2), lines=True)
    assert json.loads(told) == json.loads(json.dumps(content))
    assert all(line.isprintable() for line in told.split("\n"))


@given(st.text(max_size=20), st.integers(1, 10))
def test_a_long_text_is_cut_and_says_so(text: str, most: int) -> None:
    assert brief(text, most) == (text if len(text) <= most else text[: most - 1] + "…")
