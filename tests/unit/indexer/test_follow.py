from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from structlog.testing import capture_logs

from indexer.follow import Follower, Step, forever
from indexer.rpc.node import Ask, BadAnswer, NodeBehind
from indexer.rpc.source import ChainSource, NodesDisagree, WrongChain
from indexer.store import state
from indexer.store.database import Database
from indexer.store.facts import FACTS, LOGS, QUARANTINE
from indexer.store.history import History
from indexer.store.mirror import ChainMirror, OtherChain
from provenance.adapters.chain import NodeSilent
from provenance.domain import events
from provenance.errors import Unavailable
from provenance.types import BlockNumber, Json, UnixSeconds
from tests.fakes.clocks import Still
from tests.fakes.nodes import CHAIN_ID, CONTRACTS, FAULTS, STRANGER, FakeChain, FakeLog, FakeNode, logged
from tests.unit.indexer.conftest import NewDatabase


def follower(database: Database, *nodes: FakeNode, finality: str = "latest-64", first_block: int = 1) -> Follower:
    return Follower(
        ChainSource(nodes, CONTRACTS.values(), CHAIN_ID),
        ChainMirror(database),
        CONTRACTS,
        first_block=BlockNumber(first_block),
        finality=finality,
        clock=Still(),
    )


def settle(one: Follower, tries: int = 400) -> Step:
    """Step until nothing changes any more; nodes may refuse meanwhile."""
    for _ in range(tries):
        try:
            step = one.step()
        except Unavailable:
            continue
        if step.outcome == "current":
            return step
    raise AssertionError("the follower never settled")


def state_of(database: Database) -> dict[str, bytes]:
    position = ChainMirror(database).position()
    assert position is not None
    return dict(state.digests(database, position.number))


def funding(amount: int, memo: int = 1) -> FakeLog:
    return logged(events.Funded(b"\x11" * 20, memo.to_bytes(32, "big"), amount))


# --- one law for everything

mine = st.tuples(st.just("mine"), st.lists(st.integers(0, 2**256 - 1), max_size=3))
operations = st.lists(
    st.one_of(
        mine,
        mine,
        st.tuples(st.just("fork"), st.integers(1, 12)),
        st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
        st.tuples(st.just("step"), st.integers(1, 3)),
        st.tuples(st.just("lag"), st.integers(0, 3)),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=operations, widest=st.integers(1, 9), receipts=st.booleans())
def test_any_history_ends_like_a_fresh_replay(
    new_database: NewDatabase, history: list[tuple[str, object]], widest: int, receipts: bool
) -> None:
    new_database.give_back()  # of the history before
    chain = FakeChain()
    node = FakeNode(chain, widest=widest, receipts=receipts)
    database = new_database()
    one = follower(database, node)
    for name, value in history:
        _play(name, value, chain, node, one)
    node.faults.clear()
    node.lag = 0
    chain.mine(funding(7))
    while len(chain.blocks) <= (ChainMirror(database).position() or _zero()).number:
        chain.mine()  # a chain that became shorter grows past the mirror, as real ones do
    settle(one)

    fresh = new_database()
    settle(follower(fresh, FakeNode(chain)))
    assert state_of(database) == state_of(fresh)
    assert sum(1 for _ in _events(fresh)) == sum(len(block.logs) for block in chain.blocks)


def _zero() -> object:
    class Zero:
        number = 0

    return Zero()


def _events(database: Database) -> list[object]:
    position = ChainMirror(database).position()
    assert position is not None
    return list(History(database, CONTRACTS).upto(position.number))


def _play(name: str, value: object, chain: FakeChain, node: FakeNode, one: Follower) -> None:
    match name, value:
        case "mine", list() as amounts:
            chain.mine(*(funding(amount) for amount in amounts))
        case "fork", int() as depth:
            chain.fork(depth)
            chain.mine(funding(depth))
        case "fault", str() as fault:
            node.faults.append(fault)
        case "lag", int() as blocks:
            node.lag = blocks
        case "step", int() as times:
            for _ in range(times):
                try:
                    one.step()
                except Unavailable:
                    continue


@pytest.mark.parametrize("depth", [1, 2, 31, 63, 64])
def test_a_reorg_of_any_depth_leaves_nothing_behind(new_database: NewDatabase, depth: int) -> None:
    chain = FakeChain()
    for i in range(70):
        chain.mine(funding(i))
    database = new_database()
    one = follower(database, FakeNode(chain), finality="latest-64")
    settle(one)
    chain.fork(depth)
    for i in range(depth + 1):
        chain.mine(funding(1_000 + i))
    assert one.step().outcome == "forked"
    settle(one)
    fresh = new_database()
    settle(follower(fresh, FakeNode(chain)))
    assert state_of(database) == state_of(fresh)
    assert ChainMirror(database).halts() == ()


def test_a_branch_that_is_shorter_is_followed_too(new_database: NewDatabase) -> None:
    chain = FakeChain()
    for i in range(10):
        chain.mine(funding(i))
    database = new_database()
    one = follower(database, FakeNode(chain))
    settle(one)
    chain.fork(8)
    chain.mine(funding(99))
    assert settle(one).position.number == 3
    assert len(_events(database)) == 3


def test_a_head_that_sinks_without_a_fork_changes_nothing(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(5):
        chain.mine(funding(i))
    node = FakeNode(chain)
    one = follower(database, node)
    before = settle(one).position
    node.lag = 3
    step = one.step()
    assert (step.outcome, step.position, step.head) == ("behind", before, 2)
    assert len(_events(database)) == 5


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_head_just_behind_the_mirror_changes_nothing(new_database: NewDatabase, blocks: int) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(5):
        chain.mine(funding(i))
    node = FakeNode(chain)
    one = follower(database, node)
    before = settle(one).position
    node.lag = blocks
    assert one.step() == Step("behind", before, BlockNumber(5 - blocks))
    node.lag = 0
    chain.mine(funding(5))
    assert settle(one).position.number == 6


class Tagged(FakeNode):
    """Which block a tag names may go back, or lag behind the blocks that the node gives."""

    tag, number = "finalized", 0

    def _block(self, tag: str) -> Json:
        return super()._block(hex(self.number) if tag == self.tag else tag)


def test_a_node_says_itself_that_it_has_seen_the_range(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(6):
        chain.mine(funding(i))
    lagging = Tagged(chain, "http://lagging")
    lagging.tag, lagging.number = "latest", 5
    source = ChainSource([lagging], CONTRACTS.values(), CHAIN_ID)
    with pytest.raises(NodeBehind, match="has not reached block 6"):
        source.span(BlockNumber(1), BlockNumber(6), chain.blocks[0].hash)
    assert len(source.span(BlockNumber(1), BlockNumber(5), chain.blocks[0].hash).headers) == 5
    others = [FakeNode(chain, f"http://{name}") for name in "ab"]
    assert settle(follower(database, lagging, *others)).position.number == 6


def test_the_head_is_the_last_mirrored_block_and_final_what_the_cursor_says(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(6):
        chain.mine(funding(i))
    settle(follower(database, FakeNode(chain), finality="latest-2"))
    history = History(database, CONTRACTS)
    assert (history.head().number, history.head().hash) == (6, chain.blocks[6].hash)
    assert (history.head(final=True).number, history.head(final=True).hash) == (4, chain.blocks[4].hash)


def test_the_final_block_never_goes_backwards(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(12):
        chain.mine(funding(i))
    node = Tagged(chain)
    node.number = 8
    one = follower(database, node, finality="finalized")
    final = settle(one).position
    assert (final.final, final.final_hash) == (8, chain.blocks[8].hash)
    node.number = 7
    assert one.step() == Step("current", final, BlockNumber(12))
    assert ChainMirror(database).position() == final
    chain.mine(funding(12))
    assert one.step().outcome == "advanced"
    position = ChainMirror(database).position()
    assert position is not None
    assert (position.number, position.final, position.final_hash) == (13, 8, chain.blocks[8].hash)


def test_a_reorg_of_exactly_the_last_final_block_halts_payouts(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(12):
        chain.mine(funding(i))
    one = follower(database, FakeNode(chain), finality="latest-4")
    assert settle(one).position.final == 8
    chain.fork(5)  # blocks 8 to 12
    for i in range(6):
        chain.mine(funding(50 + i))
    settle(one)
    (halt,) = ChainMirror(database).halts()
    assert (halt.fork, halt.final) == (7, 8)


def test_a_reorg_below_finality_is_on_record_until_released(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(12):
        chain.mine(funding(i))
    one = follower(database, FakeNode(chain), finality="latest-4")
    assert settle(one).position.final == 8
    chain.fork(6)
    for i in range(8):
        chain.mine(funding(50 + i))
    settle(one)
    mirror = ChainMirror(database)
    (halt,) = mirror.halts()
    assert (halt.fork, halt.final, halt.at_s) == (6, 8, Still().now())
    fresh = new_database()
    settle(follower(fresh, FakeNode(chain)))
    assert state_of(database) == state_of(fresh)
    assert mirror.release("two clients had the same bug", UnixSeconds(1_800_000_100)) == 1
    assert mirror.halts() == ()


def test_a_reorg_above_finality_halts_nothing(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(12):
        chain.mine(funding(i))
    one = follower(database, FakeNode(chain), finality="latest-4")
    settle(one)
    chain.fork(4)
    for i in range(5):
        chain.mine(funding(50 + i))
    settle(one)
    assert ChainMirror(database).halts() == ()


def test_final_is_what_the_node_says_where_the_setting_asks_it(new_database: NewDatabase) -> None:
    chain = FakeChain()
    for i in range(12):
        chain.mine(funding(i))
    for tag, expected in (("safe", 10), ("finalized", 8)):
        position = settle(follower(new_database(), FakeNode(chain), finality=tag)).position
        assert (position.number, position.final) == (12, expected)


# --- nodes that lie


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_answer_is_never_committed(new_database: NewDatabase, fault: str) -> None:
    chain, database = FakeChain(), new_database()
    node = FakeNode(chain)
    one = follower(database, node)
    settle(one)
    for i in range(6):
        chain.mine(funding(i), funding(i + 100))
    node.faults = deque([fault])
    for _ in range(12):
        with contextlib.suppress(Unavailable):
            one.step()
        stored = len(_events(database))
        assert stored == 2 * (ChainMirror(database).position() or _zero()).number
    assert stored == 12
    assert not node.faults


def test_a_lagging_node_is_asked_for_nothing_it_has_not_seen(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(6):
        chain.mine(funding(i))
    lagging = FakeNode(chain, "http://lagging", lag=4)
    others = [FakeNode(chain, f"http://{name}") for name in "ab"]
    assert settle(follower(database, lagging, *others)).position.number == 6
    assert len(_events(database)) == 6


def test_one_liar_of_three_is_outvoted(new_database: NewDatabase) -> None:
    chain, other = FakeChain(), FakeChain()
    for i in range(6):
        chain.mine(funding(i))
        other.mine(funding(i + 1))
    database = new_database()
    nodes = [FakeNode(other, "http://liar"), FakeNode(chain, "http://a"), FakeNode(chain, "http://b")]
    settle(follower(database, *nodes))
    received = [logged.event.received for logged in _events(database)]
    assert received == list(range(6))


def test_a_dead_node_rests_while_the_others_answer(new_database: NewDatabase) -> None:
    chain = FakeChain()
    dead = FakeNode(chain, "http://dead", faults=deque(["silent"] * 1_000))
    now = [0]
    source = ChainSource(
        [dead, FakeNode(chain, "http://a"), FakeNode(chain, "http://b")],
        CONTRACTS.values(),
        CHAIN_ID,
        now_ms=lambda: now[0],
        jitter_ppm=lambda: 1_000_000,
    )
    one = Follower(
        source, ChainMirror(new_database()), CONTRACTS, first_block=BlockNumber(1), finality="latest-0", clock=Still()
    )
    for i in range(20):
        chain.mine(funding(i))
        settle(one)
    assert dead.asked == 3
    now[0] = 2_000
    chain.mine(funding(1))
    settle(one)
    assert dead.asked == 4
    dead.faults.clear()
    now[0] = 10_000
    chain.mine(funding(1))
    settle(one)
    assert dead.asked > 5


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_is_over(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = FakeChain()
    node = FakeNode(chain, faults=deque(["silent"] * 3))

    class Enough(Exception):
        pass

    def told(_: Step) -> None:
        raise Enough

    monkeypatch.setattr(time, "sleep", lambda _s: None)
    chain.mine(funding(1))
    with capture_logs() as log, pytest.raises(Enough):
        forever(follower(new_database(), node), poll_s=0, told=told)
    mine = [entry for entry in log if not entry["event"].startswith("stamina.")]
    assert [(entry["event"], entry["log_level"]) for entry in mine] == [("waiting", "warning"), ("going on", "warning")]
    assert mine[0]["why"]
    assert (mine[0]["next"], mine[1]["block"]) == (NodeSilent.next, 1)
    assert not node.faults


def test_two_nodes_that_disagree_hold_the_mirror(new_database: NewDatabase) -> None:
    chain, other = FakeChain(), FakeChain()
    for i in range(6):
        chain.mine(funding(i))
        other.mine(funding(i + 1))
    one = follower(new_database(), FakeNode(chain, "http://a"), FakeNode(other, "http://b"))
    for _ in range(3):
        with pytest.raises((NodesDisagree, BadAnswer)):
            one.step()
    assert (one.mirror.position() or _zero()).number == 0


def test_a_node_of_another_chain_is_refused(new_database: NewDatabase) -> None:
    with pytest.raises(WrongChain, match="chain 1, expected 31337"):
        follower(new_database(), FakeNode(FakeChain(), chain_id=1)).step()


def test_a_database_keeps_to_one_chain(new_database: NewDatabase) -> None:
    database = new_database()
    settle(follower(database, FakeNode(FakeChain())))
    other = FakeChain()
    other.blocks = [other.blocks[0].__class__(0, bytes(32), 1_600_000_000, (), 9)]
    with pytest.raises(OtherChain):
        follower(database, FakeNode(other)).step()


def test_ranges_shrink_to_what_a_node_allows_and_grow_again(new_database: NewDatabase) -> None:
    chain = FakeChain()
    for i in range(200):
        chain.mine(funding(i))
    node = FakeNode(chain, widest=3)
    database = new_database()
    one = follower(database, node)
    settle(one)
    assert len(_events(database)) == 200
    node.widest = 1_000
    asked = node.asked
    for i in range(200):
        chain.mine(funding(i))
    settle(one)
    assert node.asked - asked < 60
    assert len(_events(database)) == 400


def test_a_range_limit_of_one_block_is_no_endless_loop(new_database: NewDatabase) -> None:
    chain = FakeChain()
    chain.mine(funding(1))
    with pytest.raises(Unavailable):
        follower(new_database(), FakeNode(chain, widest=0)).step()


# --- what enters


def test_the_largest_amounts_and_strangers_are_kept_exactly(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    odd = FakeLog(CONTRACTS["RoyaltyDistributor"], (b"\x01" * 32,), b"\0not ours")
    bad = FakeLog(CONTRACTS["RoyaltyDistributor"], logged(events.MeterAdmitted(b"\1" * 20)).topics, b"")
    broken = FakeLog(funding(1).contract, funding(1).topics, b"\xff" * 33)
    none = FakeLog(CONTRACTS["DataAccess"], (), b"")
    chain.mine(funding(2**256 - 1), FakeLog(STRANGER, funding(5).topics, funding(5).data), odd, bad, broken, none)
    settle(follower(database, FakeNode(chain)))
    assert [logged.event.received for logged in _events(database)] == [2**256 - 1]
    with database.read() as connection:
        kept = connection.execute(LOGS.select()).all()
        quarantined = connection.execute(QUARANTINE.select()).all()
        funded = connection.execute(FACTS[events.Funded].select()).all()
    assert len(kept) == 5
    assert [row.log_index for row in quarantined] == [4]
    assert [row.received for row in funded] == [2**256 - 1]


def test_every_event_becomes_its_row(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    made = [_example(event) for event in events.EVENTS]
    chain.mine(*(logged(event) for event in made))
    settle(follower(database, FakeNode(chain)))
    assert [one.event for one in _events(database)] == made
    with database.read() as connection:
        rows = {table: connection.execute(table.select()).one() for table in FACTS.values()}
    assert len(rows) == len(made)
    by_table = {table.name: tuple(row)[2:] for table, row in rows.items()}
    for event in made:
        name = "".join("_" + c.lower() if c.isupper() else c for c in type(event).__name__).removeprefix("_")
        assert by_table[name] == tuple(getattr(event, field.name) for field in fields(event))


def _example(event: type[events.Event]) -> events.Event:
    counter = itertools.count(1)
    values: list[bytes | int | bool] = []
    for kind, _, _ in events.arguments(event):
        i = next(counter)
        if kind == "bool":
            values.append(True)
        elif kind.startswith("uint"):
            values.append(2 ** int(kind[4:]) - i)
        else:
            values.append(bytes([i]) * (20 if kind == "address" else 32))
    return event(*values)


def test_facts_before_the_deployment_are_not_asked_for(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(9):
        chain.mine(funding(i))
    settle(follower(database, FakeNode(chain), first_block=5))
    assert [one.block.number for one in _events(database)] == [5, 6, 7, 8, 9]


def test_a_fork_below_the_deployment_is_followed_and_halts(new_database: NewDatabase) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(9):
        chain.mine(funding(i))
    one = follower(database, FakeNode(chain), first_block=5, finality="latest-2")
    settle(one)
    chain.fork(8)
    for i in range(10):
        chain.mine(funding(i + 50))
    settle(one)
    assert len(ChainMirror(database).halts()) == 1
    assert [log.event.received for log in _events(database) if log.block.number >= 5] == list(range(53, 60))


@pytest.mark.parametrize("at", range(1, 9))
def test_a_fork_between_two_questions_is_noticed(new_database: NewDatabase, at: int) -> None:
    chain, database = FakeChain(), new_database()
    for i in range(6):
        chain.mine(funding(i))
    node = Restless(chain)
    one = follower(database, node)
    settle(one)
    chain.mine(funding(6))
    node.forks_after = at
    settle(one)
    fresh = new_database()
    settle(follower(fresh, FakeNode(chain)))
    assert state_of(database) == state_of(fresh)


class Restless(FakeNode):
    """Its chain forks after so many more questions."""

    forks_after = 0

    def ask(self, asks: Sequence[Ask]) -> list[Json]:
        self.forks_after -= 1
        if self.forks_after == 0:
            self.chain.fork(3)
            for i in range(5):
                self.chain.mine(funding(i + 100))
        return super().ask(asks)


def test_a_node_that_is_behind_is_named(new_database: NewDatabase) -> None:
    chain = FakeChain()
    with pytest.raises(NodeBehind):
        follower(new_database(), FakeNode(chain), first_block=5).step()
