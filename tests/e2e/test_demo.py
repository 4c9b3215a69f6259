"""The demo keeps its word: one document, money that moved, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from provenance.config import child_environment
from tests import audio
from tests.e2e.finished_demo import DEMO_WITHIN_S, FinishedDemo
from tests.e2e.parties import PROVENANCE, eventually
from tests.live_gateway import speech

INTERRUPTED = 130
ABI = [
    {
        "type": "event",
        "name": "RoyaltyClaimed",
        "anonymous": False,
        "inputs": [
            {"name": "payee", "type": "address", "indexed": True},
            {"name": "epoch", "type": "uint64", "indexed": True},
            {"name": "to", "type": "address", "indexed": False},
            {"name": "amount", "type": "uint256", "indexed": False},
            {"name": "cumulative", "type": "uint256", "indexed": False},
        ],
    },
    {
        "type": "event",
        "name": "Transfer",
        "anonymous": False,
        "inputs": [
            {"name": "from", "type": "address", "indexed": True},
            {"name": "to", "type": "address", "indexed": True},
            {"name": "value", "type": "uint256", "indexed": False},
        ],
    },
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    },
]


@pytest.fixture(scope="module")
def printed(demo: FinishedDemo) -> Any:
    """Exactly one JSON document and nothing else."""
    return json.loads(demo.printed)


def test_one_document_tells_a_verified_road(printed: Any) -> None:
    expected = (
        "verdict datasets recordings licenses accesses denied receipts epoch pot payouts claimed audit gas seconds"
    )
    assert list(printed) == expected.split()
    assert printed["verdict"] == printed["audit"]["verdict"] == "VERIFIED"
    checks = printed["audit"]["checks"]
    assert len(checks) >= 10
    assert len({one["name"] for one in checks}) == len(checks)
    assert all(one["name"] and one["verdict"] == "VERIFIED" for one in checks)
    for counted in ("datasets", "recordings", "licenses", "accesses", "receipts", "epoch", "denied", "seconds"):
        assert type(printed[counted]) is int
        assert printed[counted] > 0
    assert printed["denied"] >= 2


def test_payouts_sum_to_the_pot_and_all_of_it_was_claimed(printed: Any) -> None:
    for amount in (printed["pot"], printed["claimed"], *(one["amount"] for one in printed["payouts"])):
        assert isinstance(amount, str)
    amounts = {one["payee"]: int(one["amount"]) for one in printed["payouts"]}
    assert len(amounts) == len(printed["payouts"])
    assert sum(amounts.values()) == int(printed["pot"]) == int(printed["claimed"]) > 0
    assert sum(amount > 0 for amount in amounts.values()) >= 3


def test_gas_is_told_by_operation(printed: Any) -> None:
    assert len(printed["gas"]) >= 6
    assert all(type(gas) is int and gas > 21_000 for gas in printed["gas"].values())


def test_each_payees_amount_is_what_its_claims_moved_in_the_token(demo: FinishedDemo, printed: Any) -> None:
    w3 = Web3(HTTPProvider(demo.rpc))
    places = json.loads((demo.room / "home" / "deployments" / "31337.json").read_text())["contracts"]
    at: dict[str, Contract] = {
        name: w3.eth.contract(Web3.to_checksum_address(places[name]["address"]), abi=ABI)
        for name in ("RoyaltyDistributor", "Token")
    }
    claimed: dict[str, int] = defaultdict(int)
    moved: dict[str, int] = defaultdict(int)
    claims = at["RoyaltyDistributor"].events.RoyaltyClaimed().get_logs(from_block=0)
    for one in claims:
        assert one.args.to == one.args.payee
        claimed[one.args.payee] += one.args.amount
    transfers = at["Token"].events.Transfer().get_logs(from_block=0)
    for one in transfers:
        if one.args["from"] == at["RoyaltyDistributor"].address:
            moved[one.args.to] += one.args.value
    assert dict(claimed) == dict(moved)
    before = min(one.blockNumber for one in claims) - 1
    for one in printed["payouts"]:
        payee, amount = Web3.to_checksum_address(one["payee"]), int(one["amount"])
        assert claimed[payee] == amount
        had, has = (at["Token"].functions.balanceOf(payee).call(block_identifier=n) for n in (before, "latest"))
        assert has - had == amount
    fees = {payee: amount for payee, amount in claimed.items() if payee.lower() not in _payees(printed)}
    assert len(fees) == 1  # the operator's


def _payees(printed: Any) -> set[str]:
    return {one["payee"].lower() for one in printed["payouts"]}


def start(room: Path, *arguments: str) -> subprocess.Popen[str]:
    """A demo whose temporary folders are made in `room`; whatever its user has set means nothing to it."""
    set_by_user = {"PROVENANCE_NETWORK": "nowhere", "PROVENANCE_HOME": str(room / "users"), "PROVENANCE_ACCOUNT": "me"}
    return subprocess.Popen(
        [*PROVENANCE, "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=child_environment(TMPDIR=str(room), **set_by_user),
    )


def processes(room: Path) -> list[str]:
    """Command lines of everything that runs and names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(room) in line:
                found.append(line)
    return found


def left(room: Path) -> list[str]:
    """Every folder that a demo made and did not remove."""
    return [path.name for path in room.glob("provenance-demo-*")]


def until(lines: Iterable[str], beginning: str) -> None:
    told = []
    for line in lines:
        told.append(line)
        if line.startswith(beginning):
            return
    pytest.fail("".join(told[-40:]))


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rights holders with one short take each, and one file that is none."""
    room = tmp_path_factory.mktemp("voices")
    for number, name in enumerate(("anna b", "Борис", "小林")):
        (room / name).mkdir()
        (room / name / "take 1.wav").write_bytes(speech(70 + number, 3.0))
    (room / "anna b" / "not audio.wav").write_bytes(b"RIFF and nothing else")
    return room


def test_without_keep_nothing_is_left_behind(voices: Path, tmp_path: Path) -> None:
    with start(tmp_path, "--audio", str(voices)) as process:
        told, _ = process.communicate(timeout=DEMO_WITHIN_S)
    assert process.returncode == 0, told[-3000:]
    for name in ("anna b", "Борис", "小林"):
        assert f"({name})" in told
    assert "not audio.wav" in told
    assert told.splitlines()[-1].startswith("VERIFIED in ")
    assert left(tmp_path) == []
    assert processes(tmp_path) == []


@pytest.mark.parametrize(
    ("at", "how"),
    [
        ("$ provenance devnet up", signal.SIGINT),
        ("$ provenance node serve", signal.SIGTERM),
        ("$ provenance upload", signal.SIGINT),
    ],
)
def test_interrupted_it_leaves_nothing_behind_and_says_so_by_its_status(
    voices: Path, tmp_path: Path, at: str, how: signal.Signals
) -> None:
    with start(tmp_path, "--audio", str(voices)) as process:
        assert process.stdout
        until(process.stdout, at)
        process.send_signal(how)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, rest
    assert left(tmp_path) == []
    eventually(lambda: not processes(tmp_path), within_s=5)


def test_a_reader_who_has_seen_enough_leaves_nothing_behind(voices: Path, tmp_path: Path) -> None:
    with start(tmp_path, "--audio", str(voices)) as process:
        assert process.stdout
        until(process.stdout, "$ provenance node follow")
        process.stdout.close()
        process.wait(60)
    assert left(tmp_path) == []
    eventually(lambda: not processes(tmp_path), within_s=5)
    assert not (tmp_path / "users").exists()


def test_a_step_that_fails_ends_everything_and_is_named(tmp_path: Path) -> None:
    takes = tmp_path / "audio" / "silence"
    takes.mkdir(parents=True)
    (takes / "quiet.wav").write_bytes(audio.encode_wav(_silence(), 8_000))
    with start(tmp_path, "--audio", str(takes.parent), "--json", "--keep", str(tmp_path / "kept")) as process:
        told, _ = process.communicate(timeout=120)
    assert process.returncode == 10, told
    assert "provenance upload" in told
    assert (tmp_path / "kept" / "serve.log").is_file()
    eventually(lambda: not processes(tmp_path), within_s=5)


def _silence() -> Any:
    import numpy as np

    return np.zeros((16_000, 1), dtype=np.int32)


def test_a_folder_in_use_or_without_recordings_is_refused_at_once(demo: FinishedDemo, tmp_path: Path) -> None:
    for arguments, status in ((("--keep", str(demo.room)), 7), (("--audio", str(tmp_path)), 2)):
        with start(tmp_path, *arguments) as process:
            told, _ = process.communicate(timeout=60)
        assert process.returncode == status
        assert "Error: " in told
        assert "Next: " in told
    assert left(tmp_path) == []
