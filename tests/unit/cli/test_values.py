"""Amounts are exact, ids are whole, and what is wrong is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from provenance.cli.values import ID, amount, shown_amount, shown_time
from provenance.domain.fields import counted
from provenance.errors import Invalid


@given(st.integers(0, 2**256 - 1), st.integers(0, 36))
def test_an_amount_is_read_back_exactly(base_units, decimals):
    assert amount(shown_amount(base_units, decimals), decimals) == base_units


@pytest.mark.parametrize(
    ("text", "base_units"),
    [
        ("12.5", 12_500_000),
        ("0", 0),
        ("007", 7_000_000),
        ("0.000001", 1),
        ("1.10", 1_100_000),
        ("1.0000000", 1_000_000),
    ],
)
def test_amounts_are_base_units(text, base_units):
    assert amount(text, 6) == base_units


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".5", "-1", "+1", "1e6", "1,5", "0x10", "1_000", "١", "NaN", "1.0000001", " ", "1 2", "9" * 72],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(Invalid):
        amount(text, 6)


def test_amounts_are_shown_without_trailing_zeros():
    assert [shown_amount(n, 6) for n in (0, 1, 10, 1_500_000, -2_000_000)] == ["0", "0.000001", "0.00001", "1.5", "-2"]
    assert shown_amount(12, 0) == "12"


def test_ids_are_32_bytes_in_any_case():
    assert ID("0x" + "Ab" * 32) == b"\xab" * 32
    for text in ("", "0x", "ab" * 32, "0x" + "ab" * 31, "0x" + "ab" * 33, "0x" + "zz" * 32):
        with pytest.raises(Invalid):
            ID(text)


def test_times_are_utc():
    assert shown_time(0) == "1970-01-01T00:00:00Z"
    assert shown_time((1 << 40) - 1) == "36812-02-20T00:36:15Z"  # what a document may hold, past any library's years


@given(st.datetimes(datetime(1, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the bound takes the zone given
def test_a_time_reads_as_the_calendar_says(at: datetime) -> None:
    assert shown_time(int((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))) == (
        f"{at.year:04d}" + at.strftime("-%m-%dT%H:%M:%SZ")
    )


def test_one_thing_is_counted_in_the_singular() -> None:
    assert [counted(number, "lease") for number in (0, 1, 2, 1_000)] == [
        "0 leases",
        "1 lease",
        "2 leases",
        "1,000 leases",
    ]
