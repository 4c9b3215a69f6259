"""The keys of this party, and what their accounts hold."""

from __future__ import annotations

import base64
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click

from provenance.adapters.keys.envelopes import KeyFolder
from provenance.adapters.keys.keyfile import EXPORT, open_file, read_secret
from provenance.adapters.keys.keystore import KeystoreAccount, checked_name, refuse_raw_key
from provenance.app.ports import Call
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import shown_tokens
from provenance.domain.fields import checksummed, ether
from provenance.errors import Conflict, Invalid
from provenance.types import Json

PASSWORD_CHARS: Final = 8  # fewer are guessed, whatever the key derivation costs


class EmptyPassword(Invalid):
    """A key would be written under no password."""

    next = "Choose one; to a file of another program its own tool gives a password before it is imported."


@group("account")
def account() -> None:
    """Keys and balances."""


@command(
    account,
    "create",
    example=("provenance account create studio", "provenance account create studio --password-file FILE"),
)
@click.argument("name")
def create(ctx: Context, name: str) -> None:
    """Make a new account NAME and the key to which its envelopes are sealed.

    NAME has up to 64 Latin letters, digits, dots, dashes or underscores; it stays on this machine.
    """
    _checked(ctx, f"make account {name}", name)
    account = ctx.keystore.create(name, _new(ctx, ctx.password(f"New password of {name}", repeat=True)))
    home = f" --home {shlex.quote(str(ctx.flags.home))}" if ctx.flags.home else ""
    backup = f"provenance account export {name} --out {name}.json{home}"
    _emit(ctx, account, f"Made account {name}", backup)


@command(
    account,
    "import",
    example=(
        "provenance account import studio --keystore ~/.foundry/keystores/studio",
        "provenance account import studio --key-file key.txt",
    ),
)
@click.argument("name")
@click.argument("refused", nargs=-1, metavar="")
@click.option("--keystore", type=PATH, metavar="FILE", help="V3 file of Foundry, Brownie or geth, or our export.")
@click.option("--key-file", type=PATH, metavar="FILE", help="File with the key in hex, for its owner alone.")
def import_(ctx: Context, name: str, refused: tuple[str, ...], keystore: Path | None, key_file: Path | None) -> None:
    """Take a key from another tool as account NAME; without a file it is asked for, unseen.

    A V3 file opens with its own password, which becomes the account's.
    """
    for argument in (name, *refused):
        refuse_raw_key(argument)
    if refused:
        raise Invalid("only one NAME can be given", next="`provenance account import --help` shows how it is used.")
    if keystore and key_file:
        raise Invalid("--keystore and --key-file exclude each other", next="Give one of them.")
    _checked(ctx, f"import account {name}", name)
    if keystore:
        password = ctx.password(f"Password of {keystore.name}")
        opened = open_file(keystore, password)
        account = ctx.keystore.add(name, opened.key, _new(ctx, password), envelope_key=opened.envelope_key)
        opened.restore_content_keys(ctx.home / "keys")
    else:
        secret = ctx.password(f"New password of {name}", repeat=True)
        account = ctx.keystore.add(name, _raw_key(key_file), _new(ctx, secret))
    _emit(ctx, account, f"Imported account {name}")


@command(account, "list", example=("provenance account list", "provenance account list --json"))
def list_(ctx: Context) -> None:
    """List the accounts of this home, and what is wrong with a file that is none."""
    rows = [_row(account) for account in ctx.keystore.accounts()]
    ctx.out.emit(
        rows,
        text=None if rows else "No accounts yet; `provenance account create NAME` makes one.",
        columns=("name", "address", *(("problem", "next") if any("problem" in row for row in rows) else ())),
    )


@command(account, "show", example="provenance account show studio")
@click.argument("name", required=False)
def show(ctx: Context, name: str | None) -> None:
    """Show an account: its address, envelope key and files. Its password is needed for the envelope key."""
    shown, wallet = ctx.keystore.account(ctx.account_name(name)), ctx.wallet(name)
    ctx.out.emit(
        {
            "name": shown.name,
            "address": checksummed(wallet.signer.address),
            "encryptionKey": "0x" + wallet.encryption_key.hex(),
            "keystore": str(shown.path),
            "envelopeKeystore": str(ctx.keystore.envelope_path(shown.name)),
        }
    )


@command(
    account,
    "balance",
    example=("provenance account balance licensee", "provenance account balance 0x… --network devnet"),
)
@click.argument("name", required=False)
def balance(ctx: Context, name: str | None) -> None:
    """Show what an account holds: ETH for fees, and the network's token."""
    chain, address = ctx.chain(), ctx.address(name)
    wei, block = chain.node.balance(address), chain.head().number
    held: Any = chain.read(Call("Token", "balanceOf", (address,)), at=block)[0]
    decimals, symbol = chain.deployment.token
    ctx.out.emit(
        {
            "address": checksummed(address),
            "network": ctx.settings.network,
            "wei": str(wei),
            "token": str(held),
            "tokenAddress": checksummed(chain.deployment.contracts["Token"]),
            "tokenDecimals": decimals,
            "tokenSymbol": symbol,
        },
        text=(checksummed(address), f"{ether(wei)} ETH", shown_tokens(held, decimals, symbol)),
    )


@command(account, "export", example="provenance account export studio --out studio.json")
@click.argument("name")
@click.option("--out", type=PATH, required=True, metavar="FILE", help="File to make; it must not exist.")
def export(ctx: Context, name: str, out: Path) -> None:
    """Write both keys of an account, under its password, and the envelopes that it alone opens to one FILE."""
    from provenance.adapters.localnet import password_of

    owner = ctx.keystore.owner(name)
    envelopes = KeyFolder(ctx.home / "keys").paths_of([owner] if owner else [])
    document: dict[str, Json] = {
        "format": EXPORT,
        "version": 1,
        "name": name,
        **ctx.keystore.export(name),
        "contentKeys": {path.name: base64.b64encode(path.read_bytes()).decode() for path in envelopes},
    }
    if ctx.dry_run:
        ctx.would(f"write {out}", path=str(out))
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"{out} exists already", next="Choose another file.", path=str(out)) from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    kept = password_of(ctx.settings, name)
    advice = f"its password is in {kept}, until `devnet down --purge`" if kept else "keep it and its password apart"
    ctx.out.emit({"name": name, "path": str(out)}, text=f"Wrote {out}; {advice}")


@command(account, "remove", example="provenance account remove studio")
@click.argument("name")
def remove(ctx: Context, name: str) -> None:
    """Remove an account's keys from this machine. What they hold can then be reached with an export only."""
    address = ctx.keystore.account(name).address
    _checked(ctx, f"remove account {name}", name)
    ctx.out.confirm(f"Remove the keys of {name} ({checksummed(address) if address else 'address unknown'}) for ever?")
    ctx.keystore.remove(name)
    ctx.out.emit({"name": name, "removed": True}, text=f"Removed account {name}")


def _checked(ctx: Context, action: str, name: str) -> None:
    """The name can be an account's; `--dry-run` says the action and ends here."""
    checked_name(name)
    if ctx.dry_run:
        ctx.would(action, name=name)


def _new(ctx: Context, secret: bytes) -> bytes:
    """A password under which a key is about to be written.

    Raises:
        EmptyPassword: it is none.
    """
    if not secret:
        raise EmptyPassword("the password is empty")
    if len(secret.decode("utf-8", "replace")) < PASSWORD_CHARS:
        ctx.out.warn(f"The password has fewer than {PASSWORD_CHARS} characters: whoever has the file guesses it soon.")
    return secret


def _emit(ctx: Context, account: KeystoreAccount, text: str, backup: str = "") -> None:
    row = _row(account)
    ctx.out.emit(
        {**row, "keystore": str(account.path), **({"next": backup} if backup else {})},
        text=(
            f"{text}: {row['address']}",
            f"Its key is in {account.path}",
            *([f"Next: {backup}"] if backup else []),
        ),
    )


def _row(account: KeystoreAccount) -> dict[str, Json]:
    row: dict[str, Json] = {"name": account.name, "address": checksummed(account.address) if account.address else None}
    fault = account.fault
    return row | ({"problem": fault.detail, "next": fault.next_step} if fault else {})


def _raw_key(path: Path | None) -> bytes:
    if not path and not sys.stdin.isatty():
        raise Invalid("no key given", next="Repeat with --keystore FILE or --key-file FILE.")
    typed: str = (
        read_secret(path).decode("ascii", "replace")
        if path
        else click.prompt("Private key (hex, not shown)", hide_input=True, err=True)
    )
    try:
        return bytes.fromhex(typed.strip().removeprefix("0x"))
    except ValueError:
        raise Invalid("this is no private key", next="Give 64 hex digits.") from None
