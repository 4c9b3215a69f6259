"""`provenance contracts …`: where the contracts are, whether their code is ours, and how they get there."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from provenance import abi, config
from provenance.adapters import wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.keys.keystore import Keystore
from provenance.app import role
from provenance.app.ports import Call
from provenance.cli.context import Session
from provenance.cli.main import run
from provenance.domain.fields import checksummed
from provenance.types import Address

ROOT = Path(__file__).resolve().parents[2]


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "provenance.toml"
        self.file.write_text(f'home = "{folder / "home"}"\n')
        assert self.run("devnet", "up")[0] == 0

    def run(self, *arguments: str):
        status, out, words = self.say(*arguments, "--json")
        return status, json.loads(out) if out.strip() else None, words

    def say(self, *arguments: str) -> tuple[int, str, str]:
        """The same for a person: exit status, stdout, stderr."""
        session = Session(StringIO(), StringIO())
        status = run([*arguments, "--config", str(self.file)], session)
        return status, session.stdout.getvalue(), session.stderr.getvalue()

    def address(self, name: str) -> Address:
        return Keystore(self.folder / "home" / "keystore").address(name)

    def name_network(self, name: str, document: Path, chain_id: int = 31_337, rpc: str = "") -> None:
        """The devnet under another name, with another deployment."""
        rpc = rpc or self.settings().networks["devnet"].rpc[0]
        config.save_network(name, {"rpc": [rpc], "chain_id": chain_id, "deployment": str(document)}, path=self.file)

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
    assert told["deployedWith"]["meters"] == [told["deployedWith"]["owner"]]


def test_abis_are_printed_and_an_unknown_name_is_told(home: Home):
    status, told, _ = home.run("contracts", "abi", "DataAccess")
    assert (status, told) == (0, [dict(one) for one in abi.load("DataAccess").abi])
    status, problem, _ = home.run("contracts", "abi", "Nothing")
    assert (status, "DataAccess" in problem["next"]) == (2, True)


def verdicts(told) -> dict[str, str]:
    return {one["contract"]: one["verdict"] for one in told["contracts"]}


def test_the_sources_give_the_code_on_chain_and_one_other_byte_is_named(home: Home):
    """A byte of the code, and one of an immutable."""
    status, told, _ = home.run("contracts", "verify")
    assert (status, told["verdict"], set(verdicts(told).values())) == (0, "VERIFIED", {"VERIFIED"})
    node, record = wire.node(home.settings()), wire.record(home.settings())
    address = record.contracts["RoyaltyDistributor"]
    code = node.code(address)
    (bond, _), *_ = abi.load("RoyaltyDistributor").immutables["bond"]
    (stake, _), *_ = abi.load("RoyaltyDistributor").immutables["stakeAmount"]
    (access, _), *_ = abi.load("RoyaltyDistributor").immutables["access"]
    for at, named in (
        (len(code) - 60, ""),
        (bond + 31, ": the immutable bond"),
        (stake + 31, ": the immutable stakeAmount"),
        (access + 31, ": the immutable access"),
    ):
        other = code[:at] + bytes((code[at] ^ 1,)) + code[at + 1 :]
        node.rpc.call("anvil_setCode", "0x" + address.hex(), "0x" + other.hex())
        try:
            status, told, words = home.run("contracts", "verify", "--solc", "/bin/false")
            assert (status, verdicts(told).pop("RoyaltyDistributor"), told["verdict"]) == (10, "FAILED", "FAILED")
            (detail,) = (one["detail"] for one in told["contracts"] if one["contract"] == "RoyaltyDistributor")
            assert detail.startswith(f"byte {at} differs{named}; its code has the hash 0x")
            assert "Do not use" in words
            assert home.run("account", "balance", "licensee")[0] == 2  # nothing goes on with foreign code
        finally:
            node.rpc.call("anvil_setCode", "0x" + address.hex(), "0x" + code.hex())


def test_without_a_compiler_or_a_node_the_answer_is_incomplete(home: Home):
    status, told, words = home.run("contracts", "verify", "--solc", "/bin/false")
    assert (status, set(verdicts(told).values()), "npm install solc@0.8.37" in words) == (11, {"INCOMPLETE"}, True)
    home.name_network("silent", home.folder / "home/deployments/31337.json", rpc="http://127.0.0.1:9")
    status, told, words = home.run("contracts", "verify", "--network", "silent", "--solc", "/bin/false")
    assert (status, set(verdicts(told).values()), "Next: " in words) == (11, {"INCOMPLETE"}, True)


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$", "echo nothing"])
def test_a_compiler_that_fails_leaves_the_answer_to_the_code_on_chain(home: Home, tmp_path: Path, end: str):
    solc, record = tmp_path / "solc", wire.record(home.settings())
    solc.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo {abi.load("DataAccess").compiler}\n{end}\n')
    solc.chmod(0o755)
    status, told, words = home.run("contracts", "verify", "--solc", str(solc))
    assert (status, set(verdicts(told).values()), "--solc FILE" in words) == (11, {"INCOMPLETE"}, True)
    assert all(f"not compiled again: {solc}: " in one["detail"] for one in told["contracts"])
    foreign, node = "0x" + record.contracts["DataAccess"].hex(), wire.node(home.settings())
    code = "0x" + node.code(record.contracts["DataAccess"]).hex()
    node.rpc.call("anvil_setCode", foreign, "0x60")
    try:
        status, told, words = home.run("contracts", "verify", "--solc", str(solc))
        assert (status, told["verdict"], verdicts(told)["DataAccess"]) == (10, "FAILED", "FAILED")
        assert "Do not use" in words
    finally:
        node.rpc.call("anvil_setCode", foreign, code)


def test_npms_own_compiler_verifies(home: Home, tmp_path: Path):
    solcjs = ROOT / "node_modules/.bin/solcjs"
    status, told, words = home.run("contracts", "verify", "--solc", str(solcjs))
    assert (status, told["verdict"]) == (0, "VERIFIED"), words


def said(home: Home, out: Path, *more: str, account: str = "holder-1", token: str = "") -> list[str]:
    paid = token or home.run("contracts", "addresses")[1]["contracts"]["Token"]
    roles = ["--guardian", "guardian", "--arbiter", "arbiter", "--publisher", "publisher", "--meter", "relayer"]
    return ["contracts", "deploy", "--token", paid, *roles, "--out", str(out), "--account", account, *more]


def test_contracts_are_deployed_with_their_roles_and_once(home: Home):
    out = home.folder / "second.json"
    command = said(home, out, "--window-hours", "72", "--bond", "2.5", "--stake", "7", "--owner", "holder-2")
    status, told, _ = home.run(*command, "--dry-run")
    assert (status, told["dryRun"], out.exists()) == (0, True, False)
    foreseen = {one["contract"]: one["address"] for one in told["contracts"]}
    status, told, words = home.run(*command, "--yes")
    assert status == 0, words
    assert {name: told["contracts"][name] for name in foreseen} == foreseen
    home.name_network("second", out)
    status, found, _ = home.run("contracts", "verify", "--network", "second", "--solc", "/bin/false")
    assert (status, {one["detail"].partition(";")[0] for one in found["contracts"]}) == (
        11,
        {"the package's code, immutables included"},
    )
    chain = wire.chain(config.load(home.file, {"network": "second"}))
    assert chain.read(Call("RoyaltyDistributor", "window", ())) == (72 * 3_600,)
    assert chain.read(Call("RoyaltyDistributor", "bond", ())) == (2_500_000,)
    assert chain.read(Call("RoyaltyDistributor", "stakeAmount", ())) == (7_000_000,)
    assert chain.read(Call("RoyaltyDistributor", "access", ())) == (chain.deployment.contracts["DataAccess"],)
    assert chain.deployment.contracts["Token"] == bytes.fromhex(told["contracts"]["Token"][2:])
    for contract in role.CONTRACTS["owner"]:
        (offered, _) = chain.read(Call(contract, "roleOffer", (b"owner".ljust(32, b"\0"),)))
        assert offered == home.address("holder-2")
    nonce = chain.node.nonce(home.address("holder-1"))
    again = home.run(*command, "--yes")
    assert (again[0], again[1], chain.node.nonce(home.address("holder-1"))) == (0, told, nonce)
    status, problem, _ = home.run(*said(home, out, "--bond", "3"), "--yes")
    assert (status, "--out" in problem["next"]) == (7, True)


def test_all_that_is_sent_is_foreseen_and_an_account_that_holds_just_as_much_can_pay_it(home: Home):
    """Contracts, meters and offers; killed half way, the rest is foreseen again and what it costs is asked for."""
    out, deployer = home.folder / "exact.json", home.address("voice-1")
    command = said(home, out, "--owner", "holder-2", "--meter", "operator", account="voice-1")
    node, person = wire.node(home.settings()), "0x" + deployer.hex()
    status, told, words = home.run(*command, "--dry-run")
    assert (status, len(told["contracts"]), len(told["calls"]), told["transactions"]) == (0, 6, 2 + 3, 11)
    for meter in ("relayer", "operator"):
        assert any(one["title"] == f"admit meter {checksummed(home.address(meter))}" for one in told["calls"])
    for role_name in ("guardian", "arbiter", "publisher"):
        assert told["roles"][role_name] == checksummed(home.address(role_name))
        assert checksummed(home.address(role_name)) in words
    assert told["roles"]["owner"] == checksummed(home.address("holder-2"))
    node.rpc.call("anvil_setBalance", person, hex(int(told["feeWei"])))
    nonce = node.nonce(deployer)
    status, done, words = home.run(*command, "--yes")
    assert status == 0, words
    assert node.nonce(deployer) - nonce == told["transactions"]
    told_gas = {one["title"]: one["gas"] for one in told["calls"]}
    used = dict(line.rsplit(": ", 1) for line in words.splitlines() if line.endswith(" gas") and ": " in line)
    assert {
        title for title in told_gas if int(used[title].removesuffix(" gas").replace(",", "")) > told_gas[title]
    } == set()

    out.unlink()
    journal = out.with_suffix(".jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-3]))  # as if it had been killed before the last three offers
    _, rest, _ = home.run(*command, "--dry-run")
    assert (rest["contracts"], [one["title"] for one in rest["calls"]]) == (
        [],
        [one["title"] for one in told["calls"][-3:]],
    )
    node.rpc.call("anvil_setBalance", person, hex(int(rest["feeWei"]) - 1))
    status, problem, _ = home.run(*command, "--yes")
    assert (status, problem["type"], problem["neededWei"]) == (7, "/problems/insufficient-funds", rest["feeWei"])
    node.rpc.call("anvil_setBalance", person, hex(int(rest["feeWei"])))
    status, again, words = home.run(*command, "--yes")
    assert (status, again) == (0, done), words


@pytest.mark.parametrize("waits", [True, False], ids=["broadcast", "only written down"])
def test_where_it_goes_on_while_a_transaction_waits_the_rest_is_foreseen_at_its_addresses(home: Home, waits: bool):
    out, node = home.folder / f"waiting-{waits}.json", wire.node(home.settings())
    command, journal = said(home, out, account="voice-2"), out.with_suffix(".jsonl")
    mark = node.rpc.call("evm_snapshot")
    before = home.run(*command, "--dry-run")[1]["contracts"]
    status, done, words = home.run(*command, "--yes")
    assert status == 0, words
    assert node.rpc.call("evm_revert", mark)
    out.unlink()
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: 1 + 4]))
    *sent, fourth = ["0x" + json.loads(line)["raw"] for line in lines[1 : 1 + 4]]
    for one in sent:
        node.rpc.call("eth_sendRawTransaction", one)
    node.rpc.call("evm_setAutomine", False)
    try:
        if waits:
            node.rpc.call("eth_sendRawTransaction", fourth)
        status, rest, words = home.run(*command, "--dry-run")
    finally:
        node.rpc.call("evm_setAutomine", True)
        node.rpc.call("evm_mine")
    assert (status, rest["contracts"]) == (0, before[3:]), words
    status, again, words = home.run(*command, "--yes")
    assert (status, again) == (0, done), words


def test_a_deployment_begun_with_other_arguments_or_on_another_chain_is_named(home: Home):
    out = home.folder / "begun.json"
    journal = out.with_suffix(".jsonl")
    journal.write_text(json.dumps({"plan": "00", "genesis": "00"}) + "\n")
    status, problem, _ = home.run(*said(home, out), "--yes")
    assert (status, "another chain" in problem["detail"], str(journal) in problem["path"]) == (7, True, True)
    genesis = wire.node(home.settings()).block(0).hash.hex()
    journal.write_text(json.dumps({"plan": "00", "genesis": genesis}) + "\n")
    status, problem, _ = home.run(*said(home, out), "--yes")
    assert (status, "other arguments" in problem["detail"], "Repeat" in problem["next"]) == (7, True, True)


def test_a_deployment_is_refused_before_anything_is_sent(home: Home):
    """Unknown network; the node of another chain; an account that cannot pay."""
    out = home.folder / "refused.json"
    status, problem, _ = home.run(*said(home, out), "--network", "nowhere", "--yes")
    assert (status, "[networks.NAME]" in problem["next"]) == (6, True)
    home.name_network("wrong", out, chain_id=5)
    status, problem, _ = home.run(*said(home, out), "--network", "wrong", "--yes")
    assert (status, problem["expected"], problem["found"], "chain_id" in problem["next"]) == (2, 5, 31_337, True)
    node, poor = wire.node(home.settings()), "0x" + home.address("holder-3").hex()
    before = node.rpc.call("eth_getBalance", poor, "latest")
    node.rpc.call("anvil_setBalance", poor, hex(10**15))
    try:
        status, problem, _ = home.run(*said(home, out, account="holder-3"), "--yes")
        assert (status, problem["type"], problem["balanceWei"]) == (7, "/problems/insufficient-funds", str(10**15))
        assert (node.nonce(home.address("holder-3")), out.exists(), out.with_suffix(".jsonl").exists()) == (
            0,
            False,
            False,
        )
    finally:
        node.rpc.call("anvil_setBalance", poor, before)


@pytest.mark.parametrize("option", ["owner", "guardian", "arbiter", "publisher", "meter", "fee-payee"])
def test_a_deployment_for_nobody_is_refused_before_anything_is_sent(home: Home, option: str):
    out, nonce = home.folder / "nobody.json", wire.node(home.settings()).nonce(home.address("holder-1"))
    words = said(home, out)[2:]
    options = dict(zip(words[::2], words[1::2], strict=True)) | {f"--{option}": "0x" + "00" * 20}
    command = [word for pair in options.items() for word in pair]
    status, problem, _ = home.run("contracts", "deploy", *command, "--yes")
    assert (status, problem["field"], out.with_suffix(".jsonl").exists()) == (2, option, False)
    assert wire.node(home.settings()).nonce(home.address("holder-1")) == nonce


def test_a_document_in_the_place_of_its_journal_is_refused(home: Home):
    for name in ("made.jsonl", "made.tmp", "."):
        status, problem, _ = home.run(*said(home, home.folder / name), "--yes")
        assert (status, problem["field"], list(home.folder.glob("made*"))) == (2, "out", [])


def test_a_new_version_names_the_addresses_that_it_supersedes(home: Home):
    older, out = home.folder / "home/deployments/31337.json", home.folder / "newer.json"
    before = home.run("contracts", "addresses")[1]
    assert before["supersedes"] == {}
    command = said(home, out, "--supersedes", str(older), account="holder-2")
    status, made, words = home.run(*command, "--yes")
    assert status == 0, words
    home.name_network("newer", out)
    told = home.run("contracts", "addresses", "--network", "newer")[1]
    del before["contracts"]["Token"]  # both are paid in it
    assert (told["contracts"], told["supersedes"]) == (made["contracts"], before["contracts"])
    assert before["contracts"]["DataAccess"] in home.say("contracts", "addresses", "--network", "newer")[1]
    status, problem, _ = home.run(*said(home, out, account="holder-2"), "--yes")
    assert (status, problem["type"]) == (7, "/problems/conflict")  # without the note it is another deployment
    foreign = json.loads(older.read_bytes()) | {"chainId": 5}
    (home.folder / "foreign.json").write_text(json.dumps(foreign))
    for wrong in ("foreign.json", "nowhere.json"):
        command = said(home, home.folder / "third.json", "--supersedes", str(home.folder / wrong))
        assert home.run(*command, "--yes")[0] in (2, 6), wrong


@pytest.mark.parametrize("option", ["--bond", "--stake"])
def test_a_bond_or_a_stake_of_nothing_is_refused(home: Home, option: str):
    """Challenges and roots that cost nothing are the "false challenges" of docs/security.md without their price."""
    free = home.run(*said(home, home.folder / "free.json", option, "0", "-q"), "--dry-run")
    priced = home.run(*said(home, home.folder / "free.json", option, "0.01", "-q"), "--dry-run")
    assert (free[0], free[1]["field"], priced[0], priced[2]) == (2, option[2:], 0, "")


def test_what_is_no_token_is_refused(home: Home):
    for wrong in ("0x" + "01" * 20, home.run("contracts", "addresses")[1]["contracts"]["DataAccess"]):
        status, problem, _ = home.run(*said(home, home.folder / "third.json", "--yes", token=wrong))
        assert (status, "no ERC-20" in problem["detail"]) == (2, True)


def test_who_had_a_role_at_first_is_not_called_its_holder_once_it_changed_hands(home: Home):
    first = home.run("contracts", "addresses")[1]["deployedWith"]["guardian"]
    assert home.run("role", "offer", "guardian", "holder-2", "--account", "operator", "--yes")[0] == 0
    Devnet(home.folder / "home" / "devnet").advance(2 * 86_400)
    assert home.run("role", "accept", "guardian", "--account", "holder-2", "--yes")[0] == 0
    status, told, _ = home.run("contracts", "addresses")
    assert (status, "roles" in told, told["deployedWith"]["guardian"]) == (0, False, first)
    present = {one["holder"] for one in home.run("role", "show")[1]["roles"] if one["role"] == "guardian"}
    assert [bytes.fromhex(one[2:]) for one in present] == [home.address("holder-2")]
    lines = home.say("contracts", "addresses")[1].splitlines()
    (heading,) = (at for at, line in enumerate(lines) if line.startswith("deployed with") and "role show" in line)
    assert [at > heading for at, line in enumerate(lines) if first in line] == [True]
