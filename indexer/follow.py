"""How does the mirror stay equal to the chain? Blocks in, or a forked branch out.

Each step is one transaction at most, so the process may die at any instruction. Nothing is deleted
before what replaces it has been fetched and checked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import stamina
import structlog

from indexer.rpc.node import NodeBehind, RangeTooLarge
from indexer.store.facts import block_row, rows
from indexer.store.mirror import ChainMirror, Origin, OtherChain, Position
from provenance.domain.hashes import sha256
from provenance.errors import Broken, Unavailable
from provenance.types import Address, BlockNumber, Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.blocks import BlockHeader, Span
    from indexer.rpc.source import ChainSource
    from provenance.app.ports import Clock

SPAN_BLOCKS: Final = 2_000  # the most blocks in one transaction
SPAN_LOGS: Final = 20_000  # more logs than this and the next span is smaller
FIRST_SPAN_BLOCKS: Final = 500
ONCE_S: Final = 60.0  # `--once` gives up after this long without an answer
Outcome = Literal["advanced", "forked", "current", "behind"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did, and how far the chain is."""

    outcome: Outcome
    position: Position
    head: BlockNumber


class Follower:
    """Brings one mirror to the head of one chain, step by step."""

    def __init__(
        self,
        source: ChainSource,
        mirror: ChainMirror,
        contracts: Mapping[str, Address],
        *,
        first_block: BlockNumber,
        finality: str,
        clock: Clock,
    ) -> None:
        """Prepare to follow.

        Args:
            source: the nodes.
            mirror: the database.
            contracts: addresses by contract name, those that are mirrored.
            first_block: where the deployment begins.
            finality: `latest-N`, `safe` or `finalized`.
            clock: read when a reorg below finality is put on record.
        """
        self.source, self.mirror, self.clock = source, mirror, clock
        self._names = {address: name for name, address in contracts.items()}
        self._anchor = BlockNumber(max(first_block, 1) - 1)
        self._contracts = sha256(b"".join(sorted(name.encode() + b"=" + at for name, at in contracts.items())))
        self._finality, self._first_block = finality, first_block
        self._span_blocks, self._begun = FIRST_SPAN_BLOCKS, False

    def step(self) -> Step:
        """The mirror is one span nearer to the head, or a dead branch is gone, or nothing changed.

        Raises:
            Unavailable: no answer that fits together; nothing was changed.
            OtherChain: the database mirrors another chain.
        """
        before = self._position()
        head = self.source.head()
        tip = BlockNumber(min(before.number, head))
        if not self._still_there(tip):
            return self._replace(before, head, tip)
        if head < before.number:
            return Step("behind", before, head)
        if head == before.number:
            return Step("current", self._finalize(before, head), head)
        return Step("advanced", self._extend(before, head, keep=before.number, parent=before.hash), head)

    def check(self) -> None:
        """The database is empty, or mirrors this chain and deployment.

        Raises:
            Unavailable: no node answers.
            OtherChain: the database mirrors another one.
        """
        self.mirror.check(self._origin())

    def _origin(self) -> Origin:
        return Origin(self.source.chain_id, self._needed(BlockNumber(0)).hash, self._contracts, self._first_block)

    def _position(self) -> Position:
        found = self.mirror.position()
        if found is not None and self._begun:
            return found
        position = self.mirror.begin(self._origin(), block_row(self._needed(self._anchor)))
        self._begun = True
        return position

    def _still_there(self, at: BlockNumber) -> bool:
        return self._needed(at).hash == self.mirror.hash_at(at)

    def _needed(self, at: BlockNumber) -> BlockHeader:
        found = self.source.header(at)
        if found is None:
            raise NodeBehind(f"the nodes have no block {at}", block=at)
        return found

    def _replace(self, before: Position, head: BlockNumber, tip: BlockNumber) -> Step:
        """The branch above the last common block is gone and the first of its replacement is in."""
        if not self._still_there(self._anchor):
            if self._anchor == 0:
                raise OtherChain("the node serves another chain than this database mirrors", chain=self.source.chain_id)
            keep, parent = BlockNumber(self._anchor - 1), self._needed(self._anchor).parent
        else:
            keep = self._common(self._anchor, tip)
            parent = self._mirrored(keep)
        return Step("forked", self._extend(before, head, keep=keep, parent=parent), head)

    def _common(self, same: BlockNumber, other: BlockNumber) -> BlockNumber:
        """The last block that mirror and chain share, by bisection between one shared and one not."""
        while other - same > 1:
            middle = BlockNumber((same + other) // 2)
            same, other = (middle, other) if self._still_there(middle) else (same, middle)
        return same

    def _extend(self, before: Position, head: BlockNumber, *, keep: BlockNumber, parent: Bytes32) -> Position:
        span = self._fetched(BlockNumber(keep + 1), head, parent)
        last = span.headers[-1]
        final = BlockNumber(max(min(before.final, keep), min(last.number, self._final(head))))
        fetched = next((header.hash for header in span.headers if header.number == final), None)
        final_hash = fetched or (self._mirrored(final) if final >= self._anchor else parent)
        after = Position(last.number, last.hash, final, final_hash)
        self.mirror.commit(rows(span, self._names), before, after, keep=keep, now=self.clock.now())
        return after

    def _fetched(self, first: BlockNumber, head: BlockNumber, parent: Bytes32) -> Span:
        """The next span, as wide as the node allows."""
        while True:
            last = BlockNumber(min(head, first + self._span_blocks - 1))
            try:
                span = self.source.span(first, last, parent)
            except RangeTooLarge as error:
                if last == first:
                    raise
                self._span_blocks = _narrower(first, last, error.suggested)
                continue
            fast = len(span.logs) < SPAN_LOGS
            self._span_blocks = min(SPAN_BLOCKS, self._span_blocks * 2) if fast else max(1, self._span_blocks // 2)
            return span

    def _final(self, head: BlockNumber) -> BlockNumber:
        depth = self._finality.removeprefix("latest-")
        return self.source.head(depth) if depth == self._finality else BlockNumber(head - int(depth))

    def _finalize(self, before: Position, head: BlockNumber) -> Position:
        """The cursor knows the newest final block, also when no block came."""
        final = BlockNumber(min(before.number, self._final(head)))
        if final <= before.final:
            return before
        after = Position(before.number, before.hash, final, self._mirrored(final))
        self.mirror.commit({}, before, after, keep=before.number, now=self.clock.now())
        return after

    def _mirrored(self, number: BlockNumber) -> Bytes32:
        found = self.mirror.hash_at(number)
        if found is None:
            raise Broken(f"block {number} is missing in the mirror")
        return found


def once(follower: Follower) -> Step:
    """The mirror has reached the head that the chain had at the start.

    Raises:
        Unavailable: the nodes gave no usable answer for a minute.
    """
    target: BlockNumber | None = None
    while True:
        step = _insisting(follower)
        target = step.head if target is None else target
        if step.outcome == "current" or step.position.number >= target:
            return step


def forever(follower: Follower, *, poll_s: float, told: Callable[[Step], None]) -> None:
    """The mirror follows the head until the process ends; failures are waited out with jitter.

    The log has one line when an outage begins and one when it is over.
    """
    log, waits = structlog.get_logger("follow"), False

    @stamina.retry(on=Unavailable, attempts=None, timeout=None, wait_max=10.0)
    def patiently() -> Step:
        nonlocal waits
        try:
            step = follower.step()
        except Unavailable as error:
            if not waits:
                log.warning("waiting", why=error.detail, next=error.next_step)
            waits = True
            raise
        if waits:
            log.warning("going on", block=step.position.number, head=step.head)
        waits = False
        return step

    while True:
        step = patiently()
        if step.outcome in ("advanced", "forked"):
            told(step)
        if step.position.number >= step.head:
            time.sleep(poll_s)


@stamina.retry(on=Unavailable, attempts=None, timeout=ONCE_S, wait_max=5.0)
def _insisting(follower: Follower) -> Step:
    step = follower.step()
    if step.outcome == "behind":
        raise NodeBehind(
            f"the nodes are at block {step.head}, the mirror is at {step.position.number}", block=step.head
        )
    return step


def _narrower(first: BlockNumber, last: BlockNumber, suggested: tuple[int, int] | None) -> int:
    """What the node suggests, where that is a smaller range from the same block; else half."""
    if suggested is not None and suggested[0] == first and first <= suggested[1] < last:
        return suggested[1] - first + 1
    return max(1, (last - first + 1) // 2)
