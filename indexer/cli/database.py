"""`node db`, `node release`: the schema is the newest, and a halt is lifted with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.cli import node
from indexer.cli.parts import database
from provenance.cli.frame import command, group
from provenance.errors import Invalid

if TYPE_CHECKING:
    from provenance.cli.context import Context
    from provenance.types import Json


@group("db")
def db() -> None:
    """The operator's database."""


node.add_command(db)


@command(db, "upgrade", example="provenance node db upgrade")
def upgrade(ctx: Context) -> None:
    """Bring the database to the newest schema."""
    from indexer.store.database import connect, newest_revision

    opened = connect(ctx.settings.database_url)
    revision = opened.revision()
    if ctx.dry_run:
        ctx.would(f"upgrade the schema from {revision or 'nothing'} to {newest_revision()}")
    opened.upgrade()
    ctx.out.emit(
        {"from": revision, "to": newest_revision()},
        text=f"Schema {newest_revision()} (was {revision or 'empty'}).",
    )


@command(db, "status", example="provenance node db status --json")
def status(ctx: Context) -> None:
    """How far the mirror is, its state's digest, and what is halted."""
    from indexer.store import state
    from indexer.store.mirror import ChainMirror

    opened = database(ctx.settings)
    position, halts = ChainMirror(opened).position(), ChainMirror(opened).halts()
    if position is None:
        ctx.out.emit({"block": None, "halts": []}, text="Nothing is mirrored yet.")
        return
    digest = state.digest(state.digests(opened, position.number))
    shown: Json = [{"fork": halt.fork, "final": halt.final, "at": halt.at_s} for halt in halts]
    ctx.out.emit(
        {
            "block": position.number,
            "hash": "0x" + position.hash.hex(),
            "final": position.final,
            "state": "0x" + digest.hex(),
            "halts": shown,
        },
        text=(
            f"Block {position.number}, final {position.final}",
            f"State 0x{digest.hex()}",
            *(
                [f"HALTED: reorg to block {halt.fork}, below final block {halt.final}" for halt in halts]
                or ["No halt."]
            ),
        ),
    )


@command(node, "release", example='provenance node release --reason "two clients had the same bug; payouts checked"')
@click.option("--reason", required=True, metavar="TEXT", help="What was found; it is kept with the halt.")
def release(ctx: Context, *, reason: str) -> None:
    """Let payouts go on after a reorg below finality."""
    from indexer.store.mirror import ChainMirror

    if not reason.strip():
        raise Invalid("--reason is empty", next="Say what was looked at and found.", field="reason")
    mirror = ChainMirror(database(ctx.settings))
    if ctx.dry_run:
        ctx.would(f"release {len(mirror.halts())} halts")
    count = mirror.release(reason.strip(), ctx.clock.now())
    ctx.out.emit({"released": count}, text=f"Released {count} halts." if count else "Nothing was halted.")
