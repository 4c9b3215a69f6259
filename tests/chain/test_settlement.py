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
from provenance.app.meter import ForeignRecording, MeterClosed, MeteredOutput, Recorder, SessionSpent, open_session
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
from tests.live_gateway import LiveGateway, Package, live_gateway, speech

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.app.settle import Proposed
    from tests.anvil import World

PRICE = 1_000
HOUR_S = 3_600


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with chain_world.undone(), live_gateway(chain_world, tmp_path_factory.mktemp("settled")) as made:
        made.node.content.put(ruleset_1(chain_world.signers[0].address).encode())
        yield made


def send(live: LiveGateway, call: Call, signer: int) -> object:
    return live.world.chain.send(call, live.world.signers[signer])


def recorder(live: LiveGateway, license_: Bytes32, folder: Path, *, units: int = 50) -> Recorder:
    """A session at the gateway, in a queue on disk."""
    key = KeySigner(sha256(folder.name.encode()))
    domain = live.node.deployment.domains.usage
    now = live.now
    session = typed.MeterSession(
        live.node.address, key.address, license_, now, UnixSeconds(now + 600), units, live.nonce()
    )
    queue = FolderQueue(folder, new=True)
    made = Recorder(queue.journal, queue, key, domain, live.node.clock)
    made.begin(open_session(domain, session, live.wallets["licensee"].signer))
    live.client("licensee").open_session(made.session, made.session_signature)
    return made


def output(package: Package, live: LiveGateway, index: int, **changes: object) -> MeteredOutput:
    recording = recording_id(live.dataset_id(package), index)
    made = MeteredOutput(
        commitment=sha256(b"a clip"),
        model=model_id("tiny", "1"),
        purpose=0b10,
        territory="DE",
        weights={recording: 1_000_000},
    )
    return replace(made, **changes)


def proposed(live: LiveGateway) -> Proposed:
    return settle.epoch(
        live.world.chain,
        live.world.chain,
        live.node.content,
        live.world.signers[1],
        tally.engine(),
    )


def tokens(live: LiveGateway, name: str) -> int:
    (found,) = live.world.chain.read(Call("Token", "balanceOf", (live.address(name),)))
    return int(found)


def window_over(live: LiveGateway) -> None:
    live.world.chain.node.rpc.call("evm_increaseTime", HOUR_S + 1)
    live.world.chain.node.rpc.call("evm_mine")
    live.settle_down()


@pytest.fixture(scope="module")
def settled(live: LiveGateway, tmp_path_factory: pytest.TempPathFactory) -> tuple[Package, Bytes32, Proposed]:
    """Two recordings opened, three outputs recorded, one late after a voice withdrew; epoch 1 proposed."""
    consents = [live.consent(voice="voice"), live.consent(voice="voice-2")]
    terms = live.terms()
    terms = replace(terms, price=replace(terms.price, per_unit=PerUnit(1, Wei(PRICE))))
    package = live.published([speech(11), speech(12)], consents=consents, terms=terms)
    license_ = live.license(package)
    live.fund(license_, 100_000)
    access = live.open(package, license_, (0, 1))
    live.record(package, license_, access.id, 2)
    before = recorder(live, license_, tmp_path_factory.mktemp("q") / "before")
    before.record(output(package, live, 0))
    before.record(output(package, live, 1, units=2))
    before.record(output(package, live, 1, outcome=Outcome.DRAFT))
    before.cut(last=True)
    before.submit(live.client("licensee"))
    live.settle_down()
    batches.anchor(live.node, lambda call: send(live, call, 0))
    after = recorder(live, license_, tmp_path_factory.mktemp("q") / "after")
    after.record(output(package, live, 1))
    after.cut(last=True)
    after.submit(live.client("licensee"))
    live.world.chain.node.rpc.call("evm_increaseTime", 60)
    live.send(
        "voice-2",
        "ConsentRegistry",
        "revokeConsent",
        consents[1].id(live.node.deployment.domains.consent),
        bytes(32),
    )
    live.world.chain.node.rpc.call("evm_increaseTime", 60)
    live.settle_down()
    batches.anchor(live.node, lambda call: send(live, call, 0))
    live.settle_down()
    return package, license_, proposed(live)


def test_before_the_first_epoch_it_is_said_who_settles(live: LiveGateway, tmp_path: Path) -> None:
    file = wallet_of(live, tmp_path)
    for name in ("show", "statement", "claim"):
        refused = command(file, "earnings", name, "--payee", "0x" + live.address("holder").hex(), status=6)
        assert refused["type"] == "/problems/no-settlement"
        assert "`provenance node settle`" in refused["next"]


def test_what_is_owed_shared_and_held_follows_the_rules(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed]
) -> None:
    _, license_, done = settled
    [pot] = [one for one in done.epoch.decision.pots if one.license.id == license_]
    # 4 units before, 1 after the withdrawal: 5 x 1,000; fee 5 %; of 4,750 a fifth is held
    assert (pot.due, pot.gross, pot.fee, pot.held, pot.pot) == (5_000, 5_000, 250, 950, 3_800)
    [rejected] = pot.account.rejected
    assert rejected.reason == "consent-withdrawn"
    assert done.epoch.total == 4_050


def test_whoever_has_chain_and_content_has_the_same_bytes(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed]
) -> None:
    *_, done = settled
    chain = live.world.connect()
    event = next(one for one in earning.settlements(chain)).proposed.event
    published = settle.published(live.node.content, event.manifest_digest)
    inputs = settle.gather(
        chain,
        live.node.content,
        chain.deployment,
        done.epoch.decision.inputs.cutoff,
        ruleset_hash=closing.ruleset_hash(chain),
        read_uses=tally.engine().read_uses,
    )
    again = settle.decide(inputs, tally.engine(), name=str(published.manifest["engine"]))
    assert (again.root, again.manifest, again.documents) == (done.epoch.root, done.epoch.manifest, done.epoch.documents)
    assert event.usage_head == again.usage_head


def test_a_statement_tells_the_holder_why(live: LiveGateway, settled: tuple[Package, Bytes32, Proposed]) -> None:
    _, published = settle.latest(live.world.chain, live.node.content)
    row = settle.statement(live.node.content, published, live.address("holder"))
    assert row is not None
    assert row["net"] == "3800"
    assert settle.statement(live.node.content, published, live.address("thief")) is None


def test_people_read_where_the_money_of_a_license_went(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    package, license_, done = settled
    told = io.StringIO()
    line = ("earnings", "statement", "--epoch", "1", "--payee", "0x" + live.address("holder").hex())
    assert run([*line, "--config", str(wallet_of(live, tmp_path))], Session(told, told)) == 0
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
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    _, published = settle.latest(live.world.chain, live.node.content)
    kept = live.node.content.get(published.named("rejected"))
    live.node.content.remove(published.named("rejected"))
    told = io.StringIO()
    line = ("earnings", "statement", "--epoch", "1", "--payee", "0x" + live.address("holder").hex())
    try:
        assert run([*line, "--config", str(wallet_of(live, tmp_path))], Session(told, told)) == 0, told.getvalue()
    finally:
        live.node.content.put(kept)
    assert (
        "  - held     0.00095 TUSD, until a ruling: 1 of 5 units are in rejected receipts, whose list is not at hand"
        in told.getvalue().splitlines()
    )


def test_each_dataset_and_the_rejected_receipts_are_read_once_for_all_licenses(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, read = live.node.content, Counter[str]()
    _, published = settle.latest(live.world.chain, content)
    row = settle.statement(content, published, live.address("holder"))
    assert row is not None
    twice = {**row, "shares": [*row["shares"]] * 2, "why": [*row["why"]] * 2}  # type: ignore[misc]
    get, get_digest = content.get, content.get_digest
    monkeypatch.setattr(content, "get", lambda at, **how: (read.update([str(at)]), get(at, **how))[1])
    monkeypatch.setattr(content, "get_digest", lambda of, **how: (read.update([of.hex()]), get_digest(of, **how))[1])
    told = list(Statement(live.world.chain, content, published, twice, 6, "TUSD").lines())
    assert sum(one.startswith("License ") for one in told) == 2
    assert set(read.values()) == {1}
    assert str(published.named("rejected")) in read


def test_a_missing_document_stops_the_settlement_by_name(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed]
) -> None:
    *_, done = settled
    segment = done.epoch.decision.inputs.segments[0]
    kept = live.node.content.get(segment.cid)
    live.node.content.remove(segment.cid)
    try:
        with pytest.raises(Missing, match=str(segment.cid)):
            settle.gather(
                live.world.chain,
                live.node.content,
                live.node.deployment,
                done.epoch.decision.inputs.cutoff,
                ruleset_hash=closing.ruleset_hash(live.world.chain),
                read_uses=tally.engine().read_uses,
            )
    finally:
        live.node.content.put(kept)


def wallet_of(live: LiveGateway, folder: Path, signer: int = 7) -> Path:
    """A settings file whose account pays the gas."""
    (folder / "deployment.json").write_bytes(live.world.record.encode())
    (folder / "password").write_text("correct horse\n")
    (folder / "password").chmod(0o600)
    key = key_from_seed(seed_from_mnemonic(MNEMONIC, ""), f"m/44'/60'/0'/0/{signer}")
    Keystore(folder / "home" / "keystore").add("anyone", key, b"correct horse", scrypt_n=v3.SCRYPT_N_DEVNET)
    file = folder / "provenance.toml"
    file.write_text(
        f'home = "home"\nnetwork = "here"\npassword_file = "password"\n[networks.here]\n'
        f'rpc = "{live.world.url}"\nchain_id = 31337\ndeployment = "deployment.json"\n'
        f'gateway = "{live.url}"\nfinality = "latest-0"\n'
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
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    chain, content = live.world.chain, live.node.content
    due = settle.due(chain, content, live.address("holder"))
    assert (due.amount, due.claimed) == (3_800, 0)
    with pytest.raises(settle.StillOpen):
        proposed(live)
    file, payee = wallet_of(live, tmp_path), "0x" + live.address("holder").hex()
    assert command(file, "earnings", "show", "--payee", payee)["active"] is False
    assert command(file, "earnings", "claim", "--payee", payee, status=7)["type"] == "/problems/conflict"
    window_over(live)
    assert command(file, "earnings", "show", "--payee", payee)["due"] == "3800"
    told = command(file, "earnings", "statement", "--payee", payee, "--epoch", "1")
    assert (told["net"], told["epoch"]) == ("3800", 1)
    assert "points of score under license" in told["why"][0]
    had = tokens(live, "holder")
    paid = command(file, "earnings", "claim", "--payee", payee)
    assert (paid["paid"], paid["transactions"][0]["title"]) == ("3800", "claim")
    assert tokens(live, "holder") - had == 3_800
    assert command(file, "earnings", "claim", "--payee", payee)["paid"] == "0"
    assert settle.due(chain, content, live.address("holder")).amount == 0
    stranger = ("--payee", "0x" + "9" * 40)
    told = command(file, "earnings", "show", *stranger)
    assert (told["cumulative"], told["due"], told["epoch"]) == ("0", "0", 1)
    assert command(file, "earnings", "claim", *stranger, status=6)["type"] == "/problems/not-in-tree"
    unknown = command(file, "earnings", "show", *stranger, "--epoch", "9", status=6)
    assert "the last one is 1" in unknown["detail"]


def test_the_next_epoch_goes_on_where_this_one_ended_and_one_call_pays_a_subtree(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    package, license_, done = settled
    chain, content = live.world.chain, live.node.content
    more = recorder(live, license_, tmp_path / "more")
    more.record(output(package, live, 0, units=3))
    more.cut(last=True)
    more.submit(live.client("licensee"))
    live.settle_down()
    batches.anchor(live.node, lambda call: send(live, call, 0))
    live.settle_down()
    second = proposed(live)
    assert second.epoch.number == 2
    assert second.epoch.total == 4_050 + 3_000
    [pot] = [one for one in second.epoch.decision.pots if one.license.id == license_]
    assert (pot.due, pot.balance) == (3_000, 95_000)
    assert second.epoch.decision.carry.holds == done.epoch.decision.carry.holds
    window_over(live)
    settlement, published = settle.latest(chain, content)
    leaves = settle.leaves(content, published, root=settlement.proposed.event.root)
    [(payments, proof)] = leaves.subtrees(256)
    call = Call("RoyaltyDistributor", "claimSubtree", (settlement.epoch, payments, proof))
    had = tokens(live, "holder"), tokens(live, "operator")
    chain.send(call, live.world.signers[7])
    assert (tokens(live, "holder") - had[0], tokens(live, "operator") - had[1]) == (2_850, 400)


def test_a_program_meters_with_three_lines(
    live: LiveGateway, settled: tuple[Package, Bytes32, Proposed], tmp_path: Path
) -> None:
    package, license_, _ = settled
    record = tmp_path / "deployment.json"
    record.write_bytes(live.world.record.encode())
    file = tmp_path / "provenance.toml"
    file.write_text(
        f'home = "{tmp_path / "home"}"\nnetwork = "here"\n[networks.here]\nrpc = ["{live.world.url}"]\n'
        f'chain_id = 31337\ndeployment = "{record}"\ngateway = "{live.url}"\nfinality = "latest-0"\n'
    )
    live.settle_down()
    how = {"model": "tiny@1", "purpose": "train.tts", "territory": "de", "wallet": live.wallets["licensee"]}
    how["settings"] = config.load(file)
    recording = recording_id(live.dataset_id(package), 0)
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
    with pytest.raises(MeterClosed):
        meter.record(output=b"")
    [row] = live.client().listing("sessions", session=meter.session).rows
    assert (row["receipts"], row["units"], row["closed"]) == ("2", "3", True)
    file = wallet_of(live, tmp_path)
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


@pytest.mark.usefixtures("settled")
def test_while_a_challenge_waits_and_after_its_dismissal_the_epoch_does_not_count(live: LiveGateway) -> None:
    window_over(live)
    made = proposed(live).epoch
    epoch, root = made.number, made.root
    chain, distributor = live.world.chain, live.world.chain.deployment.contracts["RoyaltyDistributor"]

    def told() -> tuple[str, bool]:
        """What the gateway's list says, which agrees with the chain on the time, and whether earnings count."""
        live.settle_down()
        (listed,) = [row for row in live.client().listing("settlements").rows if row["epoch"] == str(epoch)]
        (slot,) = chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
        assert listed["activeAt"] == slot[2]
        due = earning.due(chain, live.node.content, live.address("holder"), epoch)
        return listed["state"], due.counts(chain.head().time)

    assert told() == ("PROPOSED", False)
    send(live, Call("Token", "approve", (distributor, BOND)), 4)
    send(live, Call("RoyaltyDistributor", "challenge", (epoch, root, bytes(32))), 4)
    (challenger, _) = chain.read(Call("RoyaltyDistributor", "challenger", ()))
    window_over(live)
    assert told() == ("CHALLENGED", False)
    with pytest.raises(settle.StillOpen, match="under challenge"):
        proposed(live)
    send(live, Call("RoyaltyDistributor", "resolve", (epoch, root, challenger, False)), 3)
    assert told() == ("PROPOSED", False)
    with pytest.raises(settle.StillOpen, match="is active from 20"):
        proposed(live)
    again = closing.waiting(chain, live.node.content, chain.head())
    assert again is not None
    assert again.settlement.epoch == epoch
    window_over(live)
    assert told() == ("FINAL", True)
    assert proposed(live).epoch.number == epoch + 1
