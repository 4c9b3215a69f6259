"""Codes, bits and places mean the same in every direction, and everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from provenance.domain import purposes, territories
from provenance.domain.hashes import keccak
from provenance.domain.purposes import NotOnePurpose, ReservedPurpose, UnknownPurpose
from provenance.domain.territories import UnknownTerritory

pytestmark = pytest.mark.unit
MASKS = st.integers(0, purposes.KNOWN)
PLACES = st.sampled_from(sorted(territories.COUNTRIES | territories.GROUPS.keys()))


@given(MASKS)
def test_codes_and_bits_are_one_and_the_same(mask: int) -> None:
    assert purposes.mask(purposes.codes(mask)) == mask


@pytest.mark.parametrize(
    ("bit", "code"), [(0, "train.asr"), (10, "inference.reference"), (14, "research.noncommercial")]
)
def test_a_code_has_its_published_bit(bit: int, code: str) -> None:
    assert purposes.mask([code]) == 1 << bit


@given(st.integers(15, 31), MASKS)
def test_a_reserved_bit_is_refused_whatever_stands_beside_it(bit: int, mask: int) -> None:
    with pytest.raises(ReservedPurpose):
        purposes.check(mask | 1 << bit)


@given(MASKS)
def test_one_purpose_means_exactly_one(mask: int) -> None:
    if mask.bit_count() == 1:
        assert purposes.single(mask) == mask
    else:
        with pytest.raises(NotOnePurpose):
            purposes.single(mask)


@pytest.mark.parametrize("code", ["", "train", "train.ASR", "train.asr\0", "x" * 10_000])
def test_an_unknown_purpose_names_the_known_ones(code: str) -> None:
    with pytest.raises(UnknownPurpose) as caught:
        purposes.mask([code])
    assert "train.asr" in caught.value.next_step
    assert len(caught.value.detail) < 200


def test_there_are_249_countries_27_in_the_union_and_30_in_the_area() -> None:
    counts = (len(territories.COUNTRIES), len(territories.GROUPS["EU"]), len(territories.GROUPS["EEA"]))
    assert counts == (249, 27, 30)


@given(st.lists(PLACES, min_size=1, max_size=6), st.sampled_from(sorted(territories.COUNTRIES)))
def test_a_place_is_covered_if_one_of_the_codes_holds_it(codes: list[str], place: str) -> None:
    held = any(place == code or place in territories.GROUPS.get(code, ()) for code in codes)
    assert territories.covers(tuple(codes), place.encode()) is held


def test_a_group_is_no_country_and_covers_no_group() -> None:
    assert not territories.covers(("WW",), b"EU")
    with pytest.raises(UnknownTerritory):
        territories.country("EU")


@pytest.mark.parametrize("codes", [[], ["XX"], ["DE", "GER"], ["EU\0"], ["../x"], ["UK"]])
def test_an_unknown_territory_is_refused(codes: list[str]) -> None:
    with pytest.raises(UnknownTerritory):
        territories.parse(codes)


@given(st.lists(PLACES, min_size=1, max_size=6), st.randoms())
def test_the_digest_of_places_knows_neither_order_case_nor_repetition(codes: list[str], random) -> None:
    other = [code.lower() for code in codes] + codes[:1]
    random.shuffle(other)
    assert territories.territories_hash(codes) == territories.territories_hash(other)
    assert territories.territories_hash(codes) == keccak(",".join(sorted(set(codes))).encode())


def test_any_bits_can_be_told() -> None:
    assert [purposes.label(bits) for bits in (0, 0b11, 1 << 20, 1 << 20 | 1)] == [
        "none",
        "train.asr, train.tts",
        "reserved 0x100000",
        "train.asr, reserved 0x100000",
    ]
