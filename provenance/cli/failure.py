"""How does a failure reach the user? The one place where an error becomes words and an exit status."""

from __future__ import annotations

import json
import re
import traceback
from typing import TYPE_CHECKING

import click

from provenance.errors import Broken, Invalid, ProvenanceError

if TYPE_CHECKING:
    from typing import TextIO

INTERRUPTED = 130


def as_error(error: BaseException) -> ProvenanceError:
    """Whatever was raised, as a member of the error tree."""
    if isinstance(error, ProvenanceError):
        return error
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "provenance"
        return Invalid(_covered(error.format_message()), next=f"`{where} --help` shows how it is used.")
    if isinstance(error, click.ClickException):
        return Invalid(_covered(error.format_message()))
    return Broken(f"{type(error).__name__}: {error}")


def report(error: BaseException, stdout: TextIO, stderr: TextIO, *, as_json: bool, verbose: bool) -> int:
    """The user knows what failed and what to do next.

    Returns:
        The exit status.
    """
    known = as_error(error)
    if verbose and isinstance(known, Broken):
        stderr.write("".join(traceback.format_exception(error)))
    if as_json:
        stdout.write(json.dumps(known.problem(), ensure_ascii=False, indent=2) + "\n")
        stdout.flush()
    else:
        stderr.write(f"Error: {_one_line(known.detail)}\nNext: {_one_line(known.next_step)}\n")
    stderr.flush()
    return known.exit_status


def _covered(text: str) -> str:
    """What was typed in the wrong place may be a private key: it is not repeated."""
    return re.sub(r"(0[xX])?[0-9a-fA-F]{64}", "…", text)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
