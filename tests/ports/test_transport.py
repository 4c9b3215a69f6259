"""A peer that answers at length, slowly or in another coding costs no memory and no wait; no proxy comes in between.

Every client of ours meets the same peers: of a node, of the mirror's node, of a gateway, of content.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from indexer.rpc.node import Ask, HttpNode
from provenance.adapters import transport
from provenance.adapters.chain import NodeSilent, Rpc
from provenance.adapters.chain.rpc import REPLY_BYTES, RpcRefused
from provenance.adapters.content.gateway import Served, SourceUnusable, Trustless
from provenance.adapters.content.ipfs import Client as Ipfs, Rpc as Kubo
from provenance.adapters.keys.keystore import SystemRandom
from provenance.adapters.remote import ANSWER_BYTES, GatewayDiffers, GatewaySilent, HttpGateway
from provenance.domain.cid import of_raw
from provenance.errors import Invalid, ProvenanceError
from tests.fakes.chain import deployment
from tests.fakes.clocks import Still

TIMEOUT_S = 0.5
SMALL = of_raw(b"{}")
JSON = b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"}'

Behavior = Callable[[socket.socket], None]


class Peer:
    """Answers each connection as it likes, once a request's headers are there."""

    def __init__(self, behavior: Behavior, host: str = "127.0.0.1") -> None:
        self.behavior, self.heads, self.stopped = behavior, list[bytes](), threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._answer, args=(self.listener.accept()[0],), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (part := connection.recv(65_536)):
                head += part
            self.heads.append(head)
            while not self.stopped.is_set():
                self.behavior(connection)


def once(raw: bytes) -> Behavior:
    def answer(connection: socket.socket) -> None:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65_536)
        connection.close()

    return answer


def body(octets: bytes, coding: str = "") -> bytes:
    named = f"Content-Encoding: {coding}\r\n" if coding else ""
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(octets)}\r\n{named}\r\n".encode() + octets


def dripping(begin: bytes, drop: bytes) -> Behavior:
    """Never silent for as long as a read may take, and never done."""
    begun: set[socket.socket] = set()

    def answer(connection: socket.socket) -> None:
        if connection not in begun:
            begun.add(connection)
            connection.sendall(begin)
        time.sleep(TIMEOUT_S / 20)
        connection.sendall(drop)

    return answer


EMPTY_BLOCK = b"\0\0\0\xff\xff"  # of a deflate stream: five bytes that unpack to none
DRIPS = {
    "status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "early hints": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "a body that unpacks to nothing": dripping(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n" + gzip.compress(b"")[:10],
        EMPTY_BLOCK,
    ),
    "nothing": dripping(b"", b""),
}


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    peers: list[Peer] = []

    def start(behavior: Behavior, host: str = "127.0.0.1") -> Peer:
        peers.append(Peer(behavior, host))
        return peers[-1]

    yield start
    for each in peers:
        each.stopped.set()
        each.listener.close()


def gateway(url: str) -> HttpGateway:
    return HttpGateway(url, deployment(), Still(), SystemRandom(), timeout_s=TIMEOUT_S)


QUESTIONS: dict[str, tuple[Callable[[str], object], type[ProvenanceError]]] = {
    "node": (lambda url: Rpc([url], timeout_s=TIMEOUT_S).call("eth_chainId"), NodeSilent),
    "mirror": (lambda url: HttpNode(url, timeout_s=TIMEOUT_S).ask([Ask("eth_chainId")]), NodeSilent),
    "gateway": (lambda url: gateway(url).health(), GatewaySilent),
    "content of the gateway": (lambda url: list(gateway(url)._content(SMALL)), GatewaySilent),
    "content": (lambda url: list(Served(url, deadline_s=TIMEOUT_S).stream(SMALL)), SourceUnusable),
    "a block": (lambda url: Trustless(url, deadline_s=TIMEOUT_S).block(SMALL), SourceUnusable),
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS.keys())
@pytest.mark.parametrize(("question", "error"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_one_deadline_holds_for_status_headers_and_body(
    peer: Callable[..., Peer], question: Callable[[str], object], error: type[ProvenanceError], drip: Behavior
) -> None:
    url, began = peer(drip).url, time.monotonic()
    with pytest.raises(error) as refused:
        question(url)
    assert time.monotonic() - began < 10 * TIMEOUT_S
    assert refused.value.next_step


def test_a_peer_that_takes_nothing_of_a_large_request_is_left(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.adapters.remote.SLOWEST_BYTES_PER_S", 1 << 30)
    url, began = peer(dripping(b"", b"")).url, time.monotonic()
    with pytest.raises(GatewaySilent):
        gateway(url)._send("PUT", "/v1/content/x", body=bytes(64 << 20), retry=False)
    assert time.monotonic() - began < 10 * TIMEOUT_S


CODINGS = {
    "gzip twice": ("gzip, gzip", lambda octets: gzip.compress(gzip.compress(octets))),
    "gzip in two headers": ("gzip\r\nContent-Encoding: gzip", lambda octets: gzip.compress(gzip.compress(octets))),
    "deflate": ("deflate", zlib.compress),
    "br": ("br", lambda octets: octets),
    "zstd": ("zstd", lambda octets: octets),
    "words": ("\x1b[2J", lambda octets: octets),
}


@pytest.mark.parametrize(("coding", "pack"), CODINGS.values(), ids=CODINGS.keys())
@pytest.mark.parametrize("name", ["node", "mirror", "gateway", "content of the gateway"])
def test_a_coding_that_was_not_asked_for_is_not_unpacked(
    peer: Callable[..., Peer], name: str, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    question, error = QUESTIONS[name]
    asked = peer(once(body(pack(JSON), coding)))
    with pytest.raises(error):
        question(asked.url)
    assert b"accept-encoding: gzip\r\n" in asked.heads[0].lower()


def test_gzip_that_was_asked_for_is_unpacked(peer: Callable[..., Peer]) -> None:
    assert QUESTIONS["node"][0](peer(once(body(gzip.compress(JSON), "gzip"))).url) == "0x1"
    assert QUESTIONS["gateway"][0](peer(once(body(gzip.compress(b'{"status": "alive"}'), "gzip"))).url)


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """1.6 MB that unpack to 1.5 GB; its end is never read."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + piece * 1_500


@pytest.mark.parametrize(
    ("name", "error", "words", "cap_bytes"),
    [
        ("node", RpcRefused, "more than 64 MiB", REPLY_BYTES),
        ("mirror", NodeSilent, "more than 64 MiB", REPLY_BYTES),
        ("gateway", GatewayDiffers, f"longer than {ANSWER_BYTES} bytes", ANSWER_BYTES),
    ],
)
def test_a_bomb_costs_no_more_memory_than_the_largest_answer(
    peer: Callable[..., Peer],
    bomb: bytes,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: type[Exception],
    words: str,
    cap_bytes: int,
) -> None:
    monkeypatch.setattr("tests.ports.test_transport.TIMEOUT_S", 60.0)  # the size ends it, not the time
    assert len(bomb) < 1_700_000
    url = peer(once(body(bomb, "gzip"))).url
    tracemalloc.start()
    try:
        with pytest.raises(error, match=words):
            QUESTIONS[name][0](url)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * cap_bytes


# Proxies

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
HERE = ["127.0.0.1", "127.8.9.10", "::1", "localhost"]
CLIENTS: dict[str, Callable[[str], Any]] = {
    **{name: question for name, (question, _) in QUESTIONS.items()},
    "Kubo": lambda url: Kubo(url, deadline_s=TIMEOUT_S).block(SMALL),
}


@pytest.fixture
def proxy(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> Peer:
    """The environment's proxy for everything."""
    trap = peer(once(body(JSON)))
    for name in PROXIES:
        monkeypatch.setenv(name, trap.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return trap


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("name", CLIENTS)
def test_what_is_meant_for_this_machine_goes_through_no_proxy(
    peer: Callable[..., Peer], proxy: Peer, name: str, host: str
) -> None:
    asked = peer(once(body(JSON)), "127.0.0.1" if host == "localhost" else host)
    with suppress(ProvenanceError):
        CLIENTS[name](f"http://localhost:{asked.port}" if host == "localhost" else asked.url)
    assert (len(asked.heads) > 0, proxy.heads) == (True, [])


def test_the_package_of_kubo_neither(peer: Callable[..., Peer], proxy: Peer) -> None:
    asked = peer(once(body(b"{}")))
    with suppress(ProvenanceError):
        Ipfs(f"/ip4/127.0.0.1/tcp/{asked.port}/http", deadline_s=TIMEOUT_S).block(SMALL)
    assert (len(asked.heads) > 0, proxy.heads) == (True, [])


def test_what_is_elsewhere_goes_through_the_proxy(peer: Callable[..., Peer], proxy: Peer) -> None:
    here = peer(once(body(JSON)))
    node = Rpc(["http://node.example", here.url], timeout_s=TIMEOUT_S)
    assert node.call("eth_chainId") == "0x1"
    assert len(proxy.heads) == 1
    assert proxy.heads[0].startswith(b"POST http://node.example/ ")
    assert here.heads == []


def test_one_deadline_holds_through_a_proxy_too(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, peer(DRIPS["headers"]).url)
    began = time.monotonic()
    with pytest.raises(NodeSilent, match="within"):
        Rpc(["http://node.example"], timeout_s=TIMEOUT_S).call("eth_chainId")
    assert time.monotonic() - began < 10 * TIMEOUT_S


@pytest.mark.parametrize("named", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1", "http://[::1"])
def test_a_proxy_of_a_kind_that_is_not_supported_is_named_and_no_matter_for_this_machine(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, named)
    assert QUESTIONS["node"][0](peer(once(body(JSON))).url) == "0x1"
    with pytest.raises(transport.ProxyUnusable) as refused:
        Rpc(["http://node.example"])
    assert isinstance(refused.value, Invalid)
    assert "ALL_PROXY" in refused.value.next_step
