"""Parties who share nothing but a gateway, a node and what they hand each other get from recordings to payment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance import config
from provenance.adapters.keys.keystore import KeySigner
from provenance.app.ports import Call
from provenance.config import child_environment
from provenance.types import Address
from tests.e2e.finished_demo import judged
from tests.e2e.network import PER_OUTPUT, PRICE, PURPOSE, WINDOW_S, OperatedNetwork
from tests.e2e.parties import PROVENANCE
from tests.live_gateway import speech

METER = """
import json, sys
import provenance
license_id, recordings = sys.argv[1], json.loads(sys.argv[2])
with provenance.Meter(license_id, model="tiny@1", purpose=sys.argv[3], territory="DE", max_units=20, hours=1) as meter:
    ids = [meter.record(output=f"clip {n}".encode(), weights={bytes.fromhex(one[2:]): 1.0 for one in recordings}) for n in range(4)]
print(json.dumps(["0x" + one.receipt.receipt_id.hex() for one in ids]))
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a home, keys and settings of their own."""

    room: Path
    address: Address

    def env(self) -> dict[str, str]:
        return child_environment(HOME=str(self.room), PROVENANCE_CONFIG=str(self.room / config.FILE_NAME))

    def run(self, *arguments: str, status: int = 0) -> Any:
        line = [*PROVENANCE, *arguments, "--json", "--yes"]
        done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=self.room, env=self.env())
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def given(self, file: Path) -> Path:
        """What somebody else handed over."""
        return Path(shutil.copy(file, self.room / file.name))


def settle_in(network: OperatedNetwork, room: Path, name: str) -> Person:
    """A new account with gas and tokens, and settings that name node, gateway and deployment."""
    room.mkdir()
    ours = config.load(network.here.settings).chosen()
    shutil.copy(network.room / "home" / "deployments" / "31337.json", room / "deployment.json")
    (room / "password").write_text(f"the password of {name}\n")
    (room / "password").chmod(0o600)
    (room / config.FILE_NAME).write_text(
        f'home = "home"\nnetwork = "shared"\npassword_file = "password"\naccount = "{name}"\n[networks.shared]\n'
        f'rpc = ["{ours.rpc[0]}"]\nchain_id = 31337\ndeployment = "deployment.json"\n'
        f'gateway = "{ours.gateway}"\nfinality = "latest-0"\n'
    )
    person = Person(room, Address(bytes(20)))
    made = person.run("account", "create", name)
    address = Address(bytes.fromhex(made["address"][2:]))
    chain = network.chain()
    chain.node.rpc.call("anvil_setBalance", made["address"], hex(10**19))
    chain.send(Call("Token", "transfer", (address, 10**9)), licensee(network))
    return Person(room, address)


def licensee(network: OperatedNetwork) -> KeySigner:
    from provenance.adapters import localnet
    from provenance.adapters.anvil import Devnet
    from provenance.adapters.keys.keystore import Keystore

    home = network.room / "home"
    return Keystore(home / "keystore").unlock("licensee", localnet.password(Devnet(home / "devnet"))).signer


@dataclass(frozen=True, slots=True)
class PaidParties:
    """What the parties have once all is paid."""

    creator: Person
    voice: Person
    maker: Person
    license: str
    audio: Path
    had: Path
    receipts: list[str]
    claimed: Any
    acts: dict[str, tuple[Any, Any]]
    """What the operator's commands foretold, and what they then did."""


@pytest.fixture(scope="module")
def parties(network: OperatedNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaidParties]:
    top = tmp_path_factory.mktemp("homes")
    creator, voice, maker = (settle_in(network, top / name, name) for name in ("creator", "voice", "maker"))
    audio = creator.room / "takes"
    audio.mkdir()
    for number in range(2):
        (audio / f"take {number}.wav").write_bytes(speech(4_200 + number, 3.0))
    creator.run("terms", "new", "terms.json", "--purpose", PURPOSE, "--territory", "WW", "--per-license", "0.25",
                "--per-unit", PER_OUTPUT)  # fmt: skip
    upload = ("upload", "takes", "--dataset", "Дом · 家", "--terms", "terms.json", "--kind", "voice", "--language", "en",
              "--accept-review")  # fmt: skip
    asked = voice.given(Path(creator.run(*upload, status=2)["file"]))
    voice.run("consent", "grant", "--voice", "me", "--holder", "0x" + creator.address.hex(), "--purpose", PURPOSE,
              "--territory", "WW", "--until", "1y", "--recordings", asked.name, "--out", "consent.json")  # fmt: skip
    made = creator.run(*upload, "--consent", str(creator.given(voice.room / "consent.json")))
    creator.run("license", "offer", made["datasetId"], "--purpose", PURPOSE, "--licensee", "0x" + maker.address.hex(),
                "--expires", "90d", "--out", "offer.json")  # fmt: skip
    license_ = maker.run("license", "accept", str(maker.given(creator.room / "offer.json")))["license"]
    maker.run("license", "fund", license_, "0.02")
    use = ("--purpose", PURPOSE, "--territory", "DE")
    maker.run("access", "open", license_, *use)
    files = maker.run("access", "download", license_, *use, "--out", "had")["files"]
    ids = json.dumps([one["recordingId"] for one in files])
    metered = subprocess.run(
        [sys.executable, "-c", METER, license_, ids, PURPOSE],
        capture_output=True, text=True, check=False, cwd=maker.room, env=maker.env(),
    )  # fmt: skip
    assert metered.returncode == 0, metered.stderr
    acts = {
        command: (network.run("node", command, "--dry-run"), network.run("node", command))
        for command in ("anchor", "settle")
    }
    network.here.run("devnet", "advance", str(WINDOW_S))
    claimed = creator.run("earnings", "claim")
    yield PaidParties(
        creator, voice, maker, license_, audio, maker.room / "had", json.loads(metered.stdout), claimed, acts
    )
    network.here.run("node", "pay", status=None)


@pytest.mark.parametrize("command", ["anchor", "settle"])
def test_a_dry_run_foretells_what_the_operator_then_sends(parties: PaidParties, command: str) -> None:
    foretold, done = parties.acts[command]
    assert (foretold["dryRun"], foretold["transactions"]) == (True, 1)
    assert done["gas"] <= foretold["gas"] <= 1.2 * done["gas"]
    same = {"anchor": ("segments",), "settle": ("epoch", "root", "total")}[command]
    assert [foretold[name] for name in same] == [done[name] for name in same]


def test_the_maker_holds_the_very_recordings(parties: PaidParties) -> None:
    had = [path.read_bytes() for path in sorted(parties.had.iterdir())]
    assert had == [path.read_bytes() for path in sorted(parties.audio.iterdir())]


def test_the_creator_is_paid_for_every_use_from_the_balance_that_holds_the_price(
    network: OperatedNetwork, parties: PaidParties
) -> None:
    due = 4 * PRICE
    assert parties.claimed["paid"] == str(due - due * 500 // 10_000)
    (held,) = network.chain().read(Call("Token", "balanceOf", (parties.creator.address,)))
    assert held == 10**9 + int(parties.claimed["paid"])
    told = parties.creator.run("earnings", "statement")
    assert parties.license in told["why"][0]


def test_nobody_has_anothers_keys_or_files(network: OperatedNetwork, parties: PaidParties) -> None:
    homes = {one.room.name: one.room / "home" for one in (parties.creator, parties.voice, parties.maker)}
    for name, home in homes.items():
        assert sorted(path.name for path in (home / "keystore").glob("*.json")) == [
            f"{name}.json",
            f"{name}.x25519.json",
        ]
        assert not list(home.rglob("node.db*"))
    assert not list((network.room / "home" / "keystore").glob("creator*"))


@pytest.mark.parametrize("source", ["gateway", "directory"])
def test_an_auditor_with_a_node_and_one_content_source_verifies_all_of_it(
    network: OperatedNetwork, parties: PaidParties, tmp_path: Path, source: str
) -> None:
    ours = config.load(network.here.settings).chosen()
    copied = tmp_path / "copy"
    if source == "directory":
        shutil.copytree(network.room / "home" / "content", copied)
    auditor = Person(tmp_path, Address(bytes(20)))
    (tmp_path / config.FILE_NAME).write_text("")
    shutil.copy(network.room / "home" / "deployments" / "31337.json", tmp_path / "31337.json")
    from_where = str(ours.gateway) if source == "gateway" else str(copied)
    line = ("--rpc", ours.rpc[0], "--deployment", "31337.json", "--content", from_where, "--home", "home")
    report = auditor.run("audit", "run", *line)
    assert (report["verdict"], judged(report)) == ("VERIFIED", {})
    if source == "directory":
        found = auditor.run("audit", "trace", parties.receipts[0], *line)
        assert found["license"]["licensee"] == "0x" + parties.maker.address.hex()
        assert found["settlement"]["verdict"] == "counted"


def test_an_auditor_without_content_cannot_say_anything_but_incomplete(
    network: OperatedNetwork, parties: PaidParties, tmp_path: Path
) -> None:
    ours = config.load(network.here.settings).chosen()
    shutil.copy(network.room / "home" / "deployments" / "31337.json", tmp_path / "31337.json")
    (tmp_path / config.FILE_NAME).write_text("")
    auditor = Person(tmp_path, Address(bytes(20)))
    report = auditor.run("audit", "run", "--rpc", ours.rpc[0], "--deployment", "31337.json", "--home", "h", status=11)
    assert report["verdict"] == "INCOMPLETE"
    assert {"batches", "settlements"} <= set(judged(report))
