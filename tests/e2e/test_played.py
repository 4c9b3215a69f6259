"""A thief proposes a root that pays a friend everything; a watcher stops it. Transcript in docs/security.md."""

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
from provenance.app import license as licenses, offers
from provenance.app.ports import Call
from provenance.app.settle import closing
from provenance.app.verdicts import contract_verdict
from provenance.domain import cid, purposes
from provenance.domain.manifest import recording_id
from provenance.domain.settlement import documents
from provenance.types import Bytes32, DatasetId, LicenseId, Wei
from tests.e2e.network import PRICE, PURPOSE, WINDOW_S, OperatedNetwork, operated_network
from tests.e2e.transcript import Transcript

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BETWEEN = re.compile(r"(?<=<!-- played: begin -->\n```text\n).*?(?=\n```\n<!-- played: end -->)", re.DOTALL)
FAILED, DENIED, MISSING, CONFLICT, REVERTED = 10, 5, 6, 7, 9
BOND, STAKE = 100_000_000, 1_000_000_000
FIRST, SECOND = 4, 3  # outputs of the two epochs


@pytest.fixture(scope="module")
def own_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatedNetwork]:
    """A network of its own: the clock moves here, and one publisher steals."""
    with operated_network(tmp_path_factory.mktemp("own_network")) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Played:
    """The story's end."""

    transcript: Transcript
    dataset: str
    license: str
    bonded: tuple[int, int, int]
    """Tokens of the watcher before, during and after the challenge."""


def unlocked(own_network: OperatedNetwork, name: str) -> KeystoreWallet:
    home = own_network.room / "home"
    return Keystore(home / "keystore").unlock(name, localnet.password(Devnet(home / "devnet")))


def steal(own_network: OperatedNetwork) -> None:
    """The publisher proposes epoch 2: what is right, and to a friend all that was funded and is not owed."""
    chain, content = own_network.chain(), wire.store(config.load(own_network.here.settings))
    closed = closing.close(chain, chain, content, tally.engine())
    cumulative, friend = dict(closed.decision.carry.cumulative), own_network.address("holder-8")
    (funded,) = chain.read(Call("RoyaltyDistributor", "funded", ()))
    assert isinstance(funded, int)
    cumulative[friend] = Wei(funded - sum(cumulative.values()))
    decision = replace(closed.decision, carry=replace(closed.decision.carry, cumulative=cumulative))
    forged = documents.publish(decision, cid.of_raw, "duckdb")
    chain.send(closing.proposal(forged, closing.commit(forged, content)), unlocked(own_network, "publisher").signer)


@pytest.fixture(scope="module")
def played(own_network: OperatedNetwork) -> Played:
    consent, _ = own_network.consent("anna", "voice-1", "holder-1")
    folder = own_network.takes("takes", ("one.wav", "two.wav"), seed=31)
    made = own_network.upload(folder, "Anna", own_network.terms("terms", "holder-1"), "holder-1", "--consent", consent)
    license_ = own_network.license(made["datasetId"], "holder-1", "1")
    own_network.open(license_)
    weights = {recording_id(DatasetId(Bytes32(bytes.fromhex(made["datasetId"][2:]))), index): 1.0 for index in (0, 1)}
    own_network.use(license_, weights, FIRST, most=FIRST)
    own_network.run("node", "anchor")
    own_network.run("node", "settle")
    own_network.run("devnet", "advance", str(WINDOW_S))
    own_network.use(license_, weights, SECOND, most=SECOND)
    own_network.run("node", "anchor")
    steal(own_network)
    return story(own_network, made["datasetId"], license_)


def story(own_network: OperatedNetwork, dataset: str, license_: str) -> Played:
    accounts = ("holder-1", "holder-3", "holder-8", "publisher", "arbiter")
    names = {"0x" + own_network.address(name).hex(): name for name in accounts}
    contracts = own_network.chain().deployment.contracts
    names |= {"0x" + address.hex(): contract for contract, address in contracts.items()}
    transcript = Transcript(own_network.here.settings, names)
    before = own_network.tokens("holder-3")
    transcript.say(
        "The publisher's key was stolen. The root of epoch 2 pays a friend all that is funded and not yet owed."
    )
    transcript.run("audit", "run", status=FAILED)
    transcript.say("Anybody may stop it, with a bond. The command judges again, and sends nothing if the epoch holds.")
    transcript.run("audit", "challenge", "2", "--account", "holder-3")
    during = own_network.tokens("holder-3")
    transcript.say("Meanwhile epoch 1 pays as before.")
    transcript.run("earnings", "claim", "--account", "holder-1")
    transcript.say(
        "The arbiter looks at the same facts and upholds: the root is gone, and with it the publisher's stake."
    )
    transcript.run("role", "resolve", "2", "upheld", "--account", "arbiter")
    transcript.run("role", "unstake", "--account", "holder-3")
    after = own_network.tokens("holder-3")
    transcript.say("With another stake the epoch is settled again under its number, and claimed after its window.")
    transcript.run("role", "stake", "--account", "publisher")
    transcript.run("node", "settle")
    transcript.run("devnet", "advance", str(WINDOW_S))
    transcript.run("earnings", "claim", "--account", "holder-1")
    transcript.run("audit", "run")
    return Played(transcript, dataset, license_, (before, during, after))


def test_the_story_in_the_docs_is_the_one_that_was_played(played: Played, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text("utf-8")
    assert len(BETWEEN.findall(page)) == 1
    if request.config.getoption("--write-docs"):
        PAGE.write_text(BETWEEN.sub(lambda _: played.transcript.text(), page), "utf-8")
        page = PAGE.read_text("utf-8")
    assert BETWEEN.findall(page) == [played.transcript.text()], "run: pytest tests/e2e/test_played.py --write-docs"


def test_the_watchers_bond_was_up_and_came_back_with_half_the_stake(played: Played) -> None:
    before, during, after = played.bonded
    assert (before - during, after) == (BOND, before + STAKE // 2)


def test_everybody_has_what_was_earned_and_the_friend_nothing(own_network: OperatedNetwork, played: Played) -> None:
    owed = (FIRST + SECOND) * PRICE
    fee = FIRST * PRICE * 500 // 10_000 + SECOND * PRICE * 500 // 10_000
    assert own_network.run("earnings", "show", "--account", "holder-1")["claimed"] == str(owed - fee)
    (claimed,) = own_network.chain().read(Call("RoyaltyDistributor", "claimed", (own_network.address("holder-8"),)))
    assert claimed == 0
    assert own_network.run("earnings", "show", "--account", "holder-8")["cumulative"] == "0"


def verdict(own_network: OperatedNetwork, played: Played) -> str:
    """What the contract says of the licensee's reading the first recording."""
    chain, content = own_network.chain(), wire.content(config.load(own_network.here.settings))
    license_ = licenses.find(chain, LicenseId(Bytes32(bytes.fromhex(played.license[2:]))))
    of = licenses.dataset(chain, content, license_.grant.dataset_id)
    accepted, licensee = offers.accepted(chain, license_), own_network.address("licensee")
    return contract_verdict(chain, of, accepted, purposes.mask([PURPOSE]), licensee, 0)[0]


def test_a_guardians_suspension_stops_everything_and_its_lift_gives_it_back(
    own_network: OperatedNetwork, played: Played
) -> None:
    offer, ruling = own_network.room / "kept-offer.json", own_network.room / "ruling.json"
    ruling.write_text(json.dumps({"format": "provenance/ruling", "version": 1, "text": "Anna says it is not she."}))
    asked = ("license", "offer", played.dataset, "--purpose", PURPOSE, "--expires", "90d", "--account", "holder-1")
    own_network.run(*asked, "--out", str(offer))
    accepting = ("license", "accept", str(offer), "--account", "licensee")
    line = ("dataset", "suspend", played.dataset, "--account", "guardian")
    assert own_network.run(*line, status=2)["type"] == "/problems/ruling-needed"
    done = own_network.run(*line, "--ruling", str(ruling))
    assert (done["status"], verdict(own_network, played)) == ("HALTED", "dataset-suspended")
    assert own_network.open(played.license, status=DENIED)["type"] == "/problems/dataset-suspended"
    assert own_network.run(*accepting, status=REVERTED)["type"] == "/problems/dataset-inactive"
    assert own_network.run(*asked, "--out", str(offer) + "2", status=CONFLICT)["type"] == "/problems/dataset-inactive"
    lift = ("dataset", "suspend", played.dataset, "--lift")
    assert own_network.run(*lift, "--account", "holder-1", status=CONFLICT)["type"] == "/problems/nothing-to-change"
    assert own_network.run(*lift, "--account", "guardian", "--ruling", str(ruling))["status"] == "ACTIVE"
    assert verdict(own_network, played) == "allowed"
    assert own_network.open(played.license)["opened"] == [0, 1]
    own_network.run(*accepting)
    assert own_network.audited()["verdict"] == "VERIFIED"


def test_a_ruling_is_published_put_on_record_and_struck_once(own_network: OperatedNetwork) -> None:
    def refused(*line: str, status: int = CONFLICT) -> str:
        return str(own_network.run(*line, status=status)["type"]).removeprefix("/problems/")

    file = own_network.room / "held.json"
    file.write_text('{"format":"provenance/ruling","text":"The second recording is the first one.","version":1}')
    guardian, arbiter = ("--account", "guardian"), ("--account", "arbiter")
    assert refused("role", "rule", str(file), "--account", "holder-3", status=DENIED) == "not-in-role"
    ruling = own_network.run("role", "rule", str(file), *guardian)["ruling"]
    assert wire.store(config.load(own_network.here.settings)).get(cid.parse(ruling)) == file.read_bytes()
    assert refused("role", "rule", str(file), *guardian) == "role-unchanged"
    assert refused("role", "strike", ruling, *guardian, status=DENIED) == "not-in-role"
    assert refused("role", "strike", str(cid.of_raw(b"another")), *arbiter, status=MISSING) == "not-ruled"
    assert own_network.run("role", "strike", ruling, *arbiter)["ruling"] == ruling
    assert refused("role", "strike", ruling, *arbiter) == "role-unchanged"


def test_a_licensee_says_once_what_a_session_used(own_network: OperatedNetwork, played: Played) -> None:
    session = own_network.run("usage", "list", played.license)[0]
    line = ("usage", "close", session["sessionId"], session["units"])
    more = own_network.run(*line[:3], str(int(session["maxUnits"]) + 1), "--account", "licensee", status=2)
    assert more["field"] == "units"
    stranger = own_network.run(*line, "--account", "holder-3", status=DENIED)
    assert stranger["type"] == "/problems/foreign-session"
    assert own_network.run(*line, "--account", "licensee")["units"] == session["units"]
    again = own_network.run(*line[:3], "0", "--account", "licensee", status=CONFLICT)
    assert (again["type"], again["units"]) == ("/problems/session-closed-before", session["units"])
    assert own_network.audited()["verdict"] == "VERIFIED"
