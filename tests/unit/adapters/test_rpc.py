"""An endpoint's reply is bounded in bytes and time, and a refusal that nobody knows is tried again at half."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from indexer.rpc import node as mirror
from indexer.rpc.node import Ask, BadAnswer, HttpNode, NoMethod, RangeTooLarge
from provenance.adapters import transport
from provenance.adapters.chain import NodeBusy, NodeSilent, Rpc, rpc
from provenance.adapters.chain.rpc import RpcRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[httpx2.Request], httpx2.Response]

BOMB = gzip.compress(b" " * (8 << 20))
HTML = b"<html><title>502 Bad Gateway</title></html>"


def wallet(answer: Answer) -> Rpc:
    made = Rpc(["http://node/key"])
    made._http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return made


def mirrored(answer: Answer) -> HttpNode:
    made = HttpNode("http://node/key")
    made._client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return made


def both(answer: Answer) -> list[Callable[[], Any]]:
    """One question of the wallet, and one of the mirror."""
    return [lambda: wallet(answer).call("eth_chainId"), lambda: mirrored(answer).ask([Ask("eth_chainId")])]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (502, HTML, NodeSilent),
        (503, b"", NodeSilent),
        (200, HTML, NodeSilent),
        (200, b"[" * 100_000, NodeSilent),
        (301, b"", NodeSilent),
        (429, b"", NodeBusy),
        (429, HTML, NodeBusy),
        (429, b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "no"}}', NodeBusy),
        (400, b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "Too Many Requests"}}', NodeBusy),
    ],
)
def test_the_wallet_and_the_mirror_call_a_failing_endpoint_the_same(status: int, body: bytes, error: type) -> None:
    for question in both(lambda _request: httpx2.Response(status, content=body, headers={"location": "http://other/"})):
        with pytest.raises(error) as caught:
            question()
        assert type(caught.value) is error
        assert "key" not in str(caught.value)
        assert caught.value.facts["rpc"] == "http://node"


def test_a_reply_is_counted_after_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "REPLY_BYTES", 1 << 20)
    answer: Answer = lambda _request: httpx2.Response(200, content=BOMB, headers={"content-encoding": "gzip"})  # noqa: E731
    assert len(BOMB) < 1 << 14
    with pytest.raises(RpcRefused, match="answers more than 1 MiB"):
        wallet(answer).call("eth_chainId")
    with pytest.raises(NodeSilent, match="answers more than 1 MiB"):
        mirrored(answer).ask([Ask("eth_chainId")])


def test_one_deadline_holds_however_slowly_the_bytes_come(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = [0.0]
    monkeypatch.setattr(transport.time, "monotonic", lambda: passed[0])

    def dripping() -> Iterator[bytes]:
        for byte in b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"}':
            passed[0] += 1
            yield bytes((byte,))

    for question in both(lambda _request: httpx2.Response(200, content=dripping())):
        began = passed[0]
        with pytest.raises(NodeSilent, match="within 20 s"):
            question()
        assert passed[0] - began == 20


def batch(limit: int, seen: list[int], error: dict[str, object], *, status: int = 200) -> Answer:
    """A node that takes `limit` calls at once."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls = json.loads(request.content)
        seen.append(len(calls))
        if len(calls) > limit:
            return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": error})
        return httpx2.Response(
            200, json=[{"jsonrpc": "2.0", "id": call["id"], "result": call["params"][0]} for call in calls]
        )

    return answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": -32600, "message": "Number of requests in batch exceeds --rpc-max-batch-size."}, 200),
        ({"code": -32000, "message": "a wording that nobody knows"}, 200),
        ({"code": -32000, "message": "a wording that nobody knows"}, 413),
    ],
)
def test_a_batch_that_is_refused_is_sent_again_at_half(error: dict[str, object], status: int) -> None:
    seen: list[int] = []
    asks = [Ask("eth_getBlockByNumber", (hex(n), False)) for n in range(250)]
    assert mirrored(batch(10, seen, error, status=status)).ask(asks) == [hex(n) for n in range(250)]
    assert seen[:5] == [100, 50, 25, 12, 6]
    assert len(seen) < 90


def test_a_413_without_json_is_a_batch_too_many() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        calls = json.loads(request.content)
        if len(calls) > 1:
            return httpx2.Response(413, content=HTML)
        return httpx2.Response(200, json=[{"id": 0, "result": "0x1"}])

    assert mirrored(answer).ask([Ask("a"), Ask("b"), Ask("c")]) == ["0x1"] * 3


@pytest.mark.parametrize("number", [0, None])
def test_a_batch_that_is_refused_in_one_answer_of_a_list_is_sent_again_at_half(number: int | None) -> None:
    """geth answers the first call alone. Source: go-ethereum rpc/handler.go, respondWithBatchTooLarge."""
    refused = {"jsonrpc": "2.0", "id": number, "error": {"code": -32600, "message": "batch too large"}}

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls = json.loads(request.content)
        if len(calls) > 10:
            return httpx2.Response(200, json=[refused])
        return httpx2.Response(200, json=[{"id": call["id"], "result": call["params"][0]} for call in calls])

    asks = [Ask("eth_getBlockByNumber", (hex(n), False)) for n in range(50)]
    assert mirrored(answer).ask(asks) == [hex(n) for n in range(50)]


PROXY = {"error": "Bad Gateway", "message": "the upstream is away"}


def test_a_proxy_that_answers_json_is_no_node_that_refuses() -> None:
    seen: list[int] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls = json.loads(request.content)
        seen.append(len(calls))
        return httpx2.Response(502, json=PROXY)

    with pytest.raises(NodeSilent, match="HTTP 502"):
        mirrored(answer).ask([Ask("a")] * 50)
    assert seen == [50]
    with pytest.raises(NodeSilent, match="HTTP 502"):
        wallet(lambda _request: httpx2.Response(502, json=PROXY)).call("eth_chainId")


def test_a_413_with_a_proxys_json_is_a_batch_too_many() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        calls = json.loads(request.content)
        if len(calls) > 1:
            return httpx2.Response(413, json={"message": "Request size limit exceeded"})
        return httpx2.Response(200, json=[{"id": 0, "result": "0x1"}])

    assert mirrored(answer).ask([Ask("a"), Ask("b"), Ask("c")]) == ["0x1"] * 3


def refusing(message: str) -> Answer:
    def answer(request: httpx2.Request) -> httpx2.Response:
        calls = json.loads(request.content)
        errors = [{"id": call["id"], "error": {"code": -32000, "message": message}} for call in calls]
        return httpx2.Response(200, json=errors)

    return answer


@pytest.mark.parametrize(("blocks", "kind"), [(2, RangeTooLarge), (1, NodeSilent)])
def test_a_refusal_nobody_knows_counts_only_at_one_block(blocks: int, kind: type) -> None:
    wanted = {"fromBlock": "0x10", "toBlock": hex(0x10 + blocks - 1), "address": []}
    with pytest.raises(kind) as caught:
        mirrored(refusing("a wording that nobody knows")).ask([Ask("eth_getLogs", (wanted,))])
    assert type(caught.value) is kind


def test_a_method_that_the_node_lacks_is_not_asked_for_again() -> None:
    seen: list[int] = []
    inner = refusing("rpc method is not whitelisted")

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(1)
        return inner(request)

    with pytest.raises(NoMethod):
        mirrored(answer).ask([Ask("eth_getBlockReceipts", (hex(n),)) for n in range(50)])
    assert seen == [1]


@pytest.mark.parametrize(
    "reply",
    [
        [], [{"id": 0}, None], [{"id": [0], "result": "0x1"}], [{"id": 0, "result": "0x1"}],
    ],
)  # fmt: skip
def test_an_answer_that_is_left_out_is_a_bad_one(reply: list[object]) -> None:
    node = mirrored(lambda _request: httpx2.Response(200, json=reply))
    with pytest.raises((BadAnswer, NodeSilent)):
        node.ask([Ask("a"), Ask("b")])


def test_a_node_without_batches_is_told_so() -> None:
    node = mirrored(lambda _request: httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": "0x1"}))
    with pytest.raises(NodeSilent, match="batches"):
        node.ask([Ask("a")])
    assert mirror.CALLS == 100
