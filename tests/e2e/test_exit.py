"""Publisher and owner are gone, and everybody is paid all the same: a stranger settles by the exit, after 90 days.

Junk by the exit holds no publisher up; an honest root by it pays once its fourteen days are over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from provenance import config
from provenance.adapters import tally, wire
from provenance.app import stake
from provenance.app.ports import Call
from provenance.app.settle import closing
from provenance.domain import cid
from provenance.domain.manifest import recording_id
from provenance.domain.settlement import documents
from provenance.types import Bytes32, DatasetId, Wei
from tests.e2e.network import PRICE, WINDOW_S, OperatedNetwork, operated_network
from tests.e2e.test_played import unlocked

DAY_S = 86_400
EXIT_S, EXIT_WINDOW_S = 90 * DAY_S, 14 * DAY_S
DENIED, CONFLICT, FAILED = 5, 7, 10
STAKE = 1_000_000_000
FIRST, SECOND = 4, 3  # outputs of the two epochs
STRANGER, THIEF = "holder-3", "holder-8"


@dataclass(frozen=True, slots=True)
class Used:
    """A network whose licensee has used what was licensed; nothing of it is settled."""

    network: OperatedNetwork
    license: str
    weights: dict[Bytes32, float]

    def use(self, outputs: int) -> None:
        self.network.use(self.license, self.weights, outputs, most=outputs)
        self.network.run("node", "anchor")

    def kept(self, name: str) -> stake.Kept:
        return stake.kept(self.network.chain(), self.network.address(name))

    def later(self, seconds: int) -> None:
        self.network.run("devnet", "advance", str(seconds))

    def waiting(self) -> Any:
        return self.network.run("role", "show")["settlement"]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    with operated_network(tmp_path_factory.mktemp("exit")) as made:
        consent, _ = made.consent("anna", "voice-1", "holder-1")
        folder = made.takes("takes", ("one.wav", "two.wav"), seed=41)
        terms = made.terms("terms", "holder-1")
        dataset = made.upload(folder, "Anna", terms, "holder-1", "--consent", consent)["datasetId"]
        license_ = made.license(dataset, "holder-1", "1", days=360)
        made.open(license_)
        ids = [recording_id(DatasetId(Bytes32(bytes.fromhex(dataset[2:]))), index) for index in (0, 1)]
        story = Used(made, license_, dict.fromkeys(ids, 1.0))
        story.use(FIRST)
        yield story


def junk(used: Used) -> None:
    """The thief proposes by the exit what pays it all that was funded and is not owed."""
    chain, content = used.network.chain(), wire.store(config.load(used.network.here.settings))
    closed = closing.close(chain, chain, content, tally.engine(), by_exit=True)
    (funded,) = chain.read(Call("RoyaltyDistributor", "funded", ()))
    assert isinstance(funded, int)
    cumulative = dict(closed.decision.carry.cumulative)
    cumulative[used.network.address(THIEF)] = Wei(funded - sum(cumulative.values()))
    decision = replace(closed.decision, carry=replace(closed.decision.carry, cumulative=cumulative))
    forged = documents.publish(decision, cid.of_raw, "duckdb")
    thief = unlocked(used.network, THIEF).signer
    distributor = chain.deployment.contracts["RoyaltyDistributor"]
    chain.send(Call("Token", "approve", (distributor, STAKE)), thief)
    chain.send(closing.proposal(forged, closing.commit(forged, content)), thief)


def test_before_ninety_days_are_over_only_the_publisher_proposes(used: Used) -> None:
    refused = used.network.run("node", "settle", "--as", STRANGER, status=DENIED)
    assert (refused["type"], refused["opensAt"]) == (
        "/problems/exit-shut",
        used.network.run("role", "show")["exitOpensAt"],
    )
    used.later(EXIT_S)
    told = used.network.run("node", "settle", "--as", STRANGER, "--dry-run")
    assert (told["dryRun"], told["function"], told["epoch"]) == (True, "Token.approve", "1")


def test_junk_by_the_exit_gives_way_to_the_publishers_root(used: Used) -> None:
    junk(used)
    waiting = used.waiting()
    assert (waiting["epoch"], waiting["state"], waiting["byExit"]) == (1, "PROPOSED", True)
    assert used.network.run("audit", "run", status=FAILED)["challenge"]["epoch"] == 1
    assert used.network.run("node", "settle", "--as", STRANGER)["gas"] == 0  # another stranger's root replaces none
    made = used.network.run("node", "settle")
    waiting = used.waiting()
    assert (made["epoch"], waiting["byExit"], waiting["root"]) == ("1", False, made["root"])
    assert used.kept(THIEF).staked == STAKE  # who proposed junk has it back at once, and gained nothing
    assert used.network.run("role", "unstake", "--account", THIEF)["amount"] == str(STAKE)
    again = used.network.run("node", "settle")
    assert (again["tx"], again["gas"]) == (made["tx"], 0)
    used.later(WINDOW_S)
    assert used.network.run("node", "pay")["paid"] == 2  # the holder and who takes the fee
    assert used.network.audited()["verdict"] == "VERIFIED"


def test_a_strangers_epoch_pays_everyone_when_publisher_and_owner_never_come_back(used: Used) -> None:
    used.network.open(used.license)
    used.use(SECOND)
    before, tokens = used.network.tokens("holder-1"), used.network.tokens(STRANGER)
    used.later(EXIT_S)
    made = used.network.run("node", "settle", "--as", STRANGER)
    waiting = used.waiting()
    assert (made["epoch"], waiting["byExit"], waiting["root"]) == ("2", True, made["root"])
    assert (used.kept(STRANGER).staked, tokens - used.network.tokens(STRANGER)) == (STAKE, STAKE)
    pending = used.network.run("role", "unstake", "--account", STRANGER, status=9)
    assert pending["type"] == "/problems/stake-pending"
    again = used.network.run("node", "settle", "--as", STRANGER)
    assert (again["tx"], again["gas"]) == (made["tx"], 0)
    used.later(EXIT_WINDOW_S - DAY_S)
    assert used.network.run("earnings", "claim", "--account", "holder-1")["paid"] == "0"
    used.later(DAY_S)
    for payee in ("holder-1", "operator"):
        used.network.run("earnings", "claim", "--account", payee)
    fee = SECOND * PRICE * 500 // 10_000
    assert used.network.tokens("holder-1") - before == SECOND * PRICE - fee
    assert used.network.run("role", "unstake", "--account", STRANGER)["amount"] == str(STAKE)
    assert used.network.tokens(STRANGER) == tokens
    assert used.network.audited()["verdict"] == "VERIFIED"


def test_who_stops_junk_by_the_exit_earns_half_of_its_stake(used: Used) -> None:
    used.network.open(used.license)
    used.use(1)
    used.later(EXIT_S)
    junk(used)
    before = used.network.tokens(STRANGER)
    used.network.run("audit", "challenge", "3", "--account", STRANGER)
    held_up = used.network.run("node", "settle", status=CONFLICT)
    assert held_up["type"] == "/problems/epoch-still-open"  # a challenged root waits for its ruling
    used.network.run("role", "resolve", "3", "upheld", "--account", "arbiter")
    used.network.run("role", "unstake", "--account", STRANGER)
    assert used.network.tokens(STRANGER) == before + STAKE // 2
    assert used.kept(THIEF) == stake.Kept(Wei(0), Wei(0), Wei(0))
    assert used.network.run("node", "settle")["epoch"] == "3"
