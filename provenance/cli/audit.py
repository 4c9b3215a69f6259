"""`provenance audit`: what follows from chain and content, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import click

from provenance.adapters import segments, tally, wire
from provenance.app import audit as use, license as money
from provenance.app.role import ARBITER_S
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import shown_address, shown_amount, shown_time, token
from provenance.domain import canonical, fields
from provenance.domain.verdict import NOT_PROVED, AuditReport
from provenance.errors import Missing
from provenance.types import Address, BlockNumber, Json, UnixSeconds

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.cli.context import Context
    from provenance.config import Settings

ADDRESSES: Final = ("holder", "licensee", "subject")  # by name: a title may look like one, and is its holder's choice


@group("audit")
def audit() -> None:
    """Recompute everything from an RPC endpoint and the content alone."""


def _settings(ctx: Context, rpc: str | None, deployment: Path | None) -> Settings:
    """The settings, with another endpoint or deployment laid over the network; none need be configured."""
    from provenance import config

    settings = ctx.settings
    if rpc and deployment is None and settings.network not in settings.networks:
        raise Missing(
            f"which contracts are meant? network {settings.network} is not in the settings",
            next="Give --deployment FILE too: the document that the operator published.",
        )
    if settings.network in settings.networks or deployment is None:
        network = settings.chosen()
        if rpc:
            network = network.model_copy(update={"rpc": (rpc,)})
    else:
        network = config.Network(chain_id=_chain_id(deployment), content=settings.content, rpc=(rpc,) if rpc else ())
        if wire.is_devnet(network):
            network = network.model_copy(update={"finality": wire.DEVNET_FINALITY})
    if deployment:
        network = network.model_copy(update={"deployment": deployment.absolute()})
    return settings.model_copy(update={"networks": {settings.network: network}})


def _chain_id(deployment: Path) -> int:
    if not deployment.is_file():
        raise Missing(f"no deployment document {deployment}", next="Give the file that the operator published.")
    return fields.integer(canonical.parse(deployment.read_bytes(), kind="provenance/deployment"), "chainId", bits=64)


def _evidence(ctx: Context, settings: Settings, number: int | None) -> use.Evidence:
    ctx.out.progress.phase("reading the chain and its documents")
    chain = wire.chain(settings)
    block = chain.head(final=True) if number is None else chain.block(BlockNumber(number))
    return use.Evidence.gather(chain, wire.content(settings), segments.read, block)


@command(
    audit,
    "run",
    example=("provenance audit run", "provenance audit run --rpc http://127.0.0.1:8545 --content ./content --json"),
)
@click.option("--rpc", metavar="URL", help="Node to ask instead of the network's.")
@click.option("--deployment", type=PATH, metavar="FILE", help="Deployment document instead of the network's.")
@click.option("--at", "number", type=click.IntRange(min=0), metavar="BLOCK", help="Last block; the latest final one.")
def run(ctx: Context, rpc: str | None, deployment: Path | None, number: int | None) -> int:
    """Judge registrations, consents, licenses, accesses, usage, settlements and claims.

    Ends with VERIFIED (exit 0), FAILED (10, the first difference named) or INCOMPLETE (11).
    """
    evidence = _evidence(ctx, _settings(ctx, rpc, deployment), number)
    engine = tally.engine()
    report = use.run(evidence, engine)
    objection = use.challenge(evidence, engine, report)
    ctx.out.emit(
        {
            "verdict": str(report.verdict),
            "block": report.block,
            "blockHash": report.block_hash,
            "checks": [check.document() for check in report.checks],
            "notProved": list(NOT_PROVED),
            "challenge": objection.document() if objection and objection.judged else None,
        },
        text=(*_text(report), *(_against(objection, *token(evidence.chain)) if objection else ())),
    )
    error = report.error()
    if error is not None:
        ctx.out.warn(f"Error: {error.detail}", f"Next: {error.next_step}")
        return error.exit_status
    return 0


@command(
    audit,
    "challenge",
    example=("provenance audit challenge 2 --account watcher", "provenance audit challenge 2 --dry-run"),
)
@click.argument("epoch", type=click.IntRange(1, (1 << 64) - 1), metavar="EPOCH")
@click.option("--rpc", metavar="URL", help="Node to ask instead of the network's.")
@click.option("--deployment", type=PATH, metavar="FILE", help="Deployment document instead of the network's.")
@click.option("--unavailable", is_flag=True, help="Also if nobody has the epoch's documents.")
def challenge(ctx: Context, epoch: int, rpc: str | None, deployment: Path | None, *, unavailable: bool) -> None:
    """Judge the proposed EPOCH and, if it does not hold, freeze it with this network's bond.

    Upheld by the arbiter, or after 14 days of silence, the bond comes back; dismissed, it is the
    publisher's. Claims on the active epoch go on.
    """
    ctx.settings = _settings(ctx, rpc, deployment)
    evidence, account = _evidence(ctx, ctx.settings, None), ctx.address()
    objection = use.ready(evidence, tally.engine(), epoch, ctx.clock.now(), unavailable=unavailable)
    decimals, symbol = token(ctx.chain())
    bond = f"{shown_amount(objection.bond, decimals)} {symbol}"
    ctx.out.say(
        f"Epoch {epoch} {'does not hold' if objection.judged else 'cannot be judged: nobody has its documents'}."
        f" {objection.reason}"
    )
    ctx.out.say(f"A challenge puts up a bond of {bond}, lost if the arbiter dismisses it.")
    means = f"challenge epoch {epoch} with a bond of {bond}"
    approvals = money.approvals(ctx.chain(), account, "RoyaltyDistributor", objection.bond)
    if ctx.dry_run:
        first = (*approvals, objection.call())[0]
        ctx.would_send(
            f"{means}, first {first.contract}.{first.function}",
            (first,),
            account,
            epoch=epoch,
            bond=str(objection.bond),
            reason=objection.reason,
        )
    send = ctx.act(means, tokens=bond)
    for approval in approvals:
        send(approval, "approve tokens")
    mined = send(objection.call(), "challenge settlement")
    ctx.out.emit(
        {
            **objection.document(),
            "reasonDigest": "0x" + objection.reason_digest.hex(),
            "tx": "0x" + mined.tx.hex(),
        },
        text=f"Epoch {epoch} is frozen until the arbiter decides; after"
        f" {shown_time(UnixSeconds(mined.block.time + ARBITER_S))} without a decision, anybody may reject it.",
    )


@command(audit, "bond", example=("provenance audit bond --account watcher", "provenance audit bond --to 0x15d3…6a65"))
@click.option("--to", metavar="NAME|ADDRESS", help="Who receives it; the account itself by default.")
def bond(ctx: Context, to: str | None) -> None:
    """Take a bond that the token refused to return when the challenge was decided."""
    chain, account = ctx.chain(), ctx.address()
    receiver = ctx.address(to) if to else account
    call, owed = use.withdrawal(chain, account, receiver)
    decimals, symbol = token(chain)
    means = f"take the bond of {shown_amount(owed, decimals)} {symbol} to {shown_address(receiver)}"
    mined = ctx.transact(call, "withdraw bond", means=means)
    ctx.out.emit(
        {"to": shown_address(receiver), "amount": str(owed), "tx": "0x" + mined.tx.hex()},
        text=f"{shown_amount(owed, decimals)} {symbol} went to {shown_address(receiver)}.",
    )


@command(audit, "trace", example="provenance audit trace 0x5f0c…")
@click.argument("receipt")
@click.option("--rpc", metavar="URL", help="Node to ask instead of the network's.")
@click.option("--deployment", type=PATH, metavar="FILE", help="Deployment document instead of the network's.")
def trace(ctx: Context, receipt: str, rpc: str | None, deployment: Path | None) -> None:
    """Show on what one use rests: license, terms, recordings and their consents, with transactions."""
    receipt_id = fields.word({"receipt": receipt}, "receipt")
    traced = use.trace(_evidence(ctx, _settings(ctx, rpc, deployment), None), receipt_id)
    ctx.out.emit(traced.document, text=_tree(traced.document))


def _text(report: AuditReport) -> tuple[str, ...]:
    width = max(len(check.name) for check in report.checks)
    return (
        *(f"{check.verdict:<10}  {check.name:<{width}}  {check.detail}" for check in report.checks),
        "",
        "Not proved by this:",
        *(f"  - {limit}" for limit in NOT_PROVED),
        "",
        f"{report.verdict} at block {report.block} ({report.block_hash})",
    )


def _against(challenge: use.Challenge, decimals: int, symbol: str) -> tuple[str, ...]:
    """How the pending epoch is stopped, as one can send it with any wallet; first what is missing to judge it."""
    to, command = shown_address(challenge.distributor), f"provenance audit challenge {challenge.epoch}"
    bond = f"{shown_amount(challenge.bond, decimals)} {symbol}"
    if not challenge.judged:
        return (
            "",
            f"Epoch {challenge.epoch} could not be judged. {challenge.reason}",
            (
                f"Add a content source that has it (--content DIR or URL) and repeat. If nobody has it, that can be"
                f" challenged until {shown_time(challenge.before)} with a bond of {bond}: `{command} --unavailable`."
            ),
        )
    return (
        "",
        (
            f"Epoch {challenge.epoch} can be challenged until {shown_time(challenge.before)}: approve {bond} to {to}, "
            f"then send this transaction (`{command}` does both):"
        ),
        f"  to   {to}",
        f"  data 0x{challenge.data.hex()}",
        f"Its reason is the sha-256 of: {challenge.reason}",
    )


def _tree(tree: Json, depth: int = 0) -> list[str]:
    """A nested document as indented lines."""
    pad = "  " * depth
    lines: list[str] = []
    if isinstance(tree, Mapping):
        for name, child in tree.items():
            if isinstance(child, Mapping) or (isinstance(child, list) and child and isinstance(child[0], Mapping)):
                lines += [f"{pad}{name}", *_tree(child, depth + 1)]
            else:
                shown = (
                    ", ".join(map(str, child))
                    if isinstance(child, list)
                    else "-"
                    if child is None
                    else _leaf(name, child)
                )
                lines.append(f"{pad}{name.removesuffix('Ms')}: {shown}")  # people read a time, programs milliseconds
    elif isinstance(tree, list):
        lines += [line for child in tree for line in _tree(child, depth)]
    return lines


def _leaf(name: str, leaf: Json) -> Json:
    """A value as people read it: addresses checksummed, times in UTC."""
    text = str(leaf)
    if name in ADDRESSES:
        return shown_address(Address(bytes.fromhex(text[2:])))
    if name.endswith("AtMs"):
        return shown_time(UnixSeconds(int(text) // 1000))
    return shown_time(UnixSeconds(int(text))) if name == "notAfter" else leaf
