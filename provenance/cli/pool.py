"""The commands of curators and of the holders in their pools: `provenance pool …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.adapters.journal import FileJournal
from provenance.app import pool as use
from provenance.app.dataset import STATUS
from provenance.app.publish import pool as making
from provenance.app.publish.pipeline import meter
from provenance.cli import conditions, dates, files
from provenance.cli.frame import PATH, command, group
from provenance.cli.out import plain
from provenance.cli.values import ID, shown_address, shown_time
from provenance.domain import cid, pool as pools
from provenance.domain.fields import counted, shown, text, texts
from provenance.domain.pool import SignedJoin
from provenance.domain.terms import TERMS_BYTES, Terms
from provenance.types import Address, Bps, Bytes32, Json

if TYPE_CHECKING:
    from provenance.cli.context import Context

JOURNAL = "pools.jsonl"
COLUMNS = ("dataset", "holder", "state", "leavesAt", "joinUntil")

_pool = click.argument("pool_id", type=ID, metavar="POOL")
_dataset = click.argument("dataset_id", type=ID, metavar="DATASET")


@group("pool")
def pool() -> None:
    """Datasets of many holders under one license."""


@command(
    pool,
    "create",
    example=(
        "provenance pool create 'Voices of the north' --terms terms.json --curator-bps 500 --notice 30 --account curator"
    ),
)
@click.argument("title", metavar="TITLE")
@click.option(
    "--terms", "terms_file", required=True, type=PATH, metavar="F", help="Terms of every license of the pool."
)
@click.option(
    "--curator-bps",
    default=0,
    show_default=True,
    type=click.IntRange(0, pools.CURATOR_BPS),
    help="The curator's share of what holders get.",
)
@click.option(
    "--notice",
    "days",
    default=30,
    show_default=True,
    type=click.IntRange(0, pools.NOTICE_DAYS),
    metavar="DAYS",
    help="How long a member that leaves still serves.",
)
@click.option("--language", default="mul", show_default=True, metavar="TAG", help="Such as en; mul for several.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Public tag; repeatable.")
def create(
    ctx: Context, title: str, terms_file: Path, curator_bps: int, days: int, language: str, tags: tuple[str, ...]
) -> None:
    """Register a pool of the account, its curator. The same words again name the same pool.

    Its terms ask no price per license: use is paid by the unit. Public for ever are title, tags, terms and shares.
    """
    request = making.PoolRequest(
        title=text({"TITLE": title}, "TITLE"),
        language=language,
        tags=texts({"tags": list(tags)}, "tags"),
        terms=files.document(terms_file, Terms.parse, TERMS_BYTES),
        curator=ctx.address(),
        curator_bps=Bps(curator_bps),
        notice_days=days,
    )
    if request.terms.attribution.attributor is None:
        ctx.out.warn(
            "The terms let the licensee say what an output drew on; of a pool that counts for nothing, and members share"
            " by the length of their recordings. Name an attributor in the terms to share by use."
        )
    means = (
        f"register the pool {request.title!r} of {shown_address(request.curator)}, for ever public: curator's share"
        f" {curator_bps} of 10,000 of what holders get, notice {counted(days, 'day')}"
    )
    if ctx.dry_run:
        request.check(ctx.clock.now())
        gateway = meter(ctx.chain(), ctx.gateway())
        manifest = request.manifest(gateway, ctx.clock.now())
        call = making.registration(request, manifest, cid.of_raw(manifest.encode()))
        ctx.would_send(f"{means}: {call.contract}.{call.function}", (call,), request.curator, title=title)
    with FileJournal(ctx.journals / JOURNAL) as journal:
        created = making.create(request, _ports(ctx, journal, means), ctx.clock.now())
    name = shown(created.pool_id)
    ctx.out.emit(
        {
            "pool": name,
            "manifest": str(created.manifest_cid),
            "curator": shown_address(request.curator),
            "curatorBps": curator_bps,
            "noticeDays": days,
            "registered": created.mined is not None,
        },
        text=f"Pool {name}\n"
        + ("Registered" if created.mined else "Registered before")
        + f", notice {counted(days, 'day')}."
        f"\nNext: holders run `provenance pool join {name} DATASET --out join.json`; you run"
        f" `provenance pool set {name} join.json`.",
    )


def _ports(ctx: Context, journal: FileJournal, means: str) -> making.PoolPorts:
    wallet = ctx.wallet()
    return making.PoolPorts(
        chain=ctx.chain(),
        content=ctx.content(),
        gateway=ctx.gateway(wallet),
        journal=journal,
        agree=lambda call: ctx.ask(f"{means}: {call.contract}.{call.function}", (call,), wallet.signer.address),
        transact=lambda call, title: ctx.send(call, title, wallet),
    )


@command(pool, "join", example="provenance pool join 0x9c…4e 0x5a…c1 --out join.json --account holder-1")
@_pool
@_dataset
@click.option("--until", default="1y", show_default=True, metavar="DATE", help="Until when the curator can take it in.")
@click.option("--out", type=PATH, required=True, metavar="F", help="File to make; it is given to the curator.")
def join(ctx: Context, pool_id: Bytes32, dataset_id: Bytes32, until: str, out: Path) -> None:
    """Sign that DATASET joins POOL, under the pool's terms and price. Nothing is sent.

    Licenses of the pool then open its recordings too, as their consents allow; its own licenses go on.
    """
    entered = use.read(pool_id, ctx.chain(), ctx.content())
    deadline = dates.seconds(until, ctx.clock.now(), option="--until")
    files.fresh(out)
    share = entered.manifest.pool.curator_bps if entered.manifest.pool else 0
    days = entered.registration.items
    means = (
        f"let dataset {shown(dataset_id)} join the pool {entered.manifest.title!r} of {shown_address(entered.holder)},"
        f" who gets {share} of 10,000 of what you get; it can be left with {counted(days, 'day')} of notice"
    )
    if ctx.dry_run:
        use.check_join(pool_id, dataset_id, ctx.address(), ctx.chain())
        ctx.would(f"sign to {means}", pool=shown(pool_id), dataset=shown(dataset_id))
    ctx.out.say(f"You {means}.")
    ctx.out.confirm("Sign it?")
    signed = use.join(pool_id, dataset_id, ctx.wallet().signer, ctx.chain(), deadline)
    files.write(out, signed.encode())
    ctx.out.emit(
        {"path": str(out), "pool": shown(pool_id), "dataset": shown(dataset_id), "deadline": deadline},
        text=f"Wrote {out}; it counts until {shown_time(deadline)}.\nNext: give it to the curator, who runs"
        f" `provenance pool set {shown(pool_id)} {out.name}`.",
    )


@command(
    pool,
    "set",
    example=(
        "provenance pool set 0x9c…4e join-1.json join-2.json --account curator",
        "provenance pool set 0x9c…4e --without 0x5a…c1 --account curator",
    ),
)
@_pool
@click.argument("joins", nargs=-1, type=PATH, metavar="[JOIN]…")
@click.option("--without", "gone", multiple=True, type=ID, metavar="DATASET", help="Leave this member out; repeatable.")
def set_(ctx: Context, pool_id: Bytes32, joins: tuple[Path, ...], gone: tuple[Bytes32, ...]) -> None:
    """Take the datasets of JOIN files into POOL, and leave others out, at once and all in one transaction.

    The other members stay. Those that have left, and joins whose time is over, cannot be named again.
    """
    chain, content, account = ctx.chain(), ctx.content(), ctx.address()
    before = use.members(pool_id, chain, content)
    signed = [files.document(path, SignedJoin.parse) for path in joins]
    named = use.next_members(pool_id, before, account, chain, ctx.clock.now(), joins=signed, without=gone)
    known, ids = ({member.dataset_id for member in side.members} for side in (before, named))
    means = (
        f"name {counted(len(ids), 'member')} of pool {shown(pool_id)}, {len(ids - known)} new, {len(known - ids)} out"
        " at once, their list for ever public"
    )
    address = cid.of_raw(b"") if ctx.dry_run else content.put(named.encode())
    call = use.naming(named, address)
    action = f"{means}: {call.contract}.{call.function}"
    if ctx.dry_run:
        ctx.would_send(action, (call,), account, pool=shown(pool_id))
    ctx.ask(action, (call,), account)
    wallet = ctx.wallet()
    ctx.gateway(wallet).put_content(address, named.encode())
    mined = ctx.send(call, "set members", wallet)
    ctx.out.emit(
        {
            "pool": shown(pool_id),
            "members": len(ids),
            "in": [shown(dataset) for dataset in sorted(ids - known)],
            "out": [shown(dataset) for dataset in sorted(known - ids)],
            "root": shown(named.root()),
            "block": mined.block.number,
        },
        text=f"{counted(len(ids), 'member')}: {len(ids - known)} new, {len(known - ids)} out.\nNext: `provenance license"
        f" offer {shown(pool_id)} --purpose P --expires DATE --out F`.",
    )


@command(
    pool,
    "leave",
    example=(
        "provenance pool leave 0x9c…4e 0x5a…c1 --account holder-1",
        "provenance pool leave 0x9c…4e 0x5a…c1 --stay --account holder-1",
    ),
)
@_pool
@_dataset
@click.option("--stay", is_flag=True, help="Take a notice back, before or after it is over.")
def leave(ctx: Context, pool_id: Bytes32, dataset_id: Bytes32, *, stay: bool) -> None:
    """Take DATASET out of POOL once the pool's notice is over. Its holder only; the curator cannot stop it."""
    account, chain = ctx.address(), ctx.chain()
    call = use.leaving(pool_id, dataset_id, account, chain, stays=stay)
    days = use.check_pool(pool_id, chain).items
    name, where = shown(dataset_id), shown(pool_id)
    means = (
        f"let dataset {name} stay in pool {where}"
        if stay
        else f"take dataset {name} out of pool {where}: its licenses open it for {counted(days, 'day')} more"
    )
    mined = ctx.transact(call, "stay in pool" if stay else "leave pool", means=means)
    moment = use.leaves_at(pool_id, dataset_id, chain)
    ctx.out.emit(
        {"pool": where, "dataset": name, "leavesAt": moment, "block": mined.block.number},
        text=f"It leaves the pool at {shown_time(moment)}; until then its recordings open under the pool's licenses.\n"
        f"Next: `provenance pool leave {where} {name} --stay` takes it back."
        if moment
        else "It stays in the pool.",
    )


@command(pool, "show", example="provenance pool show 0x9c…4e")
@_pool
def show(ctx: Context, pool_id: Bytes32) -> None:
    """Show a POOL: curator, share, notice and terms, its members, and who of them is leaving when."""
    chain, content, now = ctx.chain(), ctx.content(), ctx.clock.now()
    shown_pool = use.read(pool_id, chain, content)
    members = use.memberships(pool_id, chain, content)
    rows: list[dict[str, Json]] = [
        {
            "dataset": shown(member.dataset_id),
            "holder": shown_address(member.holder),
            "state": member.state(now),
            "leavesAt": member.leaves_at,
            "joinUntil": member.deadline,
        }
        for member in members
    ]
    facts: dict[str, Json] = {
        "pool": shown(pool_id),
        "title": shown_pool.manifest.title,
        "curator": shown_address(shown_pool.holder),
        "curatorBps": shown_pool.manifest.pool.curator_bps if shown_pool.manifest.pool else 0,
        "noticeDays": shown_pool.registration.items,
        "status": STATUS[shown_pool.status],
        "meter": shown_address(Address(shown_pool.manifest.gateway)),
        "termsHash": shown(shown_pool.registration.terms_hash),
    }
    money = conditions.Money.of(ctx)
    readable = [
        row
        | {
            "leavesAt": shown_time(member.leaves_at) if member.leaves_at else None,
            "joinUntil": shown_time(member.deadline),
        }
        for row, member in zip(rows, members, strict=True)
    ]
    ctx.out.emit(
        {**facts, "members": list(rows)},
        text=plain(facts | conditions.terms_row(shown_pool.terms, money))
        + "\n\n"
        + (plain(readable, COLUMNS) or f"No members.\nNext: `provenance pool set {shown(pool_id)} JOIN…`."),
    )
