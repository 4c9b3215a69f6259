"""The commands about a network's contracts: `provenance contracts …`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from provenance import abi as package
from provenance.adapters import durable, wire
from provenance.adapters.journal import FileJournal, read
from provenance.app import deploy as use
from provenance.cli import files
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import amount, shown_address
from provenance.domain.fields import counted, ether
from provenance.domain.verdict import Verdict, overall
from provenance.errors import Conflict, Failed, Incomplete, Invalid, Unavailable
from provenance.types import Address, Json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from provenance.adapters.chain import EvmNode
    from provenance.app.bytecode import Compiled
    from provenance.app.ports import ContractName
    from provenance.cli.context import Context


@group("contracts")
def contracts() -> None:
    """The contracts on a network."""


@command(contracts, "addresses", example="provenance contracts addresses --network devnet --json")
def addresses(ctx: Context) -> None:
    """List where the network's contracts are, and with which roles they were deployed.

    Roles change hands: `provenance role show` tells who holds them now.
    """
    record = wire.record(ctx.settings)
    roles = record.roles
    where: dict[str, Json] = {name: shown_address(address) for name, address in record.contracts.items()}
    who: dict[str, Json] = {
        name: shown_address(getattr(roles, name)) for name in ("owner", "guardian", "arbiter", "publisher")
    }
    meters: list[Json] = [shown_address(meter) for meter in roles.meters]
    older: dict[str, Json] = {name: shown_address(address) for name, address in record.superseded().items()}
    ctx.out.emit(
        {
            "chainId": record.chain_id,
            "firstBlock": record.first_block,
            "contracts": where,
            "supersedes": older,
            "deployedWith": {**who, "meters": meters},
            "ruleset": str(record.ruleset),
        },
        text=(
            f"chain {record.chain_id}, from block {record.first_block}, ruleset {record.ruleset}",
            *(f"  {name:20} {address}" for name, address in where.items()),
            *(f"  {'supersedes ' + name:31} {address}" for name, address in older.items()),
            "deployed with (`provenance role show` tells who holds the roles now)",
            *(f"  {name:20} {address}" for name, address in who.items()),
            *(f"  {'meter':20} {meter}" for meter in meters),
        ),
    )


@command(contracts, "abi", example="provenance contracts abi DataAccess > DataAccess.abi.json")
@click.argument("name")
def abi(ctx: Context, name: str) -> None:
    """Print the JSON ABI of the contract NAME."""
    if name not in package.NAMES:
        raise Invalid(f"no contract {name} is in this package", next=f"Name one of {', '.join(package.NAMES)}.")
    entries: Json = json.loads(json.dumps([dict(entry) for entry in package.load(name).abi]))
    ctx.out.emit(entries, text=json.dumps(entries, indent=2).splitlines())


@command(
    contracts,
    "verify",
    example=(
        "provenance contracts verify --network devnet",
        "provenance contracts verify --solc node_modules/.bin/solcjs",
    ),
)
@click.option("--solc", type=PATH, metavar="FILE", help="The compiler; else py-solc-x's, npm's or the PATH's.")
def verify(ctx: Context, solc: Path | None) -> int:
    """Compile this package's sources again and compare with the code on chain, immutables included.

    Needs nothing but the node and a compiler of the contracts' version on this machine. Ends with VERIFIED
    (exit 0), FAILED (10: the contract and the first byte that differs) or INCOMPLETE (11: no compiler that did it, or no node).
    """
    from provenance.adapters import solc as compiler
    from provenance.app.bytecode import CompilerFailed, CompilerMissing, judge

    record, node = wire.record(ctx.settings), wire.node(ctx.settings)
    code: dict[ContractName, bytes | None] = dict.fromkeys(record.contracts)
    silent = missing = ""
    ctx.out.progress.phase("reading the code on chain")
    try:
        wire.checked_node(ctx.settings)
        code |= {name: node.code(address) for name, address in record.contracts.items()}
    except Unavailable as error:
        silent = error.next_step
    ctx.out.progress.phase("compiling the sources")
    try:
        compiled: Mapping[ContractName, Compiled] | str = compiler.compiled(solc)
    except (CompilerMissing, CompilerFailed) as error:
        compiled, missing = error.detail, error.next_step
    checks = judge(record, {name: package.load(name) for name in record.contracts}, code, compiled)
    verdict = overall(checks)
    ctx.out.emit(
        {
            "verdict": str(verdict),
            "compiler": package.load("DataAccess").compiler,
            "contracts": [
                {
                    "contract": check.name,
                    "verdict": str(check.verdict),
                    "address": shown_address(address),
                    "detail": check.detail,
                }
                for check, address in zip(checks, record.contracts.values(), strict=True)
            ],
        },
        text=(*(f"{check.verdict:10}  {check.name:20} {check.detail}" for check in checks), str(verdict)),
    )
    if verdict is Verdict.VERIFIED:
        return 0
    foreign = "Do not use this deployment; compare the deployment file and the version of this program."
    ctx.out.warn(f"Next: {foreign if verdict is Verdict.FAILED else silent or missing}")
    return Failed.exit_status if verdict is Verdict.FAILED else Incomplete.exit_status


@command(
    contracts,
    "deploy",
    example="provenance contracts deploy --network main --token 0x… --owner 0x… --guardian 0x… --arbiter 0x… "
    "--publisher 0x… --meter 0x… --window-hours 72 --bond 100 --stake 1000",
)
@click.option("--token", metavar="ADDRESS", required=True, help="ERC-20 that is paid.")
@click.option("--owner", metavar="NAME|ADDRESS", help="Is offered the role of owner; --account by default keeps it.")
@click.option("--guardian", metavar="NAME|ADDRESS", required=True, help="May veto a root and suspend a dataset.")
@click.option("--arbiter", metavar="NAME|ADDRESS", required=True, help="Resolves challenges.")
@click.option("--publisher", metavar="NAME|ADDRESS", required=True, help="Proposes roots.")
@click.option("--meter", "meters", metavar="NAME|ADDRESS", multiple=True, required=True, help="May anchor; repeatable.")
@click.option("--fee-payee", metavar="NAME|ADDRESS", help="Receives the fee; the first meter by default.")
@click.option(
    "--window-hours",
    type=click.IntRange(1, 336),
    default=72,
    show_default=True,
    help="Before a root counts; two days at least, but on a local chain.",
)
@click.option("--bond", metavar="AMOUNT", default="100", show_default=True, help="Tokens that a challenge puts up.")
@click.option("--stake", metavar="AMOUNT", default="1000", show_default=True, help="Tokens that a proposer has in.")
@click.option("--supersedes", type=PATH, metavar="FILE", help="Deployment file of the contracts that these replace.")
@click.option(
    "--out", type=PATH, metavar="FILE", help="Deployment file; deployments/<chainId>.json in home by default."
)
def deploy(
    ctx: Context,
    token: str,
    owner: str | None,
    guardian: str,
    arbiter: str,
    publisher: str,
    meters: tuple[str, ...],
    fee_payee: str | None,
    window_hours: int,
    bond: str,
    stake: str,
    supersedes: Path | None,
    out: Path | None,
) -> None:
    """Deploy the six contracts to the network, and write the deployment file.

    --account makes them and admits the meters. With --owner it offers its role to that account, which accepts it
    two days later by `provenance role accept owner`. Killed at any moment and run again with the same arguments,
    the command goes on where it was: nothing is deployed twice. Its journal stands beside the deployment file.
    """
    from provenance.adapters.chain import tokens

    node = wire.checked_node(ctx.settings)
    admitted = tuple(dict.fromkeys(ctx.address(meter) for meter in meters))
    roles = use.Roles(ctx.address(), ctx.address(guardian), ctx.address(arbiter), ctx.address(publisher), admitted)
    heir = ctx.address(owner) if owner else roles.owner
    paid = ctx.address(token)
    unit = tokens.tried(node, paid, (roles.owner,), ctx.out.warn)
    plan = use.Plan(
        roles,
        use.ruleset_1(ctx.address(fee_payee) if fee_payee else admitted[0]),
        paid,
        window_hours * 3_600,
        amount(bond, unit.decimals, field="bond"),
        amount(stake, unit.decimals, field="stake"),
        heir if heir != roles.owner else None,
        _older(ctx, supersedes) if supersedes else {},
    )
    _deploy(ctx, plan, out or ctx.home / "deployments" / f"{ctx.network.chain_id}.json", node)


def _older(ctx: Context, file: Path) -> Mapping[ContractName, Address]:
    """The contracts of another deployment on the same chain."""
    record = files.document(file, use.Record.parse)
    if record.chain_id != ctx.network.chain_id:
        raise Invalid(f"{file} is for chain {record.chain_id}", field="supersedes", path=str(file))
    return record.contracts


def _deploy(ctx: Context, plan: use.Plan, place: Path, node: EvmNode) -> None:
    from provenance.adapters.chain import EvmCreator

    if place.is_dir() or place.suffix in (".jsonl", ".tmp"):
        reason = "is a folder" if place.is_dir() else "is where the deployment's journal or its unfinished file goes"
        raise Invalid(f"{place} {reason}", next="Name another file with --out, such as deployment.json.", field="out")
    path = place.with_suffix(".jsonl")
    head: dict[str, Json] = {"plan": plan.digest.hex(), "genesis": node.block(0).hash.hex()}
    begun = list(read(path))
    _check_begun(place, path, begun, head)
    if place.exists():
        return _deployed(ctx, use.Record.parse(place.read_bytes()), place, "Deployed before; nothing was sent. See")
    _agree(ctx, plan, node, begun)
    signer = ctx.wallet().signer
    with FileJournal(path) as journal:
        if not begun:
            journal.append(head)
        sending = wire.node(ctx.settings, journal)
        sending.limits = node.limits
        record, _ = use.deploy(
            EvmCreator(sending),
            lambda record: wire.connect(sending, record),
            wire.store(ctx.settings),
            plan,
            signer,
            sent=lambda title, gas: ctx.out.say(f"{title}: {gas:,} gas"),
        )
        durable.replace(place, record.encode(), place.with_suffix(".tmp"))
    return _deployed(ctx, record, place, "Deployed; written to")


def _check_begun(place: Path, path: Path, begun: list[dict[str, Json]], head: dict[str, Json]) -> None:
    """Nothing is there, or it is this deployment."""
    if begun[:1] == [head]:
        return
    if place.exists():
        raise Conflict(
            f"{place} says where this chain's contracts are already",
            next="Use them: `provenance contracts addresses`; for a second deployment name another file with --out.",
            path=str(place),
        )
    if begun:
        same = begun[0].get("genesis") == head["genesis"]
        raise Conflict(
            f"{path} holds an unfinished deployment " + ("with other arguments" if same else "to another chain"),
            next="Repeat with the arguments of that one, or move the file away: what it made stays where it is, unused.",
            path=str(path),
        )


def _agree(ctx: Context, plan: use.Plan, node: EvmNode, begun: list[dict[str, Json]]) -> None:
    """The user has seen what is sent, for whom and at what cost, and wants it; the account can pay it."""
    from provenance.adapters.chain import EvmCreator, afford

    deployer, chain_id = shown_address(plan.roles.owner), node.chain_id()
    mined, waiting = _sent(node, plan.roles.owner, begun)
    seen = use.foresee(EvmCreator(node), plan, mined, waiting)
    gas, most = sum(step.cost.gas for step in seen), sum(step.cost.fee_wei for step in seen)
    afford(node, plan.roles.owner, [step.cost for step in seen], together=True)
    roles: dict[str, Json] = {
        "owner": shown_address(plan.heir or plan.roles.owner),
        **{name: shown_address(getattr(plan.roles, name)) for name in ("guardian", "arbiter", "publisher")},
    }
    for step in seen:
        label = f"{step.title} {shown_address(step.address)}" if step.address else step.title
        ctx.out.say(f"  {label:80} {step.cost.gas:>9,} gas")
    for name, holder in roles.items():
        ctx.out.say(f"  {name:20} {holder}")
    left = f"{counted(len(seen), 'transaction')} from {deployer}"
    action = f"deploy {counted(len(plan.making()), 'contract')} to chain {chain_id} in {left}"
    if mined:
        action = f"go on with the deployment to chain {chain_id}: {counted(len(mined), 'transaction')} mined, left are {left}"
    if ctx.dry_run:
        ctx.would(
            f"{action}, at most {ether(most)} ETH",
            chainId=chain_id,
            gas=gas,
            feeWei=str(most),
            contracts=[
                {"contract": step.contract, "address": shown_address(step.address), "gas": step.cost.gas}
                for step in seen
                if step.address
            ],
            calls=[{"title": step.title, "gas": step.cost.gas} for step in seen if not step.address],
            roles=roles,
            transactions=len(seen),
        )
    return ctx.agree(f"Now {action}", [step.cost for step in seen], question="Send them?", node=node)


def _sent(
    node: EvmNode, deployer: Address, begun: list[dict[str, Json]]
) -> tuple[tuple[Address | None, ...], int | None]:
    """What each mined transaction of the journal made, None for a call; the nonce of the last if it still waits."""
    from provenance.adapters.chain.outbox import recorded

    used = node.nonce(deployer, tag="latest")  # before the receipts: what is mined in between has one then
    written = [(transaction, node.receipt(transaction.tx)) for _, transaction in recorded(begun)]
    mined = tuple(receipt.created for _, receipt in written if receipt and receipt.succeeded)
    return mined, next(
        (transaction.nonce for transaction, receipt in written[-1:] if not receipt and transaction.nonce >= used), None
    )


def _deployed(ctx: Context, record: use.Record, place: Path, text: str) -> None:
    known = place == ctx.home / "deployments" / f"{record.chain_id}.json"
    ctx.out.emit(
        {
            "deployment": str(place),
            "chainId": record.chain_id,
            "ruleset": str(record.ruleset),
            "contracts": {name: shown_address(address) for name, address in record.contracts.items()},
        },
        text=f"{text} {place}." + ("" if known else " Set `deployment` of the network to it."),
    )
