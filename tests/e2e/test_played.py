"""A thief proposes a root that pays a friend everything; a watcher stops it. Told in docs/security.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from provenance import config
from provenance.adapters import localnet, tally, wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.keys.keystore import Keystore, KeystoreWallet
from provenance.app import license as licenses
from provenance.app.access import LicensedUse, contract_verdict
from provenance.app.ports import Call
from provenance.app.settle import closing
from provenance.domain import cid
from provenance.domain.manifest import recording_id
from provenance.domain.settlement import documents
from provenance.types import Bytes32, DatasetId, LicenseId, Wei
from tests.e2e.told import Told
from tests.e2e.town import PRICE, PURPOSE, WINDOW_S, Town, town

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BETWEEN = re.compile(r"(?<=<!-- played: begin -->\n```text\n).*?(?=\n```\n<!-- played: end -->)", re.DOTALL)
FAILED, DENIED, CONFLICT, REVERTED = 10, 5, 7, 9
BOND = 100_000_000
FIRST, SECOND = 4, 3  # outputs of the two epochs


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town of its own: the clock moves here, and one publisher steals."""
    with town(tmp_path_factory.mktemp("village")) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Played:
    """The story's end."""

    told: Told
    dataset: str
    license: str
    bonded: tuple[int, int, int]
    """Tokens of the watcher before, during and after the challenge."""


def unlocked(village: Town, name: str) -> KeystoreWallet:
    home = village.room / "home"
    return Keystore(home / "keystore").unlock(name, localnet.password(Devnet(home / "devnet")))


def steal(village: Town) -> None:
    """The publisher proposes epoch 2: what is right, and to a friend all that was funded and is not owed."""
    chain, content = village.chain(), wire.store(config.load(village.here.settings))
    closed = closing.close(chain, chain, content, tally.engine())
    cumulative, friend = dict(closed.decision.carry.cumulative), village.address("holder-8")
    (funded,) = chain.read(Call("RoyaltyDistributor", "funded", ()))
    assert isinstance(funded, int)
    cumulative[friend] = Wei(funded - sum(cumulative.values()))
    decision = replace(closed.decision, carry=replace(closed.decision.carry, cumulative=cumulative))
    forged = documents.publish(decision, cid.of_raw, "duckdb")
    chain.send(closing.proposal(forged, closing.commit(forged, content)), unlocked(village, "publisher").signer)


@pytest.fixture(scope="module")
def played(village: Town) -> Played:
    consent, _ = village.consent("anna", "voice-1", "holder-1")
    folder = village.takes("takes", ("one.wav", "two.wav"), seed=31)
    made = village.upload(folder, "Anna", village.terms("terms", "holder-1"), "holder-1", "--consent", consent)
    license_ = village.license(made["datasetId"], "holder-1", "1")
    village.open(license_)
    weights = {recording_id(DatasetId(Bytes32(bytes.fromhex(made["datasetId"][2:]))), index): 1.0 for index in (0, 1)}
    village.use(license_, weights, FIRST, most=FIRST)
    village.run("node", "anchor")
    village.run("node", "settle")
    village.run("devnet", "advance", str(WINDOW_S))
    village.use(license_, weights, SECOND, most=SECOND)
    village.run("node", "anchor")
    steal(village)
    return story(village, made["datasetId"], license_)


def story(village: Town, dataset: str, license_: str) -> Played:
    accounts = ("holder-1", "holder-3", "holder-8", "publisher", "arbiter")
    names = {"0x" + village.address(name).hex(): name for name in accounts}
    contracts = village.chain().deployment.contracts
    names |= {"0x" + address.hex(): contract for contract, address in contracts.items()}
    told = Told(village.here.settings, names)
    before = village.tokens("holder-3")
    told.say("The publisher's key was stolen. The root of epoch 2 pays a friend all that is funded and not yet owed.")
    told.run("audit", "run", status=FAILED)
    told.say("Anybody may stop it, with a bond. The command judges again, and sends nothing if the epoch holds.")
    told.run("audit", "challenge", "2", "--account", "holder-3")
    during = village.tokens("holder-3")
    told.say("Meanwhile epoch 1 pays as before.")
    told.run("earnings", "claim", "--account", "holder-1")
    told.say("The arbiter looks at the same facts and upholds: the root is gone, the bond returns.")
    told.run("role", "resolve", "2", "upheld", "--account", "arbiter")
    after = village.tokens("holder-3")
    told.say("The epoch is settled again under its number, and claimed once its window is over.")
    told.run("node", "settle")
    told.run("devnet", "advance", str(WINDOW_S))
    told.run("earnings", "claim", "--account", "holder-1")
    told.run("audit", "run")
    return Played(told, dataset, license_, (before, during, after))


def test_the_story_in_the_docs_is_the_one_that_was_played(played: Played, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text("utf-8")
    assert len(BETWEEN.findall(page)) == 1
    if request.config.getoption("--write-docs"):
        PAGE.write_text(BETWEEN.sub(lambda _: played.told.text(), page), "utf-8")
        page = PAGE.read_text("utf-8")
    assert BETWEEN.findall(page) == [played.told.text()], "run: pytest tests/e2e/test_played.py --write-docs"


def test_the_watchers_bond_was_up_and_is_back(played: Played) -> None:
    before, during, after = played.bonded
    assert (before - during, after) == (BOND, before)


def test_everybody_has_what_was_earned_and_the_friend_nothing(village: Town, played: Played) -> None:
    owed = (FIRST + SECOND) * PRICE
    fee = FIRST * PRICE * 500 // 10_000 + SECOND * PRICE * 500 // 10_000
    assert village.run("earnings", "show", "--account", "holder-1")["claimed"] == str(owed - fee)
    (claimed,) = village.chain().read(Call("RoyaltyDistributor", "claimed", (village.address("holder-8"),)))
    assert claimed == 0
    assert village.run("earnings", "show", "--account", "holder-8")["cumulative"] == "0"


def verdict(village: Town, played: Played) -> str:
    """What the contract says of the licensee's reading the first recording."""
    chain, content = village.chain(), wire.content(config.load(village.here.settings))
    license_ = licenses.find(chain, LicenseId(Bytes32(bytes.fromhex(played.license[2:]))))
    of = licenses.dataset(chain, content, license_.grant.dataset_id)
    return contract_verdict(chain, of, LicensedUse.of(license_.id, PURPOSE, "DE"), village.address("licensee"), 0)[0]


def test_a_guardians_suspension_stops_everything_and_its_lift_gives_it_back(village: Town, played: Played) -> None:
    offer, ruling = village.room / "kept-offer.json", village.room / "ruling.json"
    ruling.write_text(json.dumps({"format": "provenance/ruling", "version": 1, "text": "Anna says it is not she."}))
    asked = ("license", "offer", played.dataset, "--purpose", PURPOSE, "--expires", "90d", "--account", "holder-1")
    village.run(*asked, "--out", str(offer))
    accepting = ("license", "accept", str(offer), "--account", "licensee")
    line = ("dataset", "suspend", played.dataset, "--account", "guardian")
    assert village.run(*line, status=2)["type"] == "/problems/ruling-needed"
    done = village.run(*line, "--ruling", str(ruling))
    assert (done["status"], verdict(village, played)) == ("HALTED", "dataset-suspended")
    assert village.open(played.license, status=DENIED)["type"] == "/problems/dataset-suspended"
    assert village.run(*accepting, status=REVERTED)["type"] == "/problems/dataset-inactive"
    assert village.run(*asked, "--out", str(offer) + "2", status=CONFLICT)["type"] == "/problems/dataset-inactive"
    lift = ("dataset", "suspend", played.dataset, "--lift")
    assert village.run(*lift, "--account", "holder-1", status=CONFLICT)["type"] == "/problems/nothing-to-change"
    assert village.run(*lift, "--account", "guardian", "--ruling", str(ruling))["status"] == "ACTIVE"
    assert verdict(village, played) == "allowed"
    assert village.open(played.license)["opened"] == [0, 1]
    village.run(*accepting)
    assert village.audited()["verdict"] == "VERIFIED"
