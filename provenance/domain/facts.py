"""Facts: what the chain says of one dataset, license or settlement, event by event.

Every query names the block it is asked at; folding the events is `ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from provenance.errors import Failed
from provenance.types import ZERO32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.domain import events as e
    from provenance.types import (
        Address,
        BlockNumber,
        Bytes32,
        DatasetId,
        LicenseId,
        UnixSeconds,
    )

DATASET_ACTIVE: Final = 1
DATASET_SUSPENDED: Final = 2
DATASET_REVOKED: Final = 3
DATASET_HALTED: Final = 4
"""Suspended by the guardian: the one status that refuses use under existing licenses."""

E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ChainBlock:
    """A block's identity and time."""

    number: BlockNumber
    hash: Bytes32
    time: UnixSeconds


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of our contracts and where the chain recorded it."""

    block: ChainBlock
    tx: Bytes32
    log_index: int
    contract: Address
    event: e.Event


class BrokenHistory(Failed):
    """An event speaks of something that no earlier event created."""

    next = "The event source left something out; use another RPC endpoint, or rebuild the mirror."


@dataclass(frozen=True, slots=True)
class Fact(Generic[E_co]):
    """One event and where the chain recorded it."""

    event: E_co
    logged: Logged

    @property
    def number(self) -> BlockNumber:
        """The block's number."""
        return self.logged.block.number

    @property
    def time(self) -> UnixSeconds:
        """The block's time."""
        return self.logged.block.time

    @property
    def position(self) -> tuple[BlockNumber, int]:
        """The block's number and the log's index: facts compare in chain order."""
        return self.logged.block.number, self.logged.log_index

    def upto(self, block: BlockNumber) -> bool:
        """Whether the chain said it at this block or before."""
        return self.logged.block.number <= block


@dataclass(frozen=True, slots=True)
class RegisteredDataset:
    """A registered manifest and everything said of it since."""

    id: DatasetId
    registered: Fact[e.DatasetRegistered]
    statuses: tuple[Fact[e.DatasetStatusChanged], ...] = ()
    transfers: tuple[Fact[e.DatasetTransferred], ...] = ()
    splits: tuple[Fact[e.SplitSet], ...] = ()
    rotations: tuple[Fact[e.ContentRotated], ...] = ()
    disputes: tuple[Fact[e.DatasetDisputed], ...] = ()
    superseded: Fact[e.DatasetSuperseded] | None = None
    members: tuple[Fact[e.MembersSet], ...] = ()
    leavings: tuple[Fact[e.PoolLeft], ...] = ()
    """As a pool: its members' roots, and who leaves it."""

    @property
    def registrant(self) -> Address:
        """The first holder: the one that the manifest's consents name."""
        return self.registered.event.holder

    @property
    def manifest_root(self) -> Bytes32:
        """As registered."""
        return self.registered.event.manifest_root

    @property
    def manifest_digest(self) -> Bytes32:
        """As registered."""
        return self.registered.event.manifest_digest

    @property
    def terms_hash(self) -> Bytes32:
        """As on chain."""
        return self.registered.event.terms_hash

    @property
    def items(self) -> int:
        """How many recordings; of a pool, its notice in days."""
        return self.registered.event.items

    @property
    def recording_count(self) -> int:
        """How many recordings; a pool has none of its own."""
        return 0 if self.pool else self.items

    @property
    def pool(self) -> bool:
        """Whether it is a pool: a dataset without recordings."""
        return self.manifest_root == ZERO32

    @property
    def superseded_by(self) -> DatasetId | None:
        """The newer version, if one was named."""
        return self.superseded.event.new_id if self.superseded else None

    def holder(self, block: BlockNumber) -> Address:
        """Who holds it at the end of a block."""
        taken = [transfer.event.to for transfer in self.transfers if transfer.upto(block)]
        return taken[-1] if taken else self.registrant

    def rulings(self, block: BlockNumber) -> tuple[Fact[e.DatasetStatusChanged], ...]:
        """The guardian's status changes up to a block: by another than who held it at that very event."""
        return tuple(
            change for change in self.statuses if change.upto(block) and change.event.by != self.holder_before(change)
        )

    def holder_before(self, fact: Fact[e.Event]) -> Address:
        """Who held it when this was said, which a transfer later in the same block does not change."""
        taken = [transfer.event.to for transfer in self.transfers if transfer.position < fact.position]
        return taken[-1] if taken else self.registrant

    def status(self, block: BlockNumber) -> int:
        """The status at the end of a block: the last event wins."""
        statuses = [change.event.status for change in self.statuses if change.upto(block)]
        return statuses[-1] if statuses else DATASET_ACTIVE

    def halt(self, block: BlockNumber, final: BlockNumber) -> Fact[e.DatasetStatusChanged] | None:
        """The guardian's suspension in force; it counts at once, its end only when final."""
        standing: Fact[e.DatasetStatusChanged] | None = None
        for change in self.statuses:
            if not change.upto(block):
                break
            if change.event.status == DATASET_HALTED:
                standing = change
            elif change.upto(final):
                standing = None
        return standing

    def transfer_count(self, block: BlockNumber) -> int:
        """How often it changed hands by the end of a block: an offer of another count is none."""
        return sum(transfer.upto(block) for transfer in self.transfers)

    def shares(self, start: UnixSeconds, block: BlockNumber) -> bytes | None:
        """The packed shares in force at a time, None while those of the manifest are.

        The last list that was due by then counts; one that a transfer outran, later than it and before its time, never
        does: a seller's list binds no buyer.
        """
        due = [split for split in self.splits if split.upto(block) and split.event.effective_at <= start]
        standing = [split for split in due if not self._outrun(split, block)]
        return standing[-1].event.shares if standing else None

    def _outrun(self, split: Fact[e.SplitSet], block: BlockNumber) -> bool:
        return any(
            transfer.upto(block) and transfer.position > split.position and transfer.time < split.event.effective_at
            for transfer in self.transfers
        )

    def leaves_at(self, member: DatasetId, block: BlockNumber) -> UnixSeconds | None:
        """From when on a dataset is in this pool no more, as its holder said last; None while it stays."""
        times = [left.event.leaves_at for left in self.leavings if left.upto(block) and left.event.dataset_id == member]
        return (times[-1] or None) if times else None


@dataclass(frozen=True, slots=True)
class GrantedLicense:
    """A license as granted, and its ends."""

    id: LicenseId
    granted: Fact[e.LicenseGranted]
    terminations: tuple[Fact[e.LicenseTerminated], ...] = ()

    @property
    def dataset_id(self) -> DatasetId:
        """What is licensed."""
        return self.granted.event.dataset_id

    @property
    def licensee(self) -> Address:
        """Who may use it."""
        return self.granted.event.licensee

    @property
    def holder(self) -> Address:
        """Who granted it."""
        return self.granted.event.holder

    @property
    def terms_hash(self) -> Bytes32:
        """As on chain."""
        return self.granted.event.terms_hash

    @property
    def purposes(self) -> int:
        """As granted."""
        return self.granted.event.purposes

    def termination(self, block: BlockNumber) -> Fact[e.LicenseTerminated] | None:
        """The termination with the earliest effect, said at this block or before."""
        ends = [end for end in self.terminations if end.upto(block)]
        return min(ends, key=lambda end: (end.event.effective_at, end.number), default=None)

    def end(self, block: BlockNumber) -> UnixSeconds:
        """The first second at which the license is over, as known at a block."""
        ended = self.termination(block)
        expiry = self.granted.event.expiry
        return min(expiry, ended.event.effective_at) if ended else expiry

    def state(self, block: ChainBlock) -> str:
        """ACTIVE, TERMINATED or EXPIRED at a block."""
        if block.time < self.end(block.number):
            return "ACTIVE"
        return "TERMINATED" if self.termination(block.number) else "EXPIRED"


@dataclass(frozen=True, slots=True)
class Settlement:
    """One proposal of an epoch's root, and what was said against it."""

    proposed: Fact[e.SettlementProposed]
    replaced: Fact[e.SettlementProposed] | None = None
    """The publisher's own proposal of the epoch, which took the place of this one by the exit."""
    vetoed: Fact[e.SettlementVetoed] | None = None
    challenged: tuple[Fact[e.SettlementChallenged], ...] = ()
    resolved: tuple[Fact[e.ChallengeResolved], ...] = ()

    @property
    def epoch(self) -> int:
        """Its number."""
        return self.proposed.event.epoch

    @property
    def disputed(self) -> bool:
        """Whether a challenge waits for its ruling."""
        return len(self.challenged) > len(self.resolved)

    @property
    def root(self) -> Bytes32:
        """What it proposes."""
        return self.proposed.event.root

    @property
    def active_at(self) -> UnixSeconds:
        """From when on it can be claimed, unless it is stopped: a dismissed challenge starts its window anew."""
        return self.resolved[-1].event.active_at if self.resolved else self.proposed.event.active_at

    @property
    def rejected(self) -> bool:
        """Vetoed, replaced, or a challenge was upheld: the epoch is proposed again under its number."""
        upheld = any(ruling.event.upheld for ruling in self.resolved)
        return self.vetoed is not None or self.replaced is not None or upheld


def merged(*parts: Iterable[Logged]) -> tuple[Logged, ...]:
    """Several selections as one, in chain order and without repetition."""
    by_place = {(logged.block.number, logged.log_index): logged for part in parts for logged in part}
    return tuple(by_place[place] for place in sorted(by_place))
