"""`provenance demo`: the whole road on a local chain, with real audio and real tokens."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.frame import PATH, command

if TYPE_CHECKING:
    from provenance.cli.context import Context
    from provenance.cli.demo.stage import Stage


@command(
    None,
    "demo",
    example=("provenance demo", "provenance demo --audio ~/takes --keep ./demo", "provenance demo --json > demo.json"),
)
@click.option(
    "--audio", type=PATH, metavar="DIR", help="One folder per rights holder; the built-in clips fill up to 3."
)
@click.option("--keep", type=PATH, metavar="DIR", help="Leave chain, operator and content running in DIR.")
def demo(ctx: Context, audio: Path | None, keep: Path | None) -> None:
    """Walk the road from a recording to a paid, audited royalty.

    Rights holders, voice owners, a licensee, an operator and an auditor do what they would do in
    earnest, on a chain of your own. Without --keep nothing is left behind.
    """
    from provenance import config
    from provenance.adapters import interrupts
    from provenance.cli.demo import cast, road
    from provenance.cli.demo.stage import Stage

    began = time.monotonic()
    folders = cast.folders(audio.absolute() if audio else None)
    room = _room(keep)
    config.forget_environment()
    stage = Stage(room / config.FILE_NAME, sys.stderr if ctx.out.as_json else sys.stdout)
    try:
        with interrupts.as_ctrl_c(), contextlib.chdir(room):
            result = road.walk(stage, room, folders)
    except BaseException:
        _leave(stage, room, keep=keep is not None, failed=True)
        raise
    _leave(stage, room, keep=keep is not None, failed=False)
    result["seconds"] = round(time.monotonic() - began)
    if keep:
        ctx.out.say(_kept(room, stage))
    ctx.out.emit(result, text=f"\n{result['verdict']} in {result['seconds']} s")
    if result["verdict"] != "VERIFIED":
        from provenance.errors import Failed

        raise Failed("the demo's audit did not verify")


def _room(keep: Path | None) -> Path:
    from provenance.errors import Conflict

    if keep is None:
        return Path(tempfile.mkdtemp(prefix="provenance-demo-"))
    keep = keep.absolute()
    if keep.exists() and any(keep.iterdir()):
        raise Conflict(f"{keep} is not empty", next="Name a new folder, or remove this one.", path=str(keep))
    keep.mkdir(parents=True, exist_ok=True)
    return keep


def _leave(stage: Stage, room: Path, *, keep: bool, failed: bool) -> None:
    """Everything is ended and removed, unless it was to be kept."""
    if keep and not failed:
        return
    from provenance.adapters import interrupts

    with interrupts.held():
        stage.curtain()
        stage.strike()
        if not keep:
            shutil.rmtree(room, ignore_errors=True)


def _kept(room: Path, stage: Stage) -> str:
    pids = " ".join(map(str, stage.pids()))
    return (
        f"\nKept in {room}. Look around with:\n"
        f"  cd {room}\n"
        f"  provenance dataset list\n"
        f"  provenance audit run\n"
        f"Stop the operator with `kill {pids}`, the chain with `provenance devnet down --purge`."
    )
