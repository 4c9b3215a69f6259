"""A distributor in memory behind a node that drops, replaces, reorganizes and loses answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provenance.adapters.chain.facts import Signed
from provenance.app.ports import Deployment, Mined, TokenUnit
from provenance.app.settle.reading import Leaves
from provenance.domain import canonical
from provenance.domain.events import ClaimSkipped, Event, RoyaltyClaimed
from provenance.domain.fees import Limits
from provenance.domain.ledger import ChainBlock, Logged
from provenance.domain.settlement import documents, tables
from provenance.errors import Conflict, Reverted, Unavailable
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei
from tests.fakes.content import MemoryContent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.app.ports import Call, Signer

CHAIN_ID = 31_337
DISTRIBUTOR = Address(b"\x06" * 20)


@dataclass(frozen=True)
class Settlement:
    """One epoch's leaves and the content that publishes them."""

    epoch: int
    leaves: Leaves
    manifest: Bytes32


def settled(content: MemoryContent, epoch: int, cumulative: Mapping[Address, Wei]) -> Settlement:
    head = {"chainId": CHAIN_ID, "distributor": "0x" + DISTRIBUTOR.hex(), "epoch": str(epoch)}
    rows = [{"payee": "0x" + payee.hex(), "cumulative": str(amount)} for payee, amount in sorted(cumulative.items())]
    tree = documents.tree(CHAIN_ID, DISTRIBUTOR, cumulative)
    cid = content.put(tables.encode("provenance/tree", rows, head))
    named = {"cid": str(cid), "root": "0x" + tree.root.hex()}
    manifest = content.put(canonical.encode("provenance/epoch", 1, {"epoch": str(epoch), "tree": named}))
    return Settlement(epoch, Leaves(CHAIN_ID, DISTRIBUTOR, cumulative, tree), manifest.digest)


class FakeSigner:
    """Signs nothing: the fake relay asks only for the address."""

    address = Address(b"\x0e" * 20)

    def sign(self, digest: Bytes32) -> bytes:
        return digest + digest + b"\x1b"


@dataclass(frozen=True)
class Sent:
    """A transaction as the pool knows it."""

    tx: Bytes32
    nonce: int
    call: Call | None
    fee: int
    blocked: frozenset[Address] = frozenset()
    """Whom the token blocked when it was mined."""


@dataclass
class FakeRelay:
    """Mines what the pool holds at every look for a receipt, unless it `stalls`."""

    settlements: list[Settlement] = field(default_factory=list)
    blocked: set[Address] = field(default_factory=set)
    stalls: int = 0
    lost_answers: int = 0
    dropped: int = 0
    depth: int = 0
    blocks: list[list[Sent]] = field(default_factory=lambda: [[]])
    pool: dict[int, Sent] = field(default_factory=dict)
    known: dict[Bytes32, Sent] = field(default_factory=dict)
    salt: int = 0
    gas_price: int = 100

    deployment = Deployment(CHAIN_ID, BlockNumber(0), {"RoyaltyDistributor": DISTRIBUTOR}, None, TokenUnit(6, "TUSD"))

    # --- the port

    def head(self, *, final: bool = False) -> ChainBlock:
        return self._block(max(0, len(self.blocks) - 1 - (self.depth if final else 0)))

    def read(self, call: Call, *, at: BlockNumber | None = None, sender: Address | None = None) -> tuple[object, ...]:
        del at, sender
        now = self.settlements[-1] if self.settlements else None
        if call.function == "activeEpoch":
            return (now.epoch if now else 0,)
        assert now
        return ((now.leaves.tree.root, 0, 0, now.epoch, 1),)

    def fees(self) -> tuple[int, int]:
        return 1, self.gas_price

    def next_nonce(self, account: Address, *, mined_only: bool = False) -> int:
        del account
        mined = sum(len(block) for block in self.blocks)
        return mined if mined_only else mined + len(self.pool)

    def sign(
        self, call: Call, signer: Signer, *, nonce: int | None = None, fees: tuple[int, int] | None = None
    ) -> Signed:
        del signer
        if not any(one.epoch == call.args[0] for one in self.settlements[-2:]):
            raise Reverted("no such epoch")
        assert nonce is not None
        assert fees is not None
        Limits().check(200_000 * fees[1], fees[1])
        raw = repr((call, nonce, fees)).encode()
        tx = Bytes32(hashlib.sha256(raw).digest())
        self.known[tx] = Sent(tx, nonce, call, fees[1])
        return Signed(tx, raw, nonce)

    def broadcast(self, signed: Signed) -> None:
        one = self.known[signed.tx]
        if self._place(signed.tx) is not None:
            return
        if signed.nonce < self.next_nonce(FakeSigner.address, mined_only=True):
            raise Conflict("nonce too low")
        before = self.pool.get(signed.nonce)
        if before and before.tx != one.tx and one.fee * 100 < before.fee * 110:
            raise Conflict("replacement transaction underpriced")
        if self.dropped:
            self.dropped -= 1
        else:
            self.pool[signed.nonce] = one
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unavailable("the answer was lost")

    def mined(self, tx: Bytes32) -> Mined | None:
        if self.stalls:
            self.stalls -= 1
        else:
            self.mine()
        place = self._place(tx)
        if place is None:
            return None
        events = self._replay()[tx]
        block = self._block(place)
        logs = tuple(Logged(block, tx, i, DISTRIBUTOR, event) for i, event in enumerate(events))
        return Mined(tx, block, 21_000, logs)

    # --- what happens to it

    def mine(self) -> None:
        found = []
        nonce = self.next_nonce(FakeSigner.address, mined_only=True)
        while nonce in self.pool:
            found.append(replace(self.pool.pop(nonce), blocked=frozenset(self.blocked)))
            nonce += 1
        if found:
            self.blocks.append(found)

    def steal(self) -> None:
        """Another program uses the account's next nonce."""
        nonce = self.next_nonce(FakeSigner.address, mined_only=True)
        self.salt += 1
        tx = Bytes32(hashlib.sha256(f"theft {self.salt}".encode()).digest())
        self.pool.pop(nonce, None)
        self.blocks.append([Sent(tx, nonce, None, 0)])

    def reorganize(self, blocks: int) -> None:
        """The last blocks are gone; what was in them waits in the pool again, or is forgotten."""
        self.salt += 1
        for _ in range(min(blocks, len(self.blocks) - 1)):
            for one in self.blocks.pop():
                if one.call is not None and self.salt % 2:
                    self.pool[one.nonce] = one
        mined = self.next_nonce(FakeSigner.address, mined_only=True)
        self.pool = {nonce: one for nonce, one in self.pool.items() if nonce >= mined}

    def paid(self) -> dict[Address, int]:
        """Every transfer that the chain holds now, by payee."""
        total: dict[Address, int] = {}
        for events in self._replay().values():
            for event in events:
                if isinstance(event, RoyaltyClaimed):
                    total[event.payee] = total.get(event.payee, 0) + event.amount
        return total

    def claimed(self) -> dict[Address, Wei]:
        return {payee: Wei(amount) for payee, amount in self.paid().items()}

    def proposal(self, epoch: int, root: Bytes32) -> Bytes32:
        return next(one.manifest for one in self.settlements if one.epoch == epoch and one.leaves.tree.root == root)

    def _place(self, tx: Bytes32) -> int | None:
        return next((i for i, block in enumerate(self.blocks) if any(one.tx == tx for one in block)), None)

    def _block(self, number: int) -> ChainBlock:
        digest = hashlib.sha256(repr((number, self.salt, self.blocks[: number + 1])).encode()).digest()
        return ChainBlock(BlockNumber(number), Bytes32(digest), UnixSeconds(1_800_000_000 + number))

    def _replay(self) -> dict[Bytes32, list[Event]]:
        """What each mined transaction did, from the first block on; the contract's rule, nothing else."""
        claimed: dict[Address, int] = {}
        found: dict[Bytes32, list[Event]] = {}
        for block in self.blocks:
            for one in block:
                found[one.tx] = [] if one.call is None else self._execute(one.call, one.blocked, claimed)
        return found

    def _execute(self, call: Call, blocked: frozenset[Address], claimed: dict[Address, int]) -> list[Event]:
        epoch, payments = call.args[0], call.args[1]
        events: list[Event] = []
        for payee, cumulative, *_ in payments:
            before = claimed.get(payee, 0)
            if cumulative <= before:
                events.append(ClaimSkipped(payee, epoch, 1))
            elif payee in blocked:
                events.append(ClaimSkipped(payee, epoch, 2))
            else:
                claimed[payee] = cumulative
                events.append(RoyaltyClaimed(payee, epoch, payee, Wei(cumulative - before), Wei(cumulative)))
        return events
