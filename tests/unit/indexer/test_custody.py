"""Whose audio was registered first, as far as a gateway knows from its deposits and its mirror."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer import records
from indexer.follow import Follower
from indexer.rpc.source import ChainSource
from indexer.store.custody import CustodyStore, Earlier
from indexer.store.database import Database
from indexer.store.mirror import ChainMirror
from provenance.domain import events
from provenance.types import Address, BlockNumber, Bytes32
from tests.fakes.clocks import Still
from tests.fakes.nodes import CHAIN_ID, CONTRACTS, FakeChain, FakeNode, logged

ANNA, BEN, CHRIS = (Address(bytes([n]) * 20) for n in (0x51, 0x52, 0x53))
SAME = Bytes32(b"\x11" * 32)
WORD = bytes(32)


def dataset(n: int) -> Bytes32:
    return Bytes32(bytes([0xD0 + n]) * 32)


def deposit(store: CustodyStore, n: int, holder: Address, *indexes: int, cluster: bytes = SAME) -> None:
    """Dataset n with recordings of the same audio at these indexes."""
    of = dataset(n)
    store.add_deposit(
        records.Deposit(
            dataset_id=of, manifest_cid="", holder=holder, manifest_root=WORD, terms_cid="", private_cid="",
            title="", kind="voice", language="en", tags="", words="", items=1, duration_ms=1, at_s=0,
        ),
        recordings=[
            records.DepositedRecording(
                recording_id=bytes([n, index]) * 16, dataset_id=of, index=index, name="", cid="", object_id=WORD,
                duration_ms=1, voice_ids="", consent_ids="", verdict=0, metrics_digest=WORD, cluster=cluster,
                gate_version=1, signature=b"",
            )
            for index in indexes
        ],
        consents=(),
        custody=(),
    )  # fmt: skip


def mirrored(database: Database, *blocks: tuple[tuple[int, Address], ...]) -> None:
    """Each block registers these datasets in this order."""
    chain = FakeChain()
    for registered in (*blocks, (), (), ()):
        chain.mine(*(logged(events.DatasetRegistered(dataset(n), holder, *[WORD] * 4, 1)) for n, holder in registered))
    source = ChainSource([FakeNode(chain)], CONTRACTS.values(), CHAIN_ID)
    follower = Follower(
        source, ChainMirror(database), CONTRACTS, first_block=BlockNumber(1), finality="latest-2", clock=Still()
    )
    while follower.step().outcome != "current":
        pass


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_audio_is_a_copy_of_what_was_registered_first_not_of_what_stands_first_in_its_dataset(
    new_database: Callable[[], Database], order: tuple[int, int]
) -> None:
    database = new_database()
    store = CustodyStore(database)
    for n in order:
        deposit(store, n, ANNA if n == 1 else BEN, 7 if n == 1 else 0)
    mirrored(database, ((1, ANNA),), ((2, BEN),))
    assert store.earlier([SAME], CHRIS) == {SAME: Earlier(SAME, dataset(1), 7, ANNA)}


def test_within_a_block_the_earlier_log_counts_and_within_a_dataset_the_lowest_index(
    new_database: Callable[[], Database],
) -> None:
    database = new_database()
    store = CustodyStore(database)
    deposit(store, 2, BEN, 0)
    deposit(store, 1, ANNA, 9, 3)
    mirrored(database, ((1, ANNA), (2, BEN)))
    assert store.earlier([SAME], CHRIS) == {SAME: Earlier(SAME, dataset(1), 3, ANNA)}


def test_neither_ones_own_audio_nor_what_is_only_deposited_is_earlier(
    new_database: Callable[[], Database],
) -> None:
    database = new_database()
    store = CustodyStore(database)
    deposit(store, 1, ANNA, 0)
    deposit(store, 2, BEN, 0)
    deposit(store, 3, CHRIS, 0)
    mirrored(database, ((2, BEN),), ((1, ANNA),))
    assert store.earlier([SAME], BEN) == {SAME: Earlier(SAME, dataset(1), 0, ANNA)}
    assert store.earlier([SAME], ANNA) == {SAME: Earlier(SAME, dataset(2), 0, BEN)}
    assert store.earlier([Bytes32(b"\x22" * 32)], ANNA) == {}
