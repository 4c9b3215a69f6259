from __future__ import annotations

import pytest

from indexer.blocks import may_hold
from indexer.follow import _narrower
from indexer.rpc import parse
from indexer.rpc.node import BadAnswer
from provenance.adapters.chain.wordings import proposed
from provenance.types import BlockNumber
from tests import logs

TOO_LARGE = (  # Alchemy's
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on "
    "the response size. Based on your parameters, this block range should work: [0x10, 0x2f]"
)


def test_a_suggested_range_is_taken_only_where_it_makes_sense() -> None:
    first, last = BlockNumber(16), BlockNumber(100)
    assert proposed(TOO_LARGE) == (16, 47)
    assert _narrower(first, last, (16, 47)) == 32
    for nonsense in (None, (16, 100), (16, 1_000), (20, 40), (0, 40)):
        assert _narrower(first, last, nonsense) == 42
    assert proposed("should work: [0x2f, 0x10]") is None
    assert proposed("try less") is None
    assert _narrower(first, BlockNumber(16), None) == 1


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "0x",
        {"number": "0x1"},
        {"number": 1, "hash": "0x" + "11" * 32, "parentHash": "0x" + "11" * 32, "timestamp": "0x1", "logsBloom": "0x"},
        {"number": "0x1", "hash": "0x11", "parentHash": "0x11", "timestamp": "0x1", "logsBloom": "0x"},
        {"number": "0xzz", "hash": "0x" + "11" * 32},
    ],
)
def test_what_is_no_block_is_a_bad_answer(answer: object) -> None:
    with pytest.raises(BadAnswer):
        parse.header(answer)


@pytest.mark.parametrize("answer", [None, {}, [None], [{"removed": True}], [{"blockNumber": "0x1"}]])
def test_what_is_no_list_of_logs_is_a_bad_answer(answer: object) -> None:
    with pytest.raises(BadAnswer):
        parse.logs(answer)


def test_a_filter_never_denies_what_it_holds() -> None:
    held = [b"testtest", b"test", b"hallo", b"other"]
    bloom = logs.bloom(held)
    assert all(may_hold(bloom, value) for value in held)
    assert not any(may_hold(bloom, value) for value in (b"tes", b"lo"))
