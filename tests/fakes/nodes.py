"""A chain in memory, and nodes that tell it: truly, or with the faults that real nodes have."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from indexer.rpc.node import Ask, NoMethod, RangeTooLarge
from provenance.adapters.chain import NodeSilent
from tests import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.domain.events import Event
    from provenance.types import Json

CHAIN_ID = 31_337
CONTRACTS = {
    name: bytes([i + 1]) * 20
    for i, name in enumerate(
        ("DatasetRegistry", "ConsentRegistry", "DataAccess", "UsageLedger", "ArtifactRegistry", "RoyaltyDistributor")
    )
}
STRANGER = b"\xee" * 20

Fault = Literal[
    "silent",
    "null block",
    "lost logs",
    "one lost log",
    "logs of another hash",
    "removed log",
    "doubled log",
    "log outside the filter",
    "foreign block",
    "old head",
    "range limit",
    "backwards suggestion",
    "garbage",
]
FAULTS: tuple[Fault, ...] = Fault.__args__


@dataclass(frozen=True)
class FakeLog:
    contract: bytes
    topics: tuple[bytes, ...]
    data: bytes


def logged(event: Event, contract: str | None = None) -> FakeLog:
    topics, data = logs.encode(event)
    return FakeLog(CONTRACTS[contract or type(event).CONTRACTS[0]], tuple(topics), data)


@dataclass(frozen=True)
class FakeBlock:
    number: int
    parent: bytes
    time: int
    logs: tuple[FakeLog, ...]
    salt: int

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(repr((self.number, self.parent, self.time, self.logs, self.salt)).encode()).digest()

    @property
    def bloom(self) -> bytes:
        return logs.bloom(value for log in self.logs for value in (log.contract, *log.topics))


class FakeChain:
    """The one true chain at present; it may fork."""

    def __init__(self) -> None:
        self.salt = 0
        self.blocks: list[FakeBlock] = [FakeBlock(0, bytes(32), 1_700_000_000, (), 0)]

    def mine(self, *logs: FakeLog) -> None:
        last = self.blocks[-1]
        self.blocks.append(FakeBlock(last.number + 1, last.hash, last.time + 12, logs, self.salt))

    def fork(self, depth: int) -> None:
        """The last blocks are gone; what is mined from now on is another branch."""
        self.salt += 1
        del self.blocks[max(1, len(self.blocks) - depth) :]


@dataclass
class FakeNode:
    """Tells a chain. Each fault in `faults` spoils one answer; `lag` blocks at the end are not seen yet."""

    chain: FakeChain
    name: str = "http://node"
    faults: deque[Fault] = field(default_factory=deque)
    lag: int = 0
    widest: int = 1_000_000
    chain_id: int = CHAIN_ID
    receipts: bool = True
    asked: int = 0

    def ask(self, asks: Sequence[Ask]) -> list[Json]:
        self.asked += 1
        if self.faults and self.faults[0] == "silent":
            self.faults.popleft()
            raise NodeSilent("no answer")
        if self.faults and self.faults[0] == "garbage":
            self.faults.popleft()
            return ["what?" for _ in asks]
        return [self._answer(ask) for ask in asks]

    def _answer(self, ask: Ask) -> Json:
        match ask.method:
            case "eth_chainId":
                return hex(self.chain_id)
            case "eth_getBlockByNumber":
                return self._block(str(ask.params[0]))
            case "eth_getLogs":
                return self._logs(ask.params[0])
            case "eth_getBlockReceipts" if self.receipts:
                block = self.chain.blocks[int(str(ask.params[0]), 16)]
                return [{"logs": [self._log(block, i) for i in range(len(block.logs))]}]
            case "eth_getBlockByHash":
                block = self._named(ask)
                return None if block is None else {"transactions": [_hex(tx(block, i)) for i in range(len(block.logs))]}
            case "eth_getTransactionReceipt":
                return next(
                    (
                        {"logs": [self._log(block, i)]}
                        for block in self._seen()
                        for i in range(len(block.logs))
                        if _hex(tx(block, i)) == ask.params[0]
                    ),
                    None,
                )
        raise NoMethod(ask.method)

    def _named(self, ask: Ask) -> FakeBlock | None:
        return next((block for block in self._seen() if _hex(block.hash) == ask.params[0]), None)

    def _seen(self) -> list[FakeBlock]:
        return self.chain.blocks[: max(1, len(self.chain.blocks) - self.lag)]

    def _fault(self, *kinds: Fault) -> Fault | None:
        return self.faults.popleft() if self.faults and self.faults[0] in kinds else None

    def _block(self, tag: str) -> Json:
        seen = self._seen()
        if tag in ("latest", "safe", "finalized"):
            back = {"latest": 1, "safe": 3, "finalized": 5}[tag]
            if self._fault("old head"):
                back += 4
            return self._header(seen[-min(back, len(seen))])
        number = int(tag, 16)
        if number >= len(seen) or self._fault("null block"):
            return None
        if self._fault("foreign block"):
            number = max(0, number - 1)
        return self._header(seen[number])

    def _header(self, block: FakeBlock) -> Json:
        return {
            "number": hex(block.number),
            "hash": _hex(block.hash),
            "parentHash": "0x" + block.parent.hex(),
            "timestamp": hex(block.time),
            "logsBloom": "0x" + block.bloom.hex(),
        }

    def _logs(self, wanted: dict[str, Json]) -> Json:
        seen = self._seen()
        first, last = (int(str(wanted[key]), 16) for key in ("fromBlock", "toBlock"))
        self._limit(first, last)
        chosen = seen[first : last + 1]
        addresses = wanted["address"]
        assert isinstance(addresses, list)
        found = [
            self._log(block, i)
            for block in chosen
            for i, log in enumerate(block.logs)
            if "0x" + log.contract.hex() in addresses
        ]
        return self._spoiled(found) if found else found

    def _limit(self, first: int, last: int) -> None:
        if last - first + 1 > self.widest:
            raise RangeTooLarge("query returned more than 10000 results")
        if last > first and self._fault("range limit"):
            raise RangeTooLarge("block range is too wide", (first, first))
        if last > first and self._fault("backwards suggestion"):
            raise RangeTooLarge("this block range should work", (last + 5, last + 9))

    def _spoiled(self, found: list[dict[str, Json]]) -> Json:
        kind = self._fault(
            "lost logs",
            "one lost log",
            "logs of another hash",
            "removed log",
            "doubled log",
            "log outside the filter",
        )
        match kind:
            case "lost logs":
                return []
            case "one lost log":
                return found[:-1]
            case "logs of another hash":
                return [*found[:-1], {**found[-1], "blockHash": "0x" + "77" * 32}]
            case "removed log":
                return [*found[:-1], {**found[-1], "removed": True}]
            case "doubled log":
                return [*found, found[-1]]
            case "log outside the filter":
                return [*found[:-1], {**found[-1], "topics": ["0x" + "99" * 32]}]
        return found

    def _log(self, block: FakeBlock, index: int) -> dict[str, Json]:
        log = block.logs[index]
        return {
            "address": "0x" + log.contract.hex(),
            "topics": ["0x" + topic.hex() for topic in log.topics],
            "data": "0x" + log.data.hex(),
            "blockNumber": hex(block.number),
            "blockHash": _hex(block.hash),
            "transactionHash": _hex(tx(block, index)),
            "logIndex": hex(index),
            "removed": False,
        }


def tx(block: FakeBlock, index: int) -> bytes:
    return hashlib.sha256(block.hash + index.to_bytes(2, "big")).digest()


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
