"""JSON-RPC over HTTP: the endpoints of a network, and their failures as our errors.

Laws: no redirect is followed; a reply counts its bytes after decompression and ends at `REPLY_BYTES`; one deadline
holds for connection, headers and body, however slowly their bytes come; what a refusal means is read in `wordings`; no message
repeats more of an address than scheme, host and port. Endpoints are tried in order; the first that answers is kept.

Source: JSON-RPC 2.0 §4, §5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from provenance.adapters import transport
from provenance.adapters.chain import wordings
from provenance.adapters.chain.wordings import Meaning
from provenance.domain import canonical
from provenance.domain.printable import brief
from provenance.errors import Invalid, Missing, Unavailable
from provenance.types import Json

TIMEOUT_S: Final = 20.0
REPLY_BYTES: Final = 64 << 20  # a hundred full blocks' receipts are about 40 MB

WORDS: Final = 2_000  # characters of a node's message that are read and repeated


class NodeSilent(Unavailable):
    """No endpoint of the network answered."""

    next = "Start the node (`provenance devnet up` starts a local one) or correct its `rpc` setting, then repeat."


class NodeBusy(NodeSilent):
    """The node asked us to come back later."""

    next = "Wait a little and repeat, or use another RPC endpoint."


class RpcRefused(Exception):
    """The node's error object."""

    def __init__(self, method: str, message: str, code: int, data: object = None) -> None:
        super().__init__(f"{method}: {message}")
        self.message, self.code, self.data = message, code, data

    @property
    def meaning(self) -> Meaning:
        """What it asks of us."""
        return Meaning.REVERTED if revert_data(self.data) else wordings.meaning(self.message, self.code)


class Rpc:
    """The endpoints of one network, used one at a time."""

    def __init__(self, urls: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> None:
        if not urls:
            raise Missing(
                "the network has no RPC endpoint",
                next="Set `rpc` in [networks.NAME] of the settings file, or run `provenance devnet up`.",
            )
        for url in urls:
            if urlsplit(url).scheme not in ("http", "https"):
                raise Invalid(
                    f"{shown(url)} is not an http(s) address", next="Write it as http://HOST:PORT.", field="rpc"
                )
        self._urls, self._timeout_s = tuple(urls), timeout_s
        self._http = transport.client(timeout_s, *urls)

    @property
    def url(self) -> str:
        """The endpoint in use, without what may be secret in it."""
        return shown(self._urls[0])

    def call(self, method: str, *params: object) -> Any:
        """The result.

        Raises:
            RpcRefused: the node answered with an error.
            NodeSilent: no endpoint answered in time.
            NodeBusy: it asked to come back later.
        """
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        silent: Unavailable | None = None
        for url in self._urls:
            try:
                reply = exchange(self._http, url, body, self._timeout_s)
                answer = answered(reply, method, shown(url))
            except Unavailable as error:
                silent = silent or error
                continue
            self._urls = (url, *(other for other in self._urls if other != url))
            return answer
        raise silent or NodeSilent("no endpoint")


def exchange(http: httpx2.Client, url: str, body: object, timeout_s: float) -> Json:
    """The JSON that the endpoint answers to one POST, within the limits above.

    Raises:
        RpcRefused: it wants less at once, or answered more than `REPLY_BYTES`.
        NodeBusy, NodeSilent: it limits our requests; it does not answer in time, or not with JSON.
    """
    name = shown(url)
    try:
        response, reply = _received(http, url, body, transport.Deadline(timeout_s))
    except httpx2.TimeoutException:
        raise NodeSilent(f"{name} does not answer within {timeout_s:.0f} s", rpc=name) from None
    except httpx2.DecodingError as error:
        raise NodeSilent(f"{name}: {error}", rpc=name) from None
    except (httpx2.HTTPError, OSError) as error:
        raise NodeSilent(f"{name} does not answer ({type(error).__name__})", rpc=name) from None
    meant = wordings.of_status(response.status_code)
    if meant is Meaning.BUSY:
        raise NodeBusy(f"{name} limits our requests", rpc=name)
    try:
        canonical.refuse_depth(reply)
        answer: Json = json.loads(reply)
    except (ValueError, canonical.BadDocument):
        answer = None
    is_reply = isinstance(answer, list) or (
        isinstance(answer, dict) and ("result" in answer or isinstance(answer.get("error"), dict))
    )
    if answer is None or (response.is_error and not is_reply):  # a proxy's words about the status, or nobody's
        if meant is Meaning.NARROWER:
            raise RpcRefused("request", f"{name} answers HTTP 413", 413)
        failure = f"answers HTTP {response.status_code}" if response.is_error else "does not speak JSON-RPC"
        raise NodeSilent(f"{name} {failure}", rpc=name)
    return answer


def _received(
    http: httpx2.Client, url: str, body: object, deadline: transport.Deadline
) -> tuple[httpx2.Response, bytes]:
    """The answer to one POST, and its body."""
    reply = bytearray()
    with http.stream("POST", url, json=body, timeout=deadline) as response:
        for part in transport.parts(response, deadline):
            reply += part
            if len(reply) > REPLY_BYTES:
                raise RpcRefused("reply", f"{shown(url)} answers more than {REPLY_BYTES >> 20} MiB: too large", 413)
    return response, bytes(reply)


def answered(reply: Json, method: str, name: str) -> Any:
    """The result in one JSON-RPC reply.

    Raises:
        RpcRefused: it is an error object.
        NodeBusy: one that limits our requests.
        NodeSilent: it is neither.
    """
    if not isinstance(reply, dict) or ("result" not in reply and "error" not in reply):
        raise NodeSilent(f"{name} does not speak JSON-RPC", rpc=name)
    if (problem := reply.get("error")) is None:
        return reply.get("result")
    error = problem if isinstance(problem, dict) else {"message": str(problem)}
    code = error.get("code")
    message = brief(str(error.get("message", "")), WORDS)
    refused = RpcRefused(method, message, code if isinstance(code, int) else 0, error.get("data"))
    if refused.meaning is Meaning.BUSY:
        raise NodeBusy(f"{name} limits our requests", rpc=name)
    raise refused


def revert_data(problem: object) -> bytes:
    """What the EVM reverted with: Anvil and geth send hex, Ganache an object around it."""
    if isinstance(problem, dict):
        problem = problem.get("result") or problem.get("data")
    try:
        return (
            bytes.fromhex(problem.removeprefix("0x")) if isinstance(problem, str) and problem.startswith("0x") else b""
        )
    except ValueError:
        return b""


def shown(url: str) -> str:
    """The address without user, password, path and query, where keys often stand."""
    if "://" not in url:
        return re.split(r"[/?#]", url)[0].rpartition("@")[2]
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
