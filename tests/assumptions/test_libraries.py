"""What do we believe of our libraries? Each line of ours that rests on it is named."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3

import duckdb
import httpx2
import pytest
import rlp
from web3 import Web3

from provenance.adapters.transport import Deadline
from provenance.domain.hashes import keccak

BOUND_BITS = 126  # `domain/settlement`: the bit bound that is proved before an epoch is counted


def test_duckdb_sums_whole_numbers_exactly_up_to_the_bound_and_refuses_what_is_beyond() -> None:
    """`adapters/tally.py` sums HUGEINT; a sum that wrapped or became a float would be money."""
    big = (1 << BOUND_BITS - 1) - 1
    with duckdb.connect() as engine:
        [total] = engine.execute(f"SELECT sum(x::HUGEINT) FROM (VALUES ({big}), ({big}), (2)) v(x)").fetchone() or []
        assert total == 1 << BOUND_BITS
        with pytest.raises(duckdb.OutOfRangeException):
            engine.execute(f"SELECT sum(x::HUGEINT) FROM (VALUES ({(1 << 127) - 1}), (1)) v(x)").fetchone()


def test_sqlite_deletes_a_block_s_rows_only_where_foreign_keys_are_on() -> None:
    """`indexer/store/database.py` switches them on for each connection: a reorg is one DELETE."""
    for on, left in (("OFF", 1), ("ON", 0)):
        with sqlite3.connect(":memory:") as base:
            base.execute(f"PRAGMA foreign_keys = {on}")
            base.execute("CREATE TABLE blocks (number INTEGER PRIMARY KEY)")
            base.execute("CREATE TABLE rows (block INTEGER REFERENCES blocks ON DELETE CASCADE)")
            base.execute("INSERT INTO blocks VALUES (7)")
            base.execute("INSERT INTO rows VALUES (7)")
            base.execute("DELETE FROM blocks")
            assert base.execute("SELECT count(*) FROM rows").fetchone() == (left,)


def test_python_s_json_takes_one_of_two_equal_keys_and_numbers_that_are_none() -> None:
    """`domain/canonical.py` refuses both, so it cannot leave it to the library."""
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}
    assert json.loads("[NaN]") != [1]


def test_httpx2_follows_no_redirect_unless_told_and_raises_for_no_status() -> None:
    """`adapters/transport.py` and every reader of an answer's status."""
    elsewhere = httpx2.MockTransport(lambda request: httpx2.Response(302, headers={"location": "http://other.test/"}))
    with httpx2.Client(transport=elsewhere, follow_redirects=False) as client:
        assert client.get("http://here.test/").status_code == 302


def test_httpx2_unpacks_no_more_than_a_mebibyte_at_once() -> None:
    """`adapters/transport.py` counts what comes out: between two pieces it can stop."""
    packed = gzip.compress(bytes(64 << 20))
    sent = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, content=iter([packed]))
    )
    with httpx2.Client(transport=sent) as client, client.stream("GET", "http://here.test/") as answer:
        assert max(map(len, answer.iter_bytes())) == 1 << 20


def test_httpx2_hands_a_request_s_timeout_to_each_step_as_it_is() -> None:
    """`adapters/transport.py` counts it down there."""
    seen: list[object] = []

    def asked(request: httpx2.Request) -> httpx2.Response:
        seen.extend(request.extensions["timeout"].values())
        return httpx2.Response(200)

    deadline = Deadline(5)
    with httpx2.Client(transport=httpx2.MockTransport(asked)) as client:
        client.get("http://here.test/", timeout=deadline)
    assert len(seen) == 4
    assert all(timeout is deadline for timeout in seen)


def test_web3_hashes_as_we_do() -> None:
    """`domain/hashes.py` uses another implementation of Keccak-256."""
    data = os.urandom(300)
    assert bytes(Web3.keccak(data)) == keccak(data)


def test_rlp_is_that_of_the_yellow_paper():
    """Source: the Ethereum wiki's RLP examples."""
    assert rlp.encode(b"dog") == b"\x83dog"
    assert rlp.encode((b"cat", b"dog")) == b"\xc8\x83cat\x83dog"
    assert rlp.encode(()) == b"\xc0"
    assert rlp.encode(0) == b"\x80"
    assert rlp.encode(15) == b"\x0f"
    assert rlp.encode(1024) == b"\x82\x04\x00"
    assert rlp.encode(((), ((),), ((), ((),)))) == bytes.fromhex("c7c0c1c0c3c0c1c0")
    text = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit"
    assert rlp.encode(text) == b"\xb8\x38" + text
