"""`provenance demo`: from recordings to a paid, audited royalty, on a local chain with real audio and tokens."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.adapters import interrupts
from provenance.cli.frame import PATH, command
from provenance.errors import Conflict, Failed

if TYPE_CHECKING:
    from provenance.cli.context import Context
    from provenance.cli.demo.runner import Runner


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
    """Go from a recording to a paid, audited royalty.

    Rights holders, voice owners, a licensee, an operator and an auditor do what they would do in
    earnest, on a chain of your own. Without --keep nothing is left behind.
    """
    from provenance import config
    from provenance.cli.demo import holders, walkthrough
    from provenance.cli.demo.runner import Runner

    began = time.monotonic()
    folders = holders.folders(audio.absolute() if audio else None)
    folder = _folder(keep)
    config.forget_environment()
    runner = Runner(folder / config.FILE_NAME, sys.stderr if ctx.out.as_json else sys.stdout)
    try:
        with interrupts.as_ctrl_c(), contextlib.chdir(folder):
            summary = walkthrough.run(runner, folder, folders)
    except BaseException:
        _leave(runner, folder, keep=keep is not None, failed=True)
        raise
    _leave(runner, folder, keep=keep is not None, failed=False)
    summary["seconds"] = round(time.monotonic() - began)
    if keep:
        ctx.out.say(_kept(folder, runner))
    ctx.out.emit(summary, text=("", f"{summary['verdict']} in {summary['seconds']} s"))
    if summary["verdict"] != "VERIFIED":
        raise Failed("the demo's audit did not verify")


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="provenance-demo-"))
    keep = keep.absolute()
    if keep.exists() and any(keep.iterdir()):
        raise Conflict(f"{keep} is not empty", next="Name a new folder, or remove this one.", path=str(keep))
    keep.mkdir(parents=True, exist_ok=True)
    return keep


def _leave(runner: Runner, folder: Path, *, keep: bool, failed: bool) -> None:
    """Everything is ended and removed, unless it was to be kept."""
    if keep and not failed:
        return

    with interrupts.held():
        runner.stop_servers()
        runner.remove_chain()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _kept(folder: Path, runner: Runner) -> str:
    pids = " ".join(map(str, runner.pids()))
    return (
        f"\nKept in {folder}. Look around with:\n"
        f"  cd {folder}\n"
        f"  provenance dataset list\n"
        f"  provenance audit run\n"
        f"Stop the operator with `kill {pids}`, the chain with `provenance devnet down --purge`."
    )
