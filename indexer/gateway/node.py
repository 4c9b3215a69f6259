"""The gateway's parts: its wallet, records and content, and the chain's present state.

Facts come from the mirror that `node follow` writes; a decision waits until it has reached the
chain's head, and is refused where it does not in time.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from provenance.app.ports import Chain, Cipher, Clock, Deployment, GatewayKey, Random, Wallet
from provenance.domain import fields, signature, typed
from provenance.domain.events import ChallengeResolved, SettlementChallenged, SettlementProposed, SettlementVetoed
from provenance.domain.facts import merged
from provenance.domain.hashes import keccak, sha256
from provenance.domain.ledger import ChainBlock, Ledger, Logged, Settlement
from provenance.errors import Denied, Unavailable
from provenance.types import ZERO_ADDRESS, Address, BlockNumber, Bytes32, Json, UnixSeconds

if TYPE_CHECKING:
    from indexer.ports import (
        ContentStore,
        CustodyRecords,
        Examine,
        LeaseRecords,
        MirroredEvents,
        MirrorState,
        Stores,
        UsageRecords,
    )

WAIT_S: Final = 5.0  # how long a decision waits for the mirror
POLL_S: Final = 0.02
LIST_WAIT_S: Final = 1.0
LEASE_S: Final = 900
UNREGISTERED_BYTES: Final = 64 << 30
SETTLING: Final = (SettlementProposed, SettlementVetoed, SettlementChallenged, ChallengeResolved)
FOR_EVER: Final = UnixSeconds((1 << 40) - 1)


class MirrorBehind(Unavailable):
    """The mirror has not reached the chain's head; nothing is decided on old facts."""

    next = "Start `provenance node follow`, or wait until it has caught up, and repeat."


class SignatureNeeded(Denied):
    """A contract wallet's word counts only once it is on chain."""

    next = "Sign with the account's key; a contract wallet records the digest with `approveDigest` first."


@dataclass(frozen=True, slots=True)
class State:
    """The chain's facts about something, as of one block."""

    block: ChainBlock
    final: BlockNumber
    ledger: Ledger


class Arriving:
    """Bytes that are on their way in this process; threads share it."""

    def __init__(self) -> None:
        self._lock, self._total = threading.Lock(), 0

    def take(self, size: int, most: int) -> bool:
        """Room for `size` is held if no more than `most` is then on its way."""
        with self._lock:
            fits = self._total + size <= most
            self._total += size if fits else 0
        return fits

    def give(self, size: int) -> None:
        """What was held is free again."""
        with self._lock:
            self._total -= size


@dataclass(frozen=True)
class GatewayNode:
    """One gateway: its wallet, its records, its content, its view of the chain."""

    deployment: Deployment
    document: dict[str, Json]
    """The deployment's document, as `/v1/key` shows it."""
    chain: Chain
    stores: Stores
    content: ContentStore
    wallet: Wallet
    cipher: Cipher
    examine: Examine
    clock: Clock
    random: Random
    wait_s: float = WAIT_S
    lease_s: int = LEASE_S
    finality: str = "latest"
    unregistered_bytes: int = UNREGISTERED_BYTES
    """The most that is kept of content that no registered dataset names."""
    arriving: Arriving = field(default_factory=Arriving)

    @property
    def history(self) -> MirroredEvents:
        """The mirrored events."""
        return self.stores.history

    @property
    def mirror(self) -> MirrorState:
        """Where the mirror stands."""
        return self.stores.mirror

    @property
    def custody(self) -> CustodyRecords:
        """Deposits and keys."""
        return self.stores.custody

    @property
    def leases(self) -> LeaseRecords:
        """Offers, leases, refusals."""
        return self.stores.leases

    @property
    def usage(self) -> UsageRecords:
        """Sessions, segments and batches."""
        return self.stores.usage

    @property
    def address(self) -> Address:
        """The gateway's account: the meter."""
        return self.wallet.signer.address

    @cached_property
    def key(self) -> GatewayKey:
        """Who this gateway is, signed."""
        binding = typed.KeyBinding(self.address, self.wallet.encryption_key, FOR_EVER, 0)
        signed = self.wallet.signer.sign(typed.digest(self.deployment.domains.access, binding))
        return GatewayKey(self.address, binding, signed, self.document)

    @cached_property
    def cluster_secret(self) -> bytes:
        """The key of the clusters' HMAC: derived from the account, so that it needs no place and is never lost.

        Signatures are deterministic (RFC 6979), and nobody is ever given the one over this digest.
        """
        words = b"provenance/cluster/1" + self.deployment.domains.usage.separator()
        return sha256(self.wallet.signer.sign(keccak(words)))

    def present(self) -> tuple[ChainBlock, BlockNumber]:
        """The mirror's newest block and its newest final one, not older than the chain's head now.

        Raises:
            MirrorBehind: it did not get there in time.
        """
        self._reach(self.chain.head(), self.wait_s)
        return self.history.head(), self.history.head(final=True).number

    def newest(self) -> ChainBlock:
        """The mirror's newest block, at the chain's head where it gets there in a moment: for lists, not decisions."""
        with suppress(Unavailable):
            self._reach(self.chain.head(), LIST_WAIT_S)
        return self.history.head()

    def check_pinned(self, block: ChainBlock) -> None:
        """What was read since `present` belongs to that block's chain.

        Raises:
            MirrorBehind: the block was undone meanwhile.
        """
        if self.mirror.hash_at(block.number) != block.hash:
            raise MirrorBehind(f"block {block.number} was undone while it was read", block=block.number)

    def about(self, block: ChainBlock, final: BlockNumber, *subjects: bytes) -> State:
        """The facts that name any of these ids or accounts, folded."""
        return State(block, final, Ledger.fold(self.history.events_about(*subjects, last=block.number)))

    def state(self, block: ChainBlock, final: BlockNumber, *groups: tuple[Logged, ...]) -> State:
        """Several selections of facts, folded as one."""
        return State(block, final, Ledger.fold(merged(*groups)))

    def facts(self, block: ChainBlock, *subjects: bytes) -> tuple[Logged, ...]:
        """The events up to a block that name any of these ids or accounts."""
        return self.history.events_about(*subjects, last=block.number) if subjects else ()

    def settlements(self, block: ChainBlock) -> tuple[Settlement, ...]:
        """The epochs proposed up to a block, in order, with what was said against them."""
        return tuple(Ledger.fold(self.history.events_of(*SETTLING, last=block.number)).settlements)

    def check_signed(self, digest: Bytes32, signed: bytes, wallet: Address) -> None:
        """The account signed this digest, or as a contract put it on record, in a final block.

        Raises:
            BadSignature: another key did.
            SignatureNeeded: nothing is signed, and nothing on record.
        """
        if signed:
            signature.check(digest, signed, wallet)
            return
        final = self.history.head(final=True)
        approvals = Ledger.fold(self.history.events_about(digest, last=final.number))
        if wallet == ZERO_ADDRESS or not approvals.approved(wallet, digest, final.number):
            raise SignatureNeeded(f"{fields.checksummed(wallet)} has neither signed nor approved 0x{digest.hex()}")

    def _reach(self, head: ChainBlock, within_s: float) -> None:
        """The mirror is at this block, or at the chain's newer head."""
        deadline = time.monotonic() + within_s
        while (mirrored := self.mirror.hash_at(head.number)) != head.hash:
            if time.monotonic() > deadline:
                position = self.mirror.position()
                raise MirrorBehind(
                    f"the mirror is at block {position.number if position else None}, the chain at {head.number}",
                    block=head.number,
                )
            time.sleep(POLL_S)
            if mirrored is not None:  # one of the two is on a dead branch
                head = self.chain.head()
