"""What goes on from one epoch to the next?

Who has earned what, which receipts are settled, what is owed and what is held. It is published with
each epoch, so that the next one needs no memory but content under a digest on chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from provenance.types import Bytes32, Wei

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.types import Address, LicenseId, ReceiptId, RecordingId, SessionId

COMPLETE: Final = "complete"
CHARGED: Final = "charged"


class Hold(NamedTuple):
    """Money whose receiver is not known yet: what a ruling must name to release it."""

    kind: Literal["cluster", "license", "receipt"]
    id: Bytes32


Key: TypeAlias = "Address | Hold"
"""Who a share goes to: a payee, or a hold."""


def tie_bytes(key: Key) -> bytes:
    """What a key's tie hash is made of."""
    return key.id if isinstance(key, Hold) else key


def order(key: Key) -> tuple[int, str, bytes]:
    """Payees by address, then holds by kind and id: the order in documents."""
    return (1, key.kind, key.id) if isinstance(key, Hold) else (0, "", key)


@dataclass(frozen=True, slots=True)
class Debt:
    """What is still owed of one due: the fee and the shares as they were decided when it arose."""

    license_id: LicenseId
    epoch: int
    fee: Wei
    shares: tuple[tuple[Key, Wei], ...]

    @property
    def total(self) -> Wei:
        """All that is still owed."""
        return Wei(self.fee + sum(amount for _, amount in self.shares))


class Settled(NamedTuple):
    """One settled segment of a session."""

    first_seq: int
    size: int
    max_time_ms: int
    hash: Bytes32


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a session is settled.

    `end` is the seq after its last segment, once that is anchored; `closed` is empty, `complete`
    (every receipt up to the last is settled) or `charged` (silence or two receipts in one place).
    """

    session_id: SessionId
    segments: tuple[Settled, ...] = ()
    units: int = 0
    end: int | None = None
    closed: str = ""

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """Ranges [first, last] of receipts not settled before the furthest known one."""
        gaps: list[tuple[int, int]] = []
        reached = 0
        for settled in sorted(self.segments):
            if settled.first_seq > reached:
                gaps.append((reached, settled.first_seq - 1))
            reached = max(reached, settled.first_seq + settled.size)
        if self.end is not None and self.end > reached:
            gaps.append((reached, self.end - 1))
        return tuple(gaps)


class Move(NamedTuple):
    """Score that a correction takes from one recording and gives to another, not yet recovered."""

    license_id: LicenseId
    receipt_id: ReceiptId
    loser: RecordingId
    gainer: RecordingId
    score: int


@dataclass(frozen=True, slots=True)
class Carry:
    """The state after an epoch; empty before the first."""

    cumulative: Mapping[Address, Wei] = field(default_factory=dict)
    cursors: Mapping[SessionId, Cursor] = field(default_factory=dict)
    debts: tuple[Debt, ...] = ()
    """Oldest first."""
    holds: Mapping[Hold, Wei] = field(default_factory=dict)
    spent: Mapping[Bytes32, Wei] = field(default_factory=dict)
    """By memo: grosses, refunds and what went back to its sender."""
    corrected: frozenset[ReceiptId] = frozenset()
    moves: tuple[Move, ...] = ()

    @property
    def total(self) -> Wei:
        """Σ of everything ever credited."""
        return Wei(sum(self.cumulative.values()))
