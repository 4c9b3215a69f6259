"""Terms are read as they were written, and refused when they contradict themselves."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings, strategies as st

from provenance.domain import canonical
from provenance.domain.purposes import KNOWN
from provenance.domain.terms import AttributionRule, BadTerms, Caps, PerUnit, Price, Terms
from provenance.errors import Invalid
from provenance.types import Address, UnixSeconds, Wei
from tests import documents

pytestmark = pytest.mark.unit
AMOUNTS = st.integers(0, (1 << 128) - 1).map(Wei)
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
UNITS = st.builds(PerUnit, st.integers(0, 4), AMOUNTS)
COUNTS = st.none() | st.integers(0, (1 << 64) - 1)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    allowed = draw(st.integers(1, KNOWN))
    times = sorted(draw(st.tuples(*[st.integers(0, (1 << 40) - 1)] * 2)))
    return documents.terms(
        allowed,
        prohibited=draw(st.integers(0, KNOWN)) & ~allowed,
        not_before=UnixSeconds(times[0]),
        not_after=UnixSeconds(times[1]),
        price=draw(st.builds(Price, ADDRESSES, AMOUNTS, UNITS)),
        caps=draw(st.builds(Caps, COUNTS, COUNTS)),
        attribution=draw(st.builds(AttributionRule, st.integers(0, 65_535), st.none() | ADDRESSES)),
        share_alike=draw(st.booleans()),
        extra=draw(st.dictionaries(st.sampled_from(["x", "später"]), st.integers(0, 9))),
    )


@settings(max_examples=40)  # slow to draw
@given(all_terms())
def test_terms_survive_a_round_trip_with_what_we_do_not_know(terms: Terms) -> None:
    again = Terms.parse(terms.encode())
    assert again == terms
    assert again.terms_hash == hashlib.sha256(terms.encode()).digest() == terms.terms_hash


@settings(max_examples=40)  # slow to draw
@given(all_terms(), st.randoms())
def test_order_spacing_and_case_do_not_change_the_hash(terms: Terms, random) -> None:
    fields = list(canonical.loads(terms.encode()).items())  # type: ignore[union-attr]
    random.shuffle(fields)
    loose = dict(fields)
    loose["territories"] = [code.lower() for code in reversed(loose["territories"])]
    loose["price"]["distributor"] = "0x" + loose["price"]["distributor"][2:].upper()
    assert Terms.parse(json.dumps(loose, indent=4).encode()).terms_hash == terms.terms_hash


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purposes": []}, "purposes"),
        ({"purposes": ["train.everything"]}, "purposes"),
        ({"purposes": ["train.tts"], "prohibited": ["train.tts"]}, "prohibited"),
        ({"territories": []}, "territories"),
        ({"territories": ["Europe"]}, "territories"),
        ({"notBefore": 2_000_000_000, "notAfter": 1_999_999_999}, "notBefore"),
        ({"notAfter": -1}, "notAfter"),
        ({"notAfter": 1 << 40}, "notAfter"),
        ({"noticeDays": 70_000}, "noticeDays"),
        ({"shareAlike": 1}, "shareAlike"),
        ({"price": {"distributor": "0x12", "perLicense": "1", "perUnit": None}}, "distributor"),
        ({"price": {"distributor": "0x" + "d1" * 20, "perLicense": "-1", "perUnit": None}}, "perLicense"),
        ({"price": {"distributor": "0x" + "d1" * 20, "perLicense": "1e6", "perUnit": None}}, "perLicense"),
        ({"price": {"distributor": "0x" + "d1" * 20, "perLicense": str(1 << 256), "perUnit": None}}, "perLicense"),
        ({"price": {"distributor": "0x" + "d1" * 20, "perLicense": "1", "perUnit": None}}, "perUnit"),
        ({"price": {"distributor": "0x" + "d1" * 20, "perLicense": "1"}}, "perUnit"),
        (
            {"price": {"distributor": "0x" + "d1" * 20, "perLicense": "1", "perUnit": {"unit": "song", "amount": "1"}}},
            "unit",
        ),
        ({"attribution": {"method": 1, "attributor": "nobody"}}, "attributor"),
        ({"text": {"en": {"url": "https://x", "sha256": "0x00"}}}, "sha256"),
        ({"text": {"en": {"url": "https://x\u001b[2J", "sha256": "0x" + "00" * 32}}}, "url"),
        ({"caps": []}, "caps"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(change: dict[str, object], field: str) -> None:
    fields = {**json.loads(documents.terms().encode()), **change}
    with pytest.raises(Invalid) as caught:
        Terms.parse(json.dumps(fields).encode())
    assert caught.value.facts["field"] == field
    assert caught.value.next_step


def test_a_price_as_a_float_is_refused() -> None:
    data = documents.terms().encode().replace(b'"5000000"', b"4999999.5")
    with pytest.raises(Invalid, match="whole number"):
        Terms.parse(data)


def test_a_purpose_both_allowed_and_prohibited_is_named() -> None:
    with pytest.raises(BadTerms, match=r"train\.tts"):
        documents.terms(0b10, prohibited=0b10)
