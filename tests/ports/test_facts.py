"""The mirrored facts, on every database that an operator may use."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel

from indexer import records
from indexer.follow import Follower
from indexer.rpc.source import ChainSource
from indexer.store import state
from indexer.store.bulk import insert
from indexer.store.database import (
    AlreadyRunning,
    BadDatabase,
    Database,
    DatabaseBusy,
    DatabaseUnavailable,
    OldSchema,
    connect,
    open_database,
)
from indexer.store.facts import BLOCKS, FACTS, LOGS, decoded
from indexer.store.history import History
from indexer.store.mirror import ChainMirror, NotMirrored, Position
from indexer.verify import RowDiffers, compare
from provenance.domain import events
from provenance.domain.facts import merged
from provenance.errors import Conflict
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds
from tests.fakes.clocks import Still
from tests.fakes.nodes import CHAIN_ID, CONTRACTS, FakeChain, FakeNode, logged

SCHEMA = Path(__file__).parents[1] / "golden/schema.sql"
NewDatabase = Callable[[], Database]
HOLDER, LICENSEE, OTHER = (Address(bytes([n]) * 20) for n in (0x51, 0x52, 0x53))
DATASET, LICENSE = (Bytes32(bytes([n]) * 32) for n in (0x61, 0x62))


def licensed_chain() -> FakeChain:
    """A dataset, a license under it, some money, a stranger's dataset."""
    chain = FakeChain()
    word = bytes(32)
    chain.mine(logged(events.DatasetRegistered(DATASET, HOLDER, word, word, word, word, 3)))
    chain.mine(logged(events.DatasetRegistered(Bytes32(b"\x77" * 32), OTHER, word, word, word, word, 1)))
    chain.mine(
        logged(
            events.LicenseGranted(LICENSE, DATASET, LICENSEE, HOLDER, word, 1, 2_000_000_000, 30, OTHER, 2**128 - 1)
        ),
        logged(events.Funded(LICENSEE, LICENSE, 2**256 - 1)),
    )
    for i in range(20):
        chain.mine(logged(events.Funded(OTHER, Bytes32(bytes([i]) * 32), i)))
    return chain


def follower(database: Database, chain: FakeChain) -> Follower:
    source = ChainSource([FakeNode(chain)], CONTRACTS.values(), CHAIN_ID)
    return Follower(
        source, ChainMirror(database), CONTRACTS, first_block=BlockNumber(1), finality="latest-2", clock=Still()
    )


def mirrored(database: Database, chain: FakeChain) -> Database:
    one = follower(database, chain)
    while one.step().outcome != "current":
        pass
    return database


def test_the_schema_is_what_the_tables_say(new_database: NewDatabase) -> None:
    with new_database().read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        seen = inspect(connection)
        for table in SQLModel.metadata.sorted_tables:
            keys = seen.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key.columns]
            references = {
                (tuple(key["constrained_columns"]), key["referred_table"], key["options"].get("ondelete"))
                for key in seen.get_foreign_keys(table.name)
            }
            assert references == {
                (tuple(key.column_keys), key.referred_table.name, key.ondelete) for key in table.foreign_key_constraints
            }
    assert records.Payout.metadata is BLOCKS.metadata


def test_the_table_of_a_newer_event_is_made_by_an_upgrade(new_database: NewDatabase) -> None:
    database = new_database()
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE pause_set")
    if not database.is_sqlite:
        with pytest.raises(OldSchema, match="tables for pause_set"):
            open_database(database.url.render_as_string(hide_password=False))
    database.upgrade()
    assert database.missing_facts() == frozenset()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_facts_come_back_in_chain_order(new_database: NewDatabase) -> None:
    history = History(mirrored(new_database(), licensed_chain()), CONTRACTS)
    found = list(history.upto(BlockNumber(23)))
    assert [(one.block.number, one.log_index) for one in found] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (3, 1),
        *((i, 0) for i in range(4, 24)),
    ]
    assert found[3].event == events.Funded(LICENSEE, LICENSE, 2**256 - 1)
    assert found[3].contract == CONTRACTS["RoyaltyDistributor"]


def test_the_events_about_an_id_or_account_are_found(new_database: NewDatabase) -> None:
    history = History(mirrored(new_database(), licensed_chain()), CONTRACTS)
    about = history.events_about(LICENSE, last=BlockNumber(23))
    assert [type(one.event).__name__ for one in about] == ["LicenseGranted", "Funded"]
    both = merged(about, history.events_about(DATASET, HOLDER, last=BlockNumber(23)))
    assert [type(one.event).__name__ for one in both] == ["DatasetRegistered", "LicenseGranted", "Funded"]
    assert history.events_about(LICENSE, last=BlockNumber(2)) == ()


def test_nothing_is_answered_beyond_the_mirror(new_database: NewDatabase) -> None:
    database = new_database()
    history = History(database, CONTRACTS)
    with pytest.raises(NotMirrored, match="nothing has been mirrored"):
        history.head()
    mirrored(database, licensed_chain())
    for question in (
        lambda: list(history.upto(BlockNumber(24))),
        lambda: history.events_about(LICENSE, last=BlockNumber(24)),
        lambda: history.block(BlockNumber(24)),
    ):
        with pytest.raises(NotMirrored):
            question()


def test_head_and_final_are_blocks_of_the_chain(new_database: NewDatabase) -> None:
    chain = licensed_chain()
    history = History(mirrored(new_database(), chain), CONTRACTS)
    for block, number in ((history.head(), 23), (history.head(final=True), 21), (history.block(BlockNumber(7)), 7)):
        true = chain.blocks[number]
        assert (block.number, block.hash, block.time) == (true.number, true.hash, true.time)


def test_a_dead_block_takes_its_facts_along(new_database: NewDatabase) -> None:
    chain = licensed_chain()
    database = mirrored(new_database(), chain)
    chain.fork(22)
    chain.mine(logged(events.MeterAdmitted(OTHER)))
    mirrored(database, chain)
    with database.read() as connection:
        counts = {table.name: len(connection.execute(table.select()).all()) for table in FACTS.values()}
        logs = len(connection.execute(LOGS.select()).all())
    assert {name: count for name, count in counts.items() if count} == {"dataset_registered": 1, "meter_admitted": 1}
    assert logs == 2


def test_a_fact_without_its_block_is_refused(new_database: NewDatabase) -> None:
    database = new_database()
    with pytest.raises(Exception, match=r"(?i)foreign key"), database.write() as connection:
        insert(connection, FACTS[events.MeterAdmitted], [(5, 0, OTHER)])


def test_block_rows_and_cursor_are_one_transaction(new_database: NewDatabase) -> None:
    database = mirrored(new_database(), licensed_chain())
    mirror = ChainMirror(database)
    before = mirror.position()
    assert before is not None
    after = Position(BlockNumber(24), Bytes32(b"\x01" * 32), before.final, before.final_hash)
    rows = {BLOCKS: [(24, b"\x01" * 32, before.hash, 1)], FACTS[events.MeterAdmitted]: [(25, 0, OTHER)]}
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        mirror.commit(rows, before, after, keep=before.number, now=UnixSeconds(1))
    assert mirror.position() == before
    assert mirror.hash_at(BlockNumber(24)) is None


def test_a_cursor_that_another_moved_is_not_moved_again(new_database: NewDatabase) -> None:
    database = mirrored(new_database(), licensed_chain())
    mirror = ChainMirror(database)
    before = mirror.position()
    assert before is not None
    stale = Position(BlockNumber(5), before.hash, before.final, before.final_hash)
    with pytest.raises(Conflict, match="another follower"):
        mirror.commit({}, stale, before, keep=BlockNumber(23), now=UnixSeconds(1))
    assert mirror.position() == before


def test_one_worker_holds_a_lock_and_the_next_gives_up_within_two_seconds(new_database: NewDatabase) -> None:
    database = new_database()
    second = connect(database.url.render_as_string(hide_password=False))
    with database.lock("follow"):
        started = time.monotonic()
        with pytest.raises(AlreadyRunning), second.lock("follow"):
            pass
        assert time.monotonic() - started < 2
        with second.lock("pay"):
            pass
    with second.lock("follow"):
        pass
    second.dispose()


def test_readers_see_one_moment_while_a_writer_goes_on(new_database: NewDatabase) -> None:
    chain = licensed_chain()
    database = mirrored(new_database(), chain)
    history = History(database, CONTRACTS)
    stream = history.upto(BlockNumber(23))
    first = next(iter(stream))
    chain.fork(23)
    for i in range(25):
        chain.mine(logged(events.Funded(OTHER, LICENSE, i)))
    mirrored(database, chain)
    rest = list(stream)
    assert first.event == events.DatasetRegistered(DATASET, HOLDER, *(bytes(32),) * 4, 3)
    assert len(rest) == 23
    assert all(one.block.number >= 2 for one in rest)


def test_two_writers_wait_for_each_other(new_database: NewDatabase) -> None:
    database = new_database()
    mirror = ChainMirror(database)
    failures: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(20):
                mirror.release("x", UnixSeconds(1))
        except Exception as error:  # noqa: BLE001 - shown by the main thread
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_digests_are_the_same_on_every_database(new_database: NewDatabase) -> None:
    database = mirrored(new_database(), licensed_chain())
    known = re.findall(r"^sqlite: CREATE TABLE (\w+)", SCHEMA.read_text("utf-8"), re.MULTILINE)
    digests = state.digests(database, BlockNumber(23))
    digest = state.digest({name: digests[name] for name in digests if name in known})  # an event more changes no other
    assert digest.hex() == "2044f829bd10f691d82ed0a69334659a967b9081347e5ffd711f86a0f2b1e785"


def test_what_differs_from_the_chain_is_named(new_database: NewDatabase) -> None:
    chain = licensed_chain()
    database = mirrored(new_database(), chain)
    source = ChainSource([FakeNode(chain)], CONTRACTS.values(), CHAIN_ID)
    verified = compare(source, ChainMirror(database), CONTRACTS, BlockNumber(1), BlockNumber(23))
    assert verified.rows == 23 + 24 + 24
    funded = FACTS[events.Funded]
    with database.write() as connection:
        connection.execute(funded.update().where(funded.c.block == 9).values(received=6))
    with pytest.raises(RowDiffers, match="funded: the row of block 9, log 0 is"):
        compare(source, ChainMirror(database), CONTRACTS, BlockNumber(1), BlockNumber(23))
    with database.write() as connection:
        connection.execute(funded.update().where(funded.c.block == 9).values(received=5))
        connection.execute(funded.delete().where(funded.c.block == 11))
    with pytest.raises(RowDiffers, match="funded: the row of block 11, log 0 is missing in SQL"):
        compare(source, ChainMirror(database), CONTRACTS, BlockNumber(1), BlockNumber(23))


def test_facts_are_made_again_from_raw_logs(new_database: NewDatabase) -> None:
    database = mirrored(new_database(), licensed_chain())
    before = state.digests(database, BlockNumber(23))
    names = {address: name for name, address in CONTRACTS.items()}
    with database.write() as connection:
        connection.execute(FACTS[events.Funded].delete())
    count = ChainMirror(database).redecode(lambda contract, topics, data: decoded(names[contract], topics, data))
    assert count == 24
    assert state.digests(database, BlockNumber(23)) == before


def test_the_widest_integers_sort_like_integers(new_database: NewDatabase) -> None:
    chain = FakeChain()
    amounts = [0, 1, 9, 10, 2**63, 2**64, 10**77, 2**256 - 1]
    chain.mine(*(logged(events.Funded(OTHER, LICENSE, amount)) for amount in reversed(amounts)))
    funded = FACTS[events.Funded]
    with mirrored(new_database(), chain).read() as connection:
        query = funded.select().order_by(funded.c.received)
        found = [row.received for row in connection.execute(query)]
    assert found == amounts
    assert all(type(one) is int for one in found)


def test_only_databases_that_several_processes_can_share_are_opened() -> None:
    for url in ("sqlite://", "sqlite:///:memory:", "mysql://x/y", "://"):
        with pytest.raises(BadDatabase):
            connect(url)


def test_an_old_schema_is_refused_where_others_may_use_it(postgres_url: str) -> None:
    with pytest.raises(OldSchema, match="nothing"):
        open_database(postgres_url + "postgres")


def test_connections_that_the_server_closed_are_made_anew(new_database: NewDatabase) -> None:
    database, chain = new_database(), licensed_chain()
    one = follower(database, chain)
    one.step()
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
    assert len(list(History(mirrored(database, chain), CONTRACTS).upto(BlockNumber(23)))) == 24


def test_a_file_that_another_process_holds_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.store.database.BUSY_S", 0.1)
    file = tmp_path / "node.db"
    database = open_database(f"sqlite:///{file}")
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseBusy, match=f"another process holds {file}: database is locked") as held:
            mirrored(database, licensed_chain())
    assert "Start the database" not in held.value.next_step
    mirrored(database, licensed_chain())
    database.dispose()


def test_a_full_disk_changes_nothing_and_is_waited_out(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    chain = licensed_chain()
    mirrored(database, chain)
    before = ChainMirror(database).position()
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    for i in range(2_000):
        chain.mine(logged(events.Funded(OTHER, LICENSE, i)))
    with pytest.raises(DatabaseUnavailable, match="full"):
        mirrored(database, chain)
    assert ChainMirror(database).position() == before
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    mirrored(database, chain)
    assert len(list(History(database, CONTRACTS).upto(BlockNumber(2_023)))) == 2_024
    database.dispose()
