"""The password that opens an account: the file's, the environment's, or the one typed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from provenance.domain.printable import escaped
from provenance.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.config import Settings


def password(settings: Settings, prompt: str, *, repeat: bool = False, kept: Path | None = None) -> bytes:
    """From `--password-file`, PROVENANCE_PASSWORD, the file where it is kept, or a prompt, in this order.

    Args:
        settings: where file and environment are named.
        prompt: what to ask for at a terminal.
        repeat: whether a typed password is asked for twice.
        kept: the devnet's file, for an account that the devnet made.

    Raises:
        Invalid: none is given and nobody is there to type one; the file is missing or readable by others.
    """
    from provenance.adapters.keys.keyfile import read_secret

    if settings.password_file is not None:
        return read_secret(settings.password_file)
    if settings.password is not None:
        return settings.password.get_secret_value().encode()
    if kept is not None:
        return read_secret(kept)
    if not sys.stdin.isatty():
        raise Invalid(f"no password: {prompt}", next="Repeat with --password-file FILE, or set PROVENANCE_PASSWORD.")
    return str(click.prompt(escaped(prompt), hide_input=True, confirmation_prompt=repeat, err=True)).encode()
