"""What a transaction may cost is the user's word: a node that names another price is asked about, or refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance.adapters.chain import EvmNode, Outbox, Rpc
from provenance.adapters.journal import FileJournal
from provenance.adapters.keys.keystore import Keystore
from provenance.app.ports import Call
from provenance.cli.context import Session
from provenance.cli.main import run
from provenance.cli.out import Declined
from provenance.domain.fees import FeeAboveLimit, Limits
from provenance.domain.fields import checksummed
from provenance.types import Wei
from tests.anvil import signer
from tests.chain.test_outbox import ANSWERS_ONE
from tests.chain.test_wallet import CommandRun, approval, settings
from tests.fakes.liar import liar
from tests.fakes.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World
    from tests.fakes.liar import Liar

__all__ = ["settings"]
ETHER = 10**18
LIES = {
    "the tip": {"eth_maxPriorityFeePerGas": hex(ETHER // 100)},
    "the gas": {"eth_estimateGas": hex(10**9)},
    "a price of a whole balance": {"eth_maxPriorityFeePerGas": hex(48_645_833 * 10**9)},
}


@pytest.fixture
def lying(chain_world: World, settings: Path) -> Iterator[Liar]:
    """The wallet's node lies, and the account holds 10,000 ETH."""
    account = Keystore(settings.parent / "home" / "keystore").address("studio")
    chain_world.chain.node.rpc.call("anvil_setBalance", "0x" + account.hex(), hex(10_000 * ETHER))
    with liar(chain_world.url) as node:
        settings.write_text(settings.read_text().replace(chain_world.url, node.url))
        yield node


@pytest.mark.parametrize("lie", LIES)
def test_yes_agrees_to_no_price_above_the_limit_and_nothing_is_signed(
    chain_world: World, settings: Path, lying: Liar, lie: str
):
    lying.lies |= LIES[lie]
    told = CommandRun(settings, yes=True)
    with pytest.raises(FeeAboveLimit, match=r"would cost up to [0-9.]+ ETH") as refused:
        told.context.transact(approval(chain_world), "approve the token")
    assert (refused.value.facts["maxFeeWei"], refused.value.exit_status) == (str(ETHER // 50), 7)
    assert "max_fee" in refused.value.next_step
    assert lying.sent == []


def test_a_lying_node_cannot_make_a_withdrawal_cost_a_whole_balance(chain_world: World, settings: Path, lying: Liar):
    consent = settings.parent / "c.json"
    line = ["consent", "grant", "--voice", "me", "--holder", "0x" + signer(1).address.hex(), "--purpose", "train.tts",
            "--territory", "EU", "--until", "2y", "--out", str(consent), "--config", str(settings)]  # fmt: skip
    assert run(line, Session(io.StringIO(), io.StringIO())) == 0
    lying.lies |= LIES["a price of a whole balance"]
    stdout = io.StringIO()
    line = ["consent", "revoke", str(consent), "--yes", "--json", "--config", str(settings)]
    status = run(line, Session(stdout, io.StringIO()))
    assert (status, json.loads(stdout.getvalue())["type"]) == (7, "/problems/fee-above-limit")
    assert lying.sent == []
    assert (
        chain_world.chain.node.balance(Keystore(settings.parent / "home" / "keystore").address("studio"))
        == 10_000 * ETHER
    )


def test_a_deployment_whose_price_is_a_lie_sends_nothing(chain_world: World, settings: Path, lying: Liar):
    lying.lies |= LIES["the tip"]
    stdout, role = io.StringIO(), "0x" + signer(6).address.hex()
    token = checksummed(chain_world.chain.deployment.contracts["Token"])
    line = ["contracts", "deploy", "--token", token, "--guardian", role, "--arbiter", role, "--publisher", role, "--meter", role,
            "--out", str(settings.parent / "out.json"), "--yes", "--json", "--config", str(settings)]  # fmt: skip
    status = run(line, Session(stdout, io.StringIO()))
    assert (status, json.loads(stdout.getvalue())["type"]) == (7, "/problems/fee-above-limit")
    assert lying.sent == []


def test_at_a_terminal_the_price_is_said_in_words_and_asked_for(
    chain_world: World,
    settings: Path,
    lying: Liar,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    lying.lies |= LIES["the tip"]
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    told = CommandRun(settings)
    with pytest.raises(Declined):
        told.context.transact(approval(chain_world), "approve the token")
    asked = capsys.readouterr().err
    assert asked.count("[y/N]") == 1
    assert "ETH for a transaction all the same?" in asked
    assert f"{lying.url} names this price, which may be a lie: one may cost 0.02 ETH and 500 gwei" in told.stderr
    assert lying.sent == []


def test_what_was_agreed_to_above_the_limit_is_sent_and_no_dearer_one(
    chain_world: World,
    settings: Path,
    lying: Liar,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    settings.write_text(settings.read_text() + 'max_fee = "0.000000001"\n')
    monkeypatch.setattr("sys.stdin", Terminal("y\ny\n"))
    told = CommandRun(settings)
    send = told.context.act("approve the token twice")
    send(approval(chain_world), "approve the token")
    assert (capsys.readouterr().err.count("[y/N]"), len(lying.sent)) == (1, 1)
    lying.lies |= LIES["the tip"]
    with pytest.raises(FeeAboveLimit):
        send(Call("Token", "approve", (signer(0).address, 8)), "approve the token")
    assert (capsys.readouterr().err.count("[y/N]"), len(lying.sent)) == (0, 1)


def test_the_settings_win_over_the_deployment_document_which_wins_over_the_default(chain_world: World, settings: Path):
    document = json.loads(chain_world.record.encode())
    place = settings.parent / "deployment.json"
    place.write_text(json.dumps(document | {"fees": {"maxFeeWei": "7", "maxGasPriceWei": "9"}}))
    assert CommandRun(settings).context.chain().node.limits == Limits(Wei(7), Wei(9))
    settings.write_text(settings.read_text() + "max_fee = 0.5\n")
    assert CommandRun(settings).context.chain().node.limits == Limits(Wei(ETHER // 2), Wei(9))
    place.write_text(json.dumps(document))
    assert CommandRun(settings).context.chain().node.limits == Limits(Wei(ETHER // 2), Wei(500 * 10**9))


def test_an_outbox_offers_no_more_than_the_limit_the_first_time_and_for_a_replacement(
    chain_world: World, tmp_path: Path
):
    sender = signer(8)
    with chain_world.undone(), liar(chain_world.url) as lying, FileJournal(tmp_path / "outbox.jsonl") as journal:
        cheap = EvmNode(Rpc([chain_world.url])).sign(None, ANSWERS_ONE, sender, fees=(1, 1))
        lying.lies |= LIES["the tip"]
        node = EvmNode(Rpc([lying.url]), Outbox(journal))
        with pytest.raises(FeeAboveLimit):
            node.transact(None, ANSWERS_ONE, sender)
        assert list(journal.entries()) == []
        outbox = Outbox(journal)
        outbox.write(Outbox.key(None, ANSWERS_ONE, sender.address), cheap)
        with pytest.raises(FeeAboveLimit):  # a block refuses what was written as too cheap; the lie would replace it
            EvmNode(Rpc([lying.url]), Outbox(journal)).transact(None, ANSWERS_ONE, sender)
        assert len(list(journal.entries())) == 1
        assert node.nonce(sender.address) == cheap.nonce


def test_a_payout_is_signed_with_no_fee_above_the_limit_and_raised_to_none(chain_world: World):
    chain = chain_world.connect()
    call, sender = Call("Token", "approve", (signer(0).address, 9)), signer(8)
    tip, most = chain.fees()
    chain.sign(call, sender, fees=(tip, most))
    for fees in ((tip, 10**12), (1, 501 * 10**9)):
        with pytest.raises(FeeAboveLimit):
            chain.sign(call, sender, fees=fees)
