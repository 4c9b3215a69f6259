"""From a Meter's receipt to tokens in a payee's account: real gateway, real contracts, real claims."""

from __future__ import annotations

import io
import json
import traceback
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from structlog.testing import capture_logs

from indexer.cli.money import summary
from indexer.gateway import batches
from provenance import Meter, config
from provenance.adapters import tally
from provenance.adapters.anvil import MNEMONIC
from provenance.adapters.keys import v3
from provenance.adapters.keys.keystore import KeySigner, Keystore
from provenance.adapters.queue import FolderQueue
from provenance.adapters.remote import GatewaySilent
from provenance.app import settle
from provenance.app.deploy import BOND, ruleset_1
from provenance.app.meter import ForeignRecording, MeteredOutput, Recorder, SessionClosed, SessionSpent, open_session
from provenance.app.ports import Call
from provenance.app.settle import closing, earning
from provenance.cli.context import Session
from provenance.cli.main import run
from provenance.cli.statement import Statement
from provenance.domain import typed
from provenance.domain.attribution import UNATTRIBUTED
from provenance.domain.hashes import sha256
from provenance.domain.manifest import recording_id
from provenance.domain.terms import PerUnit
from provenance.domain.usage import Outcome, model_id
from provenance.errors import Denied, Invalid, Missing
from provenance.types import Bytes32, UnixSeconds, Wei
from tests.desk import Desk, Package, desk, speech

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.app.settle import Proposed
    from tests.anvil import World

PRICE = 1_000
HOUR_S = 3_600


@pytest.fixture(scope="module")
def counter(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with chain_world.undone(), desk(chain_world, tmp_path_factory.mktemp("settled")) as made:
        made.node.content.put(ruleset_1(chain_world.signers[0].address).encode())
        yield made


def send(counter: Desk, call: Call, signer: int) -> object:
    return counter.world.chain.send(call, counter.world.signers[signer])


def recorder(counter: Desk, license_: Bytes32, folder: Path, *, units: int = 50) -> Recorder:
    """A session at the gateway, in a queue on disk."""
    key = KeySigner(sha256(folder.name.encode()))
    domain = counter.node.deployment.domains.usage
    now = counter.now
    session = typed.MeterSession(
        counter.node.address, key.address, license_, now, UnixSeconds(now + 600), units, counter.nonce()
    )
    queue = FolderQueue(folder, new=True)
    made = Recorder(queue.journal, queue, key, domain, counter.node.clock)
    made.begin(open_session(domain, session, counter.wallets["licensee"].signer))
    counter.client("licensee").open_session(made.session, made.session_signature)
    return made


def output(package: Package, counter: Desk, index: int, **changes: object) -> MeteredOutput:
    recording = recording_id(counter.dataset_id(package), index)
    made = MeteredOutput(
        commitment=sha256(b"a clip"),
        model=model_id("tiny", "1"),
        purpose=0b10,
        territory="DE",
        weights={recording: 1_000_000},
    )
    return replace(made, **changes)


def proposed(counter: Desk) -> Proposed:
    return settle.epoch(
        counter.world.chain,
        counter.world.chain,
        counter.node.content,
        counter.world.signers[1],
        tally.engine(),
    )


def tokens(counter: Desk, name: str) -> int:
    (found,) = counter.world.chain.read(Call("Token", "balanceOf", (counter.address(name),)))
    return int(found)


def window_over(counter: Desk) -> None:
    counter.world.chain.node.rpc.call("evm_increaseTime", HOUR_S + 1)
    counter.world.chain.node.rpc.call("evm_mine")
    counter.settle_down()


@pytest.fixture(scope="module")
def road(counter: Desk, tmp_path_factory: pytest.TempPathFactory) -> tuple[Package, Bytes32, Proposed]:
    """Two recordings opened, three outputs recorded, one late after a voice withdrew; epoch 1 proposed."""
    consents = [counter.consent(voice="voice"), counter.consent(voice="voice-2")]
    terms = counter.terms()
    terms = replace(terms, price=replace(terms.price, per_unit=PerUnit(1, Wei(PRICE))))
    package = counter.published([speech(11), speech(12)], consents=consents, terms=terms)
    license_ = counter.license(package)
    counter.fund(license_, 100_000)
    access = counter.open(package, license_, (0, 1))
    counter.record(package, license_, access.id, 2)
    before = recorder(counter, license_, tmp_path_factory.mktemp("q") / "before")
    before.record(output(package, counter, 0))
    before.record(output(package, counter, 1, units=2))
    before.record(output(package, counter, 1, outcome=Outcome.DRAFT))
    before.cut(last=True)
    before.submit(counter.client("licensee"))
    counter.settle_down()
    batches.anchor(counter.node, lambda call: send(counter, call, 0))
    after = recorder(counter, license_, tmp_path_factory.mktemp("q") / "after")
    after.record(output(package, counter, 1))
    after.cut(last=True)
    after.submit(counter.client("licensee"))
    counter.world.chain.node.rpc.call("evm_increaseTime", 60)
    counter.send(
        "voice-2",
        "ConsentRegistry",
        "revokeConsent",
        consents[1].id(counter.node.deployment.domains.consent),
        bytes(32),
    )
    counter.world.chain.node.rpc.call("evm_increaseTime", 60)
    counter.settle_down()
    batches.anchor(counter.node, lambda call: send(counter, call, 0))
    counter.settle_down()
    return package, license_, proposed(counter)


def test_before_the_first_epoch_it_is_said_who_settles(counter: Desk, tmp_path: Path) -> None:
    file = wallet_of(counter, tmp_path)
    for name in ("show", "statement", "claim"):
        refused = command(file, "earnings", name, "--payee", "0x" + counter.address("holder").hex(), status=6)
        assert refused["type"] == "/problems/no-settlement"
        assert "`provenance node settle`" in refused["next"]


def test_what_is_owed_shared_and_held_follows_the_rules(counter: Desk, road: tuple[Package, Bytes32, Proposed]) -> None:
    _, license_, done = road
    [pot] = [one for one in done.epoch.decision.pots if one.license.id == license_]
    # 4 units before, 1 after the withdrawal: 5 x 1,000; fee 5 %; of 4,750 a fifth is held
    assert (pot.due, pot.gross, pot.fee, pot.held, pot.pot) == (5_000, 5_000, 250, 950, 3_800)
    [rejected] = pot.account.rejected
    assert rejected.reason == "consent-withdrawn"
    assert done.epoch.total == 4_050


def test_whoever_has_chain_and_content_has_the_same_bytes(
    counter: Desk, road: tuple[Package, Bytes32, Proposed]
) -> None:
    *_, done = road
    chain = counter.world.connect()
    event = next(one for one in earning.settlements(chain)).proposed.event
    published = settle.published(counter.node.content, event.manifest_digest)
    inputs = settle.gather(
        chain,
        counter.node.content,
        chain.deployment,
        done.epoch.decision.inputs.cutoff,
        ruleset_hash=closing.ruleset_hash(chain),
        read_uses=tally.engine().read_uses,
    )
    again = settle.decide(inputs, tally.engine(), name=str(published.manifest["engine"]))
    assert (again.root, again.manifest, again.documents) == (done.epoch.root, done.epoch.manifest, done.epoch.documents)
    assert event.usage_head == again.usage_head


def test_a_statement_tells_the_holder_why(counter: Desk, road: tuple[Package, Bytes32, Proposed]) -> None:
    _, published = settle.latest(counter.world.chain, counter.node.content)
    row = settle.statement(counter.node.content, published, counter.address("holder"))
    assert row is not None
    assert row["net"] == "3800"
    assert settle.statement(counter.node.content, published, counter.address("thief")) is None


def test_people_read_where_the_money_of_a_license_went(
    counter: Desk, road: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    package, license_, done = road
    told = io.StringIO()
    line = ("earnings", "statement", "--epoch", "1", "--payee", "0x" + counter.address("holder").hex())
    assert run([*line, "--config", str(wallet_of(counter, tmp_path))], Session(told, told)) == 0
    assert told.getvalue().splitlines()[-11:-2] == [
        f'License 0x{license_.hex()} for "{package.manifest.title}"',
        "  paid in    0.005 TUSD of 0.005 TUSD due",
        "  - fee      0.00025 TUSD, the operator's",
        "  - held     0.00095 TUSD, until a ruling: 1 of 5 units are in 1 rejected receipt (1 consent-withdrawn)",
        "  = pot      0.0038 TUSD",
        "  your part  0.0038 TUSD: 3000000 of 3000000 points of score, 100 %",
        "    recording 1 (0002.wav): 2000000 points, 100 % of them yours",
        "    recording 0 (0001.wav): 1000000 points, 100 % of them yours",
        "    weights by its licensee, method 1",
    ]
    assert told.getvalue().endswith("Points are units times weight: 1000000 for one unit of one recording alone.\n")
    assert list(summary(done.epoch, 2, 6, "TUSD")) == [
        "Epoch 1 is proposed: 0.00405 TUSD in this epoch, 0.00405 TUSD in all epochs together, to 2 payees.",
        "Held until a ruling: 0.00095 TUSD.",
        "Rejected: 1 receipt (1 consent-withdrawn); charged, and nobody's score.",
    ]


def test_without_the_rejected_receipts_the_money_is_told_all_the_same(
    counter: Desk, road: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    _, published = settle.latest(counter.world.chain, counter.node.content)
    kept = counter.node.content.get(published.named("rejected"))
    counter.node.content.remove(published.named("rejected"))
    told = io.StringIO()
    line = ("earnings", "statement", "--epoch", "1", "--payee", "0x" + counter.address("holder").hex())
    try:
        assert run([*line, "--config", str(wallet_of(counter, tmp_path))], Session(told, told)) == 0, told.getvalue()
    finally:
        counter.node.content.put(kept)
    assert (
        "  - held     0.00095 TUSD, until a ruling: 1 of 5 units are in rejected receipts, whose list is not at hand"
        in told.getvalue().splitlines()
    )


def test_each_dataset_and_the_rejected_receipts_are_read_once_for_all_licenses(
    counter: Desk, road: tuple[Package, Bytes32, Proposed], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, read = counter.node.content, Counter[str]()
    _, published = settle.latest(counter.world.chain, content)
    row = settle.statement(content, published, counter.address("holder"))
    assert row is not None
    twice = {**row, "shares": [*row["shares"]] * 2, "why": [*row["why"]] * 2}  # type: ignore[misc]
    get, get_digest = content.get, content.get_digest
    monkeypatch.setattr(content, "get", lambda at, **how: (read.update([str(at)]), get(at, **how))[1])
    monkeypatch.setattr(content, "get_digest", lambda of, **how: (read.update([of.hex()]), get_digest(of, **how))[1])
    told = list(Statement(counter.world.chain, content, published, twice, 6, "TUSD").lines())
    assert sum(one.startswith("License ") for one in told) == 2
    assert set(read.values()) == {1}
    assert str(published.named("rejected")) in read


def test_a_missing_document_stops_the_settlement_by_name(
    counter: Desk, road: tuple[Package, Bytes32, Proposed]
) -> None:
    *_, done = road
    segment = done.epoch.decision.inputs.segments[0]
    kept = counter.node.content.get(segment.cid)
    counter.node.content.remove(segment.cid)
    try:
        with pytest.raises(Missing, match=str(segment.cid)):
            settle.gather(
                counter.world.chain,
                counter.node.content,
                counter.node.deployment,
                done.epoch.decision.inputs.cutoff,
                ruleset_hash=closing.ruleset_hash(counter.world.chain),
                read_uses=tally.engine().read_uses,
            )
    finally:
        counter.node.content.put(kept)


def wallet_of(counter: Desk, folder: Path, signer: int = 7) -> Path:
    """A settings file whose account pays the gas."""
    (folder / "deployment.json").write_bytes(counter.world.record.encode())
    (folder / "password").write_text("correct horse\n")
    (folder / "password").chmod(0o600)
    key = key_from_seed(seed_from_mnemonic(MNEMONIC, ""), f"m/44'/60'/0'/0/{signer}")
    Keystore(folder / "home" / "keystore").add("anyone", key, b"correct horse", scrypt_n=v3.SCRYPT_N_DEVNET)
    file = folder / "provenance.toml"
    file.write_text(
        f'home = "home"\nnetwork = "here"\npassword_file = "password"\n[networks.here]\n'
        f'rpc = "{counter.world.url}"\nchain_id = 31337\ndeployment = "deployment.json"\n'
        f'gateway = "{counter.url}"\nfinality = "latest-0"\n'
    )
    return file


def command(file: Path, *arguments: str, status: int = 0) -> Any:
    """What a command printed as its document, or said as its error."""
    session = Session(io.StringIO(), io.StringIO())
    done = run([*arguments, "--config", str(file), "--json", "--yes"], session)
    text = session.stdout.getvalue() or session.stderr.getvalue()
    assert done == status, text
    return json.loads(text)


def test_the_contract_pays_exactly_what_the_tree_says_and_the_wallet_says_why(
    counter: Desk, road: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    chain, content = counter.world.chain, counter.node.content
    due = settle.due(chain, content, counter.address("holder"))
    assert (due.amount, due.claimed) == (3_800, 0)
    with pytest.raises(settle.StillOpen):
        proposed(counter)
    file, payee = wallet_of(counter, tmp_path), "0x" + counter.address("holder").hex()
    assert command(file, "earnings", "show", "--payee", payee)["active"] is False
    assert command(file, "earnings", "claim", "--payee", payee, status=7)["type"] == "/problems/conflict"
    window_over(counter)
    assert command(file, "earnings", "show", "--payee", payee)["due"] == "3800"
    told = command(file, "earnings", "statement", "--payee", payee, "--epoch", "1")
    assert (told["net"], told["epoch"]) == ("3800", 1)
    assert "points of score under license" in told["why"][0]
    had = tokens(counter, "holder")
    paid = command(file, "earnings", "claim", "--payee", payee)
    assert (paid["paid"], paid["transactions"][0]["title"]) == ("3800", "claim")
    assert tokens(counter, "holder") - had == 3_800
    assert command(file, "earnings", "claim", "--payee", payee)["paid"] == "0"
    assert settle.due(chain, content, counter.address("holder")).amount == 0
    stranger = ("--payee", "0x" + "9" * 40)
    told = command(file, "earnings", "show", *stranger)
    assert (told["cumulative"], told["due"], told["epoch"]) == ("0", "0", 1)
    assert command(file, "earnings", "claim", *stranger, status=6)["type"] == "/problems/not-in-tree"
    unknown = command(file, "earnings", "show", *stranger, "--epoch", "9", status=6)
    assert "the last one is 1" in unknown["detail"]


def test_the_next_epoch_goes_on_where_this_one_ended_and_one_call_pays_a_subtree(
    counter: Desk, road: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    package, license_, done = road
    chain, content = counter.world.chain, counter.node.content
    more = recorder(counter, license_, tmp_path / "more")
    more.record(output(package, counter, 0, units=3))
    more.cut(last=True)
    more.submit(counter.client("licensee"))
    counter.settle_down()
    batches.anchor(counter.node, lambda call: send(counter, call, 0))
    counter.settle_down()
    second = proposed(counter)
    assert second.epoch.number == 2
    assert second.epoch.total == 4_050 + 3_000
    [pot] = [one for one in second.epoch.decision.pots if one.license.id == license_]
    assert (pot.due, pot.balance) == (3_000, 95_000)
    assert second.epoch.decision.carry.holds == done.epoch.decision.carry.holds
    window_over(counter)
    settlement, published = settle.latest(chain, content)
    leaves = settle.leaves(content, published, root=settlement.proposed.event.root)
    [(payments, proof)] = leaves.subtrees(256)
    call = Call("RoyaltyDistributor", "claimSubtree", (settlement.epoch, payments, proof))
    had = tokens(counter, "holder"), tokens(counter, "operator")
    chain.send(call, counter.world.signers[7])
    assert (tokens(counter, "holder") - had[0], tokens(counter, "operator") - had[1]) == (2_850, 400)


def test_a_program_meters_with_three_lines(
    counter: Desk, road: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    package, license_, _ = road
    record = tmp_path / "deployment.json"
    record.write_bytes(counter.world.record.encode())
    file = tmp_path / "provenance.toml"
    file.write_text(
        f'home = "{tmp_path / "home"}"\nnetwork = "here"\n[networks.here]\nrpc = ["{counter.world.url}"]\n'
        f'chain_id = 31337\ndeployment = "{record}"\ngateway = "{counter.url}"\nfinality = "latest-0"\n'
    )
    counter.settle_down()
    how = {"model": "tiny@1", "purpose": "train.tts", "territory": "de", "wallet": counter.wallets["licensee"]}
    how["settings"] = config.load(file)
    recording = recording_id(counter.dataset_id(package), 0)
    for wrong in ({"purpose": "inference.reference"}, {"territory": "US"}, {"unit": "request"}):
        with pytest.raises(Denied):
            Meter(license_, max_units=20, **how | wrong)
    assert not (tmp_path / "home" / "meter").exists()
    with Meter(license_, max_units=20, **how) as meter:
        meter.record(output=b"RIFF", weights={recording: 0.25, UNATTRIBUTED: 0.75})
        meter.record(digest=sha256(b"RIFF 2"), weights={recording: 1_000_000}, outcome="rejected", units=2)
        assert meter.flush() == 1
        with pytest.raises(SessionSpent):
            meter.record(output=b"", weights={recording: 1.0}, units=18)
        with pytest.raises(ForeignRecording):
            meter.record(output=b"", weights={Bytes32(bytes([recording[0] ^ 1]) + recording[1:]): 1.0})
        with pytest.raises(Denied):
            meter.record(output=b"", purpose="inference.reference")
        with pytest.raises(Invalid, match="outcome"):
            meter.record(output=b"", outcome="fine")
    meter.close()
    with pytest.raises(SessionClosed):
        meter.record(output=b"")
    [row] = counter.client().listing("sessions", session=meter.session).rows
    assert (row["receipts"], row["units"], row["closed"]) == ("2", "3", True)
    file = wallet_of(counter, tmp_path)
    assert command(file, "usage", "list", "0x" + license_.hex())[-1]["sessionId"] == meter.session
    with pytest.raises(Denied), Meter(license_, max_units=10**9, **how):
        pass
    assert [one.name for one in (tmp_path / "home" / "meter").iterdir()] == [meter.session[2:]]

    with pytest.raises(ZeroDivisionError) as ended, Meter(license_, max_units=1, **how) as meter:  # noqa: PT012
        meter.record(output=b"draft", outcome="draft")
        gateway, meter._gateway.url = meter._gateway.url, "http://127.0.0.1:9"
        with pytest.raises(GatewaySilent) as silent, capture_logs() as logged:
            meter.flush()
        assert logged == []
        told = "".join(traceback.format_exception(silent.value))
        assert (told.count("Traceback"), told.count(f"provenance usage submit {meter.queue}")) == (1, 1)
        1 / 0  # noqa: B018
    assert (
        f"127.0.0.1:9 does not answer: ConnectError. The receipts are kept in {meter.queue}" in ended.value.__notes__[0]
    )
    meter._gateway.url = gateway
    meter.close()


@pytest.mark.usefixtures("road")
def test_while_a_challenge_waits_and_after_its_dismissal_the_epoch_does_not_count(counter: Desk) -> None:
    window_over(counter)
    epoch = proposed(counter).epoch.number
    chain, distributor = counter.world.chain, counter.world.chain.deployment.contracts["RoyaltyDistributor"]

    def told() -> tuple[str, bool]:
        """What the gateway's list says, which agrees with the chain on the time, and whether earnings count."""
        counter.settle_down()
        (listed,) = [row for row in counter.client().listing("settlements").rows if row["epoch"] == str(epoch)]
        (slot,) = chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
        assert listed["activeAt"] == slot[2]
        due = earning.due(chain, counter.node.content, counter.address("holder"), epoch)
        return listed["state"], due.counts(chain.head().time)

    assert told() == ("PROPOSED", False)
    send(counter, Call("Token", "approve", (distributor, BOND)), 4)
    send(counter, Call("RoyaltyDistributor", "challenge", (epoch, bytes(32))), 4)
    window_over(counter)
    assert told() == ("CHALLENGED", False)
    with pytest.raises(settle.StillOpen, match="under challenge"):
        proposed(counter)
    send(counter, Call("RoyaltyDistributor", "resolve", (epoch, False)), 3)
    assert told() == ("PROPOSED", False)
    with pytest.raises(settle.StillOpen, match="is active from 20"):
        proposed(counter)
    again = closing.waiting(chain, counter.node.content, chain.head())
    assert again is not None
    assert again.settlement.epoch == epoch
    window_over(counter)
    assert told() == ("FINAL", True)
    assert proposed(counter).epoch.number == epoch + 1
