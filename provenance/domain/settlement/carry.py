"""What goes on from one epoch to the next?

Who has earned what, which receipts are settled, what is owed and what is held. It is published with
each epoch, so that the next one needs no memory but content under a digest on chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias, get_args

from provenance.domain import fields, record
from provenance.domain.record import at, decimal
from provenance.errors import Failed
from provenance.types import Address, Bytes32, Json, LicenseId, ReceiptId, RecordingId, SessionId, Wei

COMPLETE: Final = "complete"
CHARGED: Final = "charged"
ROWS: Final = 1 << 24
Amount: TypeAlias = Annotated[Wei, decimal(256)]
HoldKind: TypeAlias = Literal["cluster", "license", "receipt"]
_KINDS: Final[dict[str, HoldKind]] = {kind: kind for kind in get_args(HoldKind)}


class BadSnapshot(Failed):
    """A published state that contradicts itself."""


class Hold(NamedTuple):
    """Money whose receiver is not known yet: what a ruling must name to release it."""

    kind: HoldKind
    id: Bytes32


Key: TypeAlias = "Address | Hold"
"""Who a share goes to: a payee, or a hold."""


def tie_bytes(key: bytes | Hold) -> bytes:
    """What a key's tie hash is made of."""
    return key.id if isinstance(key, Hold) else key


def order(key: Key) -> tuple[int, str, bytes]:
    """Payees by address, then holds by kind and id: the order in documents."""
    return (1, key.kind, key.id) if isinstance(key, Hold) else (0, "", key)


def hold(document: Mapping[str, Json]) -> Hold:
    """The hold that a row names.

    Raises:
        BadSnapshot: of an unknown kind.
    """
    kind = fields.text(document, "hold")
    if kind not in _KINDS:
        raise BadSnapshot(f"unknown hold {kind!r}")
    return Hold(_KINDS[kind], fields.word(document, "id"))


_KEY: Final = record.Codec(
    lambda row, _: hold(row) if "hold" in row else fields.address(row, "payee"),
    lambda key: (
        {"hold": key.kind, "id": fields.shown(key.id)} if isinstance(key, Hold) else {"payee": fields.shown(key)}
    ),
    "object",
    fields=tuple(record.Field(name, "", "", optional=True) for name in ("payee", "hold", "id")),
)


@record.dataclass(frozen=True, slots=True)
class KeyAmount:
    """What a payee or a hold gets."""

    key: Annotated[Key, record.INLINE, _KEY]
    amount: Amount


Shares: TypeAlias = Annotated[
    tuple[tuple[Key, Wei], ...],
    record.via(
        record.items(record.record(KeyAmount), ROWS),
        lambda rows: tuple((row.key, row.amount) for row in rows),
        lambda shares: [KeyAmount(*share) for share in shares],
    ),
]


@record.dataclass(frozen=True, slots=True)
class Debt:
    """What is still owed of one due: the fee and the shares as they were decided when it arose."""

    license_id: LicenseId
    epoch: Annotated[int, decimal(64)]
    fee: Amount
    shares: Shares

    @property
    def total(self) -> Wei:
        """All that is still owed."""
        return Wei(self.fee + sum(amount for _, amount in self.shares))


@record.dataclass(frozen=True, slots=True, order=True)
class Settled:
    """One settled segment of a session."""

    first_seq: Annotated[int, decimal(64)]
    size: Annotated[int, decimal(64), at("count")]
    max_time_ms: Annotated[int, decimal(64)]
    hash: Annotated[Bytes32, at("segmentHash")]


_CLOSED: Final = record.Codec(lambda row, name: row[name] if isinstance(row.get(name), str) else "", str, "text")


@record.dataclass(frozen=True, slots=True)
class Cursor:
    """How far a session is settled.

    `end` is the seq after its last segment, once that is anchored; `closed` is empty, `complete`
    (every receipt up to the last is settled) or `charged` (silence or two receipts in one place).
    """

    session_id: SessionId
    segments: Annotated[tuple[Settled, ...], record.most(ROWS)] = ()
    units: Annotated[int, decimal(128)] = 0
    end: Annotated[int, decimal(64)] | None = None
    closed: Annotated[str, _CLOSED] = ""

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


@record.dataclass(frozen=True, slots=True)
class Move:
    """Score that a correction takes from one recording and gives to another, not yet recovered."""

    license_id: LicenseId
    receipt_id: ReceiptId
    loser: RecordingId
    gainer: RecordingId
    score: Annotated[int, decimal(256)]


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
