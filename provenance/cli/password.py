"""Which password opens the account? The file's, the environment's, or the one typed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from provenance.errors import Invalid

if TYPE_CHECKING:
    from provenance.config import Settings


def password(settings: Settings, prompt: str, *, repeat: bool = False) -> bytes:
    """From `--password-file`, PROVENANCE_PASSWORD, the devnet's own file there, or a prompt, in this order.

    Args:
        settings: where file and environment are named.
        prompt: what to ask for at a terminal.
        repeat: whether a typed password is asked for twice.

    Raises:
        Invalid: none is given and nobody is there to type one; the file is missing or readable by others.
    """
    if settings.password_file is not None:
        from provenance.adapters.keyfile import read_secret

        return read_secret(settings.password_file)
    if settings.password is not None:
        return settings.password.get_secret_value().encode()
    of_devnet = settings.home / "devnet" / "password"
    if settings.network == "devnet" and of_devnet.is_file():
        from provenance.adapters.keyfile import read_secret

        return read_secret(of_devnet)
    if not sys.stdin.isatty():
        raise Invalid(f"no password: {prompt}", next="Repeat with --password-file FILE, or set PROVENANCE_PASSWORD.")
    typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=repeat, err=True)
    return typed.encode()
