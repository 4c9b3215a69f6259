"""How does everybody get paid, once, whatever dies on the way?

An outbox: each claim transaction is planned, given a nonce, signed and kept before it is sent. A worker
that was killed goes on where it stood. The distributor's cumulative claims are the fence: a payment
that is tried twice is nothing due the second time.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from indexer import records
from indexer.calls import PayoutBatch, batches, decode, encode
from indexer.store.outbox import LineOutcome, Outgoing, PayoutOutbox
from provenance.app.ports import Call, ChainBlock, Clock, Content, Deployment, Mined, Signer
from provenance.app.settle import reading
from provenance.domain.events import ClaimSkipped, RoyaltyClaimed
from provenance.errors import Broken, Conflict, Reverted, Unavailable
from provenance.types import Address, BlockNumber, Bytes32, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.adapters.chain.facts import Signed
    from provenance.app.settle.reading import Leaves

WAIT_S: Final = 60.0  # how long a transaction may stay unmined before its fee is raised
GIVE_UP_S: Final = 600.0
POLL_S: Final = 0.1
BUMP_PERCENT: Final = 13  # nodes want at least 10 % more to replace a transaction
SKIPPED_NOTHING_DUE: Final = 1
NOTHING: Final = Wei(0)
REASONS: Final = {1: "nothing due", 2: "the transfer failed", 3: "more than the settlement holds"}


class NothingToPay(Conflict):
    """No settlement is active yet."""

    next = "Wait until the proposed settlement's window is over; `provenance node settle` proposes one."


class NotMined(Unavailable):
    """A payout was sent and no block took it."""

    code = "payout-not-mined"
    next = "Repeat `provenance node pay`: it goes on with the same transaction."


class Relay(Protocol):
    """A chain that takes signed bytes: what an outbox needs beside the port `Chain`."""

    @property
    def deployment(self) -> Deployment: ...
    def head(self, *, final: bool = False) -> ChainBlock: ...
    def read(
        self, call: Call, *, at: BlockNumber | None = None, sender: Address | None = None
    ) -> tuple[object, ...]: ...
    def sign(
        self, call: Call, signer: Signer, *, nonce: int | None = None, fees: tuple[int, int] | None = None
    ) -> Signed: ...
    def broadcast(self, signed: Signed) -> None: ...
    def mined(self, tx: Bytes32) -> Mined | None: ...
    def next_nonce(self, account: Address, *, mined_only: bool = False) -> int: ...
    def fees(self) -> tuple[int, int]: ...


class Facts(Protocol):
    """What the mirror knows of settlements and claims."""

    def proposal(self, epoch: int, root: Bytes32) -> Bytes32:
        """The digest of the manifest that proposed this root, from final blocks."""

    def claimed(self) -> Mapping[Address, Wei]:
        """What each payee was paid so far."""


@dataclass(frozen=True, slots=True)
class Active:
    """The settlement that can be claimed now."""

    epoch: int
    root: Bytes32


@dataclass(frozen=True, slots=True)
class Report:
    """What one run did."""

    epoch: int
    mined: tuple[Mined, ...] = ()
    paid: int = 0
    amount: Wei = NOTHING
    skipped: tuple[tuple[Address, str], ...] = ()
    not_final: int = 0


def active(relay: Relay) -> Active:
    """The settlement that the contract pays on now.

    Raises:
        NothingToPay: there is none.
    """
    (epoch,) = relay.read(Call("RoyaltyDistributor", "activeEpoch", ()))
    if not isinstance(epoch, int) or epoch == 0:
        raise NothingToPay("no settlement is active")
    (found,) = relay.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    if not isinstance(found, tuple) or not isinstance(found[0], bytes):
        raise Broken("a settlement without a root")
    return Active(epoch, Bytes32(found[0]))


def due(leaves: Leaves, claimed: Mapping[Address, Wei], tried: Mapping[Address, Wei]) -> dict[Address, Wei]:
    """Who has something to claim, and up to which cumulative amount.

    Args:
        leaves: everybody's cumulative earnings.
        claimed: what each payee was paid so far.
        tried: up to where a payee is on its way or was refused under this settlement; not tried again.
    """
    return {
        payee: cumulative
        for payee, cumulative in leaves.cumulative.items()
        if max(claimed.get(payee, NOTHING), tried.get(payee, NOTHING)) < cumulative
    }


class Worker:
    """Drives one outbox; only one works at a time (the caller holds the lock `pay`)."""

    def __init__(
        self,
        relay: Relay,
        outbox: PayoutOutbox,
        signer: Signer,
        clock: Clock,
        *,
        sleep: Callable[[float], None] = time.sleep,
        crossing: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Ready to work.

        Args:
            relay: the chain.
            outbox: what is on its way.
            signer: the relayer; it pays gas and receives nothing.
            clock: dates records.
            sleep: between two looks for a receipt.
            crossing: told after every step that is on disk or sent; tests die there.
        """
        self.relay, self.outbox, self.signer, self.clock = relay, outbox, signer, clock
        self._sleep, self._crossing = sleep, crossing

    def run(self, content: Content, mirror: Facts, *, retry: bool = False) -> Report:
        """Everything that was begun is finished, then everybody who has something to claim is paid.

        Args:
            content: where the settlement's documents are.
            mirror: what the chain said.
            retry: also try payees that could not be paid before.
        """
        began = self.outbox.open()
        driven = [self.drive(one) for one in began]
        finished = [after for before, after in zip(began, driven, strict=True) if before.state != "MINED"]
        now = active(self.relay)
        for batch in self.plan(now, content, mirror, retry=retry):
            self.outbox.plan(now.epoch, now.root, encode(batch.call), batch.lines, self.clock.now())
            self._crossing("planned")
        finished += [self.drive(one) for one in self.outbox.open() if one.state != "MINED"]
        return self._report(now, finished)

    def plan(self, now: Active, content: Content, mirror: Facts, *, retry: bool = False) -> tuple[PayoutBatch, ...]:
        """The transactions that pay everybody who is owed something and is not on its way."""
        published = reading.published(content, mirror.proposal(now.epoch, now.root))
        leaves = reading.leaves(content, published, root=now.root)
        tried: dict[Address, Wei] = {}
        for line, state in self.outbox.lines(now.epoch, now.root):
            if state != "SKIPPED" and not (retry and state == "HELD"):
                tried[line.payee] = max(tried.get(line.payee, NOTHING), line.cumulative)
        return batches(now.epoch, leaves, due(leaves, mirror.claimed(), tried))

    def drive(self, one: Outgoing) -> Outgoing:
        """The payout is mined, final, or given up."""
        while one.state not in ("FINAL", "SKIPPED"):
            before = one.state
            one = self.step(one)
            self._crossing(one.state)
            if one.state == before == "MINED":
                break  # not final yet: a later run looks again
        return one

    def step(self, one: Outgoing) -> Outgoing:
        """One transition, on disk when it returns."""
        steps = {"PLANNED": self._reserve, "RESERVED": self._sign, "SIGNED": self._send, "BROADCAST": self._await}
        return steps.get(one.state, self._finish)(one)

    def _reserve(self, one: Outgoing) -> Outgoing:
        last = self.outbox.last_nonce()
        nonce = max(self.relay.next_nonce(self.signer.address), -1 if last is None else last + 1)
        return self.outbox.move(one, "RESERVED", self.clock.now(), nonce=nonce)

    def _sign(self, one: Outgoing, fees: tuple[int, int] | None = None) -> Outgoing:
        tip, most = fees or self.relay.fees()
        try:
            signed = self.relay.sign(decode(one.call), self.signer, nonce=one.nonce, fees=(tip, most))
        except Reverted as error:  # another settlement became active, or somebody else paid them all
            return self.outbox.move(one, "SKIPPED", self.clock.now(), nonce=None, detail=error.detail)
        return self.outbox.sign(
            one,
            records.Attempt(
                payout=one.id, tx=signed.tx, raw=signed.raw, max_fee_wei=most, signed_at_s=self.clock.now()
            ),
        )

    def _send(self, one: Outgoing) -> Outgoing:
        """Sent, or sent again: the same bytes are the same transaction."""
        try:
            self.relay.broadcast(self._signed(one))
        except Conflict as error:
            if self._found(one) is None:
                if not self._nonce_is_gone(one):
                    raise
                return self._again(one, error.detail)
        self._crossing("sent")
        return self.outbox.move(one, "BROADCAST", self.clock.now())

    def _await(self, one: Outgoing) -> Outgoing:
        """Mined under any of its hashes; after a while its fee is raised under the same nonce."""
        started, raised = time.monotonic(), time.monotonic()
        if self._found(one) is None:  # a dropped transaction, or one whose block is gone
            with suppress(Conflict):
                self.relay.broadcast(self._signed(one))
        while (found := self._found(one)) is None:
            waited = time.monotonic()
            if self._nonce_is_gone(one) and self._found(one) is None:
                return self._again(one, "another transaction took the nonce")
            if waited - started > GIVE_UP_S:
                raise NotMined(f"payout {one.id} is not mined", payout=one.id, nonce=one.nonce)
            if waited - raised > WAIT_S:
                one, raised = self._raise_fee(one), waited
            self._sleep(POLL_S)
        mined, failure = found
        if mined is None:
            return self.outbox.move(one, "SKIPPED", self.clock.now(), detail=failure)
        where = (mined.block.number, mined.block.hash)
        return self.outbox.mined(one, mined.tx, where, _outcomes(mined), self.clock.now())

    def _raise_fee(self, one: Outgoing) -> Outgoing:
        tip, most = self.relay.fees()
        least = self.outbox.attempts(one)[0].max_fee_wei * (100 + BUMP_PERCENT) // 100 + 1
        bumped = self._sign(one, (max(tip, least * tip // max(most, 1)), max(most, least)))
        return bumped if bumped.state == "SKIPPED" else self._send(bumped)

    def _finish(self, one: Outgoing) -> Outgoing:
        """FINAL once its block cannot change; back on its way if the block is gone."""
        if one.tx is None or one.block is None:
            raise Broken(f"payout {one.id} is mined nowhere")
        found = self.relay.mined(one.tx)
        if found is None or found.block.hash != one.block_hash:
            return self.outbox.move(one, "BROADCAST", self.clock.now(), block=None, block_hash=None)
        if one.block > self.relay.head(final=True).number:
            return one
        return self.outbox.move(one, "FINAL", self.clock.now())

    def _found(self, one: Outgoing) -> tuple[Mined | None, str] | None:
        """The mined transaction, or why it failed in its block; None while no block has it."""
        for attempt in self.outbox.attempts(one):
            try:
                mined = self.relay.mined(Bytes32(attempt.tx))
            except Reverted as error:
                return None, error.detail
            if mined is not None:
                return mined, ""
        return None

    def _nonce_is_gone(self, one: Outgoing) -> bool:
        return one.nonce is not None and self.relay.next_nonce(self.signer.address, mined_only=True) > one.nonce

    def _again(self, one: Outgoing, why: str) -> Outgoing:
        """Nothing of it can be mined any more: it is given up, and its payees are planned again."""
        return self.outbox.move(one, "SKIPPED", self.clock.now(), nonce=None, detail=why)

    def _signed(self, one: Outgoing) -> Signed:
        """The newest bytes that were signed for it."""
        from provenance.adapters.chain.facts import Signed  # noqa: PLC0415 - loads with the chain's adapter

        attempt = self.outbox.attempts(one)[0]
        if one.nonce is None:
            raise Broken(f"payout {one.id} is signed without a nonce")
        return Signed(Bytes32(attempt.tx), attempt.raw, one.nonce)

    def _report(self, now: Active, finished: list[Outgoing]) -> Report:
        report = Report(now.epoch)
        for one in {one.id: one for one in finished}.values():
            mined = self.relay.mined(one.tx) if one.tx and one.state in ("MINED", "FINAL") else None
            if mined is not None:
                report = _with(report, mined, final=one.state == "FINAL")
        return report


def _with(report: Report, mined: Mined, *, final: bool) -> Report:
    claims = [log.event for log in mined.logs if isinstance(log.event, RoyaltyClaimed)]
    skipped = [
        (log.event.payee, REASONS.get(log.event.reason, str(log.event.reason)))
        for log in mined.logs
        if isinstance(log.event, ClaimSkipped) and log.event.reason != SKIPPED_NOTHING_DUE
    ]
    return replace(
        report,
        mined=(*report.mined, mined),
        paid=report.paid + len(claims),
        amount=Wei(report.amount + sum(claim.amount for claim in claims)),
        skipped=(*report.skipped, *skipped),
        not_final=report.not_final + (not final),
    )


def _outcomes(mined: Mined) -> dict[Address, LineOutcome]:
    """What a mined payout did to each payee: PAID, SKIPPED (nothing was due) or HELD (it could not be paid)."""
    outcome_by_payee: dict[Address, LineOutcome] = {}
    for log in mined.logs:
        match log.event:
            case RoyaltyClaimed(payee=payee, amount=amount):
                outcome_by_payee[payee] = LineOutcome("PAID", str(amount))
            case ClaimSkipped(payee=payee, reason=reason):
                outcome_by_payee[payee] = LineOutcome(
                    "SKIPPED" if reason == SKIPPED_NOTHING_DUE else "HELD", REASONS.get(reason, str(reason))
                )
            case _:
                pass
    return outcome_by_payee
