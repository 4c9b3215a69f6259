"""Terms are written as asked, read back the same, and refused by the name of the wrong field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.app.deploy import Record
from provenance.app.ports import TokenUnit
from provenance.cli.conditions import Money, terms_row
from provenance.domain.fields import checksummed
from provenance.domain.terms import PerUnit, Price, Terms
from provenance.types import Wei
from tests import documents
from tests.unit.app.test_deploy import RECORD

pytestmark = pytest.mark.unit
DISTRIBUTOR = "0x" + "d1" * 20
NEW = ("terms", "new", "terms.json")
FREE = (*NEW, "--per-unit", "output=0")


@pytest.fixture(autouse=True)
def network(home: Path) -> Record:
    """A network is known whose token has 6 decimals; nobody serves it."""
    Path("provenance.toml").write_text("[networks.devnet]\nchain_id = 5\n")
    contracts = {**RECORD.contracts, "RoyaltyDistributor": documents.DISTRIBUTOR}
    record = replace(RECORD, chain_id=5, contracts=contracts, token=TokenUnit(6, "TUSD"))
    (home / "deployments").mkdir(parents=True)
    (home / "deployments" / "5.json").write_bytes(record.encode())
    return record


def test_new_terms_say_what_was_asked(provenance) -> None:
    asked = (
        *("--purpose", "train.tts", "--prohibit", "train.voice-clone", "--territory", "eu", "--territory", "KR"),
        *("--until", "2030-12-31", "--per-license", "25", "--per-unit", "output=0.001", "--cap-outputs", "5"),
    )
    answer = provenance(*NEW, *asked, "--json")
    assert answer.status == 0, answer
    made = Terms.parse(Path("terms.json").read_bytes())
    assert (made.purposes, made.prohibited, made.territories) == (0b10, 0b100, ("EU", "KR"))
    assert (made.price.per_license, made.price.per_unit.amount, made.caps.outputs) == (25_000_000, 1_000, 5)
    assert made.attribution.attributor is None
    assert answer.document["termsHash"] == "0x" + made.terms_hash.hex()


def test_terms_say_what_use_costs_and_help_tells_the_defaults(provenance) -> None:
    told = " ".join(provenance("terms", "new", "--help").stdout.split())
    assert "[default: train.asr, train.tts, evaluate]" in told
    assert "EEA or WW; repeatable. [default: WW]" in told
    assert "in tokens, such as output=0.01; 0 is free. Units: audio-ms, output" in told
    for asked, use in (("0", "use is free"), ("0.000009", "0.000009 TUSD per output")):
        lines = provenance(*NEW, "--per-license", "25", "--per-unit", f"output={asked}").stdout.splitlines()
        assert [line.split(maxsplit=1)[1] for line in lines if line.startswith(("license ", "use "))] == [
            "25 TUSD",
            use,
        ]
        Path("terms.json").unlink()


def test_terms_without_a_price_of_use_are_not_made_and_not_taken(provenance) -> None:
    assert provenance(*NEW).status == 2
    assert not Path("terms.json").exists()
    for price in ({"perUnit": None}, {}):
        body = json.loads(documents.terms().encode())
        body["price"] = {"distributor": DISTRIBUTOR, "perLicense": "0", **price}
        Path("terms.json").write_text(json.dumps(body))
        refused = provenance("terms", "check", "terms.json", "--json")
        assert (refused.status, refused.document["path"]) == (2, "price.perUnit")


def test_amounts_at_another_distributor_are_told_for_what_they_are(provenance) -> None:
    price = replace(documents.terms().price, distributor=documents.GATEWAY)
    Path("terms.json").write_bytes(documents.terms(price=price).encode())
    told = provenance("terms", "check", "terms.json").stdout
    assert f"1000 base units at {checksummed(documents.GATEWAY)} per output" in told


def test_who_wants_a_license_reads_what_its_use_costs() -> None:
    money = Money(documents.DISTRIBUTOR, 6, "TUSD")
    for each, told in ((0, "use is free"), (1_000, "0.001 TUSD per output")):
        price = Price(documents.DISTRIBUTOR, Wei(5), PerUnit(1, Wei(each)))
        assert terms_row(documents.terms(price=price), money)["pricePerUse"] == told


def test_from_is_the_first_second_of_its_day_and_until_the_last(provenance) -> None:
    day = ("--from", "2027-12-31", "--until", "2027-12-31")
    assert provenance(*FREE, *day).status == 0
    made = Terms.parse(Path("terms.json").read_bytes())
    assert (made.not_before, made.not_after) == (1_830_211_200, 1_830_297_599)
    asked = ("--voice", "me", "--holder", DISTRIBUTOR, "--purpose", "train.tts", "--territory", "EU", "--out", "c.json")
    consent = provenance("consent", "grant", *asked, *day, "--dry-run", "--json").document
    assert (consent["notBefore"], consent["notAfter"]) == (1_830_211_200, 1_830_297_599)


def test_times_in_a_refusal_are_dates(provenance) -> None:
    told = provenance(*FREE, "--from", "2031-01-01", "--until", "2030-01-01").stderr
    assert "notBefore 2031-01-01" in told
    assert "is after notAfter 2030-01-01" in told


def test_the_readable_file_and_the_canonical_bytes_have_one_hash(provenance) -> None:
    canonical = Path("canonical.json")
    canonical.write_bytes(documents.terms().encode())
    answer = provenance("terms", "check", canonical, "--json")
    assert answer.document["termsHash"] == "0x" + documents.terms().terms_hash.hex()


def test_terms_are_never_overwritten(provenance) -> None:
    assert provenance(*FREE).status == 0
    before = Path("terms.json").read_bytes()
    assert provenance(*FREE, "--until", "5y").status == 7
    assert Path("terms.json").read_bytes() == before


def test_a_dry_run_writes_nothing(provenance) -> None:
    assert provenance(*FREE, "--dry-run").status == 0
    assert not Path("terms.json").exists()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (("--purpose", "train.everything"), "purposes"),
        (("--territory", "Atlantis"), "territories"),
        (("--per-license", "-1"), "perLicense"),
        (("--per-license", "1.0000001"), "perLicense"),
        (("--per-license", "1e3"), "perLicense"),
        (("--per-license", str(1 << 200)), "perLicense"),
        (("--per-unit", "song=1"), "unit"),
        (("--per-unit", "output"), "perUnit"),
        (("--cap-outputs", "x"), "outputs"),
        (("--notice-days", "70000"), "noticeDays"),
        (("--until", "yesterday"), "--until"),
        (("--from", "2031-01-01", "--until", "2030-01-01"), "notBefore"),
        (("--purpose", "train.tts", "--prohibit", "train.tts"), "prohibited"),
    ],
)
def test_a_wrong_option_is_refused_by_its_field(provenance, more: tuple[str, ...], field: str) -> None:
    answer = provenance(*(NEW if "--per-unit" in more else FREE), *more, "--json")
    assert answer.status == 2
    assert answer.document["field"] == field
    assert not Path("terms.json").exists()


@pytest.mark.parametrize(
    ("more", "told", "step"),
    [
        (("--cap-outputs", "-3"), "--cap-outputs -3: a whole number is expected, from 0 up", "Correct"),
        (("--cap-seconds", "x"), "--cap-seconds x: a whole number", "Correct"),
        (
            ("--per-unit", "output=0.0000001"),
            "--per-unit output=0.0000001: the token has 6 decimals only",
            "Write fewer",
        ),
        (("--per-license", "12,5"), "--per-license 12,5: '12,5' is no amount", "Write tokens as 12 or 12.5"),
        (("--per-unit", "song=1"), "--per-unit song=1: 'song' is none of", "Correct"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(provenance, more: tuple[str, ...], told: str, step: str) -> None:
    answer = provenance(*(NEW if "--per-unit" in more else FREE), *more)
    assert answer.status == 2
    assert answer.stderr.startswith(f"Error: {told}")
    assert f"\nNext: {step}" in answer.stderr


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
