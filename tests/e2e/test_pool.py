"""A collective of two creators by commands: its pool is made, joined, licensed, read, and left again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.cli import main
from provenance.cli.context import Session
from provenance.domain.manifest import recording_id
from provenance.errors import Denied
from provenance.types import Bytes32, DatasetId
from tests.e2e.network import PURPOSE, OperatedNetwork, operated_network

DAY_S = 86_400
NOTICE = 2


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatedNetwork]:
    with operated_network(tmp_path_factory.mktemp("pool")) as made:
        yield made


def creator(network: OperatedNetwork, name: str, voice: str, terms: str, *, seed: int) -> str:
    """The dataset of one creator with a voice of its own."""
    consent, _ = network.consent(f"{name}-consent", voice, name)
    folder = network.takes(f"{name} takes", ("a.wav", "b.wav"), seed=seed)
    dataset: str = network.upload(folder, f"Voices of {name}", terms, name, "--consent", consent)["datasetId"]
    return dataset


def joined(network: OperatedNetwork, pool: str, dataset: str, holder: str) -> str:
    file = network.room / f"join-{holder}-{len(list(network.room.glob('join-*')))}.json"
    network.run("pool", "join", pool, dataset, "--out", str(file), "--account", holder)
    return str(file)


def opened(network: OperatedNetwork, license_id: str, member: str, *more: str, status: int = 0) -> Any:
    return network.run("access", "open", license_id, *more, "--member", member, "--purpose", PURPOSE, "--territory",
                       "DE", "--account", "licensee", status=status)  # fmt: skip


def downloaded(network: OperatedNetwork, license_id: str, member: str, folder: Path) -> list[bytes]:
    network.run("access", "download", license_id, "--member", member, "--purpose", PURPOSE, "--territory", "DE",
                "--out", str(folder), "--account", "licensee")  # fmt: skip
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def told(network: OperatedNetwork, *arguments: str) -> str:
    """What people read."""
    session = Session(io.StringIO(), io.StringIO())
    assert main.run([*arguments, "--config", str(network.here.settings), "--yes"], session) == 0, session.stderr
    return session.stdout.getvalue()


@pytest.mark.timeout(600)
def test_two_creators_license_together_and_one_of_them_leaves(network: OperatedNetwork) -> None:
    terms = network.terms("pool-terms", "holder-3")
    one = creator(network, "holder-1", "voice-1", terms, seed=1)
    two = creator(network, "holder-2", "voice-2", terms, seed=2)

    words = ("pool", "create", "Voices of the north", "--terms", terms, "--curator-bps", "500", "--notice", str(NOTICE))
    would = network.run(*words, "--account", "holder-3", "--dry-run")
    assert (would["dryRun"], would["function"]) == (True, "DatasetRegistry.register")
    created = network.run(*words, "--account", "holder-3")
    pool = created["pool"]
    assert (created["registered"], created["noticeDays"]) == (True, NOTICE)
    again = network.run(*words, "--account", "holder-3")
    assert (again["pool"], again["registered"], again.get("transactions", [])) == (pool, False, [])

    # a holder signs itself in; nobody else can, and a stranger names nobody
    refused = network.run("pool", "join", pool, two, "--out", str(network.room / "no.json"), "--account", "holder-1",
                          status=5)  # fmt: skip
    assert refused["type"] == "/problems/not-holder"
    first, second = joined(network, pool, one, "holder-1"), joined(network, pool, two, "holder-2")
    refused = network.run("pool", "set", pool, first, "--account", "holder-1", status=5)
    assert refused["type"] == "/problems/not-holder"
    would = network.run("pool", "set", pool, first, "--account", "holder-3", "--dry-run")
    assert (would["dryRun"], network.run("pool", "show", pool)["members"]) == (True, [])
    assert network.run("pool", "set", pool, first, second, "--account", "holder-3")["members"] == 2
    members = {row["dataset"]: row["state"] for row in network.run("pool", "show", pool)["members"]}
    assert members == {one: "MEMBER", two: "MEMBER"}
    shown = told(network, "pool", "show", pool)
    assert all(words in shown for words in ("Voices of the north", one, two, "MEMBER", "0.001 TUSD per output"))

    # one offer, one license: it opens every member's recordings, each by its own consents
    license_id = network.license(pool, "holder-3")
    needed = network.run("access", "open", license_id, "--purpose", PURPOSE, "--territory", "DE", "--account", "licensee",
                         status=2)  # fmt: skip
    assert needed["type"] == "/problems/member-needed"
    assert opened(network, license_id, one, "--dry-run")["opened"] == [0, 1]
    assert opened(network, license_id, one)["opened"] == [0, 1]
    takes = [file.read_bytes() for file in sorted((network.room / "holder-2 takes").iterdir())]
    assert downloaded(network, license_id, two, network.room / "read") == takes
    own = network.license(one, "holder-1")
    assert opened(network, own, two, status=5)["type"] == "/problems/not-in-pool"

    # who leaves is out after the notice, and not before; who stays is not touched
    left = network.run("pool", "leave", pool, two, "--account", "holder-2")
    again = network.run("pool", "leave", pool, two, "--account", "holder-2", status=7)
    assert (again["type"], again["leavesAt"]) == ("/problems/leaving-already", left["leavesAt"])
    assert opened(network, license_id, two, "0")["opened"] == [0]
    network.run("pool", "leave", pool, two, "--stay", "--account", "holder-2")
    assert network.run("pool", "leave", pool, two, "--stay", "--account", "holder-2", status=7)["type"] == (
        "/problems/not-leaving"
    )
    network.run("pool", "leave", pool, two, "--account", "holder-2")
    network.run("devnet", "advance", str(NOTICE * DAY_S + 60))
    assert {row["dataset"]: row["state"] for row in network.run("pool", "show", pool)["members"]}[two] == "LEFT"
    assert opened(network, license_id, two, "--dry-run", status=5)["type"] == "/problems/left-pool"
    assert opened(network, license_id, two, status=5)["type"] == "/problems/left-pool"
    assert opened(network, license_id, one, "0")["opened"] == [0]

    # the next list leaves out who has left
    assert network.run("pool", "set", pool, "--account", "holder-3")["out"] == [two]
    assert opened(network, license_id, two, status=5)["type"] == "/problems/not-in-pool"


def test_what_ruleset_1_cannot_pay_is_not_metered_and_leases_of_pools_disturb_no_epoch(
    network: OperatedNetwork,
) -> None:
    pool = next(row["datasetId"] for row in network.run("dataset", "list") if row["kind"] == "pool")
    [license_id] = [
        row["license"] for row in network.run("license", "list", "--account", "licensee") if row["dataset"] == pool
    ]
    network.fund(license_id, "1")
    with pytest.raises(Denied) as refused, network.meter(license_id, 5) as meter:
        meter.record(output=b"of many", weights={Bytes32(bytes(32)): 1.0})
    assert refused.value.code == "pool-not-settled"

    own = next(row for row in network.run("license", "list", "--account", "licensee") if row["dataset"] != pool)
    network.fund(own["license"], "1")
    network.open(own["license"])
    recording = recording_id(DatasetId(Bytes32(bytes.fromhex(own["dataset"][2:]))), 0)
    network.use(own["license"], {recording: 1.0}, 2, most=5)
    network.epoch()
    assert network.audited()["verdict"] == "VERIFIED"


def test_a_listed_pool_is_found_by_its_kind(network: OperatedNetwork) -> None:
    [row] = [row for row in network.run("dataset", "list") if row["kind"] == "pool"]
    assert json.dumps(row["title"]) == '"Voices of the north"'
