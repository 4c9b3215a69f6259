"""What the gateway answers to bytes that no client of ours sends."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import httpx2
import pytest

from provenance.adapters.keys.keystore import SystemRandom
from provenance.adapters.remote import GatewaySilent, HttpGateway
from provenance.domain import cid, typed
from provenance.domain.hashes import sha256
from provenance.errors import Invalid
from provenance.types import Address, UnixSeconds
from tests.live_gateway import LiveGateway, Package, live_gateway, speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(chain_world, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(scope="module")
def published(live: LiveGateway) -> Package:
    return live.published([speech(1, seconds=40.0)])


@pytest.fixture
def http(live: LiveGateway) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=live.url, timeout=10.0) as client:
        yield client


def signed(live: LiveGateway, verb: str, path: str, body: bytes = b"", **changes: object) -> dict[str, str]:
    name, announced = str(changes.pop("name", "holder")), changes.pop("announced", sha256(body))
    fields = {
        "method": verb,
        "target": path,
        "body_sha256": sha256(body),
        "gateway": live.node.address,
        "nonce": live.nonce() + 10**30,
        "deadline": UnixSeconds(live.now + 100),
    } | changes
    request = typed.Request(**fields)  # type: ignore[arg-type]
    signature = live.sign(name, typed.digest(live.node.deployment.domains.access, request))
    digest = base64.b64encode(announced).decode()  # type: ignore[arg-type]
    return {
        "content-digest": f"sha-256=:{digest}:",
        "authorization": f"EIP712 address=0x{live.address(name).hex()}, nonce={request.nonce}, "
        f"deadline={request.deadline}, signature=0x{signature.hex()}",
    }


def test_every_failure_is_a_problem_document(http: httpx2.Client) -> None:
    answers = [
        http.get("/nowhere"),
        http.get("/v1/nothing"),
        http.get("/v1/datasets?colour=red"),
        http.get("/v1/datasets?holder=0x12"),
        http.get("/v1/datasets?after=-1"),
        http.get("/v1/datasets?q=a%00b"),
        http.get("/v1/datasets/0x" + "00" * 32),
        http.delete("/v1/key"),
        http.post("/v1/sessions", content=b"{"),
        http.post("/v1/sessions", content=b"[]"),
        http.post("/v1/sessions", content=b'{"session": {}, "session": {}}'),
        http.post("/v1/sessions", content=b'{"session": "\\ud800"}'),
        http.post("/v1/sessions", content=b'{"session": "\\u0000"}'),
        http.post("/v1/sessions", content=b"\xff\xfe"),
        http.post("/v1/accesses", content=b'{"recordings": [1.5]}'),
        http.post("/v1/segments", content=b"x"),
        http.post("/v1/segments", content=b"x", headers={"provenance-segment": "{}"}),
        http.post("/v1/deposits", content=b"{}"),
        http.get("/v1/content/..%2f..%2fetc%2fpasswd"),
        http.get("/v1/content/bafkqaaa"),
        http.get("/v1/content/" + "b" * 5_000),
        http.get("/v1/content/" + str(cid.of_raw(b"nobody has this"))),
        http.put("/v1/content/" + str(cid.of_raw(b"x")), content=b"x"),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = json.loads(answer.content)
        assert problem["type"].startswith("/problems/")
        assert problem["status"] == answer.status_code
        assert problem["next"]


ROUTES = {
    "sessions": 16 << 10,
    "offers": 16 << 10,
    "accesses": 1 << 20,
    "deposits": 64 << 20,
    "segments": 64 << 20,
    "content/" + str(cid.of_raw(b"x")): 16 << 30,
}


@pytest.mark.parametrize(("route", "most"), ROUTES.items())
def test_a_body_beyond_its_routes_limit_or_of_no_length_is_not_read(http: httpx2.Client, route: str, most: int) -> None:
    verb, read = "PUT" if route.startswith("content") else "POST", []

    def body(size: int) -> Iterator[bytes]:
        for start in range(0, size, 1 << 20):
            read.append(1)
            yield bytes(min(size - start, 1 << 20))

    for headers, size, code in (
        ({"content-length": str(most + 1)}, most + 1, "too-large"),
        ({}, 200 << 20, "length-needed"),
    ):
        read.clear()
        answer = http.request(verb, f"/v1/{route}", content=body(size), headers=headers)
        assert answer.json()["type"] == f"/problems/{code}"
        assert answer.status_code == (413 if code == "too-large" else 411)
        assert len(read) < 20  # MiB: what the sockets between hold


UNSIGNED = [route for route in ROUTES if route not in ("sessions", "offers")]


@pytest.mark.parametrize("route", UNSIGNED)
def test_nobody_who_has_not_signed_is_read(live: LiveGateway, http: httpx2.Client, route: str) -> None:
    """Not one of 100 MB, whoever it says it is: the answer comes first, and the connection is closed."""
    verb, target, size = "PUT" if route.startswith("content") else "POST", f"/v1/{route}", min(ROUTES[route], 100 << 20)
    read: list[int] = []

    def body() -> Iterator[bytes]:
        for _ in range(size >> 16):
            read.append(1 << 16)
            yield bytes(1 << 16)

    forged = signed(live, verb, target, gateway=Address(b"\x01" * 20), announced=sha256(b"x"))
    for headers in ({}, forged, {"authorization": forged["authorization"]}):
        read.clear()
        began = len(list(live.node.content._root.rglob("*")))
        answer = http.request(verb, target, content=body(), headers={**headers, "content-length": str(size)})
        assert answer.status_code in (403, 422)
        assert answer.headers["connection"] == "close"
        assert sum(read) < 20 << 20  # what the sockets between hold
        assert len(list(live.node.content._root.rglob("*"))) == began


def test_content_under_no_address_is_not_read(live: LiveGateway, http: httpx2.Client) -> None:
    answer = http.put("/v1/content/nonsense", content=b"x", headers=signed(live, "PUT", "/v1/content/nonsense", b"x"))
    assert answer.json()["type"] == "/problems/bad-cid"


def test_another_body_than_was_announced_is_refused(live: LiveGateway, http: httpx2.Client) -> None:
    target = "/v1/content/" + str(cid.of_raw(b"those"))
    answer = http.put(target, content=b"those", headers=signed(live, "PUT", target, b"these"))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/other-body")
    assert http.head(target).status_code == 404
    undigested = signed(live, "PUT", target, b"those")
    del undigested["content-digest"]
    assert http.put(target, content=b"those", headers=undigested).json()["type"] == "/problems/digest-needed"


@pytest.mark.parametrize(("route", "count"), [("deposits", 1 << 20), ("accesses", 340_000)])
def test_a_body_of_millions_of_values_is_refused_before_they_are_made(
    live: LiveGateway, http: httpx2.Client, route: str, count: int
) -> None:
    bomb = b'{"a":[' + b"[]," * count + b"[]]}"
    answer = http.post(f"/v1/{route}", content=bomb, headers=signed(live, "POST", f"/v1/{route}", bomb))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"deadline": UnixSeconds(1)}, "request-stale"),
        ({"deadline": UnixSeconds(1 << 39)}, "request-stale"),
        ({"gateway": Address(b"\x01" * 20)}, "bad-signature"),
        ({"method": "POST"}, "bad-signature"),
        ({"target": "/v1/content/other"}, "bad-signature"),
        ({"body_sha256": sha256(b"other")}, "bad-signature"),
    ],
)
def test_a_signature_is_for_one_method_target_body_gateway_and_time(
    live: LiveGateway, http: httpx2.Client, changes: dict[str, object], code: str
) -> None:
    target = "/v1/content/" + str(cid.of_raw(b"a document"))
    answer = http.put(target, content=b"a document", headers=signed(live, "PUT", target, b"a document", **changes))
    assert answer.status_code == 403
    assert answer.json()["type"] == f"/problems/{code}"


def test_a_signed_request_counts_once(live: LiveGateway, http: httpx2.Client) -> None:
    data = b'{"once": 1}'
    target = "/v1/content/" + str(cid.of_raw(data))
    headers = signed(live, "PUT", target, data)
    assert http.put(target, content=data, headers=headers).status_code == 201
    again = http.put(target, content=data, headers=headers)
    assert (again.status_code, again.json()["type"]) == (403, "/problems/request-replayed")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer x", "EIP712", "EIP712 address=0x12", "EIP712 address=0x12, address=0x12", "EIP712 x=y"],
)
def test_an_unreadable_signature_is_refused(http: httpx2.Client, header: str) -> None:
    target = "/v1/content/" + str(cid.of_raw(b"x"))
    answer = http.put(target, content=b"x", headers={"authorization": header})
    assert answer.status_code in (403, 422)


def test_bytes_that_are_not_their_address_are_not_kept(live: LiveGateway, http: httpx2.Client) -> None:
    target = "/v1/content/" + str(cid.of_raw(b"these"))
    answer = http.put(target, content=b"those", headers=signed(live, "PUT", target, b"those"))
    assert answer.status_code == 422
    assert http.head(target).status_code == 404


def test_any_range_of_sealed_content_is_served_exactly(
    live: LiveGateway, published: Package, http: httpx2.Client
) -> None:
    at = published.manifest.recordings[0].cid
    data, target = published.objects[at], f"/v1/content/{at}"
    assert len(data) > 600_000
    for said, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=65536-131071", 65_536, 131_072),
        (f"bytes={len(data) - 5}-", len(data) - 5, len(data)),
        ("bytes=-7", len(data) - 7, len(data)),
        (f"bytes=100-{len(data) * 2}", 100, len(data)),
    ):
        answer = http.get(target, headers={**signed(live, "GET", target), "range": said})
        assert answer.status_code == 206
        assert answer.content == data[start:end]
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
    outside = http.get(target, headers={**signed(live, "GET", target), "range": f"bytes={len(data)}-"})
    assert outside.status_code == 416
    whole = http.get(target, headers=signed(live, "GET", target))
    assert (whole.status_code, whole.content) == (200, data)
    assert whole.headers["cache-control"] == "private, no-store"


def test_what_was_sent_and_not_deposited_is_closed(live: LiveGateway, http: httpx2.Client) -> None:
    data = b"{" + bytes(range(128, 256)) + b"ciphertext may begin with a brace"
    target = "/v1/content/" + str(cid.of_raw(data))
    assert http.put(target, content=data, headers=signed(live, "PUT", target, data)).status_code == 201
    assert http.get(target).status_code == 403
    assert http.get(target, headers=signed(live, "GET", target, name="thief")).status_code == 403
    assert http.get(target, headers=signed(live, "GET", target)).content == data


def test_a_damaged_object_is_never_served(live: LiveGateway, http: httpx2.Client) -> None:
    data = b'{"good":' + b" " * 1_000 + b"1}"
    at = live.node.content.put(data)
    file = next(path for path in live.node.content._root.rglob(str(at)) if path.is_file())
    file.write_bytes(data.replace(b"good", b"evil"))
    with pytest.raises(httpx2.HTTPError):  # noqa: PT012 - either the status or the stream says so
        answer = http.get(f"/v1/content/{at}")
        answer.raise_for_status()


def test_every_list_names_its_block_and_pages_through_all_rows(live: LiveGateway, http: httpx2.Client) -> None:
    from indexer.gateway.catalogue import LISTS

    for name in LISTS:
        page = http.get(f"/v1/{name}").json()
        assert set(page) == {"items", "next", "asOf"}
        assert int(page["asOf"]["block"]) > 0
    seen, after = [], "0"
    while after:
        page = http.get(f"/v1/events?limit=3&after={after}").json()
        seen += page["items"]
        after = page["next"]
    assert len(seen) == len(live.client().listing("events").rows)
    assert len({(one["block"], one["logIndex"]) for one in seen}) == len(seen)


def test_numbers_of_the_gateway_are_measured(http: httpx2.Client) -> None:
    http.get("/v1/key")
    text = http.get("/metrics").text
    assert 'provenance_requests_total{method="GET",route="/v1/key",status="200"}' in text
    assert "provenance_mirror_block" in text
    assert http.get("/health").json() == {"status": "alive"}


def test_a_client_knows_the_gateway_and_its_silence(live: LiveGateway) -> None:
    key = live.client().key()
    assert key.wallet == live.node.address
    assert key.binding.encryption_key == live.node.wallet.encryption_key
    dead = HttpGateway("http://127.0.0.1:9", live.node.deployment, live.node.clock, SystemRandom())
    with pytest.raises(GatewaySilent):
        dead.health()
    from dataclasses import replace

    other = HttpGateway(live.url, replace(live.node.deployment, chain_id=1), live.node.clock, SystemRandom())
    with pytest.raises(Invalid, match="chain"):
        other.key()
