"""What an account earned: `provenance earnings …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.app import settle
from provenance.cli.frame import command, group
from provenance.cli.statement import Statement
from provenance.cli.values import shown_address, shown_amount, shown_time, token
from provenance.errors import Conflict

if TYPE_CHECKING:
    from provenance.cli.context import Context
    from provenance.types import Json


@group("earnings")
def earnings() -> None:
    """Show what was earned and why, and claim it."""


_EPOCH = click.option("--epoch", type=click.IntRange(min=1), metavar="N", help="This epoch; else the last one.")
_PAYEE = click.option("--payee", metavar="NAME|ADDRESS", help="Of this account; else of --account.")


@command(
    earnings, "show", example=("provenance earnings show --account holder-1", "provenance earnings show --epoch 2")
)
@_EPOCH
@_PAYEE
def show(ctx: Context, epoch: int | None, payee: str | None) -> None:
    """Show what the account has earned, what of it was paid, and what can be claimed."""
    due, decimals, symbol = _due(ctx, epoch, payee)
    facts = _facts(ctx, due)
    ctx.out.emit(
        facts,
        text=(
            f"{shown_address(due.payee)}, epoch {due.epoch}",
            f"earned in all  {shown_amount(due.cumulative, decimals)} {symbol}",
            f"paid so far    {shown_amount(due.claimed, decimals)} {symbol}",
            f"can be claimed {shown_amount(due.amount, decimals)} {symbol}"
            + ("" if facts["active"] or not due.amount else f", {_when(due)}"),
        ),
    )


@command(earnings, "statement", example="provenance earnings statement --account holder-1 --epoch 1")
@_EPOCH
@_PAYEE
def statement(ctx: Context, epoch: int | None, payee: str | None) -> None:
    """Explain what the account earned in an epoch: licenses, recordings, weights and money, line by line."""
    address = ctx.address(payee)
    chain, content = ctx.chain(), ctx.content()
    settlement, published = settle.latest(chain, content, epoch)
    settle.leaves(content, published, root=settlement.proposed.event.root)
    row = settle.statement(content, published, address)
    number = settlement.epoch
    if row is None:
        return ctx.out.emit(
            {"payee": shown_address(address), "epoch": number, "net": "0", "why": []},
            text=f"{shown_address(address)} earned nothing in epoch {number}.",
        )
    statement_ = Statement(chain, content, published, row, *token(chain))
    title = f"{shown_address(address)}, epoch {number}"
    return ctx.out.emit({"epoch": number, **row}, text=lambda: (title, *statement_.sums(), *statement_.lines()))


@command(earnings, "claim", example="provenance earnings claim --account holder-1")
@click.option("--epoch", type=click.IntRange(min=1), metavar="N", help="This epoch; else the newest that counts.")
@_PAYEE
def claim(ctx: Context, epoch: int | None, payee: str | None) -> None:
    """Claim what is due on the newest epoch that counts: anyone may send it, the tokens go to the payee."""
    chain = ctx.chain()
    due = _due(ctx, epoch, payee)[0] if epoch else settle.claimable(chain, ctx.content(), ctx.address(payee))
    decimals, symbol = token(chain)
    if not due.amount:
        return ctx.out.emit(
            _facts(ctx, due) | {"paid": "0"},
            text=f"Everything up to epoch {due.epoch} has been paid already."
            if due.cumulative
            else f"{shown_address(due.payee)} earned nothing up to epoch {due.epoch}.",
        )
    if not _facts(ctx, due)["active"]:
        raise Conflict(
            f"epoch {due.epoch} can be claimed {_when(due)}",
            next="Wait until then; on a devnet `provenance devnet advance SECONDS` moves the clock.",
            activeAt=due.active_at,
        )
    claimed = f"{shown_amount(due.amount, decimals)} {symbol}"
    mined = ctx.transact(due.call(), "claim", means=f"claim {claimed} for {shown_address(due.payee)}")
    return ctx.out.emit(
        _facts(ctx, due) | {"paid": str(due.amount), "tx": f"0x{mined.tx.hex()}"},
        text=f"Paid {claimed} to {shown_address(due.payee)}.",
    )


def _due(ctx: Context, epoch: int | None, payee: str | None) -> tuple[settle.Due, int, str]:

    return settle.due(ctx.chain(), ctx.content(), ctx.address(payee), epoch), *token(ctx.chain())


def _facts(ctx: Context, due: settle.Due) -> dict[str, Json]:
    return {
        "payee": shown_address(due.payee),
        "epoch": due.epoch,
        "cumulative": str(due.cumulative),
        "claimed": str(due.claimed),
        "due": str(due.amount),
        "activeAt": due.active_at,
        "active": due.counts(ctx.clock.now()),
    }


def _when(due: settle.Due) -> str:
    return (
        "once its challenge is decided; `provenance role show` says until when"
        if due.disputed
        else f"from {shown_time(due.active_at)} on"
    )
