"""The mirror on a real chain: reorgs, kills, a second follower."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from indexer.store.database import connect
from provenance import config
from provenance.adapters import wire
from provenance.app.ports import Call, Signer
from tests.anvil import signer
from tests.e2e.parties import Parties, eventually, parties


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("mirror")) as made:
        yield made


class Holder:
    """Sends transactions that leave events."""

    def __init__(self, here: Parties) -> None:
        self.settings = config.load(here.settings)
        self.chain = wire.chain(self.settings)
        self.signer: Signer = signer(5)

    def rpc(self, method: str, *params: object) -> Any:
        return self.chain.node.rpc.call(method, *params)

    def register(self, count: int = 1) -> None:
        for _ in range(count):
            self.chain.send(
                Call("DatasetRegistry", "register", (*(secrets.token_bytes(32) for _ in range(4)), 3)), self.signer
            )


def mirrored_state(here: Parties) -> str:
    found: str = here.inside("node", "db", "status")["state"]
    return found


def replayed_state(here: Parties) -> str:
    found: str = here.inside("node", "replay", "--check")["state"]
    return found


@pytest.mark.parametrize("others", [3, 10, 14])
def test_after_a_reverted_branch_the_mirror_equals_a_replay(here: Parties, others: int) -> None:
    holder = Holder(here)
    here.inside("node", "follow", "--once")
    mark = holder.rpc("evm_snapshot")
    holder.register(10)
    here.inside("node", "follow", "--once")
    before = mirrored_state(here)
    assert holder.rpc("evm_revert", mark)
    holder.register(others)
    here.inside("node", "follow", "--once")
    after = mirrored_state(here)
    assert after != before
    assert replayed_state(here) == after
    here.inside("node", "verify")
    answer = here.inside("node", "replay")
    assert (answer["state"], answer["differed"]) == (after, None)


def test_a_reorg_below_finality_halts_payouts_until_it_is_released(here: Parties) -> None:
    holder = Holder(here)
    here.inside("node", "follow", "--once")
    here.inside("node", "release", "--reason", "from the tests before")
    mark = holder.rpc("evm_snapshot")
    holder.register(2)
    here.inside("node", "follow", "--once")
    holder.rpc("evm_revert", mark)
    holder.register(3)
    here.inside("node", "follow", "--once")
    (halt,) = here.inside("node", "db", "status")["halts"]
    assert halt["final"] == halt["fork"] + 2
    for command in (("node", "pay"), ("node", "settle")):
        refused = here.inside(*command, status=7)
        assert refused["type"] == "/problems/halted"
        assert "node release" in refused["next"]
    assert here.inside("node", "release", "--reason", " ", status=2)["field"] == "reason"
    assert here.inside("node", "release", "--reason", "looked at both branches")["released"] == 1
    assert here.inside("node", "db", "status")["halts"] == []
    assert here.inside("node", "pay", status=7)["type"] == "/problems/nothing-to-pay"


def test_a_second_follower_gives_way_and_a_killed_one_leaves_no_lock(here: Parties) -> None:
    holder = Holder(here)
    here.start("follow", "node", "follow")
    holder.register(1)
    head = holder.chain.head().number
    eventually(lambda: here.inside("node", "db", "status")["block"] >= head)
    refused = here.run("node", "follow", status=7).document
    assert refused["type"] == "/problems/already-running"
    here.kill("follow")
    here.inside("node", "follow", "--once")


def test_a_follower_that_is_killed_again_and_again_ends_with_every_row_once(here: Parties) -> None:
    holder = Holder(here)
    chance = random.Random(7)
    holder.register(30)
    database = connect(config.load(here.settings).database_url)
    for _ in range(4):
        holder.register(5)
        here.start("follow", "node", "follow", "--poll-ms", "10")
        time.sleep(chance.uniform(1.0, 3.0))
        here.kill("follow")
    here.inside("node", "follow", "--once")
    assert replayed_state(here) == mirrored_state(here)
    with database.read() as connection:
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        intact = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    assert (orphans, intact) == ([], "ok")
    database.dispose()


def test_a_row_that_somebody_changed_is_named(here: Parties) -> None:
    here.inside("node", "follow", "--once")
    database = connect(config.load(here.settings).database_url)
    with database.write() as connection:
        changed = connection.exec_driver_sql(
            "UPDATE dataset_registered SET items = items + 1 WHERE block > 40"
        ).rowcount
    assert changed
    refused = here.inside("node", "verify", status=10)
    assert refused["table"] == "dataset_registered"
    assert here.inside("node", "replay", "--check", status=10)["table"] == "dataset_registered"
    assert here.inside("node", "redecode")["facts"] > changed
    here.inside("node", "verify")
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM logs WHERE block > 45")
    assert here.inside("node", "verify", status=10)["table"] == "logs"
    assert here.inside("node", "replay")["differed"] == "logs"
    here.inside("node", "verify")
    database.dispose()


def test_a_database_of_another_chain_is_refused(here: Parties) -> None:
    config.save({"node": {"database": f"sqlite:///{here.room / 'kept.db'}"}}, path=here.settings)  # reset spares it
    here.inside("node", "follow", "--once")
    here.inside("devnet", "reset")
    refused = here.inside("node", "follow", "--once", status=7)
    assert refused["type"] == "/problems/other-chain"
    assert "[node] database" in refused["next"]
