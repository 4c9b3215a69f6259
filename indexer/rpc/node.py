"""How is one node asked, and what do its refusals mean?

JSON-RPC in batches over HTTP. Whether an answer is true is judged in `source`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import httpx2

from provenance.adapters import transport
from provenance.adapters.chain import NodeSilent
from provenance.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.types import Json

TIMEOUT_S: Final = 20.0
_BUSY_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_METHOD: Final = -32601

# The wordings of range and size limits: Alchemy, Infura, QuickNode, Cloudflare, BlockPI, Chainstack, geth, erigon.
_TOO_LARGE: Final = re.compile(
    r"response size|response is too (big|large)|returned more than|more than \d[\d,]* (results|logs)|block range|"
    r"range (is )?(too|exceed)|exceeds? (the )?(max|limit|range)|limit exceeded|too many (results|logs|blocks)|"
    r"max(imum)? (results|(block )?range)|query timeout|limited to|requested too many|reduce|too wide|up to a [\d,]+",
    re.IGNORECASE,
)
_BUSY: Final = re.compile(
    r"rate limit|too many requests|request rate|compute units|capacity|throttl|credits|try again", re.IGNORECASE
)
_BEYOND: Final = re.compile(
    r"unknown block|header not found|block not found|cannot be found|beyond|future block|not yet|invalid block",
    re.IGNORECASE,
)
_NO_SUCH: Final = re.compile(r"method .*(not (supported|found|available|allowed)|does not exist)", re.IGNORECASE)
_SUGGESTED: Final = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]", re.IGNORECASE)


class NodeBehind(Unavailable):
    """A node has not seen what others have; the answer would lack something."""

    code = "node-behind"
    next = "Wait until the node has caught up, or use another endpoint."


class BadAnswer(Unavailable):
    """A node's answer contradicts itself or another answer; nothing of it is kept."""

    code = "bad-answer"
    next = "Repeat; if it stays so, use another RPC endpoint."


class RangeTooLarge(Unavailable):
    """The node wants a smaller range."""

    code = "range-too-large"

    def __init__(self, message: str, suggested: tuple[int, int] | None = None) -> None:
        super().__init__(f"the node wants a smaller range: {message[:200]}")
        self.suggested = suggested


class NoMethod(Unavailable):
    """The node does not know the method."""

    code = "no-method"


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a batch."""

    method: str
    params: tuple[Json, ...] = ()


class Node(Protocol):
    """One endpoint. Its answers are JSON that nobody has checked."""

    @property
    def name(self) -> str:
        """Where it is, without secrets."""
        ...

    def ask(self, asks: Sequence[Ask]) -> list[Json]:
        """The results, in the order of the calls.

        Raises:
            Unavailable: one of them was refused, or the node is silent.
        """
        ...


class HttpNode:
    """A node behind one HTTP address."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        self.name = f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
        self._url = url
        self._client = transport.client(timeout_s)

    def ask(self, asks: Sequence[Ask]) -> list[Json]:
        """One HTTP request for all of them."""
        body = [
            {"jsonrpc": "2.0", "id": i, "method": ask.method, "params": list(ask.params)} for i, ask in enumerate(asks)
        ]
        try:
            response = self._client.post(self._url, json=body)
        except (httpx2.HTTPError, OSError) as error:
            raise NodeSilent(f"{self.name} does not answer ({type(error).__name__})", rpc=self.name) from error
        if response.status_code in _BUSY_STATUS:
            raise NodeSilent(f"{self.name} answers HTTP {response.status_code}", rpc=self.name)
        return self._results(response.content, len(body))

    def close(self) -> None:
        """No connection is open afterwards."""
        self._client.close()

    def _results(self, content: bytes, count: int) -> list[Json]:
        try:
            answers = json.loads(content)
        except ValueError as error:
            raise BadAnswer(f"{self.name} does not speak JSON-RPC", rpc=self.name) from error
        if isinstance(answers, dict):
            raise refusal(self.name, answers.get("error"))
        if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
            raise BadAnswer(f"{self.name} does not speak JSON-RPC", rpc=self.name)
        by_id = {one.get("id"): one for one in answers}
        results: list[Json] = []
        for i in range(count):
            one = by_id.get(i)
            if one is None or "result" not in one:
                raise refusal(self.name, one.get("error") if one else None)
            results.append(one["result"])
        return results


def refusal(name: str, error: object) -> Unavailable:
    """What a node's error object means to us."""
    if not isinstance(error, dict):
        return BadAnswer(f"{name} left an answer out", rpc=name)
    message, code = str(error.get("message", "")), error.get("code")
    if code == _NO_METHOD or _NO_SUCH.search(message):
        return NoMethod(f"{name}: {message[:200]}", rpc=name)
    if _BUSY.search(message):
        return NodeSilent(f"{name} limits our requests", rpc=name)
    if _TOO_LARGE.search(message):
        return RangeTooLarge(message, suggestion(message))
    if _BEYOND.search(message):
        return NodeBehind(f"{name}: {message[:200]}", rpc=name)
    return NodeSilent(f"{name} refused: {message[:200]}", rpc=name)


def suggestion(message: str) -> tuple[int, int] | None:
    """The range that the message proposes, if it can be read and is no nonsense."""
    found = _SUGGESTED.search(message)
    if found is None:
        return None
    first, last = int(found[1], 16), int(found[2], 16)
    return (first, last) if first <= last else None
