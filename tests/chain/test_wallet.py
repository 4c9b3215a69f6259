"""What a command sends is shown with its cost first, and its document names the transaction."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from provenance.adapters.keys import v3
from provenance.adapters.keys.keystore import Keystore
from provenance.app.ports import Call
from provenance.cli.context import Context, DryRun, Flags, Session
from provenance.cli.main import run
from provenance.cli.out import Out
from provenance.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anvil import World

KEY = bytes.fromhex("4c" * 32)
SETTINGS = """\
password_file = "password"
home = "home"
[networks.devnet]
rpc = "{rpc}"
chain_id = 31337
deployment = "deployment.json"
finality = "latest-0"
"""


@pytest.fixture
def settings(tmp_path: Path, chain_world: World) -> Path:
    """A party with one account, which holds nothing."""
    file = tmp_path / "provenance.toml"
    file.write_text(SETTINGS.format(rpc=chain_world.url))
    (tmp_path / "deployment.json").write_bytes(chain_world.record.encode())
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "password").chmod(0o600)
    Keystore(tmp_path / "home" / "keystore").add("studio", KEY, b"correct horse", scrypt_n=v3.SCRYPT_N_DEVNET)
    return file


class CommandRun:
    """A command's context, with its streams at hand."""

    def __init__(self, settings: Path, **flags: bool | int) -> None:
        session = Session(io.StringIO(), io.StringIO())
        said = Flags(config=settings, **flags)
        out = Out(session.stdout, session.stderr, as_json=said.as_json, yes=said.yes, sent=session.sent)
        self.context, self.session = Context(said, out, session), session

    @property
    def stdout(self) -> str:
        return self.session.stdout.getvalue()

    @property
    def stderr(self) -> str:
        return self.session.stderr.getvalue()


def approval(world: World) -> Call:
    return Call("Token", "approve", (world.signers[0].address, 7))


@pytest.fixture
def funded(chain_world: World, settings: Path) -> None:
    """The account can pay for gas."""
    address = "0x" + Keystore(settings.parent / "home" / "keystore").address("studio").hex()
    chain_world.chain.node.rpc.call("anvil_setBalance", address, hex(10**18))


def test_balances_are_those_of_the_chain(chain_world: World, settings: Path):
    stdout = io.StringIO()
    holder = "0x" + chain_world.signers[1].address.hex()
    status = run(["account", "balance", holder, "--config", str(settings), "--json"], Session(stdout, io.StringIO()))
    document = json.loads(stdout.getvalue())
    assert (status, document["tokenDecimals"]) == (0, 6)
    at_chain = chain_world.chain.read(Call("Token", "balanceOf", (chain_world.signers[1].address,)))[0]
    assert document["token"] == str(at_chain)
    assert document["wei"] == str(chain_world.chain.node.balance(chain_world.signers[1].address))


def test_a_command_that_asks_the_chain_computes_no_pairing_tables(settings: Path):
    script = "import sys; from provenance.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    line = [sys.executable, "-c", script, "account", "balance", "studio", "--config", str(settings)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "web3" in loaded
    assert not [name for name in loaded if name.startswith("py_ecc.") and "bls" in name]


@pytest.mark.usefixtures("funded")
def test_what_is_sent_is_mined_and_named_in_the_document(chain_world: World, settings: Path):
    told = CommandRun(settings, as_json=True, yes=True, verbose=1)
    mined = told.context.transact(approval(chain_world), "approve the token")
    told.context.out.emit({"done": True})
    assert json.loads(told.stdout)["transactions"] == [
        {
            "title": "approve the token",
            "tx": "0x" + mined.tx.hex(),
            "block": mined.block.number,
            "gas": mined.gas_used,
        }
    ]
    assert f"0x{mined.tx.hex()}" in told.stderr
    owner = told.context.wallet().signer.address
    assert chain_world.chain.read(Call("Token", "allowance", (owner, chain_world.signers[0].address)))[0] == 7


@pytest.mark.usefixtures("funded")
def test_a_dry_run_shows_the_cost_and_sends_nothing(chain_world: World, settings: Path):
    before = chain_world.chain.head().number
    told = CommandRun(settings, dry_run=True, as_json=True)
    with pytest.raises(DryRun):
        told.context.transact(approval(chain_world), "approve the token")
    document = json.loads(told.stdout)
    assert (document["dryRun"], document["function"]) == (True, "Token.approve")
    assert document["gas"] > 21_000
    assert int(document["feeWei"]) > 0
    assert chain_world.chain.head().number == before


@pytest.mark.usefixtures("funded")
def test_without_yes_and_without_a_terminal_nothing_is_sent(chain_world: World, settings: Path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    before = chain_world.chain.head().number
    told = CommandRun(settings)
    with pytest.raises(Invalid, match="not confirmed"):
        told.context.transact(approval(chain_world), "approve the token")
    assert "approve the token: Token.approve" in told.stderr
    assert "ETH" in told.stderr
    assert chain_world.chain.head().number == before
