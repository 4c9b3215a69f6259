"""A misbehaving HTTP server is refused in time, and a good one read to the byte."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provenance.adapters.content import unixfs
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing
from provenance.adapters.content.gateway import ContentClosed, Served, SourceUnusable, Trustless
from provenance.adapters.content.mirror import Mirror
from provenance.adapters.keys.keystore import SystemRandom
from provenance.adapters.remote import HttpGateway
from provenance.domain.cid import of_raw
from provenance.errors import Invalid, ProvenanceError
from tests.fakes.chain import deployment
from tests.fakes.clocks import Still

LEAF = unixfs.LEAF_BYTES
DATA = b"".join(bytes([i]) * LEAF for i in range(3)) + b"the end"
LEAVES = unixfs.leaves_of([DATA])
CID = unixfs.root(LEAVES)
SMALL = of_raw(b"{}")
BLOCKS = {str(block.cid): block.data for block in unixfs.nodes(LEAVES)} | {
    str(of_raw(leaf)): leaf for leaf in [*unixfs.rechunk([DATA]), b"{}"]
}

Behavior = Callable[[BaseHTTPRequestHandler], None]


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def good(handler: BaseHTTPRequestHandler) -> None:
    """Blocks under /ipfs/, whole objects with ranges under /v1/content/."""
    name = handler.path.split("?")[0].split("/")[-1]
    if handler.path.startswith("/ipfs/") and name in BLOCKS:
        return answer(handler, 200, BLOCKS[name])
    if handler.path.startswith("/v1/content/") and name in (str(CID), str(SMALL)):
        body = DATA if name == str(CID) else b"{}"
        wanted = handler.headers.get("Range")
        if wanted is None:
            return answer(handler, 200, body)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        return answer(handler, 206, body[start:]) if start < len(body) else answer(handler, 416, b"")
    return answer(handler, 404, b"")


def flipped(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"x" + BLOCKS.get(handler.path.split("?")[0].split("/")[-1], DATA)[1:])


def web_page(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"<html>Welcome</html>", Content_Type="text/html; charset=utf-8")


def redirect(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 302, b"", Location="/ipfs/" + str(SMALL))


def failing(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 500, b"")


def truncated(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"{", Content_Length="2")


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(LEAF))


def hanging(handler: BaseHTTPRequestHandler) -> None:
    handler.server.stopped.wait(20)  # type: ignore[attr-defined]


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.stopped.wait(0.05):  # type: ignore[attr-defined]
        handler.wfile.write(b"x")
        handler.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behavior: Behavior) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    behavior(self)

            do_HEAD = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)
        self.stopped = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def serve() -> Iterator[Callable[[Behavior], str]]:
    servers = []

    def start(behavior: Behavior) -> str:
        server = Server(behavior)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server.url

    yield start
    for server in servers:
        server.stopped.set()
        server.shutdown()
        server.server_close()


Serve = Callable[[Behavior], str]


def test_any_ipfs_gateway_is_read_block_by_block(serve: Serve) -> None:
    source = Trustless(serve(good) + "/")
    assert b"".join(source.stream(CID)) == DATA
    assert b"".join(source.stream(CID, start=2 * LEAF + 1)) == DATA[2 * LEAF + 1 :]
    assert source.block(SMALL) == b"{}"
    assert (source.has(CID), source.has(of_raw(b"nothing"))) == (True, False)


def test_a_gateway_of_this_network_is_read_whole_or_from_a_leaf_on(serve: Serve) -> None:
    source = Served(serve(good))
    assert b"".join(source.stream(CID)) == DATA
    assert b"".join(source.stream(CID, start=2 * LEAF)) == DATA[2 * LEAF :]
    assert b"".join(source.stream(CID, start=len(DATA))) == b""
    assert (source.has(CID), source.has(of_raw(b"nothing"))) == (True, False)


def test_who_asks_is_said_where_audio_needs_a_lease(serve: Serve) -> None:
    def guarded(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Authorization") == f"EIP712 GET {handler.path}":
            return good(handler)
        return answer(handler, 403, b"")

    url = serve(guarded)
    with pytest.raises(ContentClosed):
        list(Served(url).stream(CID))
    source = Served(url, authorize=lambda method, path: {"Authorization": f"EIP712 {method} {path}"})
    assert b"".join(source.stream(CID)) == DATA


@pytest.mark.parametrize("kind", [Trustless, Served])
@pytest.mark.parametrize("behavior", [web_page, redirect, failing, truncated, endless, hanging, dripping])
def test_what_is_no_answer_is_refused_within_the_deadline(
    serve: Serve, kind: type[Trustless | Served], behavior: Behavior
) -> None:
    source = kind(serve(behavior), deadline_s=0.5)
    began = time.monotonic()
    with pytest.raises(SourceUnusable) as refused:
        list(source.stream(SMALL))
    assert time.monotonic() - began < 5
    assert refused.value.next_step
    assert not (kind is Trustless and source.has(SMALL))


@pytest.mark.parametrize(
    ("behavior", "code"),
    [
        (web_page, "gateway-differs"),
        (redirect, "unavailable"),
        (failing, "unavailable"),
        (truncated, "gateway-silent"),
        (endless, "gateway-differs"),
        (hanging, "gateway-silent"),
        (dripping, "gateway-silent"),
    ],
)
def test_a_gateway_that_gives_no_answer_costs_no_memory_and_no_wait(
    serve: Serve, behavior: Behavior, code: str
) -> None:
    gateway = HttpGateway(serve(behavior), deployment(), Still(), SystemRandom(), timeout_s=0.5)
    began = time.monotonic()
    with pytest.raises(ProvenanceError) as refused:
        gateway.health()
    assert (refused.value.code, time.monotonic() - began < 10) == (code, True)
    assert refused.value.next_step


def test_a_flipped_byte_is_noticed_at_its_block(serve: Serve) -> None:
    with pytest.raises(ContentCorrupt):
        Trustless(serve(flipped)).block(SMALL)


def test_a_silent_port_is_said(serve: Serve) -> None:
    url = serve(good)
    port = int(url.rsplit(":", 1)[1])
    for kind in (Trustless, Served):
        source = kind(f"http://127.0.0.1:{port ^ 1 if port % 2 else 1}", deadline_s=0.5)
        with pytest.raises(SourceUnusable):
            list(source.stream(SMALL))
        assert not source.has(SMALL)
    with pytest.raises(Invalid):
        Served("file:///etc/passwd")


@pytest.mark.parametrize("bad", [web_page, redirect, truncated, endless, flipped, dripping, hanging])
def test_a_mirror_passes_every_bad_server_by(serve: Serve, tmp_path: Path, bad: Behavior) -> None:
    sources = [kind(serve(behavior), deadline_s=0.5) for behavior in (bad, good) for kind in (Trustless, Served)]
    mirror = Mirror(Embedded(tmp_path), sources)
    assert mirror.get(CID) == DATA
    assert mirror.get(SMALL) == b"{}"


def test_a_server_that_ignores_ranges_is_not_taken_at_its_word(serve: Serve) -> None:
    with pytest.raises(SourceUnusable):
        list(Served(serve(lambda handler: answer(handler, 200, DATA))).stream(CID, start=LEAF))


def test_no_server_at_all_is_missing(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ContentMissing):
        Mirror(Embedded(tmp_path), [Served(serve(failing))]).get(CID)
