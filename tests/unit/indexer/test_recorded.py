"""The catalogue says of a lease where it is on record: nobody's copy of its receipt takes that place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer.follow import Follower
from indexer.rpc.source import ChainSource
from indexer.store.catalogue import CatalogueStore
from indexer.store.database import Database
from indexer.store.mirror import ChainMirror
from provenance.domain import events
from provenance.types import Address, BlockNumber
from tests.documents import word
from tests.fakes.clocks import Still
from tests.fakes.nodes import CHAIN_ID, CONTRACTS, FakeChain, FakeNode, logged

pytestmark = pytest.mark.unit
ANNA = Address(b"\x51" * 20)


def test_a_receipt_that_was_repeated_under_another_license_is_not_the_leases_record(
    new_database: Callable[[], Database],
) -> None:
    database, chain = new_database(), FakeChain()
    for license_id in ("strange", "own"):
        chain.mine(logged(events.AccessRecorded(word(license_id), word("dataset"), ANNA, 2, 1, word("receipt"))))
    source = ChainSource([FakeNode(chain)], CONTRACTS.values(), CHAIN_ID)
    first = BlockNumber(1)
    follower = Follower(source, ChainMirror(database), CONTRACTS, first_block=first, finality="latest-0", clock=Still())
    while follower.step().outcome != "current":
        pass
    own, other = (word("own"), word("receipt")), (word("other"), word("receipt"))
    recorded = CatalogueStore(database, BlockNumber(3)).recorded([own, other])
    assert own in recorded
    assert recorded[own]["license_id"] == word("own")
    assert other not in recorded
