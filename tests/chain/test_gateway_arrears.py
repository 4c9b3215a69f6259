"""A license that owes more than it was funded with stays closed until it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer.gateway import batches
from indexer.gateway.money import BalanceUnknown, Uncovered
from provenance.adapters import tally
from provenance.app.deploy import ruleset_1
from provenance.app.settle import closing
from provenance.domain import refusal
from tests import anvil
from tests.chain.test_gateway_usage import Tape, opened
from tests.live_gateway import LiveGateway, live_gateway, speech

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    with anvil.world(tmp_path / "devnet") as world, live_gateway(world, tmp_path) as made:
        made.node.content.put(ruleset_1(world.signers[0].address).encode())
        yield made


def settled(live: LiveGateway) -> None:
    """Everything is anchored and the epoch proposed."""
    chain, signers = live.world.chain, live.world.signers
    batches.anchor(live.node, lambda call: chain.send(call, signers[0]))
    live.settle_down()
    closed = closing.close(chain, live.node.history, live.node.content, tally.engine())
    chain.send(closing.proposal(closed, closing.commit(closed, live.node.content)), signers[1])
    live.settle_down()


def test_arrears_close_new_leases_and_sessions_until_they_are_funded(live: LiveGateway) -> None:
    package = live.published([speech(1)])
    license_ = live.license(package)
    live.fund(license_, 100_000)
    access = live.open(package, license_, (0,))
    live.record(package, license_, access.id, 1)
    for _ in range(2):
        tape = Tape(live, package, opened(live, license_, max_units=100))
        tape.put(100, last=True)
    settled(live)
    (row,) = live.client().listing("licenses", license="0x" + license_.hex()).rows
    assert (row["funded"], row["balance"], row["arrears"]) == ("100000", "0", "100000")
    with pytest.raises(refusal.InArrears) as caught:
        live.open(package, license_, (0,))
    assert caught.value.facts["arrears"] == "100000"
    with pytest.raises(refusal.InArrears):
        opened(live, license_, max_units=1)
    live.fund(license_, 60_000)
    with pytest.raises(refusal.InArrears):
        live.open(package, license_, (0,))
    live.fund(license_, 50_000)
    live.open(package, license_, (0,))
    opened(live, license_, max_units=10)
    with pytest.raises(Uncovered):
        opened(live, license_, max_units=11)
    (settlement,) = live.client().listing("settlements").rows
    assert settlement["epoch"] == "1"
    manifest = live.node.settlements(live.node.history.head())[-1].proposed.event.manifest_digest
    from indexer.gateway import money

    money._carry.cache_clear()
    at, _ = live.node.content.get_digest(manifest)
    live.node.content.remove(at)
    with pytest.raises(BalanceUnknown):
        live.open(package, license_, (0,))
