from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from indexer import calls, payouts
from indexer.payouts import NothingToPay, Worker
from indexer.store.database import Database
from indexer.store.outbox import PayoutOutbox
from provenance.app.ports import Call
from provenance.domain.fees import FeeAboveLimit
from provenance.domain.settlement.documents import payee_leaf
from provenance.errors import Conflict, Unavailable
from provenance.types import Address, Wei
from tests import proofs
from tests.fakes.clocks import Still
from tests.fakes.content import MemoryContent
from tests.fakes.relays import CHAIN_ID, DISTRIBUTOR, FakeRelay, FakeSigner, settled
from tests.unit.indexer.conftest import NewDatabase

NOW_S = [0.0]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' own pauses are what moves their clock, so nobody waits for it."""
    monkeypatch.setattr(payouts, "time", SimpleNamespace(monotonic=lambda: NOW_S[0]))


def pause(_seconds: float) -> None:
    NOW_S[0] += 10


class Killed(BaseException):
    """`kill -9`: nothing is cleaned up."""


def payee(n: int) -> Address:
    return Address(n.to_bytes(20, "big"))


def world(amounts: dict[int, int]) -> tuple[FakeRelay, MemoryContent]:
    relay, content = FakeRelay(), MemoryContent()
    relay.settlements.append(settled(content, 1, {payee(n): Wei(amount) for n, amount in amounts.items()}))
    return relay, content


def worker(relay: FakeRelay, database: Database, crossing: Callable[[str], None] = lambda _: None) -> Worker:
    return Worker(relay, PayoutOutbox(database, "31337:0x0e"), FakeSigner(), Still(), sleep=pause, crossing=crossing)


def dies_at(step: str, count: int = 1) -> Callable[[str], None]:
    left = [count]

    def crossing(now: str) -> None:
        left[0] -= now == step
        if left[0] == 0 and now == step:
            raise Killed

    return crossing


STEPS = ("planned", "RESERVED", "SIGNED", "sent", "BROADCAST", "MINED", "FINAL")


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_after_any_step_pays_nobody_twice(new_database: NewDatabase, step: str) -> None:
    relay, content = world({1: 5, 2: 7, 3: 0x10**30})
    database = new_database()
    with pytest.raises(Killed):
        worker(relay, database, dies_at(step)).run(content, relay)
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5, payee(2): 7, payee(3): 0x10**30}
    sent = [one for block in relay.blocks for one in block]
    assert len(sent) == 1
    assert worker(relay, database).run(content, relay).mined == ()


def test_the_same_bytes_are_sent_again_after_a_crash(new_database: NewDatabase) -> None:
    relay, content = world({1: 5})
    database = new_database()
    with pytest.raises(Killed):
        worker(relay, database, dies_at("SIGNED")).run(content, relay)
    (kept,) = relay.known
    worker(relay, database).run(content, relay)
    assert list(relay.known) == [kept]


def test_a_second_run_has_nothing_to_do(new_database: NewDatabase) -> None:
    relay, content = world({1: 5})
    database = new_database()
    first = worker(relay, database).run(content, relay)
    assert (first.paid, first.amount, first.skipped) == (1, 5, ())
    second = worker(relay, database).run(content, relay)
    assert (second.paid, second.mined) == (0, ())


def test_a_blocked_payee_is_skipped_and_the_others_are_paid(new_database: NewDatabase) -> None:
    relay, content = world({1: 5, 2: 7, 3: 9})
    relay.blocked = {payee(2)}
    database = new_database()
    report = worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5, payee(3): 9}
    assert report.skipped == ((payee(2), "the transfer failed"),)
    assert worker(relay, database).run(content, relay).mined == ()
    relay.blocked.clear()
    assert worker(relay, database).run(content, relay, retry=True).paid == 1
    assert relay.paid()[payee(2)] == 7


def test_what_was_held_is_tried_again_in_the_next_epoch(new_database: NewDatabase) -> None:
    relay, content = world({1: 5, 2: 7})
    relay.blocked = {payee(2)}
    database = new_database()
    worker(relay, database).run(content, relay)
    relay.blocked.clear()
    relay.settlements.append(settled(content, 2, {payee(1): Wei(6), payee(2): Wei(7)}))
    report = worker(relay, database).run(content, relay)
    assert (report.epoch, report.paid, report.amount) == (2, 2, 8)


def test_a_dropped_transaction_is_sent_again(new_database: NewDatabase) -> None:
    relay, content = world({1: 5})
    database = new_database()
    with pytest.raises(Killed):
        worker(relay, database, dies_at("BROADCAST")).run(content, relay)
    relay.pool.clear()
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5}
    assert len(relay.known) == 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize("drops", [1, 3, 5])
def test_broadcasts_dropped_again_and_again_are_raised_and_sent_until_the_worker_gives_up(
    new_database: NewDatabase, drops: int
) -> None:
    relay, content = world({1: 5})
    relay.dropped = drops
    worker(relay, new_database()).run(content, relay)
    assert relay.paid() == {payee(1): 5}
    assert relay.dropped == 0


def test_a_lost_answer_costs_nobody_anything(new_database: NewDatabase) -> None:
    relay, content = world({1: 5})
    relay.lost_answers = 1
    database = new_database()
    with pytest.raises(Unavailable):
        worker(relay, database).run(content, relay)
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("step", ["RESERVED", "SIGNED", "BROADCAST"])
def test_a_stolen_nonce_gives_the_payout_another(new_database: NewDatabase, step: str) -> None:
    relay, content = world({1: 5})
    database = new_database()
    with pytest.raises(Killed):
        worker(relay, database, dies_at(step)).run(content, relay)
    relay.steal()
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5}


def test_a_reorg_after_mined_goes_back_to_broadcast(new_database: NewDatabase) -> None:
    relay, content = world({1: 5})
    relay.depth = 3
    database = new_database()
    assert worker(relay, database).run(content, relay).not_final == 1
    for _ in range(2):
        relay.reorganize(1)
        assert relay.paid() == {}
        worker(relay, database).run(content, relay)
        assert relay.paid() == {payee(1): 5}
    relay.blocks += [[], [], []]
    worker(relay, database).run(content, relay)
    assert PayoutOutbox(database, "31337:0x0e").open() == ()


def test_a_transaction_that_waits_too_long_is_replaced_under_its_nonce(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def sleep(_seconds: float) -> None:
        now[0] += 10

    monkeypatch.setattr(payouts.time, "monotonic", lambda: now[0])
    relay, content = world({1: 5})
    relay.stalls = 60
    outbox = PayoutOutbox(new_database(), "31337:0x0e")
    Worker(relay, outbox, FakeSigner(), Still(), sleep=sleep).run(content, relay)
    assert relay.paid() == {payee(1): 5}
    fees = sorted(one.fee for one in relay.known.values())
    assert len(fees) > 1
    assert all(after * 100 >= before * 110 for before, after in pairwise(fees))
    assert {one.nonce for one in relay.known.values()} == {0}


def test_a_price_above_the_limit_stops_the_run_and_the_payout_waits_for_a_lower_one(new_database: NewDatabase) -> None:
    relay, content = world({1: 5})
    database = new_database()
    relay.gas_price = 501 * 10**9
    with pytest.raises(FeeAboveLimit, match="500 gwei"):
        worker(relay, database).run(content, relay)
    assert relay.known == {}
    relay.gas_price = 100
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5}


def test_a_payout_that_waits_is_not_raised_above_the_limit(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    relay, content = world({1: 5})

    def sleep(_seconds: float) -> None:
        now[0] += 10
        relay.gas_price = 10**15  # what the node says from now on

    monkeypatch.setattr(payouts.time, "monotonic", lambda: now[0])
    relay.stalls = 60
    database = new_database()
    with pytest.raises(FeeAboveLimit):
        Worker(relay, PayoutOutbox(database, "31337:0x0e"), FakeSigner(), Still(), sleep=sleep).run(content, relay)
    assert [sent.fee for sent in relay.known.values()] == [100]
    relay.stalls = 0
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5}


def test_a_transaction_that_is_never_mined_is_left_for_the_next_run(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def sleep(_seconds: float) -> None:
        now[0] += 30

    monkeypatch.setattr(payouts.time, "monotonic", lambda: now[0])
    relay, content = world({1: 5})
    relay.stalls = 10_000
    database = new_database()
    one = Worker(relay, PayoutOutbox(database, "31337:0x0e"), FakeSigner(), Still(), sleep=sleep)
    with pytest.raises(payouts.NotMined):
        one.run(content, relay)
    relay.stalls = 0
    worker(relay, database).run(content, relay)
    assert relay.paid() == {payee(1): 5}


def test_nothing_is_paid_before_a_settlement_is_active(new_database: NewDatabase) -> None:
    with pytest.raises(NothingToPay):
        worker(FakeRelay(), new_database()).run(MemoryContent(), FakeRelay())


def test_two_workers_cannot_use_one_nonce(new_database: NewDatabase) -> None:
    database = new_database()
    outbox, still = PayoutOutbox(database, "c"), Still()
    root = b"\1" * 32
    ids = [outbox.plan(1, root, b"{}", (), still.now()) for _ in range(2)]
    first, second = (outbox.get(one) for one in ids)
    outbox.move(first, "RESERVED", still.now(), nonce=4)
    with pytest.raises(Conflict, match="nonce"):
        outbox.move(second, "RESERVED", still.now(), nonce=4)


chaos = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.sampled_from([*STEPS, ""]), st.integers(1, 3)),
        st.tuples(st.just("reorganize"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("steal"), st.just(0), st.just(0)),
        st.tuples(st.just("drop"), st.just(0), st.just(0)),
        st.tuples(st.just("lose"), st.just(0), st.just(0)),
        st.tuples(st.just("settle"), st.integers(0, 5), st.integers(0, 9)),
        st.tuples(st.just("grow"), st.integers(1, 3), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=chaos)
def test_whatever_happens_everybody_is_paid_once(
    new_database: NewDatabase, history: list[tuple[str, int | str, int]]
) -> None:
    relay, content = world({1: 5, 2: 7, 3: 9})
    relay.depth = 2
    database = new_database()
    for name, what, count in history:
        happen(name, what, count, relay, content, database)
    relay.dropped = relay.lost_answers = 0
    worker(relay, database).run(content, relay)
    owed = {one: amount for one, amount in relay.settlements[-1].leaves.cumulative.items() if amount}
    assert relay.paid() == owed


def happen(
    name: str, what: int | str, count: int, relay: FakeRelay, content: MemoryContent, database: Database
) -> None:
    match name, what:
        case "run", str() as step:
            with suppress(Killed, Unavailable, Conflict):
                worker(relay, database, dies_at(step, count)).run(content, relay)
        case "reorganize", int() as blocks:
            relay.reorganize(blocks)
        case "steal", _:
            relay.steal()
        case "drop", _:
            relay.dropped += 1
        case "lose", _:
            relay.lost_answers += 1
        case "settle", int() as who:
            before = relay.settlements[-1]
            grown = dict(before.leaves.cumulative)
            grown[payee(who + 1)] = Wei(grown.get(payee(who + 1), 0) + count)
            relay.settlements.append(settled(content, before.epoch + 1, grown))
        case "grow", int() as blocks:
            relay.blocks += [[] for _ in range(blocks)]


# --- which transactions


@settings(max_examples=60, deadline=None)
@given(
    amounts=st.dictionaries(st.integers(1, 10**6), st.integers(1, 2**200), min_size=1, max_size=600),
    share=st.integers(0, 100),
)
def test_batches_hold_everybody_who_is_due_once_with_a_proof(amounts: dict[int, int], share: int) -> None:
    content = MemoryContent()
    leaves = settled(content, 3, {payee(n): Wei(amount) for n, amount in amounts.items()}).leaves
    wanted = {payee(n): Wei(amount) for i, (n, amount) in enumerate(amounts.items()) if i * 37 % 100 < share}
    found = calls.batches(3, leaves, wanted)
    lines = [line for batch in found for line in batch.lines]
    assert {line.payee: line.cumulative for line in lines} == wanted
    assert len(lines) == len(wanted)
    for batch in found:
        proves(batch.call, leaves.tree.root)


def proves(call: Call, root: bytes) -> None:
    if call.function == "claimMany":
        for who, cumulative, proof in call.args[1]:
            leaf = payee_leaf(CHAIN_ID, DISTRIBUTOR, who, cumulative)
            assert proofs.climb(leaf, proof) == root
        assert len(call.args[1]) <= 100
    else:
        leaves = [payee_leaf(CHAIN_ID, DISTRIBUTOR, who, cumulative) for who, cumulative in call.args[1]]
        assert proofs.climb(proofs.rebuild(leaves), call.args[2]) == root
        assert len(leaves) <= 256


def test_a_call_is_read_back_as_it_was_kept() -> None:
    call = Call("RoyaltyDistributor", "claimMany", (7, ((payee(1), 2**255, (b"\1" * 32, b"\2" * 32)),)))
    assert calls.decode(calls.encode(call)) == call
