"""Payouts on a real chain by a worker that is killed after every step."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Iterator
from typing import Any

import pytest

from indexer import payouts
from indexer.store.database import connect
from provenance import config
from provenance.adapters import wire
from provenance.adapters.chain import EvmChain
from provenance.app.ports import Call
from provenance.domain import canonical
from provenance.domain.events import RoyaltyClaimed
from provenance.domain.settlement import documents, tables
from provenance.types import ZERO32, Address, Wei
from tests.anvil import signer
from tests.e2e.parties import Parties, parties

STEPS = ("planned", "RESERVED", "SIGNED", "sent", "BROADCAST", "MINED", "FINAL")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("pay")) as made:
        yield made


@pytest.fixture(scope="module")
def operator(here: Parties) -> Operator:
    return Operator(here)


class Operator:
    """Publishes settlements as `node settle` does, of amounts that the test chooses."""

    def __init__(self, here: Parties) -> None:
        self.here, self.settings = here, config.load(here.settings)
        self.chain: EvmChain = wire.chain(self.settings)
        self.contracts = self.chain.deployment.contracts
        self.publisher = next(
            one for one in map(signer, range(60)) if one.address == wire.record(self.settings).roles.publisher
        )
        self.licensee = signer(0)
        self.cumulative: dict[Address, Wei] = {}
        self.epoch = 0

    def settle(self, grown: dict[Address, int]) -> None:
        for payee, amount in grown.items():
            self.cumulative[payee] = Wei(self.cumulative.get(payee, 0) + amount)
        self._fund(sum(grown.values()))
        self.epoch += 1
        distributor = self.contracts["RoyaltyDistributor"]
        head = {"chainId": self.chain.deployment.chain_id, "distributor": hexed(distributor), "epoch": str(self.epoch)}
        rows = [{"payee": hexed(payee), "cumulative": str(amount)} for payee, amount in sorted(self.cumulative.items())]
        store = wire.store(self.settings)
        root = documents.tree(self.chain.deployment.chain_id, distributor, self.cumulative).root
        tree = {"cid": str(store.put(tables.encode("provenance/tree", rows, head))), "root": hexed(root)}
        manifest = store.put(canonical.encode("provenance/epoch", 1, {"epoch": str(self.epoch), "tree": tree}))
        total = sum(self.cumulative.values())
        call = Call("RoyaltyDistributor", "propose", (self.epoch, root, total, ZERO32, manifest.digest))
        self.chain.send(call, self.publisher)
        self.here.inside("devnet", "advance", "3700")

    def _fund(self, amount: int) -> None:
        distributor = self.contracts["RoyaltyDistributor"]
        self.chain.send(Call("Token", "mint", (self.licensee.address, amount)), self.licensee)
        self.chain.send(Call("Token", "approve", (distributor, amount)), self.licensee)
        self.chain.send(Call("RoyaltyDistributor", "fund", (amount, ZERO32)), self.licensee)

    def balance(self, payee: Address) -> object:
        return self.chain.read(Call("Token", "balanceOf", (payee,)))[0]

    def claims(self) -> list[RoyaltyClaimed]:
        logged = self.chain.events(self.chain.deployment.first_block, self.chain.head().number)
        return [one.event for one in logged if isinstance(one.event, RoyaltyClaimed)]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def payee(n: int) -> Address:
    return Address((0xBEEF << 64 | n).to_bytes(20, "big"))


def killed_at(here: Parties, step: str) -> int:
    """The signal that ended a worker's process, sent by itself right after the step."""
    child = os.fork()
    if child == 0:
        original = payouts.Worker.__init__

        def dying(self: payouts.Worker, *arguments: Any, **named: Any) -> None:
            named["crossing"] = lambda now: os.kill(os.getpid(), signals.SIGKILL) if now == step else None
            original(self, *arguments, **named)

        payouts.Worker.__init__ = dying
        here.inside("node", "pay")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_worker_killed_after_every_step_pays_everybody_once(here: Parties, operator: Operator) -> None:
    owed: dict[Address, int] = {}
    for number, step in enumerate(STEPS):
        grown = {payee(n): 1_000 + n for n in range(number, number + 4)}
        operator.settle(grown)
        for one, amount in grown.items():
            owed[one] = owed.get(one, 0) + amount
        assert killed_at(here, step) == -signals.SIGKILL
        answer: Any = here.inside("node", "pay")
        assert answer["skipped"] == []
        assert {one: operator.balance(one) for one in owed} == owed
    assert sum(claim.amount for claim in operator.claims()) == sum(owed.values())
    assert here.inside("node", "pay")["gas"] == 0


def test_a_payee_that_cannot_be_paid_stops_nobody(here: Parties, operator: Operator) -> None:
    nobody = Address(bytes(20))  # the token refuses transfers to it
    operator.settle({nobody: 5, **{payee(n): 7 for n in range(100, 104)}})
    answer = here.inside("node", "pay", status=1)
    assert answer["paid"] == 4
    assert answer["skipped"] == [{"payee": hexed(nobody), "reason": "the transfer failed"}]
    assert [operator.balance(payee(n)) for n in range(100, 104)] == [7] * 4
    assert here.inside("node", "pay")["gas"] == 0
    assert here.inside("node", "pay", "--retry", status=1)["paid"] == 0


def test_a_second_worker_gives_way(here: Parties) -> None:
    database = connect(config.load(here.settings).database_url)
    with database.lock("pay"):
        assert here.inside("node", "pay", status=7)["type"] == "/problems/already-running"
    database.dispose()


def test_a_dry_run_says_what_would_be_paid_and_pays_nothing(here: Parties, operator: Operator) -> None:
    operator.settle({payee(500): 3})
    said = here.inside("node", "pay", "--dry-run")
    assert (said["dryRun"], said["payees"], said["transactions"]) == (True, 2, 1)  # who cannot be paid is owed again
    assert operator.balance(payee(500)) == 0
    unasked = here.inside("node", "pay", status=2, yes=False)
    assert (unasked["detail"], operator.balance(payee(500))) == ("not confirmed: Send it?", 0)
    done = here.inside("node", "pay", status=1)
    assert (done["paid"], done["gas"] <= said["gas"]) == (1, True)
