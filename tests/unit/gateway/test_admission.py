"""What is refused by its headers costs nothing: not a byte of the body is asked for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from indexer.gateway import uploads
from indexer.gateway.uploads import CHARGED_BYTES, UnregisteredFull
from indexer.http import create_app
from provenance.domain import cid, record, typed
from provenance.domain.hashes import sha256
from provenance.types import Address, UnixSeconds
from tests.unit.gateway.memory import Gateway, gateway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.gateway import GatewayNode

DATA = b"sealed audio"
TARGET = f"/v1/content/{cid.of_raw(DATA)}"


@pytest.fixture
def live() -> Gateway:
    return gateway()


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    read: int
    """How often the body was asked for."""

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["type"]).removeprefix("/problems/")


def answered(node: GatewayNode, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """The application's answer, as a server would ask for it."""
    answer, sent = Answer(0, {}, b"", 0), {"type": "http.request", "body": body, "more_body": False}

    async def receive() -> dict[str, object]:
        answer.read += 1
        return sent

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], dict(message["headers"])
        answer.body += message.get("body", b"")

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": verb, "scheme": "http",
        "path": target, "raw_path": target.encode(), "query_string": b"", "root_path": "", "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    asyncio.run(create_app(node)(scope, receive, send))  # type: ignore[arg-type]
    return answer


def signed(
    live: Gateway, body: bytes = DATA, verb: str = "PUT", target: str = TARGET, **changes: object
) -> dict[str, str]:
    """The headers of a signed request."""
    request = typed.Request(verb, target, sha256(body), live.node.address, live.nonce(), UnixSeconds(live.now + 100))
    request = replace(request, **changes)  # type: ignore[arg-type]
    signature = live.sign("thief", typed.digest(live.node.deployment.domains.access, request))
    return {
        "content-length": str(len(body)),
        "content-digest": f"sha-256=:{base64.b64encode(sha256(body)).decode()}:",
        "authorization": f"EIP712 address=0x{live.address('thief').hex()}, nonce={request.nonce}, "
        f"deadline={request.deadline}, signature=0x{signature.hex()}",
    }


def test_what_is_announced_and_signed_is_read_and_kept(live: Gateway) -> None:
    answer = answered(live.node, "PUT", TARGET, signed(live), DATA)
    assert (answer.status, answer.read > 0) == (201, True)
    assert live.node.content.get(cid.of_raw(DATA)) == DATA


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda live: without(signed(live), "authorization"), "unsigned"),
        (lambda live: without(signed(live), "content-digest"), "digest-needed"),
        (lambda live: without(signed(live), "content-length"), "length-needed"),
        (lambda live: signed(live) | {"content-length": "-1"}, "length-needed"),
        (lambda live: signed(live) | {"content-length": str(1 << 40)}, "too-large"),
        (lambda live: signed(live) | {"content-digest": "md5=:AAAA:"}, "digest-needed"),
        (lambda live: signed(live) | {"authorization": "Bearer x"}, "unsigned"),
        (lambda live: signed(live, body_sha256=sha256(b"else")), "bad-signature"),
        (lambda live: signed(live, gateway=Address(b"\x01" * 20)), "bad-signature"),
        (lambda live: signed(live, deadline=UnixSeconds(live.now - 1)), "request-stale"),
        (lambda live: signed(live, deadline=UnixSeconds(live.now + 301)), "request-stale"),
    ],
)
def test_a_body_is_not_read_before_its_headers_were_found_good(live: Gateway, change, code: str) -> None:
    answer = answered(live.node, "PUT", TARGET, change(live), DATA)
    assert (answer.code, answer.read) == (code, 0)
    assert not live.node.content.has(cid.of_raw(DATA))


def test_a_replayed_request_is_not_read(live: Gateway) -> None:
    headers = signed(live)
    assert answered(live.node, "PUT", TARGET, headers, DATA).status == 201
    again = answered(live.node, "PUT", TARGET, headers, DATA)
    assert (again.code, again.read) == ("request-replayed", 0)


@pytest.mark.parametrize("route", ["accesses", "deposits", "segments", "content/nonsense"])
def test_no_route_reads_a_stranger(live: Gateway, route: str) -> None:
    verb = "PUT" if route.startswith("content") else "POST"
    answer = answered(live.node, verb, f"/v1/{route}", {"content-length": str(1 << 19)}, bytes(1 << 19))
    assert answer.status in (403, 422)
    assert answer.read == 0
    assert answer.headers[b"connection"] == b"close"


def test_a_segment_of_no_session_or_another_key_is_not_read(live: Gateway) -> None:
    segment = typed.Segment(
        sha256(b"session"),
        0,
        0,
        1,
        1,
        sha256(b"r"),
        sha256(b"p"),
        1,
        1,
        sha256(b"file"),
        last=False,  # type: ignore[arg-type]
    )
    document = {"segment": record.write(segment), "signature": "0x" + "00" * 65}
    headers = {"content-length": "4", "provenance-segment": json.dumps(document)}
    answer = answered(live.node, "POST", "/v1/segments", headers, b"file")
    assert (answer.code, answer.read) == ("unknown-session", 0)


def limited(live: Gateway, most: int) -> GatewayNode:
    return replace(live.node, unregistered_bytes=most)


def test_what_strangers_send_has_one_limit_for_all_and_a_clear_refusal(live: Gateway) -> None:
    node = limited(live, 2 * CHARGED_BYTES)
    for data in (b"one", b"two"):
        target = f"/v1/content/{cid.of_raw(data)}"
        assert answered(node, "PUT", target, signed(live, data, target=target), data).status == 201
    refused = answered(node, "PUT", TARGET, signed(live), DATA)
    assert (refused.status, refused.code, refused.read) == (409, "unregistered-full", 0)
    assert "131072 of 131072 bytes" in json.loads(refused.body)["detail"]
    assert not node.content.has(cid.of_raw(DATA))
    target = f"/v1/content/{cid.of_raw(b'one')}"
    assert answered(node, "PUT", target, signed(live, b"one", target=target), b"one").status == 201


def test_what_a_registered_dataset_names_makes_room_again(live: Gateway) -> None:
    package = live.package([b"good take"])
    live.node = limited(live, 20 * CHARGED_BYTES)
    for address, data in (*package.objects.items(), (live.store(package), package.manifest.encode())):
        live.node.custody.add_upload(str(address), live.address("holder"), live.now, document=False, size=len(data))
    used = live.node.custody.unregistered_bytes(CHARGED_BYTES)
    live.deposit(package)
    full = limited(live, used)
    with pytest.raises(UnregisteredFull):
        uploads.room(full, cid.of_raw(DATA), len(DATA))
    live.register(package)
    uploads.room(full, cid.of_raw(DATA), len(DATA))
    assert live.node.custody.unregistered_bytes(CHARGED_BYTES) == 0


def test_what_is_on_its_way_counts_until_it_is_here_or_given_up(live: Gateway) -> None:
    node = limited(live, 5 * CHARGED_BYTES)
    with uploads.room(node, cid.of_raw(b"a"), 4 * CHARGED_BYTES):
        with pytest.raises(UnregisteredFull):
            uploads.room(node, cid.of_raw(b"b"), 2 * CHARGED_BYTES)
        with uploads.room(node, cid.of_raw(b"c"), CHARGED_BYTES):
            pass
    with uploads.room(node, cid.of_raw(b"b"), 5 * CHARGED_BYTES):
        pass


def test_many_at_once_hold_no_more_than_there_is(live: Gateway) -> None:
    node, held = limited(live, 5 * CHARGED_BYTES), []

    def ask(number: int) -> None:
        with contextlib.suppress(UnregisteredFull):
            held.append(uploads.room(node, cid.of_raw(b"%d" % number), CHARGED_BYTES))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 5
