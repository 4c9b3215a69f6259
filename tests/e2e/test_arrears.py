"""A licensee funds less than it used: what there is is shared exactly, the rest is owed until it is paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from provenance.domain.manifest import recording_id
from provenance.errors import Denied
from provenance.types import Bytes32, DatasetId
from tests.e2e.network import PRICE, OperatedNetwork, pot

DENIED = 5
FUNDED = 10 * PRICE
USED = 15 * PRICE
FEE_BPS = 500


@dataclass(frozen=True, slots=True)
class Debtor:
    """One license that two sessions of an epoch overdrew together."""

    license: str
    weights: Mapping[Bytes32, float]
    first: Mapping[str, Any]


@pytest.fixture(scope="module")
def debtor(network: OperatedNetwork) -> Debtor:
    folder = network.takes("solo", ("a.wav", "b.wav", "c.wav"), seed=9)
    given, _ = network.consent("solo", "voice-3", "holder-2")
    split = ("--split", "holder-2=6667", "--split", "voice-3=3333")
    made = network.upload(
        folder, "Solo", network.terms("solo-terms", "holder-2"), "holder-2", "--consent", given, *split
    )
    license_ = network.license(made["datasetId"], "holder-2", "0.01")
    network.open(license_)
    dataset = DatasetId(Bytes32(bytes.fromhex(made["datasetId"][2:])))
    weights = {recording_id(dataset, index): 1.0 for index in range(3)}
    network.use(license_, weights, 7, most=10)
    network.use(
        license_, weights, 8, most=10
    )  # covered by the same ten, which is why sessions alone cannot bound a debt
    return Debtor(license_, weights, network.epoch())


def test_all_that_was_funded_is_paid_and_the_rest_is_arrears(debtor: Debtor) -> None:
    money = pot(debtor.first, debtor.license)
    assert (money["due"], money["arrears"], money["balance"]) == (USED, 0, FUNDED)
    assert (money["gross"], money["owed"]) == (FUNDED, USED - FUNDED)
    fee = FUNDED * FEE_BPS // 10_000
    assert (money["fee"], money["held"], money["pot"]) == (fee, 0, FUNDED - fee)


def test_what_was_funded_is_shared_to_the_unit(network: OperatedNetwork, debtor: Debtor) -> None:
    shared = {name: int(network.statement(name)["gross"]) for name in ("holder-2", "voice-3")}
    whole = pot(debtor.first, debtor.license)["pot"]
    assert sum(shared.values()) == whole
    assert abs(shared["holder-2"] * 10_000 - whole * 6_667) < 10_000
    for name, amount in shared.items():
        assert network.run("earnings", "show", "--account", name)["claimed"] == str(amount)


def test_the_statement_tells_what_is_still_owed(network: OperatedNetwork, debtor: Debtor) -> None:
    for name in ("holder-2", "voice-3"):
        [line] = [line for line in network.statement(name)["why"] if debtor.license in line]
        assert f"the license still owes {USED - FUNDED} of {USED}" in line


def test_no_lease_and_no_session_until_it_is_funded_again(network: OperatedNetwork, debtor: Debtor) -> None:
    refused = network.run("access", "open", debtor.license, "--purpose", "inference.reference", "--territory", "FR",
                       "--account", "licensee", status=DENIED)  # fmt: skip
    assert (refused["type"], refused["license"]) == ("/problems/in-arrears", debtor.license)
    assert "license fund" in refused["next"]
    with pytest.raises(Denied) as refusal, network.meter(debtor.license, 1):
        pass
    assert refusal.value.code == "in-arrears"
    network.fund(debtor.license, "0.004")  # less than is owed
    assert network.open(debtor.license, status=DENIED)["type"] == "/problems/in-arrears"
    with pytest.raises(Denied), network.meter(debtor.license, 1):
        pass


def test_what_arrives_later_pays_the_oldest_debt_to_the_same_payees(network: OperatedNetwork, debtor: Debtor) -> None:
    before = {name: network.tokens(name) for name in ("holder-2", "voice-3", "operator")}
    network.fund(debtor.license, "0.004")  # with what the test before gave 8 outputs: the debt of 5, and 3 more
    network.open(debtor.license)
    network.use(debtor.license, debtor.weights, 2, most=3)
    second = network.epoch()
    money = pot(second, debtor.license)
    assert (money["due"], money["arrears"]) == (2 * PRICE, USED - FUNDED)
    assert (money["gross"], money["owed"]) == (USED - FUNDED + 2 * PRICE, 0)
    grown = {name: network.tokens(name) - before[name] for name in before}
    assert sum(grown.values()) == money["gross"]
    in_all = sum(pot(one, debtor.license)["pot"] for one in (debtor.first, second))
    assert in_all == (USED + 2 * PRICE) * (10_000 - FEE_BPS) // 10_000
    for name, bps in (("holder-2", 6_667), ("voice-3", 3_333)):
        told = network.statement(name)
        assert any(f"license {debtor.license} paid what it owed since epoch" in line for line in told["why"])
        earned = int(told["cumulative"])
        assert abs(earned * 10_000 - in_all * bps) <= 2 * 10_000  # a unit of rounding per due
    assert network.audited()["verdict"] == "VERIFIED"
