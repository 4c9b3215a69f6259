"""The second that a date means."""

from __future__ import annotations

import pytest

from provenance.cli import dates
from provenance.cli.dates import BadDate
from provenance.types import UnixSeconds

pytestmark = pytest.mark.unit
NOW = UnixSeconds(1_780_000_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-12-31", 1_830_297_599),  # its last second
        ("2027-12-31T00:00", 1_830_211_200),
        ("2027-12-31T00:00+09:00", 1_830_211_200 - 9 * 3_600),
        ("2027-12-31T00:00Z", 1_830_211_200),
        ("90d", NOW + 90 * 86_400),
        ("+2y", NOW + 730 * 86_400),
        ("12h", NOW + 43_200),
        ("52w", NOW + 364 * 86_400),
        ("1830211200", 1_830_211_200),
    ],
)
def test_a_date_is_one_second(text: str, expected: int) -> None:
    assert dates.seconds(text, NOW, option="--until") == expected


def test_a_day_begins_with_its_first_second_and_a_time_is_itself() -> None:
    assert dates.seconds("2027-12-31", NOW, option="--from", first=True) == 1_830_211_200
    assert dates.seconds("2027-12-31T18:00Z", NOW, option="--from", first=True) == 1_830_211_200 + 18 * 3_600
    assert dates.seconds("90d", NOW, option="--from", first=True) == NOW + 90 * 86_400


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-13-01", "90", "1d2h", "-5d", "٩٠d", "1969-12-30", "9" * 30])
def test_what_is_no_date_is_refused_by_the_options_name(text: str) -> None:
    with pytest.raises(BadDate) as caught:
        dates.seconds(text, NOW, option="--until")
    assert caught.value.facts["field"] == "--until"
