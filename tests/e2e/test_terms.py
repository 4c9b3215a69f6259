"""A license that the chain grants beyond its terms: does only what the terms allow count, everywhere?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from provenance import config
from provenance.adapters import localnet, wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.keystore import Keystore
from provenance.app import license as licenses
from provenance.app.ports import Call
from provenance.domain import license as rules
from provenance.domain import typed
from provenance.domain.manifest import recording_id
from provenance.domain.purposes import mask
from provenance.types import ZERO_ADDRESS, Address, Bytes32, DatasetId, UnixSeconds, Wei
from tests.e2e.town import PRICE, PURPOSE, Town, pot

DENIED = 5
YEAR_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Wide:
    """A license for two purposes and far beyond the end of terms that allow one."""

    license: str
    weights: Mapping[Bytes32, float]
    terms_end: int


@pytest.fixture(scope="module")
def wide(city: Town) -> Wide:
    given, _ = city.consent("wide", "voice-2", "holder-3")
    folder = city.takes("wide", ("a.wav",), seed=12)
    made = city.upload(folder, "Wide", city.terms("wide-terms", "holder-3"), "holder-3", "--consent", given)
    dataset = DatasetId(Bytes32(bytes.fromhex(made["datasetId"][2:])))
    chain, content = city.chain(), wire.content(config.load(city.here.settings))
    of = licenses.dataset(chain, content, dataset)
    beyond = UnixSeconds(of.terms.not_after + YEAR_S)
    asked, who = mask((PURPOSE, "train.tts")), city.address("licensee")
    said = of.registration
    home = city.room / "home"
    signer = Keystore(home / "keystore").unlock("holder-3", localnet.password(Devnet(home / "devnet"))).signer
    words = (said.holder, said.manifest_root, said.terms_hash, who, beyond, asked, 0, 1)
    chain.send(Call("DataAccess", "grant", (words,)), signer)
    offer = typed.Offer(dataset, signer.address, who, Address(ZERO_ADDRESS), Wei(0), beyond, asked, UnixSeconds(0), 0,
                        said.terms_hash, 1)  # fmt: skip
    license_ = rules.license_id(typed.digest(chain.deployment.domains.access, offer), who)
    city.fund("0x" + license_.hex(), "0.01")
    return Wide("0x" + license_.hex(), {recording_id(dataset, 0): 1.0}, int(of.terms.not_after))


def test_a_purpose_that_the_terms_lack_is_refused(city: Town, wide: Wide) -> None:
    refused = city.run("access", "open", wide.license, "--purpose", "train.tts", "--territory", "DE", "--account",
                       "licensee", status=DENIED)  # fmt: skip
    assert refused["type"] == "/problems/purpose-outside-terms"


def test_what_the_terms_allow_is_open_and_a_session_ends_with_them(city: Town, wide: Wide) -> None:
    assert city.open(wide.license)["opened"] == [0]
    with city.meter(wide.license, 2, hours=100 * 365 * 24) as meter:
        meter.record(output=b"within the terms", weights=wide.weights)
    [row] = city.run("usage", "list", wide.license)
    assert row["sessionId"] == meter.session
    assert int(row["validUntil"]) == wide.terms_end + 1


def test_it_is_paid_and_the_audit_tells_of_it_without_failing(city: Town, wide: Wide) -> None:
    money = pot(city.epoch(), wide.license)
    assert (money["due"], money["held"]) == (PRICE, 0)
    [told] = [one for one in city.audited()["checks"] if one["name"] == "licenses"]
    assert told["verdict"] == "VERIFIED"
    assert "1 grant more, which counts for nothing" in told["detail"]
