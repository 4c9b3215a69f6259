"""The payouts' outbox, on every database that an operator may use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from indexer.payouts import Worker
from indexer.store.database import Database
from indexer.store.facts import BLOCKS, FACTS
from indexer.store.mirror import ChainMirror, Origin, Position
from indexer.store.outbox import NonceTaken, PayoutOutbox, ProposalNotFinal, SettlementFacts
from provenance.domain import events
from provenance.errors import Broken
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei
from tests.fakes.clocks import Still
from tests.fakes.content import MemoryContent
from tests.fakes.relays import FakeRelay, FakeSigner, settled

NewDatabase = Callable[[], Database]
CHANNEL = "31337:0x0e"
WORD = Bytes32(b"\x0a" * 32)


class Killed(BaseException):
    """`kill -9`."""


def payee(n: int) -> Address:
    return Address(n.to_bytes(20, "big"))


@pytest.mark.parametrize("step", ["planned", "SIGNED", "MINED"])
def test_a_killed_worker_goes_on_where_it_stood(new_database: NewDatabase, step: str) -> None:
    relay, content, database = FakeRelay(), MemoryContent(), new_database()
    owed = {payee(n): Wei(2**120 + n) for n in range(300)}
    relay.settlements.append(settled(content, 1, owed))

    def crossing(now: str) -> None:
        if now == step:
            raise Killed

    outbox = PayoutOutbox(database, CHANNEL)
    with pytest.raises(Killed):
        Worker(relay, outbox, FakeSigner(), Still(), crossing=crossing).run(content, relay)
    report = Worker(relay, outbox, FakeSigner(), Still()).run(content, relay)
    assert relay.paid() == owed
    assert outbox.open() == ()
    assert report.skipped == ()
    states = {
        line.payee: (line.cumulative, state) for line, state in outbox.lines(1, relay.settlements[0].leaves.tree.root)
    }
    assert states == {one: (amount, "PAID") for one, amount in owed.items()}


def test_one_nonce_belongs_to_one_payout(new_database: NewDatabase) -> None:
    outbox = PayoutOutbox(new_database(), CHANNEL)
    first, second = (outbox.get(outbox.plan(1, WORD, b"{}", (), UnixSeconds(1))) for _ in range(2))
    moved = outbox.move(first, "RESERVED", UnixSeconds(2), nonce=2**53)
    assert (moved.state, moved.nonce, outbox.last_nonce()) == ("RESERVED", 2**53, 2**53)
    with pytest.raises(NonceTaken):
        outbox.move(second, "RESERVED", UnixSeconds(2), nonce=2**53)
    assert [one.id for one in outbox.open()] == [first.id, second.id]


def test_a_payout_that_moved_is_not_moved_from_its_old_state(new_database: NewDatabase) -> None:
    outbox = PayoutOutbox(new_database(), CHANNEL)
    one = outbox.get(outbox.plan(1, WORD, b"{}", (), UnixSeconds(1)))
    outbox.move(one, "RESERVED", UnixSeconds(2), nonce=1)
    with pytest.raises(Broken, match="another worker"):
        outbox.move(one, "RESERVED", UnixSeconds(2), nonce=2)


def test_only_a_final_proposal_is_paid_and_the_highest_claim_counts(new_database: NewDatabase) -> None:
    database = new_database()
    mirror, still = ChainMirror(database), Still()
    start = mirror.begin(Origin(31_337, WORD, WORD, BlockNumber(1)), (0, WORD, bytes(32), 1))
    blocks = [(n, bytes([n]) * 32, bytes([n - 1]) * 32, n) for n in (1, 2)]
    rows = {
        BLOCKS: blocks,
        FACTS[events.SettlementProposed]: [
            (1, 0, 7, WORD, WORD, b"\x0b" * 32, 2**255, 9),
            (2, 0, 8, WORD, WORD, b"\x0c" * 32, 2**255, 9),
        ],
        FACTS[events.RoyaltyClaimed]: [
            (1, 1, payee(1), 7, payee(1), 9, 9),
            (2, 1, payee(1), 7, payee(1), 2**200, 2**200 + 9),
        ],
    }
    after = Position(BlockNumber(2), Bytes32(b"\x02" * 32), BlockNumber(1), Bytes32(b"\x01" * 32))
    mirror.commit(rows, start, after, keep=BlockNumber(0), now=still.now())
    mirrored = SettlementFacts(database)
    assert mirrored.proposal(7, WORD) == b"\x0b" * 32
    with pytest.raises(ProposalNotFinal, match="epoch 8"):
        mirrored.proposal(8, WORD)
    assert mirrored.claimed() == {payee(1): 2**200 + 9}
