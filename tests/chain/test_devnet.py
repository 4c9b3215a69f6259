"""The devnet starts, goes on, moves its clock and leaves nothing behind; on Anvil and on Ganache."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
from io import StringIO
from pathlib import Path

import pytest

from provenance import config
from provenance.adapters import anvil, localnet, wire
from provenance.adapters.anvil import Devnet, PortTaken
from provenance.adapters.chain import NodeSilent
from provenance.adapters.keys.keyfile import read_secret
from provenance.adapters.keys.keystore import Keystore
from provenance.adapters.keys.mnemonic import keys
from provenance.app import token
from provenance.app.ports import Call
from provenance.cli.context import Session
from provenance.cli.main import run
from provenance.domain.settlement.facts import Ruleset
from provenance.errors import Conflict, Invalid, Missing
from provenance.sdk.meter import Meter

BACKENDS = [
    "anvil",
    pytest.param("ganache", marks=pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")),
]


def command(home: Path, *arguments: str):
    """(exit status, stdout, stderr) of one command in this home."""
    session = Session(StringIO(), StringIO())
    status = run([*arguments, "--config", str(home / "provenance.toml")], session)
    return status, session.stdout.getvalue(), session.stderr.getvalue()


@pytest.fixture
def home(tmp_path):
    (tmp_path / "provenance.toml").write_text(f'home = "{tmp_path / "home"}"\n')
    yield tmp_path
    Devnet(tmp_path / "home" / "devnet").stop()


def settings(home: Path) -> config.Settings:
    return config.load(home / "provenance.toml")


@pytest.mark.parametrize("backend", BACKENDS)
def test_up_twice_down_up_again_and_purge(home, backend):
    status, first, told = command(home, "devnet", "up", "--backend", backend, "--json")
    assert status == 0, told
    made = json.loads(first)
    assert made["deployed"] is True
    again = json.loads(command(home, "devnet", "up", "--backend", backend, "--json")[1])
    assert again == made | {"deployed": False}

    chain = wire.chain(settings(home))
    record = wire.record(settings(home))
    licensee = Keystore(home / "home" / "keystore").address("licensee")
    assert token.balance(chain, licensee) == localnet.TOKENS_EACH
    assert chain.node.balance(licensee) == anvil.ETHER_EACH * 10**18
    assert chain.read(Call("RoyaltyDistributor", "rulesetHash", ())) == (record.ruleset.digest,)
    assert chain.read(Call("RoyaltyDistributor", "window", ())) == (3_600,)
    rules = Ruleset.parse(wire.store(settings(home)).get(record.ruleset))
    assert (rules.fee_bps, rules.grace_s, [one.code for one in rules.methods]) == (500, 0, [0, 1])
    assert rules.fee_payee == record.roles.meters[0]
    assert chain.read(Call("UsageLedger", "headOf", (record.roles.meters[0],)))[0] != bytes(32)
    chain.send(Call("Token", "transfer", (licensee, 1)), _signer(home, "operator"))
    head = chain.head()

    assert json.loads(command(home, "devnet", "down", "--json")[1]) == {"stopped": True, "purged": False}
    assert not _lives(made["pid"])
    assert json.loads(command(home, "devnet", "down", "--json")[1])["stopped"] is False
    after = json.loads(command(home, "devnet", "up", "--backend", backend, "--json")[1])
    assert (after["deployed"], after["rpc"], after["contracts"]) == (False, made["rpc"], made["contracts"])
    assert wire.chain(settings(home)).block(head.number) == head
    assert token.balance(wire.chain(settings(home)), licensee) == localnet.TOKENS_EACH + 1

    assert json.loads(command(home, "devnet", "down", "--purge", "--yes", "--json")[1]) == {
        "stopped": True,
        "purged": True,
    }
    left = sorted(str(one.relative_to(home / "home")) for one in (home / "home").rglob("*") if one.is_file())
    assert [one for one in left if not one.startswith("content/")] == []


def test_the_clock_moves_ahead_and_stays_ahead(home):
    command(home, "devnet", "up")
    host, before = wire.HostClock(), wire.clock(settings(home)).now()
    assert abs(before - host.now()) < 5
    status, out, _ = command(home, "devnet", "advance", "7200", "--json")
    assert (status, json.loads(out)["advancedS"]) == (0, 7200)
    assert 7_195 <= wire.clock(settings(home)).now() - before <= 7_260
    command(home, "devnet", "down")
    assert abs(wire.clock(settings(home)).now() - host.now()) < 5  # nothing runs: host time
    command(home, "devnet", "up")
    ahead = wire.clock(settings(home)).now() - host.now()
    assert 7_150 <= ahead <= 7_260
    chain = wire.chain(settings(home))
    before = chain.head()
    chain.send(Call("Token", "mint", (bytes(19) + b"\x01", 1)), _signer(home, "operator"))
    assert chain.head().time >= before.time
    with pytest.raises(Invalid):
        wire.devnet(settings(home)).advance(0)


def test_reset_starts_afresh_with_the_same_accounts(home):
    first = json.loads(command(home, "devnet", "up", "--json")[1])
    command(home, "devnet", "advance", "100")
    second = json.loads(command(home, "devnet", "reset", "--yes", "--json")[1])
    assert second["deployed"] is True
    assert (second["accounts"], second["contracts"]) == (first["accounts"], first["contracts"])
    status = json.loads(command(home, "devnet", "status", "--json")[1])
    assert status["leadS"] <= 1
    assert status["pid"] == second["pid"] != first["pid"]
    assert not _lives(first["pid"])


def test_named_accounts_open_with_the_devnets_own_password(home):
    command(home, "devnet", "up")
    keystore = Keystore(home / "home" / "keystore")
    assert set(keystore.names()) == set(localnet.ACTORS)
    file = localnet.password_file(home / "home")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    wallet = keystore.unlock("voice-4", read_secret(file))
    assert wallet.signer.address == keystore.address("voice-4")
    document = json.loads(keystore.path("voice-4").read_text())
    assert document["crypto"]["kdfparams"]["n"] == 4_096
    status, _, _ = command(home, "license", "list", "--account", "licensee")
    assert status == 0


def test_the_devnets_password_opens_what_the_devnet_made_and_nothing_else(home, monkeypatch):
    command(home, "devnet", "up")
    file = localnet.password_file(home / "home")
    status, _, told = command(home, "account", "create", "maria")
    assert (status, "no password: New password of maria" in told) == (2, True)
    export = home / "holder.json"
    _, told, _ = command(home, "account", "export", "holder-1", "--out", str(export))
    assert str(file) in told
    status, _, told = command(home, "account", "import", "again", "--keystore", str(export))
    assert (status, "no password: Password of holder.json" in told) == (2, True)

    mine = home / "mine"
    mine.write_text("my own\n")
    mine.chmod(0o600)
    assert command(home, "account", "create", "maria", "--password-file", str(mine))[0] == 0
    _, told, _ = command(home, "account", "export", "maria", "--out", str(home / "maria.json"))
    assert "keep it and its password apart" in told
    address = next(
        one["address"] for one in json.loads(command(home, "account", "list", "--json")[1]) if one["name"] == "maria"
    )
    assert command(home, "account", "show", "voice-2")[0] == 0
    monkeypatch.setenv("PROVENANCE_ACCOUNT", "maria")
    with pytest.raises(Invalid, match="no password"):
        Meter(bytes(32), model="a@1", purpose="train.tts", territory="DE", max_units=1, settings=settings(home))
    for name in ("maria", address):
        status, _, told = command(home, "account", "show", name)
        assert (status, f"no password: Password of {name}" in told) == (2, True)
    command(home, "devnet", "down", "--purge", "--yes")
    assert command(home, "account", "show", "maria", "--password-file", str(mine))[0] == 0


def test_a_key_of_the_devnets_that_the_user_took_in_keeps_the_users_password(home):
    key = home / "key"
    key.write_text(keys(localnet.MNEMONIC, 1)[0].hex() + "\n")
    mine = home / "mine"
    mine.write_text("my own\n")
    for file in (key, mine):
        file.chmod(0o600)
    imported = ("account", "import", localnet.ACTORS[0], "--key-file", str(key), "--password-file", str(mine))
    assert command(home, *imported)[0] == 0
    localnet.password(Devnet(home / "home" / "devnet"))
    assert localnet.password_of(settings(home), localnet.ACTORS[0]) is None
    status, _, told = command(home, "account", "show", localnet.ACTORS[0])
    assert (status, "no password" in told) == (2, True)


def test_it_listens_on_loopback_only(home):
    port = json.loads(command(home, "devnet", "up", "--json")[1])["rpc"].rpartition(":")[2]
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mine = {one[1].partition(":")[0] for one in listening if one[1].endswith(f":{int(port):04X}") and one[3] == "0A"}
    assert mine == {"0100007F"}


def test_a_taken_port_is_named_and_nothing_is_left_running(home):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, _, told = command(home, "devnet", "up", "--port", str(port))
        assert (status, f"port {port}" in told, "Next:" in told) == (7, True, True)
        with pytest.raises(PortTaken):
            wire.devnet(settings(home)).start("anvil", port)
    assert wire.devnet(settings(home)).running() is None
    status, out, _ = command(home, "devnet", "up", "--port", str(port), "--json")
    assert (status, json.loads(out)["rpc"]) == (0, f"http://127.0.0.1:{port}")
    assert command(home, "devnet", "up", "--port", "1")[0] == 7


def test_a_killed_node_is_started_again(home):
    made = json.loads(command(home, "devnet", "up", "--json")[1])
    os.kill(made["pid"], 9)
    while _lives(made["pid"]):
        os.waitpid(made["pid"], 0)
    assert json.loads(command(home, "devnet", "status", "--json")[1]) == {"running": False}
    with pytest.raises(NodeSilent):
        wire.chain(settings(home))
    status, out, told = command(home, "devnet", "up", "--json")
    assert (status, json.loads(out)["accounts"]) == (0, made["accounts"]), told
    assert wire.chain(settings(home)).head().number > 0


def test_another_process_with_the_same_number_is_not_ours(home, tmp_path):
    command(home, "devnet", "up")
    devnet = wire.devnet(settings(home))
    devnet.stop()
    record = json.loads((devnet.folder / "node.json").read_text())
    (devnet.folder / "node.json").write_text(json.dumps(record | {"pid": os.getpid()}))
    assert devnet.running() is None
    assert devnet.stop() is False


def test_another_backend_does_not_take_over_a_chain(home):
    command(home, "devnet", "up")
    with pytest.raises(Conflict):
        wire.devnet(settings(home)).start("ganache")
    command(home, "devnet", "down")
    with pytest.raises(Conflict):
        wire.devnet(settings(home)).start("ganache")


def test_an_account_of_the_users_own_is_not_overwritten(home):
    Keystore(home / "home" / "keystore").create("holder-1", b"my own", scrypt_n=2)
    status, _, told = command(home, "devnet", "up")
    assert (status, "holder-1" in told) == (7, True)
    command(home, "devnet", "down", "--purge", "--yes")
    assert Keystore(home / "home" / "keystore").names() == ("holder-1",)


def test_what_cannot_be_made_leaves_nothing_running(home):
    keystore = Keystore(home / "home" / "keystore")
    account = keystore.create("holder-1", b"my own", scrypt_n=2)
    account.path.chmod(0o644)
    status, _, told = command(home, "devnet", "up")
    assert (status, str(account.path) in told) == (5, True)
    assert json.loads(command(home, "devnet", "status", "--json")[1]) == {"running": False}
    account.path.chmod(0o600)
    keystore.remove("holder-1")
    file = home / "home" / "deployments"
    file.write_text("a file where the folder should be")
    assert command(home, "devnet", "up")[0] != 0
    assert json.loads(command(home, "devnet", "status", "--json")[1]) == {"running": False}
    file.unlink()
    assert command(home, "devnet", "up")[0] == 0


def test_other_settings_survive(home):
    file = home / "provenance.toml"
    file.write_text(file.read_text() + '# mine\n[networks.main]\nrpc = ["https://rpc.example"]\nchain_id = 1\n')
    command(home, "devnet", "up")
    assert "# mine" in file.read_text()
    assert set(settings(home).networks) == {"devnet", "main"}
    assert settings(home).networks["devnet"].finality == "latest-0"


def test_the_native_program_is_found_and_the_launcher_is_not_one(tmp_path, monkeypatch):
    found = anvil.tool("anvil")
    assert found.read_bytes()[:4] in (b"\x7fELF", b"\xcf\xfa\xed\xfe")
    launcher = tmp_path / "anvil"
    launcher.write_text("#!/usr/bin/env node\n")
    launcher.chmod(0o755)
    monkeypatch.setattr(anvil, "_roots", lambda: (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing):
        anvil.tool("anvil")
    launcher.unlink()
    launcher.symlink_to(found)
    assert anvil.tool("anvil") == launcher


def test_a_deployment_of_another_chain_is_refused(home):
    command(home, "devnet", "up")
    file = home / "home" / "deployments" / "31337.json"
    assert localnet.Record.parse(file.read_bytes()).encode() == file.read_bytes()
    text = file.read_text().replace('"chainId":31337', '"chainId":1')
    file.write_text(text)
    with pytest.raises(Invalid):
        wire.chain(settings(home))
    file.write_text(text.replace('"chainId":1', '"chainId":31337').replace("UsageLedger", "UsageLedge"))
    with pytest.raises(Invalid):
        wire.record(settings(home))


def _signer(home: Path, name: str):
    return Keystore(home / "home" / "keystore").unlock(name, read_secret(localnet.password_file(home / "home"))).signer


def _lives(pid: int) -> bool:
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
