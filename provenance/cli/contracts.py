"""The commands about a network's contracts: `provenance contracts …`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from provenance.cli.frame import PATH, command, group
from provenance.cli.values import amount, shown_address
from provenance.errors import Conflict, Failed, Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.app.deploy import Plan
    from provenance.app.ports import Signer
    from provenance.cli.context import Context
    from provenance.types import Json


@group("contracts")
def contracts() -> None:
    """The contracts on a network."""


@command(contracts, "addresses", example="provenance contracts addresses --network devnet --json")
def addresses(ctx: Context) -> None:
    """List where the network's contracts are, and who runs them."""
    from provenance.adapters import wire

    record = wire.record(ctx.settings)
    roles = record.roles
    named = {"owner": roles.owner, "guardian": roles.guardian, "arbiter": roles.arbiter, "publisher": roles.publisher}
    where: dict[str, Json] = {name: shown_address(address) for name, address in record.contracts.items()}
    who: dict[str, Json] = {name: shown_address(address) for name, address in named.items()}
    meters: list[Json] = [shown_address(one) for one in roles.meters]
    ctx.out.emit(
        {
            "chainId": record.chain_id,
            "firstBlock": record.first_block,
            "contracts": where,
            "roles": {**who, "meters": meters},
            "ruleset": str(record.ruleset),
        },
        text="\n".join(
            (
                f"chain {record.chain_id}, from block {record.first_block}, ruleset {record.ruleset}",
                *(f"  {name:20} {address}" for name, address in {**where, **who}.items()),
                *(f"  {'meter':20} {one}" for one in meters),
            )
        ),
    )


@command(contracts, "abi", example="provenance contracts abi DataAccess > DataAccess.abi.json")
@click.argument("name")
def abi(ctx: Context, name: str) -> None:
    """Print the JSON ABI of the contract NAME."""
    from provenance import abi as compiled

    if name not in compiled.NAMES:
        raise Invalid(f"no contract {name} is in this package", next=f"Name one of {', '.join(compiled.NAMES)}.")
    entries: Json = json.loads(json.dumps([dict(one) for one in compiled.load(name).abi]))
    ctx.out.emit(entries, text=json.dumps(entries, indent=2))


@command(contracts, "verify", example="provenance contracts verify --network devnet")
def verify(ctx: Context) -> None:
    """Compare the code on chain with the code in this package; exit 10 names the contract that differs."""
    from provenance.adapters import wire
    from provenance.adapters.evm.abi import is_code_of
    from provenance.domain.hashes import keccak

    record, node = wire.record(ctx.settings), wire.node(ctx.settings)
    rows: list[dict[str, Json]] = []
    for name, address in record.contracts.items():
        code = node.code(address)
        same = is_code_of(name, code) if name != "Token" or is_code_of(name, code) else None
        recorded = keccak(code) == record.code_hashes[name]
        verdict = "FAILED" if same is False or not recorded else "VERIFIED" if same else "RECORDED"
        rows.append({"contract": name, "address": shown_address(address), "verdict": verdict})
    failed = [str(one["contract"]) for one in rows if one["verdict"] == "FAILED"]
    if failed:
        raise Failed(
            f"the code of {', '.join(failed)} is not that of this package",
            next="Do not use this deployment; compare the deployment file and the version of this program.",
            contracts=list(rows),
        )
    ctx.out.emit(list(rows), columns=("contract", "verdict", "address"))


@command(
    contracts,
    "deploy",
    example="provenance contracts deploy --network main --token 0x… --guardian 0x… --arbiter 0x… --publisher 0x… "
    "--meter 0x… --window-hours 72 --bond 1000",
)
@click.option("--token", metavar="ADDRESS", required=True, help="ERC-20 that is paid.")
@click.option("--guardian", metavar="NAME|ADDRESS", required=True, help="May veto a root and suspend a dataset.")
@click.option("--arbiter", metavar="NAME|ADDRESS", required=True, help="Resolves challenges.")
@click.option("--publisher", metavar="NAME|ADDRESS", required=True, help="Proposes roots.")
@click.option("--meter", "meters", metavar="NAME|ADDRESS", multiple=True, required=True, help="May anchor; repeatable.")
@click.option("--fee-payee", metavar="NAME|ADDRESS", help="Receives the fee; the first meter by default.")
@click.option(
    "--window-hours", type=click.IntRange(1, 336), default=72, show_default=True, help="Before a root counts."
)
@click.option("--bond", metavar="AMOUNT", default="100", show_default=True, help="Tokens that a challenge puts up.")
@click.option(
    "--out", type=PATH, metavar="FILE", help="Deployment file; deployments/<chainId>.json in home by default."
)
def deploy(
    ctx: Context,
    token: str,
    guardian: str,
    arbiter: str,
    publisher: str,
    meters: tuple[str, ...],
    fee_payee: str | None,
    window_hours: int,
    bond: str,
    out: Path | None,
) -> None:
    """Deploy the six contracts to the network, owned by --account, and write the deployment file."""
    from provenance.adapters import wire
    from provenance.app.deploy import Plan, Roles, ruleset_1

    node, admitted = wire.node(ctx.settings), tuple(ctx.address(one) for one in meters)
    place = out or ctx.home / "deployments" / f"{ctx.network.chain_id}.json"
    if place.exists():
        raise Conflict(f"{place} exists already", next="Name another file with --out.", path=str(place))
    roles = Roles(ctx.address(), ctx.address(guardian), ctx.address(arbiter), ctx.address(publisher), admitted)
    rules = ruleset_1(ctx.address(fee_payee) if fee_payee else admitted[0])
    paid = ctx.address(token)
    plan = Plan(roles, rules, paid, window_hours * 3_600, amount(bond, _decimals(ctx, paid), field="bond"))
    what = f"deploy six contracts to chain {node.chain_id()}, owned by {shown_address(roles.owner)}"
    if ctx.dry_run:
        ctx.would(what)
    ctx.out.confirm(f"Now {what}?")
    _deploy(ctx, plan, ctx.wallet().signer, place)


def _deploy(ctx: Context, plan: Plan, owner: Signer, place: Path) -> None:
    from provenance.adapters import wire
    from provenance.adapters.evm import EvmCreator
    from provenance.app import deploy as use_case

    node = wire.node(ctx.settings)

    def sent(title: str, gas: int) -> None:
        ctx.out.say(f"{title}: {gas:,} gas")

    record, _ = use_case.deploy(
        EvmCreator(node), lambda made: wire.connect(node, made), wire.store(ctx.settings), plan, owner, sent=sent
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(record.encode())
    ctx.out.emit(
        {"deployment": str(place), "chainId": record.chain_id, "ruleset": str(record.ruleset)},
        text=f"Deployed; written to {place}. Set `deployment` of the network to it.",
    )


def _decimals(ctx: Context, token: bytes) -> int:
    """Decimals of an ERC-20 that is not in a deployment yet."""
    from provenance.adapters import wire
    from provenance.adapters.evm.node import CallFailed
    from provenance.domain.hashes import keccak
    from provenance.types import Address

    try:
        answer = wire.node(ctx.settings).call(Address(token), keccak(b"decimals()")[:4])
    except CallFailed:
        answer = b""
    if len(answer) != 32 or answer[-1] > 36 or any(answer[:-1]):
        raise Invalid(f"{shown_address(Address(token))} is no ERC-20 with decimals", field="token")
    return answer[-1]
