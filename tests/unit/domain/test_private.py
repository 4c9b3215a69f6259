"""The private part keeps what it was given, in any script, and reads what older versions wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from provenance.domain import canonical, fields
from provenance.domain.consent import BadConsent, Scope, Words, words_hash
from provenance.domain.fields import BadField
from provenance.domain.private import KIND, Contributor, Marks, Original, Private
from provenance.types import Address, Bytes32
from tests.documents import HOLDER, VOICE, word

pytestmark = pytest.mark.unit
LINE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1).filter(str.strip)
WORD = st.binary(min_size=32, max_size=32).map(Bytes32)
CONTRIBUTORS = st.builds(
    Contributor,
    name=LINE,
    role=LINE,
    account=st.none() | st.binary(min_size=20, max_size=20).map(Address),
    voice=st.none() | WORD,
    extra=st.dictionaries(st.sampled_from(["pronouns", "ипи"]), LINE),
)
ORIGINALS = st.builds(
    Original, object_id=WORD, file=LINE, sha256=WORD, marks=st.builds(Marks, iscc=st.just("") | LINE, fingerprint=LINE)
)
PRIVATE = st.builds(
    Private,
    title=LINE,
    uploader=st.just(HOLDER.address),
    contributors=st.lists(CONTRIBUTORS, max_size=3).map(tuple),
    words=st.dictionaries(WORD, st.builds(Words, text=TEXT, salt=WORD), max_size=3),
    recordings=st.lists(ORIGINALS, max_size=3).map(tuple),
    extra=st.dictionaries(st.just("later"), st.integers(0, 9)),
)
WORDS = Words("Только закадровый текст.\n仅限旁白。", word("salt"))


@settings(max_examples=40)  # slow to draw
@given(PRIVATE)
def test_what_was_sealed_is_read_again(private: Private) -> None:
    assert Private.parse(private.encode()) == private
    assert Private.parse(private.encode()).encode() == private.encode()


def test_a_private_part_without_names_and_words_is_still_read() -> None:
    old = canonical.encode(
        KIND,
        1,
        {
            "title": "Digits",
            "uploader": fields.shown(HOLDER.address),
            "contributors": [fields.shown(VOICE.address)],
            "recordings": [
                {"objectId": fields.shown(word("o")), "file": "a.wav", "sha256": fields.shown(word("s"))},
            ],
        },
    )
    found = Private.parse(old)
    assert found.contributors == (Contributor("", "", VOICE.address),)
    assert found.recordings == (Original(word("o"), "a.wav", word("s")),)
    assert found.words == {}
    assert Private.parse(found.encode()) == found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
        ({"role": None}, "role"),
        ({"role": "r" * 65}, "role"),
        ({"account": "0x12"}, "account"),
        ({"voice": "me"}, "voice"),
    ],
)
def test_a_contributor_that_says_nothing_is_refused_by_the_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadField, match=f"^{field}: "):
        Contributor.of({"name": "Ann", "role": "narrator", **change})  # type: ignore[dict-item]


def test_whoever_has_words_and_salt_can_compare_them_with_the_scope() -> None:
    scope = Scope(None, words=words_hash(WORDS.text, WORDS.salt))
    WORDS.check(scope)
    assert Words.parse(WORDS.encode()) == WORDS
    for other in (replace(WORDS, text=WORDS.text + "!"), replace(WORDS, salt=word("other"))):
        with pytest.raises(BadConsent, match="not those that were signed"):
            other.check(scope)
    with pytest.raises(BadConsent, match="not those that were signed"):
        WORDS.check(Scope(None))


@pytest.mark.parametrize("text", ["", " \n\t", "w" * (1 << 17) + "w"])
def test_words_that_say_nothing_or_too_much_are_refused(text: str) -> None:
    with pytest.raises(BadConsent, match="words: 1 to"):
        Words(text, word("salt"))


@pytest.mark.parametrize(("text", "why"), [("yes\0no", "NUL"), ("yes \udce9", "a lone surrogate")])
def test_words_that_no_document_can_hold_are_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(BadConsent, match=f"^words: {why} in a string") as caught:
        Words(text, word("salt"))
    assert caught.value.facts["field"] == "words"


def test_a_salt_of_another_length_is_refused() -> None:
    with pytest.raises(BadField, match="salt"):
        Words.of({"words": "yes", "salt": "0x00"})
