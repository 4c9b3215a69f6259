"""A licensee sees what is offered, at which price, and later what became of the money."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance import config
from provenance.cli import main
from provenance.cli.context import Session
from tests.e2e.network import PER_OUTPUT, PRICE, PURPOSE, OperatedNetwork
from tests.e2e.parties import eventually

HOLDER, VOICE = "holder-5", "voice-5"
LICENSE_PRICE = 2_000_000  # base units: 2 TUSD
DENIED = 5


@dataclass(frozen=True, slots=True)
class Shop:
    """One dataset with an open offer."""

    network: OperatedNetwork
    dataset: str
    consent: str
    offer: dict[str, Any]
    told: str
    """What `license offer` said to its user."""

    def words(self, *line: str) -> str:
        return words(self.network, *line)

    def show(self) -> Any:
        return self.network.run("dataset", "show", self.dataset)


def words(network: OperatedNetwork, *line: str) -> str:
    """What people read on stdout, with the spaces between columns made one."""
    out, err = io.StringIO(), io.StringIO()
    ended = main.run([*line, "--yes", "--config", str(network.here.settings)], Session(out, err))
    assert ended == 0, err.getvalue()
    return "\n".join(" ".join(one.split()) for one in out.getvalue().splitlines())


@pytest.fixture(scope="module")
def shop(network: OperatedNetwork) -> Shop:
    consent, _ = network.consent("shop-consent", VOICE, HOLDER)
    terms, file = str(network.room / "shop-terms.json"), str(network.room / "shop-offer.json")
    network.run("terms", "new", terms, "--purpose", PURPOSE, "--territory", "EU", "--per-license", "2",
             "--per-unit", PER_OUTPUT, "--cap-outputs", "500", "--account", HOLDER)  # fmt: skip
    dataset = network.upload(
        network.takes("shop", ("a.wav",), seed=55), "The Shop", terms, HOLDER, "--consent", consent
    )["datasetId"]  # fmt: skip
    told = words(network, "license", "offer", dataset, "--purpose", PURPOSE, "--expires", "90d", "--out", file,
                 "--account", HOLDER)  # fmt: skip
    [offer] = network.run("dataset", "show", dataset)["offers"]
    return Shop(network, dataset, consent, offer, told)


def test_who_offers_is_told_the_price_of_use_and_until_when_it_can_be_accepted(shop: Shop) -> None:
    assert f"of {shop.dataset} at 2 TUSD + 0.001 TUSD per output, until 20" in shop.told
    assert "; can be accepted until 20" in shop.told
    assert shop.offer["digest"] in shop.told


def test_the_dataset_shows_terms_prices_consents_and_open_offers(shop: Shop) -> None:
    shown = shop.show()
    assert shown["conditions"]["price"]["perLicense"] == str(LICENSE_PRICE)
    assert [one["state"] for one in shown["consents"]] == ["GIVEN"]
    told = shop.words("dataset", "show", shop.dataset)
    for line in (f"purposes {PURPOSE}", "territories EU", "price per license 2 TUSD", "price per use 0.001 TUSD per output",
                 "caps 500 outputs"):  # fmt: skip
        assert line in told.splitlines()
    assert f"{shop.offer['digest']} 2 TUSD {PURPOSE} 20" in told
    assert " in force until 20" in told


def test_an_offer_is_accepted_by_the_digest_that_the_dataset_shows(shop: Shop) -> None:
    network = shop.network
    line = ("license", "accept", shop.offer["digest"], "--account", "licensee")
    before = network.tokens("licensee")
    made = network.run(*line)["license"]
    assert before - network.tokens("licensee") == LICENSE_PRICE
    assert (
        network.run("license", "accept", str(network.room / "shop-offer.json"), "--account", "licensee")["license"]
        == made
    )
    unknown = network.run("license", "accept", "0x" + "ab" * 32, "--account", "licensee", status=6)
    assert "dataset show" in unknown["next"]


def test_a_license_shows_its_money_in_tokens_and_lists_title_and_other_party(shop: Shop) -> None:
    network = shop.network
    made = network.run("license", "accept", shop.offer["digest"], "--account", "licensee")["license"]
    network.fund(made, "0.5")
    eventually(lambda: network.run("license", "show", made)["balance"] == "2500000")
    shown = network.run("license", "show", made)
    assert (shown["funded"], shown["settled"], shown["arrears"]) == ("2500000", "0", "0")
    assert shown["conditions"]["price"]["perUnit"] == {"unit": "output", "amount": str(PRICE)}
    told = shop.words("license", "show", made).splitlines()
    for line in ("title The Shop", "funded 2.5 TUSD", "settled 0 TUSD", "balance 2.5 TUSD", "arrears 0 TUSD", "price 2 TUSD",
                 "price per use 0.001 TUSD per output", "territories EU", "caps 500 outputs"):  # fmt: skip
        assert line in told
    holder = shown["holder"]
    assert f"{made} The Shop {holder} ACTIVE" in shop.words("license", "list", "--account", "licensee")
    assert f"{made} The Shop {shown['licensee']} ACTIVE" in shop.words("license", "list", "--account", HOLDER)


def reading(shop: Shop, verb: str, *more: str, purpose: str = PURPOSE, country: str = "DE", status: int = 0) -> Any:
    made = shop.network.run("license", "accept", shop.offer["digest"], "--account", "licensee")["license"]
    return shop.network.run("access", verb, made, "--purpose", purpose, "--territory", country, "--account", "licensee", *more,
                         status=status)  # fmt: skip


def test_a_dry_run_of_reading_tells_the_cost_and_records_nothing(shop: Shop) -> None:
    for verb, more in (("open", ()), ("download", ("--out", "nowhere"))):
        told = reading(shop, verb, *more, "--dry-run")
        assert (told["opened"], told["refused"], told["function"]) == ([0], [], "DataAccess.recordAccess")
        assert told["gas"] > 21_000
        assert shop.network.run("license", "show", told["license"])["accesses"] == 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"purpose": "train.tts"}, "purpose-not-licensed"),
        ({"country": "US"}, "territory-not-licensed"),
        ({"more": ("7",)}, "unknown-recording"),
    ],
)
def test_a_dry_run_of_reading_is_refused_as_the_gateway_refuses(shop: Shop, changed: dict[str, Any], code: str) -> None:
    more = changed.pop("more", ())
    told = [reading(shop, "open", *more, *how, **changed, status=DENIED) for how in (("--dry-run",), ())]
    assert [one["type"] for one in told] == [f"/problems/{code}"] * 2
    assert told[0]["detail"] == told[1]["detail"]


def test_a_dry_run_of_a_rotation_looks_for_the_recordings(shop: Shop) -> None:
    line = ("dataset", "rotate", shop.dataset, "0", "99", "--account", HOLDER)
    for how in ("--dry-run", "--yes"):
        told = shop.network.run(*line, how, status=DENIED)
        assert (told["type"], told["detail"]) == ("/problems/unknown-recording", "the dataset has no recording 99")
    assert shop.network.run(*line[:4], "--account", HOLDER, "--dry-run")["dryRun"]


def test_a_dry_run_of_an_upload_judges_the_files_and_prices_the_registration(shop: Shop) -> None:
    network = shop.network
    folder = network.takes("foreseen", ("good.wav",), seed=56)
    (folder / "bad.wav").write_bytes(b"no audio")
    line = ("Foreseen", str(network.room / "shop-terms.json"), HOLDER, "--consent", shop.consent)
    told = network.upload(folder, *line, "--dry-run")
    assert (told["recordings"], [one["name"] for one in told["refused"]]) == (1, ["bad.wav"])
    assert (int(told["feeWei"]) > 0, told["withoutConsent"]) == (True, 0)
    assert network.upload(folder, *line[:3], "--dry-run")["withoutConsent"] == 1
    (folder / "good.wav").unlink()
    dry, wet = (network.run("upload", str(folder), "--dataset", "Foreseen", "--terms", line[1], "--kind", "voice",
                         "--language", "en", "--consent", shop.consent, "--account", HOLDER, *how, status=2)
                for how in (("--dry-run",), ()))  # fmt: skip
    assert (dry["type"], dry["detail"]) == (wet["type"], wet["detail"])
    assert not network.run("dataset", "search", "Foreseen")


def test_without_a_node_a_dataset_is_shown_all_the_same(shop: Shop, tmp_path: Path) -> None:
    ours = config.load(shop.network.here.settings).chosen()
    line = ("dataset", "show", shop.dataset, "--home", str(tmp_path))
    settings = tmp_path / config.FILE_NAME
    record = shop.network.room / "home" / "deployments" / "31337.json"
    settings.write_text(
        f'network = "far"\n[networks.far]\nrpc = ["http://127.0.0.1:1"]\nchain_id = 31337\n'
        f'deployment = "{record}"\ngateway = "{ours.gateway}"\n'
    )
    out, err = io.StringIO(), io.StringIO()
    assert main.run([*line, "--config", str(settings)], Session(out, err)) == 0, err.getvalue()
    assert "The Shop" in out.getvalue()
    assert "2 TUSD" in out.getvalue()  # the deployment file says what a token is


def test_a_withdrawn_consent_stands_in_the_dataset_and_ends_its_sale(shop: Shop) -> None:
    network = shop.network
    revoked = network.run("consent", "revoke", shop.consent, "--account", VOICE)
    assert revoked["closed"] == [{"dataset": shop.dataset, "recordings": 1}]
    again = network.run("consent", "revoke", shop.consent, "--account", VOICE, status=7)
    assert "`dataset supersede OLD NEW`" in again["next"]
    eventually(lambda: [one["state"] for one in shop.show()["consents"]] == ["WITHDRAWN"])
    assert f"{revoked['id']} {PURPOSE} WW withdrawn since 20" in shop.words("dataset", "show", shop.dataset)
    told = network.run("license", "accept", shop.offer["digest"], "--account", "holder-6", status=DENIED)
    assert (told["type"], told["consent"]) == ("/problems/nothing-to-open", revoked["id"])
    for how in (("--dry-run",), ()):
        told = reading(shop, "open", *how, status=DENIED)
        assert (told["type"], told["consent"]) == ("/problems/consent-withdrawn", revoked["id"])
