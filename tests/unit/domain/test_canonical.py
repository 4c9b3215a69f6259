"""There is one byte string per document, and everything ambiguous is refused."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from hypothesis import given, settings, strategies as st

from provenance.domain import canonical
from provenance.domain.canonical import BadDocument
from provenance.types import Json

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-canonical.INTEGER, canonical.INTEGER) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)


@given(VALUES)
def test_whatever_is_written_is_read_back_equal(value: Json) -> None:
    assert canonical.loads(canonical.dumps(value)) == value


@settings(max_examples=40)  # slow to draw
@given(st.dictionaries(TEXTS.filter(lambda name: name not in {"format", "version"}), VALUES, max_size=5))
def test_unknown_fields_survive_a_round_trip_byte_for_byte(fields: dict[str, Json]) -> None:
    data = canonical.encode("manifest", 1, fields)
    assert canonical.encode("manifest", 1, canonical.parse(data, kind="manifest")) == data


def test_the_order_of_keys_is_that_of_utf16_code_units() -> None:
    # Source: RFC 8785 §3.2.3, its own example.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    data = canonical.dumps(dict.fromkeys(names, 0))
    assert list(json.loads(data)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_names_in_any_script_are_hashed_as_given() -> None:
    assert canonical.dumps({"имя": "声音🎙"}) == '{"имя":"声音🎙"}'.encode()


def test_a_document_names_its_format_and_version() -> None:
    assert canonical.encode("terms", 1, {"a": "1"}) == b'{"a":"1","format":"provenance/terms","version":1}'
    assert canonical.encode("provenance/terms", 1, {"a": "1"}) == canonical.encode("terms", 1, {"a": "1"})
    nested = canonical.encode("terms", 1, MappingProxyType({"a": MappingProxyType({"b": (1, 2)})}))
    assert canonical.parse(nested, kind="provenance/terms") == {"a": {"b": [1, 2]}}


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b'{"a":1,"a":2}', "twice"),
        (b'{"b":[{"a":1,"\\u0061":2}]}', "twice"),
        (b"[1.5]", "whole number"),
        (b"[1e3]", "whole number"),
        (b"[NaN]", "whole number"),
        (b"[-Infinity]", "whole number"),
        (b"[9007199254740992]", "whole number"),
        (b"[" + b"9" * 5000 + b"]", "whole number"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'["\\u0000"]', "NUL"),
        (b'["\xff"]', "UTF-8"),
        (b"\xef\xbb\xbf[]", "JSON"),
        (b"[" * 65 + b"]" * 65, "deeper"),
        (b"[" * 100_000, "deeper"),
        (b'["' + b"x" * (canonical.STRING_BYTES + 1) + b'"]', "larger"),
        ("[" + '"' + "я" * (canonical.STRING_BYTES // 2 + 1) + '"]', "larger"),
        (b"[1,]", "JSON"),
        (b"", "JSON"),
    ],
)
def test_ambiguous_or_oversized_json_is_refused_naming_why(data: bytes | str, named: str) -> None:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(BadDocument, match=named) as refused:
        canonical.loads(raw)
    assert refused.value.next_step


def test_64_levels_and_a_mebibyte_string_are_still_read() -> None:
    canonical.loads(b"[" * 64 + b"]" * 64)
    canonical.loads(b'["' + b"x" * canonical.STRING_BYTES + b'"]')


def test_a_document_over_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadDocument, match="larger"):
        canonical.loads(b"[" + b" " * canonical.DOCUMENT_BYTES)
    with pytest.raises(BadDocument, match="larger than 10 bytes"):
        canonical.loads(b'["123456789"]', limit_bytes=10)


def nested(levels: int) -> Json:
    value: Json = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_64_levels_are_still_written() -> None:
    assert canonical.loads(canonical.dumps(nested(64))) == nested(64)


@pytest.mark.parametrize(
    "value", [nested(65), 1.0, [b"x"], {"a": {1, 2}}, {1: "a"}, 1 << 53, "\0", "\ud800", {"k\0": 1}]
)
def test_what_could_not_be_read_back_is_not_written(value: Json) -> None:
    with pytest.raises(BadDocument):
        canonical.dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        b'{"format":"provenance/terms","version":1}',
        b'{"format":"provenance/manifest","version":2}',
        b'{"format":"provenance/manifest","version":true}',
    ],
)
def test_another_format_or_version_is_refused(data: bytes) -> None:
    with pytest.raises(BadDocument):
        canonical.parse(data, kind="manifest")


def test_fields_cannot_claim_another_format() -> None:
    with pytest.raises(BadDocument, match="format"):
        canonical.encode("terms", 1, {"format": "provenance/manifest"})


def test_deep_nesting_is_refused_where_a_library_raised_the_recursion_limit():
    import eth_account  # noqa: F401 - it sets the limit to 100,000

    with pytest.raises(BadDocument, match="deeper"):
        canonical.loads(b'{"a": ' * 100_000)


def test_brackets_in_strings_do_not_close_what_is_nested():
    with pytest.raises(BadDocument, match="deeper"):
        canonical.loads(b'["]",' * 100_000)


def test_brackets_in_strings_are_not_nesting():
    text = '[\\"' * 200
    assert canonical.loads(json.dumps([text] * 100).encode()) == [text] * 100
