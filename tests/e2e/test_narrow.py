"""A license on chain that grants more than its terms opens nothing beyond them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import config
from provenance.adapters import localnet, wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.keys.keystore import Keystore
from provenance.domain import purposes, typed
from provenance.domain.offer import SignedOffer
from provenance.types import UnixSeconds
from tests.e2e.finished_demo import judged
from tests.e2e.network import PURPOSE, OperatedNetwork

DENIED = 5
WIDER = "train.tts"
DAY_S = 86_400
HOLDER, VOICE = "holder-7", "voice-7"


@pytest.fixture(scope="module")
def license_(network: OperatedNetwork) -> str:
    """Terms for one purpose, in Germany, three outputs, 20 days; the license that was signed knows no such bounds."""
    terms, consent, offer = (network.room / f"narrow-{name}.json" for name in ("terms", "consent", "offer"))
    network.run("terms", "new", str(terms), "--purpose", PURPOSE, "--territory", "DE", "--cap-outputs", "3", "--until", "20d",
             "--per-unit", "output=0.000001", "--account", HOLDER)  # fmt: skip
    network.run("consent", "grant", "--voice", "me", "--holder", HOLDER, "--purpose", PURPOSE, "--purpose", WIDER,
             "--territory", "WW", "--until", "1y", "--out", str(consent), "--account", VOICE)  # fmt: skip
    made = network.upload(
        network.takes("narrow", ("a.wav", "b.wav"), seed=78), "Narrow", str(terms), HOLDER, "--consent", str(consent)
    )
    line = ("license", "offer", made["datasetId"], "--account", HOLDER, "--licensee", "licensee", "--out", str(offer))
    wide = network.run(*line, "--purpose", WIDER, "--expires", "10d", status=2)
    assert (wide["type"], wide["field"]) == ("/problems/broader-than-terms", "purposes")
    late = network.run(*line, "--purpose", PURPOSE, "--expires", "30d", status=2)
    assert (late["type"], late["field"]) == ("/problems/broader-than-terms", "expiry")
    network.run(*line, "--purpose", PURPOSE, "--expires", "10d")
    widened(network, offer)
    accepted: str = network.run("license", "accept", str(offer), "--account", "licensee")["license"]
    network.fund(accepted, "1")
    return accepted


def widened(network: OperatedNetwork, offer: Path) -> None:
    """The holder's own key signs another purpose and a year, which no wallet of ours would."""
    home = network.room / "home"
    signer = Keystore(home / "keystore").unlock(HOLDER, localnet.password(Devnet(home / "devnet"))).signer
    asked = SignedOffer.parse(offer.read_bytes()).offer
    expiry, wider = UnixSeconds(asked.expiry + 365 * DAY_S), asked.purposes | purposes.mask([WIDER])
    asked = replace(asked, purposes=wider, expiry=expiry)
    domain = wire.chain(config.load(network.here.settings)).deployment.domains.access
    offer.write_bytes(SignedOffer(asked, signer.sign(typed.digest(domain, asked))).encode())


def opened(
    network: OperatedNetwork,
    license_: str,
    purpose: str,
    country: str,
    *,
    names: tuple[str, ...] = ("1",),
    status: int = 0,
) -> Any:
    return network.run("access", "open", license_, *names, "--purpose", purpose, "--territory", country, "--account",
                    "licensee", status=status)  # fmt: skip


def refused(network: OperatedNetwork, license_: str, purpose: str = PURPOSE, country: str = "DE") -> tuple[str, str]:
    found = opened(network, license_, purpose, country, status=DENIED)
    assert found["license"] == license_
    return found["type"].removeprefix("/problems/"), found["detail"]


def test_a_purpose_that_only_the_license_names_is_refused(network: OperatedNetwork, license_: str) -> None:
    assert network.run("license", "show", license_)["purposes"] == [WIDER, PURPOSE]
    assert refused(network, license_, WIDER) == ("purpose-outside-terms", f"the terms do not allow {WIDER}")


def test_a_country_that_the_terms_do_not_name_is_refused(network: OperatedNetwork, license_: str) -> None:
    assert refused(network, license_, country="FR") == ("territory-not-licensed", "the terms cover DE, not FR")


def test_within_the_terms_it_opens_until_their_cap_is_reached(network: OperatedNetwork, license_: str) -> None:
    assert opened(network, license_, PURPOSE, "DE", names=("0",))["opened"] == [0]
    with network.meter(license_, 3, hours=365 * 24) as meter:
        for number in range(3):
            meter.record(output=f"narrow {number}".encode(), weights={})
    [session] = network.run("usage", "list", license_)
    terms = json.loads((network.room / "narrow-terms.json").read_text())
    assert int(session["validUntil"]) == int(terms["notAfter"])
    network.run("node", "anchor")
    assert refused(network, license_) == ("cap-reached", "the terms cap outputs at 3, and 3 were made")


def test_after_the_terms_it_opens_nothing_though_the_license_goes_on(network: OperatedNetwork, license_: str) -> None:
    network.run("devnet", "advance", str(21 * DAY_S))
    assert network.run("license", "show", license_)["state"] == "ACTIVE"
    assert refused(network, license_)[0] == "terms-not-in-force"


def test_the_audit_tells_what_counts_for_nothing(network: OperatedNetwork, license_: str) -> None:
    report = network.audited()
    assert (report["verdict"], judged(report)) == ("VERIFIED", {})
    [licenses] = [one for one in report["checks"] if one["name"] == "licenses"]
    assert "1 grant more, which counts for nothing" in licenses["detail"]
