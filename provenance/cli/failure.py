"""Failures on their way to the user: the one place where an error becomes words and an exit status."""

from __future__ import annotations

import errno
import re
import traceback
from importlib.metadata import PackageNotFoundError, requires
from typing import TextIO

import click

from provenance.adapters.durable import Unwritable
from provenance.cli.out import document
from provenance.domain.printable import escaped
from provenance.errors import Broken, Denied, Invalid, Missing, ProvenanceError

INTERRUPTED = 130
_OF_THE_DISK = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES}
DISTRIBUTION = "provenance-network"


class ExtraMissing(Missing):
    """The command needs packages that the base install leaves out."""

    next = f"pip install '{DISTRIBUTION}[EXTRA]'"


def as_error(error: BaseException) -> ProvenanceError:
    """Whatever was raised, as a member of the error tree."""
    if isinstance(error, ProvenanceError):
        return error
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "provenance"
        return Invalid(_covered(error.format_message()), next=f"`{where} --help` shows how it is used.")
    if isinstance(error, click.ClickException):
        return Invalid(_covered(error.format_message()))
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return Unwritable(f"{error.filename or 'the disk'}: {error.strerror}")
    extra = _extra(error.name or "") if isinstance(error, ModuleNotFoundError) else None
    if extra:
        return ExtraMissing(
            f"this needs the extra `{extra}`, which is not installed",
            next=f"pip install '{DISTRIBUTION}[{extra}]'",
            extra=extra,
        )
    return Broken(f"{type(error).__name__}: {error}")


def report(error: BaseException, stdout: TextIO, stderr: TextIO, *, as_json: bool, verbose: bool) -> int:
    """The user knows what failed and what to do next.

    Returns:
        The exit status.
    """
    known = as_error(error)
    if verbose and isinstance(known, Broken):
        stderr.write(escaped("".join(traceback.format_exception(error)), lines=True))
    if as_json:
        stdout.write(document(known.problem(), stdout) + "\n")
        stdout.flush()
    else:
        stderr.write(f"Error: {_one_line(known.detail + _behind(known))}\nNext: {_one_line(known.next_step)}\n")
    stderr.flush()
    return known.exit_status


def _behind(error: ProvenanceError) -> str:
    """The ids behind a refusal, where its words leave them out."""
    if not isinstance(error, Denied):
        return ""
    named = ((name, error.facts.get(name)) for name in ("license", "consent", "dataset", "recording"))
    facts = [f"{name} {fact}" for name, fact in named if fact is not None and str(fact) not in error.detail]
    return f" ({', '.join(facts)})" if facts else ""


def _extra(module: str) -> str | None:
    """The extra that would bring the module's package."""
    wanted = module.partition(".")[0].replace("_", "-")
    try:
        needs = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return None
    optional = (re.match(r"([A-Za-z0-9-]+).*; extra == ['\"]([a-z0-9-]+)['\"]", need) for need in needs)
    return next((need[2] for need in optional if need and need[1] == wanted), None)


def _covered(text: str) -> str:
    """What was typed in the wrong place may be a private key: it is not repeated."""
    return re.sub(r"(0[xX])?[0-9a-fA-F]{64}", "…", text)


def _one_line(text: str) -> str:
    return escaped(" ".join(text.split()))
