"""A segment is one whole, chained run of receipts, or it is refused with what is wrong."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from provenance.domain import attribution, merkle, typed, usage
from provenance.domain.hashes import sha256
from provenance.domain.usage import Outcome, Unit, Use
from provenance.types import ZERO32, Address, Bytes32, UnixMs, UnixSeconds

DOMAIN = typed.Domain("UsageLedger", 31337, Address(b"\x0c" * 20))
SESSION = typed.MeterSession(
    meter=Address(b"\x01" * 20),
    session_key=Address(b"\x02" * 20),
    license_id=Bytes32(b"\x03" * 32),
    valid_from=UnixSeconds(1_000),
    valid_until=UnixSeconds(9_000),
    max_units=1_000,
    nonce=7,
)
ID = usage.session_id(DOMAIN, SESSION)


def use(seq: int, at_ms: int = 2_000_000, units: int = 1, **changes: Any) -> Use:
    receipt = typed.UsageReceipt(
        receipt_id=usage.receipt_id(ID, seq),
        session_id=ID,
        seq=seq,
        license_id=SESSION.license_id,
        purpose=2,
        territory=b"DE",
        model_id=usage.model_id("tiny", "1"),
        output_commit=sha256(str(seq).encode()),
        outcome=Outcome.DELIVERED,
        unit=Unit.OUTPUT,
        units=units,
        attribution_root=ZERO32,
        attribution_method=0,
        occurred_at_ms=UnixMs(at_ms),
        corrects=ZERO32,
    )
    return Use(replace(receipt, **changes))


def run(
    first: int, count: int, previous: typed.Segment | None, *, last: bool = False
) -> tuple[typed.Segment, list[Use]]:
    uses = [use(seq) for seq in range(first, first + count)]
    segment = usage.segment_of(
        DOMAIN,
        ID,
        uses,
        next_seq=first,
        previous=previous,
        file_sha256=sha256(b"file"),
        last=last,
    )
    return segment, uses


def test_a_chain_of_segments_is_whole() -> None:
    first, uses = run(0, 3, None)
    usage.check(
        DOMAIN,
        SESSION,
        first,
        uses=uses,
        previous=None,
        received_at_ms=UnixMs(2_000_000),
    )
    second, more = run(3, 2, first)
    usage.check(DOMAIN, SESSION, second, uses=more, previous=first)
    end, none = run(5, 0, second, last=True)
    assert (end.count, end.first_seq, end.last_seq) == (0, 5, 5)
    usage.check(DOMAIN, SESSION, end, uses=none, previous=second)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"session_id": ZERO32}, "wrong-session"),
        ({"prev_segment_hash": Bytes32(b"\x09" * 32)}, "broken-chain"),
        ({"first_seq": 1}, "gap"),
        ({"count": 4}, "wrong-count"),
        ({"units_total": 4}, "wrong-units"),
        ({"min_time_ms": 1}, "wrong-times"),
        ({"receipts_root": ZERO32}, "wrong-root"),
    ],
)
def test_a_segment_that_lies_about_its_receipts_is_refused(change: dict[str, Any], fault: str) -> None:
    segment, uses = run(0, 3, None)
    with pytest.raises(usage.BadSegment) as refused:
        usage.check(DOMAIN, SESSION, replace(segment, **change), uses=uses, previous=None)
    assert refused.value.facts["fault"] == fault


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"session_id": ZERO32}, "wrong-session"),
        ({"license_id": ZERO32}, "wrong-session"),
        ({"receipt_id": ZERO32}, "wrong-id"),
        ({"seq": 5}, "gap"),
        ({"occurred_at_ms": UnixMs(999_999)}, "bad-time"),
        ({"occurred_at_ms": UnixMs(2_300_001)}, "bad-time"),
    ],
)
def test_a_receipt_out_of_its_place_or_time_is_refused(change: dict[str, Any], fault: str) -> None:
    uses = [use(0), use(1)]
    uses[1] = Use(replace(uses[1].receipt, **change))
    segment = usage.segment_of(DOMAIN, ID, uses, next_seq=0, previous=None, file_sha256=ZERO32, last=False)
    with pytest.raises(usage.BadSegment) as refused:
        usage.check(
            DOMAIN,
            SESSION,
            segment,
            uses=uses,
            previous=None,
            received_at_ms=UnixMs(2_000_000),
        )
    assert refused.value.facts["fault"] == fault


def test_nothing_follows_the_last_segment_and_only_it_may_be_empty() -> None:
    last, _ = run(0, 1, None, last=True)
    after, uses = run(1, 1, last)
    with pytest.raises(usage.BadSegment, match="closed"):
        usage.check(DOMAIN, SESSION, after, uses=uses, previous=last)
    empty, none = run(0, 0, None)
    with pytest.raises(usage.BadSegment, match="empty"):
        usage.check(DOMAIN, SESSION, empty, uses=none, previous=None)


def test_time_never_falls_across_segments() -> None:
    first, _ = run(0, 1, None)
    uses = [use(1, at_ms=1_999_999)]
    second = usage.segment_of(DOMAIN, ID, uses, next_seq=1, previous=first, file_sha256=ZERO32, last=False)
    with pytest.raises(usage.BadSegment, match="before"):
        usage.check(DOMAIN, SESSION, second, uses=uses, previous=first)


def test_a_receipt_id_is_derived_so_that_a_retry_repeats_it() -> None:
    # keccak256 of the words 0 and 1: Solidity's storage slot of m[0] in a mapping at slot 1
    assert usage.receipt_id(ZERO32, 1).hex() == "a6eef7e35abe7026729641147f7915573c7e97b47efa546f5f6e3230263bcb49"


recordings = st.binary(min_size=32, max_size=32).map(Bytes32)


@settings(max_examples=60)  # slow to draw
@given(st.dictionaries(recordings, st.floats(0, 1e12, allow_subnormal=False), min_size=1, max_size=40))
def test_any_scores_become_exactly_one_million_ppm(
    scores: dict[Bytes32, float],
) -> None:
    if not any(scores.values()):
        with pytest.raises(attribution.BadWeights):
            attribution.quantize(scores)
        return
    listed = attribution.quantize(scores)
    attribution.check(listed)
    total = sum(attribution.Fraction(score) for score in scores.values())
    for recording, ppm in listed:
        assert abs(ppm - attribution.Fraction(scores[recording]) * 1_000_000 / total) < 1
    shuffled = dict(reversed(list(scores.items())))
    assert attribution.quantize(shuffled) == listed


def test_equal_scores_leave_the_odd_ppm_to_the_lowest_ids() -> None:
    a, b, c = (Bytes32(bytes([i]) * 32) for i in (1, 2, 3))
    assert attribution.quantize({c: 1.0, b: 1.0, a: 1.0}) == (
        (a, 333_334),
        (b, 333_333),
        (c, 333_333),
    )


@pytest.mark.parametrize(
    "bad",
    [{}, {ZERO32: -1.0}, {ZERO32: float("nan")}, {ZERO32: float("inf")}, {ZERO32: 0.0}],
)
def test_scores_that_name_no_share_are_refused(bad: dict[Bytes32, float]) -> None:
    with pytest.raises(attribution.BadWeights):
        attribution.quantize(bad)


def test_whole_ppm_must_sum_and_the_refusal_names_the_sum() -> None:
    with pytest.raises(attribution.BadWeights) as refused:
        attribution.weights({ZERO32: 999_999})
    assert refused.value.facts["sum"] == "999999"
    assert attribution.weights({ZERO32: 1_000_000}) == ((ZERO32, 1_000_000),)


def test_a_recording_is_named_by_its_bytes_or_as_commands_print_it() -> None:
    ids = Bytes32(b"\x05" * 32), Bytes32(b"\xab" * 32)
    printed = {"0x" + one.hex(): ppm for one, ppm in zip(ids, (400_000, 600_000), strict=True)}
    assert attribution.weights(printed) == tuple(zip(ids, (400_000, 600_000), strict=True))
    assert attribution.weights({"0x" + ids[1].hex(): 0.5}) == ((ids[1], 1_000_000),)


@pytest.mark.parametrize("name", ["RECORDING", "ab" * 32, "0x" + "ab" * 31, "", b"\xab" * 31])
def test_a_text_that_names_no_recording_is_refused_by_its_field(name: Any) -> None:
    with pytest.raises(attribution.BadWeights, match="no recording id") as refused:
        attribution.weights({name: 1_000_000})
    assert refused.value.facts["field"] == "weights"


def test_a_recording_named_twice_is_refused() -> None:
    twice: dict[Any, int] = {ZERO32: 500_000, "0x" + "00" * 32: 500_000}
    with pytest.raises(attribution.BadWeights, match="twice"):
        attribution.weights(twice)


def test_the_attribution_root_has_a_leaf_for_each_weight() -> None:
    listed = attribution.weights({ZERO32: 400_000, Bytes32(b"\x05" * 32): 600_000})
    assert attribution.attribution_root(listed) == merkle.root(merkle.leaf(*pair) for pair in listed)
    assert attribution.attribution_root(()) == ZERO32


def test_a_receipt_signs_every_field_of_its_type() -> None:
    assert len(dataclasses.fields(typed.UsageReceipt)) == len(typed.members(typed.UsageReceipt.TYPE)) == 15


def test_whatever_a_receipt_says_can_be_told() -> None:
    assert [usage.unit_label(unit) for unit in (0, 4, 5, 255)] == ["audio-ms", "training-hour", "5", "255"]
    assert [usage.outcome_label(one) for one in (0, 1, 4)] == ["draft", "delivered", "4"]
