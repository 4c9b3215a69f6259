"""`provenance contracts …`: where the contracts are, whether their code is ours, and how they get there."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from provenance import abi, config
from provenance.adapters import wire
from provenance.adapters.anvil import Devnet
from provenance.app.ports import Call
from provenance.cli.context import Session
from provenance.cli.main import run


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "provenance.toml"
        self.file.write_text(f'home = "{folder / "home"}"\n')
        assert self.run("devnet", "up")[0] == 0

    def run(self, *arguments: str):
        session = Session(StringIO(), StringIO())
        status = run([*arguments, "--config", str(self.file), "--json"], session)
        out = session.stdout.getvalue()
        return status, json.loads(out) if out.strip() else None, session.stderr.getvalue()

    def settings(self) -> config.Settings:
        return config.load(self.file)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("contracts")
    yield Home(folder)
    Devnet(folder / "home" / "devnet").stop()


def test_addresses_and_roles_are_listed(home: Home):
    status, told, _ = home.run("contracts", "addresses")
    record = wire.record(home.settings())
    assert status == 0
    assert {name: bytes.fromhex(one[2:]) for name, one in told["contracts"].items()} == dict(record.contracts)
    assert told["roles"]["meters"] == [told["roles"]["owner"]]


def test_abis_are_printed_and_an_unknown_name_is_told(home: Home):
    status, told, _ = home.run("contracts", "abi", "DataAccess")
    assert (status, told) == (0, [dict(one) for one in abi.load("DataAccess").abi])
    status, problem, _ = home.run("contracts", "abi", "Nothing")
    assert (status, "DataAccess" in problem["next"]) == (2, True)


def test_one_other_byte_is_noticed(home: Home):
    status, rows, _ = home.run("contracts", "verify")
    assert (status, {row["verdict"] for row in rows}) == (0, {"VERIFIED"})
    node, record = wire.node(home.settings()), wire.record(home.settings())
    address = record.contracts["RoyaltyDistributor"]
    code = node.code(address)
    node.rpc.call(
        "anvil_setCode", "0x" + address.hex(), "0x" + (code[:-60] + bytes((code[-60] ^ 1,)) + code[-59:]).hex()
    )
    try:
        status, problem, _ = home.run("contracts", "verify")
        wrong = [one["contract"] for one in problem["contracts"] if one["verdict"] == "FAILED"]
        assert (status, wrong) == (10, ["RoyaltyDistributor"])
        assert home.run("account", "balance", "licensee")[0] == 2  # nothing goes on with foreign code
    finally:
        node.rpc.call("anvil_setCode", "0x" + address.hex(), "0x" + code.hex())
    assert home.run("contracts", "verify")[0] == 0


def test_contracts_are_deployed_with_their_roles(home: Home):
    token = home.run("contracts", "addresses")[1]["contracts"]["Token"]
    out = home.folder / "second.json"
    said = ["--token", token, "--guardian", "guardian", "--arbiter", "arbiter", "--publisher", "publisher"]
    said += ["--meter", "relayer", "--window-hours", "72", "--bond", "2.5", "--out", str(out), "--account", "holder-1"]
    status, told, _ = home.run("contracts", "deploy", *said, "--dry-run")
    assert (status, told["dryRun"], out.exists()) == (0, True, False)
    status, _, told = home.run("contracts", "deploy", *said, "--yes")
    assert status == 0, told
    assert home.run("contracts", "deploy", *said, "--yes")[0] == 7
    home.file.write_text(
        home.file.read_text()
        + f'\n[networks.second]\nrpc = ["{home.settings().networks["devnet"].rpc[0]}"]\n'
        + f'chain_id = 31337\ndeployment = "{out}"\n'
    )
    status, rows, _ = home.run("contracts", "verify", "--network", "second")
    assert (status, {row["verdict"] for row in rows}) == (0, {"VERIFIED"})
    settings = config.load(home.file, {"network": "second"})
    chain = wire.chain(settings)
    assert chain.read(Call("RoyaltyDistributor", "window", ())) == (72 * 3_600,)
    assert chain.read(Call("RoyaltyDistributor", "bond", ())) == (2_500_000,)
    assert chain.deployment.contracts["Token"] == bytes.fromhex(token[2:])


def test_what_is_no_token_is_refused(home: Home):
    said = ["--guardian", "guardian", "--arbiter", "arbiter", "--publisher", "publisher", "--meter", "relayer"]
    said += ["--out", str(home.folder / "third.json"), "--account", "holder-1", "--yes"]
    for wrong in ("0x" + "01" * 20, home.run("contracts", "addresses")[1]["contracts"]["DataAccess"]):
        assert home.run("contracts", "deploy", "--token", wrong, *said)[0] == 2
