"""Payouts on their way to the chain: each step is on disk before the next begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from indexer import records
from indexer.store import bulk, rows
from indexer.store.facts import FACTS
from indexer.store.mirror import read_position
from provenance.domain import events
from provenance.errors import Broken, Conflict
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.store.database import Database

State = Literal["PLANNED", "RESERVED", "SIGNED", "BROADCAST", "MINED", "FINAL", "SKIPPED"]
LineState = Literal["PLANNED", "PAID", "SKIPPED", "HELD"]
DONE: Final[tuple[State, ...]] = ("FINAL", "SKIPPED")

_PAYOUTS = bulk.table_of(records.Payout)
_LINES = bulk.table_of(records.PayoutLine)
_ATTEMPTS = bulk.table_of(records.Attempt)
_CLAIMED = FACTS[events.RoyaltyClaimed]
_PROPOSED = FACTS[events.SettlementProposed]


class ProposalNotFinal(Conflict):
    """What is to be paid on is not final yet."""

    code = "payouts-not-final"
    next = "Start `provenance node follow`, or wait until the proposal is final, then repeat."


class NonceTaken(Conflict):
    """Two payouts of one account want the same nonce."""

    next = "Only one `provenance node pay` may use an account: stop the other one, then repeat."


@dataclass(frozen=True, slots=True)
class Line:
    """One payee of a payout: up to which cumulative amount it is to be paid."""

    payee: Address
    cumulative: Wei


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of one payee of a mined payout."""

    state: LineState
    detail: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One transaction and how far it is."""

    id: int
    channel: str
    epoch: int
    root: Bytes32
    call: bytes
    state: State
    nonce: int | None
    tx: Bytes32 | None
    block: BlockNumber | None
    block_hash: Bytes32 | None


class PayoutOutbox:
    """The payouts of one channel: one sending account on one chain."""

    def __init__(self, database: Database, channel: str) -> None:
        self.database, self.channel = database, channel

    def plan(self, epoch: int, root: Bytes32, call: bytes, lines: Sequence[Line], now: UnixSeconds) -> int:
        """The payout is on disk, PLANNED; the answer is its id."""
        with self.database.write() as connection:
            key = connection.execute(
                insert(_PAYOUTS).values(
                    channel=self.channel,
                    epoch=epoch,
                    root=root,
                    call=call,
                    state="PLANNED",
                    created_at_s=now,
                    changed_at_s=now,
                    detail="",
                )
            ).inserted_primary_key
            if key is None:
                raise Broken("a payout without an id")
            bulk.insert(connection, _LINES, [(key[0], line.payee, line.cumulative, "PLANNED", "") for line in lines])
        return int(key[0])

    def open(self) -> tuple[Outgoing, ...]:
        """What is not done: with a nonce first, in the order of nonces, which is the only order they can be mined in."""
        query = (
            select(_PAYOUTS)
            .where((_PAYOUTS.c.channel == self.channel) & _PAYOUTS.c.state.not_in(DONE))
            .order_by(_PAYOUTS.c.nonce.is_(None), _PAYOUTS.c.nonce, _PAYOUTS.c.id)
        )
        return tuple(map(_outgoing, self.database.rows(query)))

    def get(self, number: int) -> Outgoing:
        """The payout as it stands."""
        (row,) = self.database.rows(select(_PAYOUTS).where(_PAYOUTS.c.id == number))
        return _outgoing(row)

    def last_nonce(self) -> int | None:
        """The highest nonce that is reserved or used here."""
        query = select(func.max(_PAYOUTS.c.nonce)).where(_PAYOUTS.c.channel == self.channel)
        nonce: int | None = self.database.scalar(query)
        return nonce

    def move(self, payout: Outgoing, state: State, now: UnixSeconds, **changes: object) -> Outgoing:
        """The payout is in the next state, and nobody else moved it meanwhile.

        Raises:
            Broken: somebody did.
            NonceTaken: another payout of this account has the nonce.
        """
        try:
            with self.database.write() as connection:
                moved = connection.execute(
                    update(_PAYOUTS)
                    .where((_PAYOUTS.c.id == payout.id) & (_PAYOUTS.c.state == payout.state))
                    .values(state=state, changed_at_s=now, **changes)
                ).rowcount
                if moved != 1:
                    raise Broken(f"payout {payout.id} was moved by another worker")
        except IntegrityError as error:
            raise NonceTaken(f"payout {payout.id}: the nonce is reserved already", payout=payout.id) from error
        return self.get(payout.id)

    def sign(self, payout: Outgoing, attempt: records.Attempt) -> Outgoing:
        """The signed bytes are on disk before anybody sends them; the payout is SIGNED."""
        with self.database.write() as connection:
            rows.keep(connection, attempt)
            connection.execute(
                update(_PAYOUTS)
                .where((_PAYOUTS.c.id == payout.id) & (_PAYOUTS.c.state == payout.state))
                .values(state="SIGNED", tx=attempt.tx, changed_at_s=attempt.signed_at_s)
            )
        return self.get(payout.id)

    def attempts(self, payout: Outgoing) -> tuple[records.Attempt, ...]:
        """Everything that was signed for this payout's nonce, the newest first."""
        newest = (_ATTEMPTS.c.max_fee_wei.desc(), _ATTEMPTS.c.signed_at_s.desc())
        with self.database.read() as connection:
            return rows.every(connection, records.Attempt, _ATTEMPTS.c.payout == payout.id, *newest)

    def mined(
        self,
        payout: Outgoing,
        tx: Bytes32,
        block: tuple[BlockNumber, Bytes32],
        outcomes: Mapping[Address, LineOutcome],
        now: UnixSeconds,
    ) -> Outgoing:
        """The payout is MINED, with what became of each payee."""
        with self.database.write() as connection:
            for payee, outcome in outcomes.items():
                connection.execute(
                    update(_LINES)
                    .where((_LINES.c.payout == payout.id) & (_LINES.c.payee == payee))
                    .values(state=outcome.state, detail=outcome.detail)
                )
            connection.execute(
                update(_PAYOUTS)
                .where(_PAYOUTS.c.id == payout.id)
                .values(state="MINED", tx=tx, block=block[0], block_hash=block[1], changed_at_s=now)
            )
        return self.get(payout.id)

    def lines(self, epoch: int, root: Bytes32) -> tuple[tuple[Line, LineState], ...]:
        """Every payee that was tried under one settlement, in whatever state."""
        query = (
            select(_LINES)
            .join(_PAYOUTS, _PAYOUTS.c.id == _LINES.c.payout)
            .where((_PAYOUTS.c.channel == self.channel) & (_PAYOUTS.c.epoch == epoch) & (_PAYOUTS.c.root == root))
            .where(_PAYOUTS.c.state != "SKIPPED")
            .order_by(_LINES.c.payout)
        )
        return tuple((Line(Address(row.payee), Wei(row.cumulative)), row.state) for row in self.database.rows(query))


@dataclass(frozen=True, slots=True)
class SettlementFacts:
    """What the mirror knows of settlements and claims."""

    database: Database

    def proposal(self, epoch: int, root: Bytes32) -> Bytes32:
        """The digest of the manifest that proposed this root, from final blocks.

        Raises:
            NotFinal: the mirror has no such proposal in final blocks.
        """
        with self.database.read() as connection:
            position = read_position(connection)
            digest: bytes | None = connection.scalars(
                select(_PROPOSED.c.manifest_digest)
                .where((_PROPOSED.c.epoch == epoch) & (_PROPOSED.c.root == root))
                .where(_PROPOSED.c.block <= (position.final if position else -1))
                .order_by(_PROPOSED.c.block.desc(), _PROPOSED.c.log_index.desc())
            ).first()
        if digest is None:
            raise ProposalNotFinal(f"the proposal of epoch {epoch} is not in the mirror's final blocks", epoch=epoch)
        return Bytes32(digest)

    def claimed(self) -> dict[Address, Wei]:
        """What each payee was paid so far, as far as the chain is mirrored."""
        query = select(_CLAIMED.c.payee, func.max(_CLAIMED.c.cumulative)).group_by(_CLAIMED.c.payee)
        return {Address(payee): Wei(int(cumulative)) for payee, cumulative in self.database.rows(query)}


def _outgoing(row: Row[*tuple[object, ...]]) -> Outgoing:
    return Outgoing(
        id=row.id,
        channel=row.channel,
        epoch=row.epoch,
        root=Bytes32(row.root),
        call=row.call,
        state=row.state,
        nonce=row.nonce,
        tx=None if row.tx is None else Bytes32(row.tx),
        block=None if row.block is None else BlockNumber(row.block),
        block_hash=None if row.block_hash is None else Bytes32(row.block_hash),
    )
