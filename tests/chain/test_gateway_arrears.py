"""Does a license that owes more than it was funded with stay closed until it pays?"""

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
from tests.desk import Desk, desk, speech

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Desk]:
    with anvil.world(tmp_path / "devnet") as world, desk(world, tmp_path) as made:
        made.node.content.put(ruleset_1(world.signers[0].address).encode())
        yield made


def settled(counter: Desk) -> None:
    """Everything is anchored and the epoch proposed."""
    chain, signers = counter.world.chain, counter.world.signers
    batches.anchor(counter.node, lambda call: chain.send(call, signers[0]))
    counter.settle_down()
    closed = closing.close(chain, counter.node.history, counter.node.content, tally.engine())
    chain.send(closing.proposal(closed, closing.commit(closed, counter.node.content)), signers[1])
    counter.settle_down()


def test_arrears_close_new_leases_and_sessions_until_they_are_funded(counter: Desk) -> None:
    package = counter.published([speech(1)])
    license_ = counter.license(package)
    counter.fund(license_, 100_000)
    access = counter.open(package, license_, (0,))
    counter.record(package, license_, access.id, 1)
    for _ in range(2):
        tape = Tape(counter, package, opened(counter, license_, max_units=100))
        tape.put(100, last=True)
    settled(counter)
    (row,) = counter.client().listing("licenses", license="0x" + license_.hex()).rows
    assert (row["funded"], row["balance"], row["arrears"]) == ("100000", "0", "100000")
    with pytest.raises(refusal.InArrears) as caught:
        counter.open(package, license_, (0,))
    assert caught.value.facts["arrears"] == "100000"
    with pytest.raises(refusal.InArrears):
        opened(counter, license_, max_units=1)
    counter.fund(license_, 60_000)
    with pytest.raises(refusal.InArrears):
        counter.open(package, license_, (0,))
    counter.fund(license_, 50_000)
    counter.open(package, license_, (0,))
    opened(counter, license_, max_units=10)
    with pytest.raises(Uncovered):
        opened(counter, license_, max_units=11)
    (settlement,) = counter.client().listing("settlements").rows
    assert settlement["epoch"] == "1"
    manifest = counter.node.settlements(counter.node.history.head())[-1].proposed.event.manifest_digest
    from indexer.gateway import money

    money._carry.cache_clear()
    at, _ = counter.node.content.get_digest(manifest)
    counter.node.content.remove(at)
    with pytest.raises(BalanceUnknown):
        counter.open(package, license_, (0,))
