"""Terms are written as asked, read back the same, and refused by the name of the wrong field."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.cli.conditions import UNPRICED, Money, terms_row
from provenance.domain.terms import PerUnit, Price, Terms
from provenance.types import Wei
from tests import documents

pytestmark = pytest.mark.unit
DISTRIBUTOR = "0x" + "d1" * 20
NEW = ("terms", "new", "terms.json", "--distributor", DISTRIBUTOR)


def test_new_terms_say_what_was_asked(provenance) -> None:
    asked = (
        *("--purpose", "train.tts", "--prohibit", "train.voice-clone", "--territory", "eu", "--territory", "KR"),
        *("--until", "2030-12-31", "--per-license", "25000000", "--per-unit", "output=1000", "--cap-outputs", "5"),
    )
    answer = provenance(*NEW, *asked, "--json")
    assert answer.status == 0, answer
    made = Terms.parse(Path("terms.json").read_bytes())
    assert (made.purposes, made.prohibited, made.territories) == (0b10, 0b100, ("EU", "KR"))
    assert (made.price.per_license, made.price.per_unit.amount, made.caps.outputs) == (25_000_000, 1_000, 5)  # type: ignore[union-attr]
    assert made.attribution.attributor is None
    assert answer.document["termsHash"] == "0x" + made.terms_hash.hex()


def test_terms_say_what_use_costs_and_help_tells_the_defaults(provenance) -> None:
    told = " ".join(provenance("terms", "new", "--help").stdout.split())
    assert "[default: train.asr, train.tts, evaluate]" in told
    assert "EEA or WW; repeatable. [default: WW]" in told
    assert "without a price, all that a license is funded with is due at its first use in an epoch" in told
    unpriced = "; no price per use: all that the license is funded with is due at its first use in an epoch"
    for asked, use in (((), unpriced), (("--per-unit", "output=0"), "; use is free"), (("--per-unit", "output=9"), "")):
        price = next(row for row in provenance(*NEW, *asked).stdout.splitlines() if row.startswith("price"))
        assert price.partition(")")[2] == use
        Path("terms.json").unlink()


def test_who_wants_a_license_reads_what_its_use_costs() -> None:
    money = Money(documents.DISTRIBUTOR, 6, "TUSD")
    for each, told in ((None, UNPRICED), (0, "use is free"), (1_000, "0.001 TUSD per output")):
        price = Price(documents.DISTRIBUTOR, Wei(5), None if each is None else PerUnit(1, Wei(each)))
        assert terms_row(documents.terms(price=price), money)["pricePerUse"] == told


def test_from_is_the_first_second_of_its_day_and_until_the_last(provenance) -> None:
    day = ("--from", "2027-12-31", "--until", "2027-12-31")
    assert provenance(*NEW, *day).status == 0
    made = Terms.parse(Path("terms.json").read_bytes())
    assert (made.not_before, made.not_after) == (1_830_211_200, 1_830_297_599)
    asked = ("--voice", "me", "--holder", DISTRIBUTOR, "--purpose", "train.tts", "--territory", "EU", "--out", "c.json")
    consent = provenance("consent", "grant", *asked, *day, "--dry-run", "--json").document
    assert (consent["notBefore"], consent["notAfter"]) == (1_830_211_200, 1_830_297_599)


def test_times_in_a_refusal_are_dates(provenance) -> None:
    told = provenance(*NEW, "--from", "2031-01-01", "--until", "2030-01-01").stderr
    assert "notBefore 2031-01-01" in told
    assert "is after notAfter 2030-01-01" in told


def test_the_readable_file_and_the_canonical_bytes_have_one_hash(provenance) -> None:
    canonical = Path("canonical.json")
    canonical.write_bytes(documents.terms().encode())
    answer = provenance("terms", "check", canonical, "--json")
    assert answer.document["termsHash"] == "0x" + documents.terms().terms_hash.hex()


def test_terms_are_never_overwritten(provenance) -> None:
    assert provenance(*NEW).status == 0
    before = Path("terms.json").read_bytes()
    assert provenance(*NEW, "--until", "5y").status == 7
    assert Path("terms.json").read_bytes() == before


def test_a_dry_run_writes_nothing(provenance) -> None:
    assert provenance(*NEW, "--dry-run").status == 0
    assert not Path("terms.json").exists()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (("--purpose", "train.everything"), "purposes"),
        (("--territory", "Atlantis"), "territories"),
        (("--per-license", "-1"), "perLicense"),
        (("--per-license", "12.5"), "perLicense"),
        (("--per-license", str(1 << 200)), "perLicense"),
        (("--per-unit", "song=1"), "unit"),
        (("--per-unit", "output"), "amount"),
        (("--cap-outputs", "x"), "outputs"),
        (("--notice-days", "70000"), "noticeDays"),
        (("--until", "yesterday"), "--until"),
        (("--from", "2031-01-01", "--until", "2030-01-01"), "notBefore"),
        (("--purpose", "train.tts", "--prohibit", "train.tts"), "prohibited"),
    ],
)
def test_a_wrong_option_is_refused_by_its_field(provenance, more: tuple[str, ...], field: str) -> None:
    answer = provenance(*NEW, *more, "--json")
    assert answer.status == 2
    assert answer.document["field"] == field
    assert not Path("terms.json").exists()


@pytest.mark.parametrize(
    ("more", "told", "step"),
    [
        (("--cap-outputs", "-3"), "--cap-outputs -3: a whole number is expected, from 0 up", "Correct"),
        (("--cap-seconds", "x"), "--cap-seconds x: a whole number", "Correct"),
        (
            ("--per-unit", "output=0.01"),
            "--per-unit output=0.01: a whole number",
            "Write base units: 0.01 of a token w",
        ),
        (("--per-license", "12.5"), "--per-license 12.5: a whole number", "Write base units: 12.5 of a token with 6"),
        (("--per-unit", "song=1"), "--per-unit song=1: 'song' is none of", "Correct"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(provenance, more: tuple[str, ...], told: str, step: str) -> None:
    answer = provenance(*NEW, *more)
    assert answer.status == 2
    assert answer.stderr.startswith(f"Error: {told}")
    assert f"\nNext: {step}" in answer.stderr
    assert ("is 10000.\n" in answer.stderr) is ("0.01" in more[1])


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"a":1,"a":2}', b'{"x":"\\u0000"}', b'{"x":"\\ud800"}'])
def test_what_are_no_terms_is_said_in_one_line(provenance, data: bytes) -> None:
    Path("terms.json").write_bytes(data)
    answer = provenance("terms", "check", "terms.json")
    assert answer.status == 2
    assert answer.stderr.startswith("Error: terms.json: ")
    assert "\nNext: " in answer.stderr


def test_a_file_of_ten_megabytes_is_not_read_as_terms(provenance) -> None:
    Path("terms.json").write_bytes(b'{"x":"' + b"a" * (10 << 20) + b'"}')
    assert provenance("terms", "check", "terms.json").status == 2
    assert provenance("terms", "check", "nowhere.json").status == 6
