"""`node settle`, `node pay`: an epoch is closed and proposed; everybody it credits is paid."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from indexer.cli import node
from indexer.cli.parts import acting, caught_up, database
from provenance.adapters import wire
from provenance.app import pending, stake
from provenance.cli.frame import command
from provenance.cli.out import Sent
from provenance.cli.values import shown_address, shown_time, shown_tokens, token
from provenance.domain.fields import counted, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.payouts import Report, Worker
    from indexer.store.database import Database
    from indexer.store.outbox import SettlementFacts
    from provenance.app.ports import Content
    from provenance.app.settle.closing import Waiting
    from provenance.cli.context import Context
    from provenance.domain.settlement.documents import Epoch
    from provenance.types import Json

PAY_LOCK = "pay"
SETTLE_LOCK = "settle"
CLOSING_TRIES = 5


@command(
    node,
    "settle",
    example=(
        "provenance node settle --yes",
        "provenance node settle --dry-run",
        "provenance node settle --as holder-1 --yes",
    ),
)
@click.option("--as", "stranger", metavar="NAME|ADDRESS", help="Propose by the exit, with the stake of this account.")
def settle(ctx: Context, stranger: str | None) -> None:
    """Close the epoch at the last final block, publish its documents and propose its root.

    Run again within the window, with nothing anchored or funded since, it names the epoch that it proposed.
    Once no epoch has become active for 90 days, anybody can do so with --as, for a window of 14 days: the stake goes in
    with the root, and comes out with `provenance role unstake` once the root is active.
    """
    from provenance.adapters import tally
    from provenance.app.settle import closing

    opened = database(ctx.settings)
    account = stranger or acting(ctx, "publisher")
    with opened.lock(SETTLE_LOCK):
        _refuse_halted(opened)
        content, proposer = wire.store(ctx.settings), ctx.address(account)
        by_exit, approvals = stake.proposing(ctx.chain(), proposer, ctx.clock.now(), stranger=stranger is not None)
        closed = _closed(ctx, opened, content, by_exit=by_exit)
        if isinstance(closed, closing.Waiting):
            _tell_waiting(ctx, closed, content)
            return
        unit = token(ctx.chain())
        total = shown_tokens(closed.total, *unit)
        action = f"propose epoch {closed.number}, root {shown(closed.root)}, {total} in all"
        if ctx.dry_run:
            ctx.would_send(
                action + (", first approve the stake" if approvals else ""),
                approvals[:1] or (closing.proposal(closed, tally.engine().address(closed.manifest)),),
                proposer,
                epoch=str(closed.number),
                root=shown(closed.root),
                total=str(closed.total),
            )
        manifest = closing.commit(closed, content)
        put_in = shown_tokens(stake.price(ctx.chain()), *unit) if approvals else ""
        send = ctx.act(action, ctx.wallet(account), tokens=put_in)
        for approval in approvals:
            send(approval, "approve tokens")
        mined = send(closing.proposal(closed, manifest), "propose settlement")
    payees = sum(1 for amount in closed.decision.carry.cumulative.values() if amount)
    ctx.out.emit(
        {
            "epoch": str(closed.number),
            "root": shown(closed.root),
            "total": str(closed.total),
            "payees": payees,
            "manifest": str(manifest),
            "tx": shown(mined.tx),
            "gas": mined.gas_used,
        },
        text=(*summary(closed, payees, *unit), f"Manifest {manifest}", _claimable(ctx, closed.number)),
    )


@command(node, "pay", example=("provenance node pay --yes", "provenance node pay --dry-run"))
@click.option("--retry", is_flag=True, help="Also try payees whose transfer failed before.")
def pay(ctx: Context, *, retry: bool) -> int:
    """Relay the claims of everybody who is owed something; a payee that cannot be paid stops nobody."""
    from indexer.store.outbox import SettlementFacts

    opened = database(ctx.settings)
    with opened.lock(PAY_LOCK):
        _refuse_halted(opened)
        caught_up(ctx, opened)
        worker, content, facts = _worker(ctx, opened), wire.content(ctx.settings), SettlementFacts(opened)
        if ctx.dry_run or not ctx.out.yes:
            _agree(ctx, worker, content, facts, retry=retry)
        report = worker.run(content, facts, retry=retry)
    _tell(ctx, report)
    return 1 if report.skipped else 0


def summary(closed: Epoch, payees: int, decimals: int, symbol: str) -> Iterator[str]:
    """What the epoch pays and what it does not, as the publisher reads it."""
    grown, total = (shown_tokens(amount, decimals, symbol) for amount in (closed.decision.grown, closed.total))
    yield (
        f"Epoch {closed.number} is proposed: {grown} in this epoch, {total} in all epochs together,"
        f" to {counted(payees, 'payee')}."
    )
    held = sum(pot.held for pot in closed.decision.pots)
    if held:
        yield f"Held until a ruling: {shown_tokens(held, decimals, symbol)}."
    reasons = Counter(receipt.reason for receipt in closed.decision.judged.rejected)
    if reasons:
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        yield f"Rejected: {counted(reasons.total(), 'receipt')} ({listed}); charged, and nobody's score."


def _claimable(ctx: Context, epoch: int) -> str:
    kept = pending.settlement(ctx.chain(), epoch)
    when = f"from {shown_time(kept.active_at)} on" if kept else "once its window is over"
    return f"It can be claimed {when}."


def _closed(ctx: Context, opened: Database, content: Content, *, by_exit: bool) -> Epoch | Waiting:
    """The epoch, decided on the mirror's facts; blocks that came meanwhile are mirrored first."""
    from indexer.store.mirror import NotMirrored
    from provenance.adapters import tally
    from provenance.app.settle import closing

    def decided() -> Epoch | Waiting:
        facts = caught_up(ctx, opened)
        waiting = closing.waiting(facts, content, ctx.chain().head())
        if waiting and (by_exit or not closing.gives_way(ctx.chain(), waiting.settlement)):
            return waiting
        return closing.close(ctx.chain(), facts, content, tally.engine(), by_exit=by_exit)

    for _ in range(CLOSING_TRIES):
        with suppress(NotMirrored):
            return decided()
    return decided()


def _tell_waiting(ctx: Context, waiting: Waiting, content: Content) -> None:
    from provenance.app.settle import reading

    proposed = waiting.settlement.proposed
    event, tx = proposed.event, shown(proposed.logged.tx)
    payees = sum(1 for amount in reading.leaves(content, waiting.published).cumulative.values() if amount)
    ctx.out.emit(
        {
            "epoch": str(event.epoch),
            "root": shown(event.root),
            "total": str(event.total),
            "payees": payees,
            "manifest": str(waiting.published.cid),
            "tx": tx,
            "gas": 0,
        },
        text=(
            f"Epoch {event.epoch} is proposed already, in {tx}; nothing was anchored or funded since its cutoff.",
            f"Nothing was sent. It can be claimed from {shown_time(waiting.settlement.active_at)} on.",
        ),
    )


def _refuse_halted(opened: Database) -> None:
    from indexer.store.mirror import ChainMirror, Halted

    halts = ChainMirror(opened).halts()
    if halts:
        raise Halted(
            f"a reorg to block {halts[0].fork} went below final block {halts[0].final}",
            fork=halts[0].fork,
            final=halts[0].final,
        )


def _worker(ctx: Context, opened: Database) -> Worker:
    from indexer.payouts import Worker
    from indexer.store.outbox import PayoutOutbox

    signer = ctx.wallet(acting(ctx, "relayer")).signer
    channel = f"{ctx.network.chain_id}:0x{signer.address.hex()}"
    return Worker(ctx.chain(), PayoutOutbox(opened, channel), signer, ctx.clock)


def _agree(ctx: Context, worker: Worker, content: Content, facts: SettlementFacts, *, retry: bool) -> None:
    """The operator saw what paying everybody costs and agreed."""
    from indexer.payouts import active

    planned = worker.plan(active(ctx.chain()), content, facts, retry=retry)
    payees = sum(len(batch.lines) for batch in planned)
    action = f"pay {counted(payees, 'payee')} in {counted(len(planned), 'transaction')}"
    calls, sender = [batch.call for batch in planned], worker.signer.address
    if ctx.dry_run:
        ctx.would_send(action, calls, sender, payees=payees)
    if calls:
        ctx.ask(action, calls, sender)
    elif worker.outbox.open():
        ctx.out.confirm("Finish the payouts that an earlier run began?")


def _tell(ctx: Context, report: Report) -> None:

    ctx.session.sent.extend(Sent("relay claims", mined) for mined in report.mined)
    skipped: Json = [{"payee": shown(payee), "reason": reason} for payee, reason in report.skipped]
    amount = shown_tokens(report.amount, *token(ctx.chain()))
    lines = [f"Paid {counted(report.paid, 'payee')} {amount} in {counted(len(report.mined), 'transaction')}."]
    lines += [f"Not paid: {shown_address(payee)} ({reason})." for payee, reason in report.skipped]
    if report.not_final:
        lines.append(f"Not final yet: {counted(report.not_final, 'transaction')}; a later run looks again.")
    ctx.out.emit(
        {
            "epoch": str(report.epoch),
            "paid": report.paid,
            "amount": str(report.amount),
            "skipped": skipped,
            "gas": sum(mined.gas_used for mined in report.mined),
            "notFinal": report.not_final,
        },
        text=lines,
    )
