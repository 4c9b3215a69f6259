from __future__ import annotations

import pytest

from indexer.blocks import may_hold
from indexer.follow import _narrower
from indexer.rpc import parse
from indexer.rpc.node import BadAnswer, NodeBehind, NodeSilent, NoMethod, RangeTooLarge, refusal, suggestion
from provenance.types import BlockNumber
from tests import logs

TOO_LARGE = [
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on "  # noqa: ISC004
    "the response size. Based on your parameters, this block range should work: [0x10, 0x2f]",  # Alchemy
    "query returned more than 10000 results. Try with this block range [0x1, 0x2].",  # Infura
    "eth_getLogs is limited to a 10,000 range",  # QuickNode
    "Max range: 800",  # Cloudflare
    "block range is too wide",
    "exceed maximum block range: 5000",  # BlockPI
    "Block range limit exceeded. See more details at the documentation.",  # Chainstack
    "requested too many blocks from 0 to 16777216, maximum is set to 2048",
    "query exceeds max results 20000, retry with the range 1-2",
]


@pytest.mark.parametrize("message", TOO_LARGE)
def test_every_provider_s_wording_of_a_range_limit_is_understood(message: str) -> None:
    assert isinstance(refusal("n", {"code": -32602, "message": message}), RangeTooLarge)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Too Many Requests", NodeSilent),
        ("Your app has exceeded its compute units per second capacity", NodeSilent),
        ("rate limit exceeded, try again in 10s", NodeSilent),
        ("header not found", NodeBehind),
        ("One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.", NodeBehind),
        ("Method eth_getBlockReceipts not supported.", NoMethod),
        ("the method eth_getBlockReceipts does not exist/is not available", NoMethod),
        ("something new", NodeSilent),
    ],
)
def test_other_refusals_are_waited_out_or_worked_around(message: str, kind: type) -> None:
    assert type(refusal("n", {"code": -32000, "message": message})) is kind


def test_an_error_that_is_no_object_is_a_bad_answer() -> None:
    assert isinstance(refusal("n", None), BadAnswer)
    assert isinstance(refusal("n", {"code": -32601, "message": "x"}), NoMethod)


def test_a_suggested_range_is_taken_only_where_it_makes_sense() -> None:
    first, last = BlockNumber(16), BlockNumber(100)
    assert suggestion(TOO_LARGE[0]) == (16, 47)
    assert _narrower(first, last, (16, 47)) == 32
    for nonsense in (None, (16, 100), (16, 1_000), (20, 40), (0, 40)):
        assert _narrower(first, last, nonsense) == 42
    assert suggestion("should work: [0x2f, 0x10]") is None
    assert suggestion("try less") is None
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
