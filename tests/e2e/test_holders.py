"""What a holder does with a dataset, from the wallet to the gateway, the contract and the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from provenance.domain.manifest import recording_id
from provenance.types import Bytes32, DatasetId
from tests.e2e.network import PER_OUTPUT, PRICE, PURPOSE, OperatedNetwork
from tests.e2e.parties import eventually

INVALID, DENIED, CONFLICT, REVERTED = 2, 5, 7, 9
FEE_BPS = 500
WEEK_S = 7 * 86_400
LICENSE_PRICE = 250_000
OWNER, HEIR, VOICE, OTHER = "holder-4", "holder-5", "voice-4", "holder-6"


@dataclass(frozen=True, slots=True)
class Estate:
    """A dataset with one license, of whose holder the tests tell the fate in order."""

    network: OperatedNetwork
    dataset: str
    license: str
    weights: Mapping[Bytes32, float]

    def act(self, verb: str, *arguments: str, by: str = OWNER, status: int = 0) -> Any:
        return self.network.run("dataset", verb, self.dataset, *arguments, "--account", by, status=status)

    def refused(self, verb: str, *arguments: str, by: str = OWNER, status: int) -> str:
        return kind(self.act(verb, *arguments, by=by, status=status))

    def tried(self, verb: str, *arguments: str, by: str = OWNER) -> None:
        """A dry run tells the cost; a look before and after finds no difference."""
        before = self.row()
        told = self.act(verb, *arguments, "--dry-run", by=by)
        assert told["dryRun"] is True
        assert told["gas"] > 21_000
        assert int(told["feeWei"]) > 0
        assert self.row() == before

    def row(self) -> Any:
        found = self.network.run("dataset", "show", self.dataset)
        return {name: found[name] for name in ("holder", "registrant", "status", "supersededBy")}

    def becomes(self, **expected: object) -> None:
        """The gateway's catalogue says so, a poll behind the chain."""
        eventually(lambda: {name: self.row()[name] for name in expected} == expected)

    def offer(self, by: str = OWNER, status: int = 0) -> Any:
        file = self.network.room / f"estate-{len(list(self.network.room.glob('estate-*.json')))}.json"
        made = self.network.run("license", "offer", self.dataset, "--purpose", PURPOSE, "--expires", "90d", "--out", str(file),
                             "--account", by, status=status)  # fmt: skip
        return str(file) if not status else kind(made)

    def accept(self, file: str, status: int = 0) -> Any:
        made = self.network.run("license", "accept", file, "--account", "licensee", status=status)
        return made["license"] if not status else kind(made)

    def readable(self) -> bool:
        return bool(self.network.open(self.license)["opened"] == [0, 1])

    def epoch(self, outputs: int) -> dict[str, int]:
        """What each party was paid for so many outputs, its fee taken off."""
        names = (OWNER, HEIR, VOICE)
        before = {name: self.network.tokens(name) for name in names}
        self.network.use(self.license, self.weights, outputs, most=outputs)
        self.network.epoch()
        return {name: self.network.tokens(name) - before[name] for name in names}


def kind(answer: Any) -> str:
    found: str = answer["type"]
    return found.removeprefix("/problems/")


def net(outputs: int) -> int:
    return outputs * PRICE - outputs * PRICE * FEE_BPS // 10_000


@pytest.fixture(scope="module")
def estate(network: OperatedNetwork) -> Estate:
    given, _ = network.consent("estate-consent", VOICE, OWNER)
    terms = network.room / "estate-terms"
    network.run("terms", "new", str(terms), "--purpose", PURPOSE, "--territory", "WW", "--per-license", "0.25",
             "--per-unit", PER_OUTPUT, "--account", OWNER)  # fmt: skip
    made = network.upload(
        network.takes("estate", ("a.wav", "b.wav"), seed=44), "Estate", str(terms), OWNER, "--consent", given
    )
    license_ = network.license(made["datasetId"], OWNER, "1")
    network.open(license_)
    dataset = DatasetId(Bytes32(bytes.fromhex(made["datasetId"][2:])))
    return Estate(network, made["datasetId"], license_, {recording_id(dataset, index): 1.0 for index in (0, 1)})


def test_a_suspension_stops_new_licenses_and_no_old_one(estate: Estate) -> None:
    waiting = estate.offer()
    assert estate.refused("suspend", by=OTHER, status=DENIED) == "not-holder"
    estate.tried("suspend")
    assert estate.act("suspend")["status"] == "SUSPENDED"
    assert estate.refused("suspend", status=CONFLICT) == "nothing-to-change"
    estate.becomes(status="SUSPENDED")
    assert estate.accept(waiting, status=REVERTED) == "dataset-inactive"
    assert estate.offer(status=CONFLICT) == "dataset-inactive"
    assert estate.readable()
    assert estate.act("suspend", "--lift")["status"] == "ACTIVE"
    assert estate.accept(waiting)
    estate.becomes(status="ACTIVE")


def test_a_newer_version_is_named_and_old_licenses_go_on(estate: Estate) -> None:
    network = estate.network
    given, terms = str(network.room / "estate-consent.json"), str(network.room / "estate-terms")
    newer = network.upload(network.takes("newer", ("c.wav",), seed=45), "Newer", terms, OWNER, "--consent", given)[
        "datasetId"
    ]
    assert estate.refused("supersede", estate.dataset, status=INVALID) == "invalid"
    assert estate.refused("supersede", newer, by=OTHER, status=DENIED) == "not-holder"
    estate.tried("supersede", newer)
    estate.act("supersede", newer)
    estate.becomes(supersededBy=newer)
    assert estate.refused("supersede", newer, status=REVERTED) == "already-superseded"
    assert estate.readable()


def test_a_transfer_is_offered_and_taken_and_who_buys_sells_no_voice_that_did_not_name_it(estate: Estate) -> None:
    network = estate.network
    waiting = estate.offer()
    estate.tried("transfer", HEIR)
    estate.act("transfer", HEIR)
    assert estate.refused("transfer", "--accept", by=OTHER, status=DENIED) == "not-holder"
    estate.act("transfer", "--withdraw")
    assert estate.refused("transfer", "--accept", by=HEIR, status=DENIED) == "not-holder"
    estate.act("transfer", HEIR)
    estate.tried("transfer", "--accept", by=HEIR)
    estate.act("transfer", "--accept", by=HEIR)
    estate.becomes(holder="0x" + network.address(HEIR).hex(), registrant="0x" + network.address(OWNER).hex())
    assert estate.refused("suspend", status=DENIED) == "not-holder"
    assert estate.accept(waiting, status=CONFLICT) == "conflict"
    assert estate.offer(status=DENIED) == "not-holder"
    assert estate.offer(by=HEIR, status=DENIED) == "nothing-to-open"
    network.run("consent", "extend", str(network.room / "estate-consent.json"), HEIR, "--account", VOICE)
    before, license_ = network.tokens(HEIR), estate.accept(estate.offer(by=HEIR))
    assert int(network.run("license", "show", license_)["funded"]) == LICENSE_PRICE
    assert network.tokens(HEIR) == before, "a price waits in the license's balance"
    assert estate.readable()


def test_new_shares_are_published_and_count_for_windows_that_begin_seven_days_later(estate: Estate) -> None:
    network = estate.network
    shares = (f"{HEIR}=7000", f"{VOICE}=3000")
    assert estate.refused("split", f"{HEIR}=7000", f"{VOICE}=2000", by=HEIR, status=INVALID) == "bad-splits"
    assert estate.refused("split", *shares, status=DENIED) == "not-holder"
    estate.tried("split", *shares, by=HEIR)
    assert estate.epoch(4) == {OWNER: net(4), HEIR: 0, VOICE: 0}, "a transfer alone moves no share"
    announced = {row["account"].lower(): row["bps"] for row in estate.act("split", *shares, by=HEIR)["shares"]}
    assert announced == {"0x" + network.address(HEIR).hex(): 7_000, "0x" + network.address(VOICE).hex(): 3_000}
    assert estate.epoch(4) == {OWNER: net(4), HEIR: 0, VOICE: 0}, "announced is not in force"
    network.run("devnet", "advance", str(WEEK_S))
    assert estate.epoch(4) == {OWNER: net(4), HEIR: 0, VOICE: 0}, "this window began before"
    assert estate.epoch(10) == {OWNER: 0, HEIR: net(10) * 7 // 10, VOICE: net(10) * 3 // 10}
    assert network.audited()["verdict"] == "VERIFIED"


def test_a_revocation_is_for_good_and_old_licenses_go_on(estate: Estate) -> None:
    estate.tried("suspend", "--for-good", by=HEIR)
    assert estate.act("suspend", "--for-good", by=HEIR)["status"] == "REVOKED"
    assert estate.refused("suspend", "--lift", by=HEIR, status=CONFLICT) == "nothing-to-change"
    estate.becomes(status="REVOKED")
    assert estate.offer(by=HEIR, status=CONFLICT) == "dataset-inactive"
    assert estate.readable()
