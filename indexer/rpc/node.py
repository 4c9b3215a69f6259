"""One node of the mirror: JSON-RPC in batches, and what its refusals mean for a range of blocks.

A batch that a node refuses, for a reason that is not known to be another, is sent again at half; so is its range of
blocks, by who asked (`RangeTooLarge`). Only one call about one block is refused for good. Whether an answer is true is
judged in `source`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from provenance.adapters import transport
from provenance.adapters.chain import NodeSilent
from provenance.adapters.chain.rpc import TIMEOUT_S, RpcRefused, answered, exchange, shown
from provenance.adapters.chain.wordings import Meaning, narrowable, proposed
from provenance.errors import Unavailable
from provenance.types import Json

CALLS: Final = 100  # in one HTTP request; providers refuse more


class NodeBehind(Unavailable):
    """A node has not seen what others have; the answer would lack something."""

    next = "Wait until the node has caught up, or use another endpoint."


class BadAnswer(Unavailable):
    """A node's answer contradicts itself or another answer; nothing of it is kept."""

    next = "Repeat; if it stays so, use another RPC endpoint."


class RangeTooLarge(Unavailable):
    """The node wants a smaller range."""

    def __init__(self, message: str, suggested: tuple[int, int] | None = None) -> None:
        super().__init__(f"the node wants a smaller range: {message[:200]}")
        self.suggested = suggested


class NoMethod(Unavailable):
    """The node does not know the method."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a batch."""

    method: str
    params: tuple[Json, ...] = ()

    @property
    def blocks(self) -> int:
        """How many blocks it is about."""
        match self.params:
            case ({"fromBlock": str(first), "toBlock": str(last)},):
                return int(last, 16) - int(first, 16) + 1
            case _:
                return 1


class RpcNode(Protocol):
    """One endpoint. Its answers are JSON that nobody has checked."""

    @property
    def name(self) -> str:
        """Where it is, without secrets."""

    def ask(self, asks: Sequence[Ask]) -> list[Json]:
        """The results, in the order of the calls.

        Raises:
            Unavailable: one of them was refused, or the node is silent.
        """


class HttpNode:
    """A node behind one HTTP address."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.name = shown(url)
        self._url, self._timeout_s, self._calls = url, timeout_s, CALLS
        self._client = transport.client(timeout_s, url)

    def ask(self, asks: Sequence[Ask]) -> list[Json]:
        """The results, in as few HTTP requests as the node allows; their number halves where it refuses, and grows again."""
        results: list[Json] = []
        while len(results) < len(asks):
            batch = asks[len(results) : len(results) + self._calls]
            try:
                results += self._batch(batch)
            except RpcRefused as error:
                if len(batch) == 1 or not narrowable(error.meaning):
                    raise refusal(self.name, error, batch[0].blocks) from None
                self._calls = len(batch) // 2
            else:
                self._calls = min(CALLS, self._calls * 2)
        return results

    def close(self) -> None:
        """No connection is open afterwards."""
        self._client.close()

    def _batch(self, asks: Sequence[Ask]) -> list[Json]:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": ask.method, "params": list(ask.params)} for i, ask in enumerate(asks)
        ]
        reply = exchange(self._client, self._url, body, self._timeout_s)
        if not isinstance(reply, list):
            answered(reply, "batch", self.name)
            raise NodeSilent(f"{self.name} does not answer batches", rpc=self.name)
        answers: dict[object, Json] = {
            answer.get("id"): answer
            for answer in reply
            if isinstance(answer, dict)
            and (isinstance(answer.get("id"), int) or (answer.get("id") is None and "result" not in answer))
        }
        results: list[Json] = []
        for i, ask in enumerate(asks):  # in order: geth refuses a whole batch in an answer to its first call alone
            if (answer := answers.get(i, answers.get(None))) is None:
                raise BadAnswer(f"{self.name} left out an answer to {ask.method}", rpc=self.name)
            results.append(answered(answer, ask.method, self.name))
        return results


def refusal(name: str, error: RpcRefused, blocks: int) -> Unavailable:
    """What the refusal of one call about so many blocks means to the mirror."""
    meant, detail = error.meaning, f"{name}: {error.message[:200]}"
    if meant is Meaning.NO_METHOD:
        return NoMethod(detail, rpc=name)
    if meant is Meaning.BEHIND:
        return NodeBehind(detail, rpc=name)
    if narrowable(meant) and blocks > 1:
        return RangeTooLarge(error.message, proposed(error.message))
    return NodeSilent(f"{name} refused: {error.message[:200]}", rpc=name)
