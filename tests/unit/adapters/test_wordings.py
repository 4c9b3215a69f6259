"""What providers say when they refuse, word for word, and what it means; the wallet and the mirror read one list."""

from __future__ import annotations

import pytest

from indexer.rpc.node import NodeBehind, NoMethod, RangeTooLarge, refusal
from provenance.adapters.chain.rpc import NodeBusy, NodeSilent, RpcRefused, answered
from provenance.adapters.chain.wordings import Meaning, meaning, narrowable, of_status, proposed

ALCHEMY = (
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
    "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
    "parameters and the response size limit, this block range should work: [0x10, 0x2f]"
)
NARROWER = [
    (-32602, ALCHEMY),
    (-32600, "You can make eth_getLogs requests with up to a 500 block range. Based on your parameters, this block range should work: [0x123c9b2, 0x123cba5]"),
    (-32000, "Log response size exceeded. Please reduce query block range."),
    (-32005, "query returned more than 10000 results. Try with this block range [0xBDE5F8, 0x102DBCC]."),  # Infura
    (-32602, "range 1000000 exceeds limit of 10000"),  # Infura, since 2026
    (-32005, "query timeout exceeded"),
    (-32614, "eth_getLogs is limited to a 10,000 range"),  # QuickNode
    (-32602, "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range"),
    (-32047, "Max range: 800"),  # Cloudflare
    (-32602, "exceed maximum block range: 5000"),  # BlockPI
    (-32000, "Block range limit exceeded. See more details at the documentation."),  # Chainstack
    (-32602, "maximum [from, to] blocks distance: 10000"),  # Ankr
    (-32000, "block range is too wide"),
    (-32000, "block range too large"),
    (-32600, "block range too high"),
    (-32000, "block range is larger than max block range, block range = 5120, max block range = 5000"),  # Morph
    (-32008, "Response is too big"),  # zkSync, Monad and whoever serves with jsonrpsee
    (-32003, "Response size exceeds the limit of 10485760 bytes"),
    (-32702, "response size exceeded"),
    (-32602, "query exceeds max block range 5000"),  # reth
    (-32602, "query exceeds max results 20000, retry with the range 1-2"),
    (-32000, "requested too many blocks from 0 to 16777216, maximum is set to 2048"),  # Avalanche
    (-32000, "Cannot request logs over more than 1000 blocks"),  # Etherlink
    (-32701, "Please limit the query to at most 1000 blocks. More than 1000 blocks are not allowed"),
    (35, "ranges over 10000 blocks are not supported on freetier"),  # dRPC
    (-32000, "logs matched by query exceeds limit of 10000"),  # Nitro
    (-32005, "limit exceeded"),  # BNB Smart Chain
    (-32005, ""),
    (-32002, "request timed out"),
    (-32600, "Number of requests in batch exceeds --rpc-max-batch-size."),  # Besu
    (-32600, "batch too large"),  # geth
    (-32000, "Batch size limit exceeded."),  # Nethermind
    (31, "Batch of more than 3 requests are not allowed on free tier, to use this feature register paid account"),
    (413, "Request Entity Too Large"),
]  # fmt: skip
BUSY = [
    (429, "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message."),
    (-32005, "daily request count exceeded, request rate limited"),  # Infura
    (-32005, "project ID request rate exceeded"),
    (-32007, "50/second request limit reached - reduce calls per second or upgrade your account"),  # QuickNode
    (-32012, "credits limited to 6000/sec"),
    (-32000, "you are out of credits"),
    (-32005, "rate limit exceeded, try again in 10s"),
    (-32090, "Too many requests, reason: call rate limit exhausted, retry in 10s"),  # Polygon's public endpoint
    (-32016, "over rate limit"),
    (-32029, "Rate limit exceeded"),
    (-32000, "Too Many Requests"),
    (429, ""),
    (-32097, "Rate limit exceeded, please slow down"),
    (-32000, "Monthly capacity limit exceeded. Visit your dashboard to upgrade."),
    (15, "Too many request, try again later"),
]  # fmt: skip
BEHIND = [
    (-32000, "header not found"),
    (-32000, "unknown block"),
    (-39001, "Unknown block"),
    (-32602, "block range extends beyond current head block"),  # go-ethereum
    (-32000, "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found."),
    (-32000, "cannot query unfinalized data: requested block is after last accepted block"),  # Avalanche
]
NO_METHOD = [
    (-32601, "x"),
    (-32601, "the method eth_getBlockReceipts does not exist/is not available"),
    (-32000, "Method eth_getBlockReceipts not supported."),
    (-32001, "rpc method is not whitelisted"),
    (-32004, "method not available on your plan"),
    (-32600, "Unsupported method: eth_getBlockReceipts on ETH_MAINNET"),
]
OTHERS = [
    (Meaning.REVERTED, -32000, "CONTRACT_REVERT_EXECUTED"),
    (Meaning.REVERTED, 3, "execution reverted: rate limit exceeded"),
    (Meaning.REVERTED, -32000, "VM Exception while processing transaction: revert"),
    (Meaning.HELD, -32000, "already known"),
    (Meaning.HELD, -32010, "AlreadyKnown"),  # Nethermind
    (Meaning.HELD, -32003, "transaction already imported"),  # Anvil
    (Meaning.NONCE_TAKEN, -32000, "nonce too low: next nonce 6, tx nonce 5"),
    (Meaning.NONCE_TAKEN, -32000, "replacement transaction underpriced"),
    (Meaning.NONCE_TAKEN, -32000, "the tx doesn't have the correct nonce. account has nonce of: 1 tx has nonce of: 0"),
    (Meaning.NO_FUNDS, -32000, "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1"),
    (Meaning.NO_FUNDS, -32000, "sender doesn't have enough funds to send tx"),
    (Meaning.UNKNOWN, -32000, "something new"),
    (Meaning.UNKNOWN, -32603, "Internal error"),
]  # fmt: skip
CORPUS = [
    *((Meaning.NARROWER, code, message) for code, message in NARROWER),
    *((Meaning.BUSY, code, message) for code, message in BUSY),
    *((Meaning.BEHIND, code, message) for code, message in BEHIND),
    *((Meaning.NO_METHOD, code, message) for code, message in NO_METHOD),
    *OTHERS,
]


@pytest.mark.parametrize(("meant", "code", "message"), CORPUS)
def test_every_wording_means_one_thing_to_the_wallet_and_to_the_mirror(meant: Meaning, code: int, message: str) -> None:
    assert meaning(message, code) is meant
    reply = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}
    with pytest.raises(NodeBusy if meant is Meaning.BUSY else RpcRefused) as caught:
        answered(reply, "eth_getLogs", "http://node")
    if meant is Meaning.BUSY:
        return
    assert isinstance(caught.value, RpcRefused)
    assert caught.value.meaning is meant
    many, single = (refusal("http://node", caught.value, blocks) for blocks in (2, 1))
    kinds = {Meaning.NO_METHOD: NoMethod, Meaning.BEHIND: NodeBehind}
    assert type(single) is kinds.get(meant, NodeSilent)
    assert type(many) is (RangeTooLarge if narrowable(meant) else type(single))


def test_http_statuses_without_json_rpc_have_a_meaning() -> None:
    assert [of_status(status) for status in (429, 413, 502, 503, 408, 404, 200)] == [
        Meaning.BUSY, Meaning.NARROWER, Meaning.SILENT, Meaning.SILENT, Meaning.SILENT, Meaning.SILENT, Meaning.SILENT,
    ]  # fmt: skip


def test_a_code_that_is_no_number_says_nothing() -> None:
    assert [meaning("", code) for code in ("429", None, 4.29, [429])] == [Meaning.UNKNOWN] * 4


def test_a_proposal_is_read_only_where_its_blocks_stand_in_order() -> None:
    assert proposed(ALCHEMY) == (0x10, 0x2F)
    assert proposed("Try with this block range [0xBDE5F8, 0x102DBCC].") == (0xBDE5F8, 0x102DBCC)
    for nonsense in ("should work: [0x2f, 0x10]", "try less", "[0x1]", f"[0x{'f' * 4_000}, 0x{'f' * 4_001}]"):
        assert proposed(nonsense) is None
