"""What did the node answer? JSON-RPC over HTTP, its failures as our errors.

What the answers mean is left to `node` and `chain`. Endpoints are tried in order; the first that
answers is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2

from provenance.adapters import transport
from provenance.errors import Invalid, Missing, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S: Final = 20.0

_TOO_WIDE = re.compile(
    r"response size|too large|query returned more than|more than \d+ (results|logs)|block range|range (is )?too|"
    r"exceeds? (the )?(max|limit|range)|limit exceeded|too many (results|logs|blocks)|max results|query timeout|"
    r"limited to|too wide",
    re.IGNORECASE,
)
_BUSY = re.compile(r"rate limit|too many requests|request rate|capacity|throttl", re.IGNORECASE)
_LIMIT_CODES: Final = frozenset({-32005})
_BUSY_STATUS: Final = 429


class NodeSilent(Unavailable):
    """No endpoint of the network answered."""

    code = "node-silent"
    next = "Start the node (`provenance devnet up` starts a local one) or correct its `rpc` setting, then repeat."


class NodeBusy(Unavailable):
    """The node asked us to come back later."""

    code = "node-busy"
    next = "Wait a little and repeat, or use another RPC endpoint."


class RpcRefused(Exception):
    """The node's error object, before anybody knows what it means."""

    def __init__(self, method: str, message: str, code: int, data: object) -> None:
        super().__init__(f"{method}: {message}")
        self.message, self.code, self.data = message, code, data

    @property
    def too_wide(self) -> bool:
        """Whether a smaller block range would do."""
        return self.code in _LIMIT_CODES or bool(_TOO_WIDE.search(self.message))


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
        self._urls = tuple(urls)
        self._http = transport.client(timeout_s)

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
        silent: Unavailable | None = None
        for url in self._urls:
            try:
                answer = self._ask(url, method, params)
            except Unavailable as error:
                silent = silent or error
                continue
            self._urls = (url, *(other for other in self._urls if other != url))
            return answer
        raise silent or NodeSilent("no endpoint")

    def _ask(self, url: str, method: str, params: tuple[object, ...]) -> object:
        """Source: JSON-RPC 2.0 §4, §5."""
        try:
            response = self._http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        except httpx2.HTTPError as error:
            raise NodeSilent(f"{shown(url)} does not answer ({type(error).__name__})", rpc=shown(url)) from None
        if response.status_code == _BUSY_STATUS:
            raise NodeBusy(f"{shown(url)} limits our requests", rpc=shown(url))
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or ("result" not in body and "error" not in body):
            raise NodeSilent(f"{shown(url)} does not speak JSON-RPC", rpc=shown(url))
        if (problem := body.get("error")) is None:
            return body.get("result")
        told = problem if isinstance(problem, dict) else {"message": str(problem)}
        message, code = str(told.get("message", "")), told.get("code")
        if code == _BUSY_STATUS or _BUSY.search(message):
            raise NodeBusy(f"{shown(url)} limits our requests", rpc=shown(url))
        raise RpcRefused(method, message, code if isinstance(code, int) else 0, told.get("data"))


def shown(url: str) -> str:
    """The address without user, password, path and query, where keys often stand."""
    if "://" not in url:
        return re.split(r"[/?#]", url)[0].rpartition("@")[2]
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
