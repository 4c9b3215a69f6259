"""`provenance license …` as a user types it, on a devnet, without a gateway."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from provenance import config
from provenance.adapters import localnet, wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.chain.funds import InsufficientFunds
from provenance.adapters.keys.keyfile import read_secret
from provenance.adapters.keys.keystore import Keystore
from provenance.app.ports import Call
from provenance.cli.context import Context, DryRun, Flags, Session
from provenance.cli.main import run
from provenance.cli.out import Out
from provenance.domain.fields import checksummed, ether
from provenance.types import Bytes32
from tests.chain.datasets import consent, registered
from tests.fakes.terminal import Terminal

PRICE = 5_000_000


class Home:
    """A devnet's home with one registered dataset of holder-1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "provenance.toml").write_text(f'home = "{folder / "home"}"\n[node]\nlisten = "127.0.0.1:9"\n')
        assert self.run("devnet", "up")[0] == 0
        settings = config.load(folder / "provenance.toml")
        keystore = Keystore(settings.home / "keystore")
        secret = read_secret(localnet.password_file(settings.home))
        self.signers = {name: keystore.unlock(name, secret).signer for name in ("holder-1", "voice-1", "licensee")}
        self.dataset, self.consent = self.registered("Голос 声音", settings)

    def registered(self, title: str, settings: config.Settings) -> tuple[str, str]:
        """(dataset id, file of the only consent)."""
        world, holder = SimpleNamespace(chain=wire.chain(settings)), self.signers["holder-1"]
        given = consent(world, self.signers["voice-1"], holder.address, title)
        _, dataset_id, _ = registered(world, wire.store(settings), holder, (given,), title)
        file = self.folder / f"consent {title}.json"
        file.write_bytes(given.encode())
        return f"0x{dataset_id.hex()}", str(file)

    def run(self, *arguments: str):
        """(exit status, JSON or None, stderr)."""
        session = Session(StringIO(), StringIO())
        status = run([*arguments, "--config", str(self.folder / "provenance.toml"), "--json"], session)
        out = session.stdout.getvalue()
        return status, json.loads(out) if out.strip() else None, session.stderr.getvalue()

    def offer(self, name: str, *more: str):
        file = str(self.folder / name)
        said = ("--purpose", "train.tts", "--expires", "52w", "--out", file, "--account", "holder-1")
        return self.run("license", "offer", self.dataset, *said, *more)

    def tokens(self, name: str) -> int:
        return int(self.run("account", "balance", name)[1]["token"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("wallet")
    yield Home(folder)
    Devnet(folder / "home" / "devnet").stop()


def test_from_offer_to_license_to_its_end(home: Home):
    status, offered, told = home.offer("a.json")
    assert (status, offered["published"]) == (1, False)  # the gateway is silent, the file is complete
    assert "Not published" in told
    assert (offered["price"], offered["purposes"], offered["licensee"]) == (str(PRICE), ["train.tts"], None)

    before, holders = home.tokens("licensee"), home.tokens("holder-1")
    file = str(home.folder / "a.json")
    status, accepted, told = home.run("license", "accept", file, "--deposit", "2.5", "--account", "licensee", "--yes")
    assert status == 0, told
    assert [one["title"] for one in accepted["transactions"]] == ["approve tokens", "accept license"]
    assert accepted["deposit"] == "2500000"
    assert before - home.tokens("licensee") == PRICE + 2_500_000
    assert home.tokens("holder-1") == holders  # it is paid what use earns, by settlements
    again = home.run("license", "accept", file, "--account", "licensee", "--yes")[1]
    assert (again["license"], again.get("transactions", [])) == (accepted["license"], [])
    more = ("license", "accept", file, "--deposit", "3", "--account", "licensee", "--yes")
    status, again, told = home.run(*more)
    assert (status, again["license"], again["deposit"], again.get("transactions", [])) == (
        0,
        accepted["license"],
        "0",
        [],
    )
    assert "no deposit was paid" in told

    status, funded, _ = home.run("license", "fund", accepted["license"], "12.5", "--account", "licensee", "--yes")
    assert (status, funded["funded"]) == (0, "12500000")
    (row,) = home.run("license", "list", "--account", "licensee")[1]
    assert (row["license"], row["state"], row["funded"]) == (accepted["license"], "ACTIVE", "20000000")
    assert home.run("license", "list", "--account", "holder-1")[1] == [row]
    shown = home.run("license", "show", accepted["license"])[1]
    assert (shown["price"], shown["accesses"], shown["dataset"]) == (str(PRICE), 0, home.dataset)

    status, _, _ = home.run("license", "terminate", accepted["license"], "--account", "licensee", "--yes")
    assert status == 0
    assert home.run("license", "show", accepted["license"])[1]["state"] == "TERMINATED"


def test_a_license_is_shown_though_its_terms_are_corrupt_and_no_gateway_knows_it(home: Home):
    home.offer("rot.json")
    accepted = home.run("license", "accept", str(home.folder / "rot.json"), "--account", "licensee", "--yes")[1]
    store = wire.store(config.load(home.folder / "provenance.toml"))
    terms = home.run("license", "show", accepted["license"])[1]["termsHash"]
    _, kept = store.get_digest(Bytes32(bytes.fromhex(terms[2:])))
    [file] = [
        one for one in (home.folder / "home" / "content").rglob("*") if one.is_file() and one.read_bytes() == kept
    ]
    file.chmod(0o600)
    file.write_bytes(kept[:-1] + b"?")
    try:
        status, shown, told = home.run("license", "show", accepted["license"])
    finally:
        file.write_bytes(kept)
    assert (status, shown["conditions"], shown["balance"]) == (0, None, None), told
    assert "The terms cannot be shown: " in told
    assert "Title, balance and arrears are not known: " in told


def test_a_dry_run_signs_and_sends_nothing(home: Home):
    status, told, _ = home.offer("dry.json", "--dry-run")
    assert (status, told["dryRun"], (home.folder / "dry.json").exists()) == (0, True, False)
    home.offer("wet.json")
    before = home.tokens("licensee")
    status, told, _ = home.run("license", "accept", str(home.folder / "wet.json"), "--account", "licensee", "--dry-run")
    assert (status, told["dryRun"]) == (0, True)
    distributor = wire.chain(config.load(home.folder / "provenance.toml")).deployment.contracts["RoyaltyDistributor"]
    paying = f"paying 5 TUSD into distributor {checksummed(distributor)}: Token.approve, "
    assert (home.dataset in told["would"], "for train.tts until 20" in told["would"]) == (True, True)
    assert paying in told["would"]
    assert home.tokens("licensee") == before


def test_a_dry_run_finds_that_the_account_cannot_pay_the_gas(home: Home):
    home.offer("gas.json")
    chain, licensee = wire.chain(config.load(home.folder / "provenance.toml")), home.signers["licensee"].address
    before = chain.node.balance(licensee)
    line = ("license", "accept", str(home.folder / "gas.json"), "--account", "licensee")
    chain.node.rpc.call("anvil_setBalance", "0x" + licensee.hex(), "0x5")
    for how in ("--dry-run", "--yes"):
        status, problem, _ = home.run(*line, how)
        assert (status, problem["type"]) == (7, "/problems/insufficient-funds")
        assert checksummed(licensee) in problem["detail"]
    chain.node.rpc.call("anvil_setBalance", "0x" + licensee.hex(), hex(before))


def test_many_transactions_need_what_the_dearest_may_cost_and_their_sum_is_told(home: Home):
    flags, session = Flags(config=home.folder / "provenance.toml"), Session(StringIO(), StringIO())
    ctx = Context(flags, Out(session.stdout, session.stderr), session)
    chain, licensee = ctx.chain(), home.signers["licensee"].address
    calls = [Call("Token", "approve", (chain.deployment.contracts["RoyaltyDistributor"], n)) for n in (1, 2, 3)]
    dearest = max(chain.cost(call, licensee).fee_wei for call in calls)
    before = chain.node.balance(licensee)
    try:
        chain.node.rpc.call("anvil_setBalance", "0x" + licensee.hex(), hex(dearest * 3 // 2))
        with pytest.raises(DryRun):
            ctx.would_send("approve thrice", calls, licensee)
        assert ether(sum(chain.cost(call, licensee).fee_wei for call in calls)) in session.stdout.getvalue()
        chain.node.rpc.call("anvil_setBalance", "0x" + licensee.hex(), hex(dearest // 2))
        with pytest.raises(InsufficientFunds):
            ctx.would_send("approve thrice", calls, licensee)
    finally:
        chain.node.rpc.call("anvil_setBalance", "0x" + licensee.hex(), hex(before))


def test_what_nobody_can_open_is_neither_offered_nor_paid_for(home: Home):
    dataset, given = home.registered("Withdrawn", config.load(home.folder / "provenance.toml"))
    before, offered = str(home.folder / "before.json"), str(home.folder / "after.json")
    said = ("license", "offer", dataset, "--purpose", "train.tts", "--expires", "52w", "--account", "holder-1")
    assert home.run(*said, "--out", before)[0] == 1  # the gateway is silent, the file is complete
    status, revoked, _ = home.run("consent", "revoke", given, "--account", "voice-1", "--yes")
    assert status == 0
    for more in ((), ("--dry-run",)):
        status, problem, _ = home.run(*said, "--out", offered, *more)
        assert (status, problem["type"], problem["consent"]) == (5, "/problems/nothing-to-open", revoked["id"])
        assert problem["reason"] == "consent-withdrawn"
        assert problem["next"].startswith("Ask the voice owner for a new consent, upload again under it")
        assert not Path(offered).exists()
    paid = home.tokens("licensee")
    status, problem, _ = home.run("license", "accept", before, "--account", "licensee", "--yes")
    assert (status, problem["type"], problem["consent"]) == (5, "/problems/nothing-to-open", revoked["id"])
    assert home.tokens("licensee") == paid


def test_an_offer_is_not_overwritten(home: Home):
    home.offer("once.json")
    before = (home.folder / "once.json").read_bytes()
    assert home.offer("once.json")[0] == 7
    assert home.offer("once.json", "--dry-run")[0] == 7
    assert home.offer("new/folder/o.json")[0] == 1  # the gateway is silent, the file is complete
    assert (home.folder / "new" / "folder" / "o.json").is_file()
    status, problem, _ = home.offer("once.json/o.json")
    assert (status, problem["detail"]) == (69, f"{home.folder}/once.json/o.json cannot be written: Not a directory")
    assert (home.folder / "once.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("offer", "0x12", "--purpose", "train.tts", "--expires", "52w", "--out", "x"), 2),
        (("offer", "DATASET", "--purpose", "train.everything", "--expires", "52w", "--out", "x"), 2),
        (("offer", "DATASET", "--purpose", "train.tts", "--expires", "2001-01-01", "--out", "x"), 2),
        (("offer", "DATASET", "--purpose", "train.tts", "--expires", "soon", "--out", "x"), 2),
        (("offer", "DATASET", "--purpose", "train.speaker-id", "--expires", "52w", "--out", "x"), 2),
        (("offer", "0x" + "11" * 32, "--purpose", "train.tts", "--expires", "52w", "--out", "x"), 5),
        (("accept", "nothing.json"), 6),
        (("fund", "0x" + "11" * 32, "1"), 5),
        (("fund", "0x" + "11" * 32, "1e9"), 2),
        (("terminate", "0x" + "11" * 32), 5),
        (("show", "0x" + "11" * 32), 5),
    ],
)
def test_what_is_wrong_has_its_exit_status_and_a_next_step(home: Home, arguments, status):
    said = [home.dataset if one == "DATASET" else one for one in arguments]
    got, problem, _ = home.run("license", *said, "--account", "holder-1", "--yes")
    assert got == status, problem
    assert problem["next"]


def test_a_broken_offer_file_is_refused(home: Home):
    home.offer("good.json")
    whole = (home.folder / "good.json").read_text()
    for name, text in {
        "cut.json": whole[:-9],
        "price.json": whole.replace(f'"price":"{PRICE}"', '"price":"1"'),
        "float.json": whole.replace(f'"price":"{PRICE}"', '"price":1.5'),
        "empty.json": "",
        "other.json": whole.replace("provenance/offer", "provenance/terms"),
    }.items():
        (home.folder / name).write_text(text)
        status, problem, _ = home.run("license", "accept", str(home.folder / name), "--account", "licensee", "--yes")
        assert status == (5 if name == "price.json" else 2), (name, problem)


def test_an_offer_for_one_account_and_a_withdrawn_offer(home: Home):
    home.offer("voice.json", "--licensee", "voice-1")
    file = str(home.folder / "voice.json")
    assert home.run("license", "accept", file, "--account", "licensee", "--yes")[0] == 5
    assert home.run("license", "cancel", file, "--account", "licensee", "--yes")[0] == 5
    assert home.run("license", "cancel", file, "--account", "holder-1", "--yes")[0] == 0
    status, problem, _ = home.run("license", "accept", file, "--account", "voice-1", "--yes")
    assert (status, problem["type"]) == (9, "/problems/offer-used")


class Person:
    """Somebody at a terminal who says yes to everything and keeps what was shown and asked."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.monkeypatch, self.capsys = home, monkeypatch, capsys

    def runs(self, *arguments: str) -> tuple[str, int]:
        """What was shown before it was sent, and how many questions were asked."""
        self.monkeypatch.setattr("sys.stdin", Terminal("y\n" * 9))
        self.capsys.readouterr()
        status, _, shown = self.home.run(*arguments)
        assert status in (0, 1), shown
        shown += self.capsys.readouterr().err
        return shown, shown.count("[y/N]")


@pytest.fixture
def person(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Person:
    return Person(home, monkeypatch, capsys)


def test_an_act_is_asked_about_once_with_what_it_does_to_whom_and_what_it_costs_in_all(home: Home, person: Person):
    home.offer("asked.json")
    file, holder = str(home.folder / "asked.json"), checksummed(home.signers["holder-1"].address)
    payee = checksummed(wire.record(config.load(home.folder / "provenance.toml")).contracts["RoyaltyDistributor"])
    shown, asked = person.runs("license", "accept", file, "--account", "licensee")
    assert asked == 1
    assert f"license dataset {home.dataset} of {holder} for train.tts until " in shown
    assert re.search(rf"paying 5 TUSD into distributor {payee}: .* gas, at most 0\.\d+ ETH and 5 TUSD\n", shown)

    license_ = home.run("license", "accept", file, "--account", "licensee", "--yes")[1]["license"]
    shown, asked = person.runs("license", "fund", license_, "0.25", "--account", "licensee")
    assert asked == 1
    assert re.search(rf"fund license {license_}, from which its use is paid: .* ETH and 0\.25 TUSD\n", shown)

    shown, asked = person.runs("role", "offer", "guardian", "voice-1", "--account", "operator")
    assert asked == 1
    assert "offerRole on DatasetRegistry, " in shown
    assert checksummed(home.signers["voice-1"].address) in shown

    shown, asked = person.runs("license", "cancel", file, "--account", "holder-1")
    assert (asked, f"of dataset {home.dataset}" in shown) == (1, True)
    shown, asked = person.runs("license", "terminate", license_, "--account", "licensee")
    assert (asked, f"end license {license_}" in shown) == (1, True)


def test_what_was_left_approved_is_cleared_and_the_license_accepted_after_one_question(home: Home, person: Person):
    chain, licensee = wire.chain(config.load(home.folder / "provenance.toml")), home.signers["licensee"]
    chain.send(Call("Token", "approve", (chain.deployment.contracts["RoyaltyDistributor"], 3)), licensee)
    home.offer("left.json")
    shown, asked = person.runs("license", "accept", str(home.folder / "left.json"), "--account", "licensee")
    assert (asked, "Token.approve, then what takes it, " in shown) == (1, True)
    assert chain.read(
        Call("Token", "allowance", (licensee.address, chain.deployment.contracts["RoyaltyDistributor"]))
    ) == (0,)
