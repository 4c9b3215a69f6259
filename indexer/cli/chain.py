"""`node follow|replay|verify|redecode`: the mirror is made, made again, and compared with the chain."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.cli import node
from indexer.cli.parts import contracts, database, follower, source
from provenance.adapters import wire
from provenance.cli.frame import command
from provenance.types import Address, BlockNumber, Bytes32

if TYPE_CHECKING:
    from indexer.follow import Step
    from indexer.store.database import Database
    from provenance.cli.context import Context

LOCK = "follow"
DEVNET_POLL_MS = 200
POLL_MS = 2_000


@command(node, "follow", example=("provenance node follow", "provenance node follow --once --json"))
@click.option("--once", "only_once", is_flag=True, help="Stop when the present head is mirrored.")
@click.option("--poll-ms", type=click.IntRange(10), metavar="MS", help="Pause between looks at the head.")
def follow(ctx: Context, *, only_once: bool, poll_ms: int | None) -> None:
    """Mirror the contracts' events into SQL, and undo what a reorg took back."""
    from indexer.follow import forever, once

    if ctx.dry_run:
        ctx.would(f"mirror chain {ctx.network.chain_id} into the operator's database")
    opened = database(ctx.settings)
    with opened.lock(LOCK):
        mirroring = follower(ctx, opened)
        if only_once:
            position = once(mirroring).position
            ctx.out.emit(
                {"block": position.number, "hash": "0x" + position.hash.hex(), "final": position.final},
                text=f"Mirrored up to block {position.number} (final {position.final}).",
            )
            return
        ctx.out.say(f"Mirroring chain {ctx.network.chain_id} into {opened.url.render_as_string()}; Ctrl-C stops it.")
        pause = poll_ms or (DEVNET_POLL_MS if wire.is_devnet(ctx.network) else POLL_MS)
        forever(mirroring, poll_s=pause / 1_000, told=lambda step: _note(ctx, step))


@command(node, "replay", example=("provenance node replay", "provenance node replay --check"))
@click.option("--check", is_flag=True, help="Rebuild beside the mirror and compare; change nothing.")
def replay(ctx: Context, *, check: bool) -> None:
    """Rebuild every fact from the chain's first block, and say whether that is what was there."""
    from indexer.follow import once
    from indexer.store import state
    from indexer.store.mirror import ChainMirror

    opened = database(ctx.settings)
    if check or ctx.dry_run:
        return _check(ctx, opened)
    with opened.lock(LOCK):
        before = ChainMirror(opened).position()
        old = state.digests(opened, before.number) if before else {}
        ChainMirror(opened).clear()
        step = once(follower(ctx, opened))
    last = before.number if before and before.number <= step.position.number else step.position.number
    new = state.digests(opened, last)
    _tell_replay(ctx, last, state.digest(new), state.first_difference(old, new) if old else None)
    return None


def _check(ctx: Context, opened: Database) -> None:
    from indexer.follow import once
    from indexer.store import state
    from indexer.store.database import open_database
    from indexer.store.mirror import ChainMirror, NotMirrored
    from indexer.verify import RowDiffers

    position = ChainMirror(opened).position()
    if position is None:
        raise NotMirrored("nothing has been mirrored yet")
    old = state.digests(opened, position.number)
    with tempfile.TemporaryDirectory(prefix="provenance-replay-") as folder:
        fresh = open_database(f"sqlite:///{Path(folder) / 'replay.db'}")
        once(follower(ctx, fresh))
        new = state.digests(fresh, position.number)
        fresh.dispose()
    table = state.first_difference(old, new)
    if table is not None:
        raise RowDiffers(f"a replay has other rows in {table}", table=table, block=position.number)
    _tell_replay(ctx, position.number, state.digest(new), None)


@command(node, "verify", example=("provenance node verify", "provenance node verify --from 0 --to 500"))
@click.option(
    "--from", "first", type=click.IntRange(0), metavar="BLOCK", help="First block; the deployment's if unset."
)
@click.option(
    "--to", "last", type=click.IntRange(0), metavar="BLOCK", help="Last block; the newest final one if unset."
)
def verify(ctx: Context, *, first: int | None, last: int | None) -> None:
    """Compare SQL with the chain, row by row; exit 10 names the first row that differs.

    The nodes' answers are checked against each other, but not proved: headers and receipts are not
    hashed again here.
    """
    from indexer.store.mirror import ChainMirror, NotMirrored
    from indexer.verify import compare

    mirror = ChainMirror(database(ctx.settings))
    position = mirror.position()
    if position is None:
        raise NotMirrored("nothing has been mirrored yet")
    start = max(1, wire.record(ctx.settings).first_block if first is None else first)
    end = position.final if last is None else min(last, position.number)
    if end < start:
        raise NotMirrored(f"blocks {start}-{end} are not mirrored, or not final yet")
    ctx.out.progress.phase("compare")
    equal = compare(source(ctx.settings), mirror, contracts(ctx.settings), BlockNumber(start), BlockNumber(end))
    ctx.out.emit(
        {"verdict": "VERIFIED", "from": equal.first, "to": equal.last, "rows": equal.rows},
        text=(
            f"VERIFIED: {equal.rows:,} rows of blocks {equal.first}-{equal.last} are those of the chain.",
            "Not proved: that the node's headers and receipts hash to what they claim.",
        ),
    )


@command(node, "redecode", example="provenance node redecode")
def redecode(ctx: Context) -> None:
    """Make every fact again from the raw logs that are kept, without asking a node."""
    from indexer.store.facts import decoded
    from indexer.store.mirror import ChainMirror

    opened = database(ctx.settings)
    names = {address: name for name, address in contracts(ctx.settings).items()}
    if ctx.dry_run:
        ctx.would("make every fact again from the raw logs")
    with opened.lock(LOCK):
        count = ChainMirror(opened).redecode(
            lambda contract, topics, body: decoded(names.get(Address(contract), ""), topics, body)
        )
    ctx.out.emit({"facts": count}, text=f"{count:,} facts made again from the raw logs.")


def _note(ctx: Context, step: Step) -> None:
    if step.outcome == "forked":
        ctx.out.say(f"Reorg: the mirror is on the new branch, at block {step.position.number}.")
    elif ctx.verbose:
        ctx.out.say(f"Block {step.position.number} of {step.head}, final {step.position.final}.")


def _tell_replay(ctx: Context, last: BlockNumber, digest: Bytes32, differed: str | None) -> None:
    same = "The rows are the same as before." if differed is None else f"The rows of {differed} were others before."
    ctx.out.emit(
        {"block": last, "state": "0x" + digest.hex(), "differed": differed},
        text=(f"State at block {last}: 0x{digest.hex()}", same),
    )
