"""The commands of a local network: `provenance devnet …`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from provenance.adapters import wire
from provenance.cli.frame import command, group
from provenance.domain.fields import checksummed
from provenance.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.adapters.anvil import Backend
    from provenance.adapters.localnet import Localnet
    from provenance.cli.context import Context
    from provenance.types import Json


@group("devnet")
def devnet() -> None:
    """A local chain with contracts, token and accounts."""


_backend = click.option(
    "--backend", type=click.Choice(["anvil", "ganache"]), default="anvil", show_default=True, help="Node to run."
)
_port = click.option("--port", type=click.IntRange(1, 65_535), help="Port on 127.0.0.1; a free one if not said.")
GONE: Final = (
    "its chain and deployment, the journals of uploads, consents and leases, meter queues that were not submitted, the "
    "operator's SQLite, the named accounts, and the keys of recordings that these sealed"
)
_purge = click.option("--purge", is_flag=True, help=f"Delete {GONE}.")


@command(devnet, "up", example=("provenance devnet up", "provenance devnet up --port 8545 --backend ganache"))
@_backend
@_port
def up(ctx: Context, backend: Backend, port: int | None) -> None:
    """Start a local chain with contracts, a token and named accounts; run again, it goes on."""
    from provenance.adapters import localnet

    if ctx.dry_run:
        ctx.would(f"start {backend} on 127.0.0.1 and deploy the contracts where they are missing")
    _show(ctx, localnet.up(ctx.settings, backend=backend, port=port, sent=_teller(ctx)))


@command(devnet, "down", example=("provenance devnet down", "provenance devnet down --purge"))
@_purge
def down(ctx: Context, *, purge: bool) -> None:
    """Stop the local chain; its state stays for the next start unless purged."""
    from provenance.adapters import localnet

    if ctx.dry_run:
        ctx.would("stop the local chain" + (f" and delete {GONE}" if purge else ""))
    if purge:
        _confirm(ctx)
    ran = localnet.down(ctx.settings, purge=purge)
    ctx.out.emit(
        {"stopped": ran, "purged": purge},
        text=f"{'Stopped' if ran else 'It was not running'}{' and removed' if purge else ''}.",
    )


@command(devnet, "reset", example="provenance devnet reset")
@_backend
@_port
def reset(ctx: Context, backend: Backend, port: int | None) -> None:
    """Start afresh: a new chain with new contracts, and named accounts of the same addresses.

    Of the local chain that was, everything is deleted: its chain and deployment, the journals of uploads, consents and
    leases, meter queues that were not submitted, the operator's SQLite, the named accounts, and the keys of recordings
    that these sealed.
    """
    from provenance.adapters import localnet

    if ctx.dry_run:
        ctx.would(f"stop the local chain, delete {GONE}, and start a new one")
    _confirm(ctx)
    localnet.down(ctx.settings, purge=True)
    _show(ctx, localnet.up(ctx.settings, backend=backend, port=port, sent=_teller(ctx)))


@command(devnet, "status", example="provenance devnet status --json")
def status(ctx: Context) -> None:
    """Say whether the local chain runs, where, and how far its clock was moved."""
    from provenance.adapters.anvil import lead_s
    from provenance.adapters.chain import EvmNode, Rpc

    running = wire.devnet(ctx.settings).running()
    if running is None:
        ctx.out.emit({"running": False}, text="The devnet does not run. Start it: provenance devnet up")
        return
    node = EvmNode(Rpc([running.url]))
    latest = node.block("latest")
    ctx.out.emit(
        {
            "running": True,
            "rpc": running.url,
            "backend": running.backend,
            "pid": running.pid,
            "chainId": node.chain_id(),
            "block": latest.number,
            "time": latest.time,
            "leadS": lead_s(node),
        }
    )


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= 10**9:
        raise Invalid(
            f"{text[:80]!r} is no whole number of seconds from 1 to 1,000,000,000",
            next="Write 3600 for an hour, 86400 for a day.",
        )
    return int(text)


@command(devnet, "advance", example="provenance devnet advance 3600")
@click.argument("seconds", type=_seconds)
def advance(ctx: Context, seconds: int) -> None:
    """Move the local chain's clock ahead by SECONDS, and mine one block there."""
    if ctx.dry_run:
        ctx.would(f"move the chain's clock ahead by {seconds} s", seconds=seconds)
    lead = wire.devnet(ctx.settings).advance(seconds)
    ctx.out.emit({"advancedS": seconds, "leadS": lead}, text=f"The chain's clock is {lead} s ahead of this machine's.")


def _confirm(ctx: Context) -> None:
    """The user knows what is deleted of this home's devnet, and wants it."""
    if not ctx.out.yes:
        ctx.out.warn(f"Of the local chain under {ctx.home} this deletes {GONE}.")
    ctx.out.confirm("Delete it for ever?")


def _teller(ctx: Context) -> Callable[[str, int], None]:
    def sent(title: str, gas: int) -> None:
        if ctx.verbose:
            ctx.out.say(f"{title}: {gas:,} gas")

    return sent


def _show(ctx: Context, net: Localnet) -> None:
    contracts: dict[str, Json] = {name: checksummed(address) for name, address in net.record.contracts.items()}
    accounts: dict[str, Json] = {name: checksummed(address) for name, address in net.accounts.items()}
    facts: dict[str, Json] = {
        "rpc": net.running.url,
        "backend": net.running.backend,
        "pid": net.running.pid,
        "chainId": net.record.chain_id,
        "deployed": net.deployed,
        "settings": str(net.settings_file),
        "contracts": contracts,
        "accounts": accounts,
    }
    lines = [
        f"{net.running.backend} runs on {net.running.url}, chain {net.record.chain_id}; settings in {net.settings_file}",
        *(f"  {name:20} {address}" for name, address in {**contracts, **accounts}.items()),
    ]
    ctx.out.emit(facts, text=lines)
