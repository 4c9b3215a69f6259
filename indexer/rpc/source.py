"""Blocks and logs of the chain, asked of several nodes, believed only where they fit together.

Checked here: chain id, block numbers, parent links, that each log names its block's hash and stands in
the block's filter, that a filter that allows our logs agrees with the block's receipts, that the node
itself has seen the range, and that a majority of the nodes has the last block. That headers and
receipts hash to what they claim is not proved here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final

from indexer.blocks import BlockHeader, RawLog, Span, may_hold
from indexer.rpc.node import Ask, BadAnswer, NodeBehind, NoMethod, RangeTooLarge, RpcNode
from indexer.rpc.parse import header, logs, number, receipt_logs, transactions
from provenance.adapters.chain import NodeSilent, WrongChain
from provenance.domain import breaker
from provenance.errors import Missing, Unavailable
from provenance.types import PPM_ONE, Address, BlockNumber, Bytes32, Json

REST: Final = breaker.Policy(failures=3, pause_ms=2_000, longest_ms=60_000)
RECEIPTS: Final = 100  # blocks whose receipts are held at once; a full one's take megabytes


class NodesDisagree(Unavailable):
    """No majority of the nodes has the same block; nothing is believed until one has."""

    next = "Wait, or remove the endpoint that is wrong from `rpc`."


class Forked(Unavailable):
    """The node's branch does not continue ours."""

    next = "Repeat: the mirror looks for the fork."


class ChainSource:
    """The chain as a majority of its nodes tells it."""

    def __init__(
        self,
        nodes: Sequence[RpcNode],
        contracts: Iterable[Address],
        chain_id: int,
        *,
        now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        jitter_ppm: Callable[[], int] = lambda: secrets.randbelow(PPM_ONE + 1),
    ) -> None:
        """Ready to ask.

        Args:
            nodes: in the order in which they are asked; one that fails often rests while others answer.
            contracts: whose logs.
            chain_id: the only chain that is believed.
            now_ms: a clock that only goes forward.
            jitter_ppm: where in its range a pause lies.
        """
        if not nodes:
            raise Missing("the network has no RPC endpoint", next="Set `rpc` in [networks.NAME] of the settings.")
        self.nodes, self.contracts, self.chain_id = tuple(nodes), frozenset(contracts), chain_id
        self.quorum = len(self.nodes) // 2 + 1
        self._checked: set[str] = set()
        self._now_ms, self._jitter_ppm = now_ms, jitter_ppm
        self._breakers = dict.fromkeys((node.name for node in self.nodes), breaker.CLOSED)

    def head(self, tag: str = "latest") -> BlockNumber:
        """The highest block that a majority of the nodes has reached.

        Args:
            tag: `latest`, `safe` or `finalized`.

        Raises:
            Unavailable: no majority answers.
        """
        heads, silent = [], None
        for node in self.nodes:
            try:
                heads.append(self._header(node, tag).number)
            except Unavailable as error:
                silent = error
        if len(heads) < self.quorum:
            raise silent or NodeSilent("no node answers")
        return BlockNumber(sorted(heads, reverse=True)[self.quorum - 1])

    def header(self, height: BlockNumber) -> BlockHeader | None:
        """The block of that number that a majority has; None where a majority has none yet.

        Raises:
            NodesDisagree: no majority for any.
        """
        votes: dict[Bytes32 | None, int] = {}
        silent = None
        for node in self.nodes:
            try:
                block = self._block(node, height)
            except Unavailable as error:
                silent = error
                continue
            key = None if block is None else block.hash
            votes[key] = votes.get(key, 0) + 1
            if votes[key] >= self.quorum:
                return block
        if silent is not None and sum(votes.values()) < self.quorum:
            raise silent
        raise NodesDisagree(f"the nodes tell different blocks {height}", block=height)

    def span(self, first: BlockNumber, last: BlockNumber, parent: Bytes32) -> Span:
        """The blocks [first, last] that follow `parent`, with every log of our contracts.

        Raises:
            Forked: a majority's block `first` follows another parent.
            RangeTooLarge: the node wants fewer blocks.
            Unavailable: no node gave an answer that fits together.
        """
        failures: list[Unavailable] = []
        for node in self.nodes:
            try:
                return self._span_from(node, first, last, parent)
            except Unavailable as error:
                failures.append(error)
        telling = [
            error for kind in (RangeTooLarge, Forked, BadAnswer) for error in failures if isinstance(error, kind)
        ]
        raise (telling or failures)[0]

    def _span_from(self, node: RpcNode, first: BlockNumber, last: BlockNumber, parent: Bytes32) -> Span:
        if self._header(node, "latest").number < last:
            raise NodeBehind(f"{node.name} has not reached block {last}", rpc=node.name, block=last)
        headers = self._headers(node, first, last)
        if headers[0].parent != parent:
            raise Forked(f"block {first} follows another block than the mirrored one", block=first)
        for before, after in pairwise(headers):
            if after.parent != before.hash:
                raise BadAnswer(f"{node.name}: block {after.number} does not follow block {before.number}")
        arrived = self._logs(node, first, last)
        self._fits(node, headers, arrived)
        self._complete(node, headers, arrived)
        if len(self.nodes) > 1:
            agreed = self.header(last)
            if agreed is None or agreed.hash != headers[-1].hash:
                raise BadAnswer(f"{node.name}: the majority has another block {last}", rpc=node.name)
        return Span(headers, arrived)

    def _headers(self, node: RpcNode, first: BlockNumber, last: BlockNumber) -> tuple[BlockHeader, ...]:
        numbers = range(first, last + 1)
        answers = self._ask(node, [Ask("eth_getBlockByNumber", (hex(n), False)) for n in numbers])
        headers: list[BlockHeader] = []
        for expected, answer in zip(numbers, answers, strict=True):
            block = header(answer)
            if block is None:
                raise NodeBehind(f"{node.name} has no block {expected}", rpc=node.name, block=expected)
            if block.number != expected:
                raise BadAnswer(f"{node.name} gave block {block.number} for block {expected}", rpc=node.name)
            headers.append(block)
        return tuple(headers)

    def _logs(self, node: RpcNode, first: BlockNumber, last: BlockNumber) -> tuple[RawLog, ...]:
        wanted: dict[str, Json] = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": sorted("0x" + contract.hex() for contract in self.contracts),
        }
        return logs(self._ask(node, [Ask("eth_getLogs", (wanted,))])[0])

    def _fits(self, node: RpcNode, headers: Sequence[BlockHeader], arrived: Sequence[RawLog]) -> None:
        """Each log belongs to the block that it names, and the block's filter allows it."""
        by_number, places = {block.number: block for block in headers}, set[tuple[int, int]]()
        for log in arrived:
            block = by_number.get(log.block)
            if block is None or block.hash != log.block_hash or log.contract not in self.contracts:
                raise BadAnswer(f"{node.name} gave a log of another block or contract", rpc=node.name, block=log.block)
            if not all(may_hold(block.bloom, word) for word in (log.contract, *log.topics)):
                raise BadAnswer(f"{node.name} gave a log that block {log.block} cannot hold", rpc=node.name)
            if (log.block, log.log_index) in places:
                raise BadAnswer(f"{node.name} gave a log twice", rpc=node.name, block=log.block)
            places.add((log.block, log.log_index))

    def _complete(self, node: RpcNode, headers: Sequence[BlockHeader], listed: Sequence[RawLog]) -> None:
        """Where a filter allows our listed, the receipts hold exactly those that arrived."""
        suspects = [block for block in headers if any(may_hold(block.bloom, contract) for contract in self.contracts)]
        arrived: dict[BlockNumber, set[RawLog]] = {}
        for log in listed:
            arrived.setdefault(log.block, set()).add(log)
        for start in range(0, len(suspects), RECEIPTS):
            part = suspects[start : start + RECEIPTS]
            for block, held in zip(part, self._held(node, part), strict=True):
                if held != arrived.get(block.number, set()):
                    raise BadAnswer(f"{node.name} left out listed of block {block.number}", rpc=node.name)

    def _held(self, node: RpcNode, blocks: Sequence[BlockHeader]) -> list[set[RawLog]]:
        """Our logs of each block, from its receipts."""
        try:
            answers = self._ask(node, [Ask("eth_getBlockReceipts", (hex(block.number),)) for block in blocks])
        except NoMethod:
            answers = [self._receipts(node, block) for block in blocks]
        return [{log for log in receipt_logs(answer) if log.contract in self.contracts} for answer in answers]

    def _receipts(self, node: RpcNode, block: BlockHeader) -> Json:
        """The block's receipts one by one, for nodes that give them no other way."""
        named = transactions(self._ask(node, [Ask("eth_getBlockByHash", (_hex(block.hash), False))])[0])
        return self._ask(node, [Ask("eth_getTransactionReceipt", (_hex(tx),)) for tx in named])

    def _header(self, node: RpcNode, tag: str) -> BlockHeader:
        block = header(self._ask(node, [Ask("eth_getBlockByNumber", (tag, False))])[0])
        if block is None:
            raise NodeBehind(f"{node.name} has no {tag} block", rpc=node.name)
        return block

    def _block(self, node: RpcNode, height: BlockNumber) -> BlockHeader | None:
        block = header(self._ask(node, [Ask("eth_getBlockByNumber", (hex(height), False))])[0])
        if block is not None and block.number != height:
            raise BadAnswer(f"{node.name} gave block {block.number} for block {height}", rpc=node.name)
        return block

    def _ask(self, node: RpcNode, asks: Sequence[Ask]) -> list[Json]:
        if len(self.nodes) == 1:  # nobody else to ask: the caller waits
            return self._asked(node, asks)
        state, may = breaker.ask(self._breakers[node.name], self._now_ms(), REST)
        self._breakers[node.name] = state
        if not may:
            raise NodeSilent(f"{node.name} failed often and rests", rpc=node.name)
        try:
            answers = self._asked(node, asks)
        except NodeSilent:
            self._breakers[node.name] = breaker.failed(state, self._now_ms(), REST, self._jitter_ppm())
            raise
        self._breakers[node.name] = breaker.succeeded(state)
        return answers

    def _asked(self, node: RpcNode, asks: Sequence[Ask]) -> list[Json]:
        if node.name not in self._checked:
            chain_id = number(node.ask([Ask("eth_chainId")])[0])
            if chain_id != self.chain_id:
                raise WrongChain(f"{node.name} serves chain {chain_id}, expected {self.chain_id}", chain=chain_id)
            self._checked.add(node.name)
        return node.ask(asks)


def _hex(octets: bytes) -> str:
    return "0x" + octets.hex()
