"""The engine that sums units times weights, over Python's own integers and over DuckDB: same sums."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from provenance.adapters import tally
from provenance.domain.settlement.scoring import Row
from tests.fakes.epochs import name, python_count

WHOLE = 1_000_000


@settings(max_examples=20, deadline=None)  # 40 ms a query
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 2**64 - 1), st.integers(0, WHOLE)), max_size=40
    )
)
def test_the_engine_counts_what_python_counts(listed: list[tuple[int, int, int, int]]) -> None:
    rows = [Row(name(f"L{a}"), name(f"r{b}"), units, ppm) for a, b, units, ppm in listed]
    assert dict(tally.count(rows)) == dict(python_count(rows))


def test_units_near_2_64_never_wrap_and_take_limbs_past_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(name("L"), name("r"), 2**64 - 1, WHOLE)] * 5_000
    expected = {(name("L"), name("r")): 5_000 * WHOLE * (2**64 - 1)}
    assert tally.count(rows) == expected
    monkeypatch.setattr(tally, "ONE_PASS_BITS", 60)
    assert tally.count(rows) == expected
