"""What owner, guardian, arbiter and publisher do: `provenance role …`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click

from provenance.app import pending as settlements, role as use, stake as stakes
from provenance.app.ports import Call, Mined
from provenance.cli import dates, published
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.out import plain
from provenance.cli.values import ID, shown_address, shown_time, shown_tokens, token
from provenance.domain import cid
from provenance.domain.events import ChallengeResolved, StakeChanged
from provenance.domain.fields import counted
from provenance.domain.hashes import sha256
from provenance.errors import Invalid
from provenance.types import Bytes32, Json, UnixSeconds

_ROLE = click.argument("role", type=click.Choice(["owner", "guardian", "arbiter", "publisher"]), metavar="ROLE")
_TIMES = ("readyAt", "endsAt", "activeAt", "arbiterUntil")
_AMOUNTS = ("staked", "owed", "waiting")
_EPOCH = click.argument("epoch", type=click.IntRange(1, (1 << 64) - 1), metavar="EPOCH")
_ROOT = click.option("--root", type=ID, metavar="ROOT", help="Which root is meant; by default the one that stands now.")


@group("role")
def role() -> None:
    """Acts of owner, guardian, arbiter and publisher."""


@command(role, "show", example=("provenance role show", "provenance role show --meters --json"))
@click.option("--meters", is_flag=True, help="Also the keys that may anchor usage; reads every event.")
def show(ctx: Context, *, meters: bool) -> None:
    """Show who holds which role, what is offered and paused, which settlement waits, and what is staked and owed."""
    chain, now = ctx.chain(), ctx.clock.now()
    held = use.held_roles(chain)
    rows: list[dict[str, Json]] = [_held(place) for place in held]
    paused, pending = use.paused_until(chain), settlements.waiting(chain)
    waiting = _pending(pending, now) if pending else None
    exit_opens_at = stakes.exit_opens_at(chain)
    accounts, unit = _stakes(ctx, held, pending), token(chain)
    lines = [
        plain([_readable(row) for row in rows]),
        *([f"proposals are paused until {shown_time(paused)}"] if paused > now else []),
        *([plain(_readable(waiting))] if waiting else []),
        plain([row | {name: shown_tokens(int(row[name]), *unit) for name in _AMOUNTS} for row in accounts]),
        f"Anybody with a stake may propose from {shown_time(exit_opens_at)} on.",
    ]
    facts: dict[str, Json] = {
        "roles": list(rows),
        "pausedUntil": paused if paused > now else None,
        "settlement": waiting,
        "stake": str(stakes.price(chain)),
        "stakes": [dict(row) for row in accounts],
        "exitOpensAt": exit_opens_at,
    }
    if meters:
        admitted = [shown_address(meter) for meter in use.meters(chain)]
        facts["meters"] = list(admitted)
        lines.append("\n".join((f"{counted(len(admitted), 'meter')} may anchor usage", *admitted)))
    ctx.out.emit(facts, text="\n\n".join(lines).splitlines())


def _held(place: use.HeldRole) -> dict[str, Json]:
    offered = any(place.offered)
    return {
        "role": place.role,
        "contract": place.contract,
        "holder": shown_address(place.holder),
        "offeredTo": shown_address(place.offered) if offered else None,
        "readyAt": place.ready_at if offered else None,
        "endsAt": place.ends_at if offered else None,
    }


def _stakes(ctx: Context, held: Sequence[use.HeldRole], pending: settlements.Pending | None) -> list[dict[str, str]]:
    """What is in and owed of the publisher, who challenges, and the account in force if there is one."""
    named = [place.holder for place in held if place.role == "publisher"]
    if pending and pending.status == settlements.CHALLENGED:
        named.append(pending.challenger)
    if ctx.settings.account:
        named.append(ctx.address())
    return [
        {
            "account": shown_address(address),
            "staked": str(kept.staked),
            "owed": str(kept.owed),
            "waiting": str(kept.waiting),
        }
        for address in dict.fromkeys(named)
        for kept in [stakes.kept(ctx.chain(), address)]
    ]


@command(
    role,
    "offer",
    example="provenance role offer publisher 0x15d3…6a65 --account operator",
)
@_ROLE
@click.argument("to", metavar="NAME|ADDRESS")
def offer(ctx: Context, role: str, to: str) -> None:
    """Offer ROLE to another account, which may accept it two days later; owner only.

    Until then the present holder keeps it. An offer to the present holder withdraws one that stands.
    """
    chain, account = ctx.chain(), ctx.address()
    taker = ctx.address(to)
    mined = _send(
        ctx,
        use.offer(chain, role, taker, account),
        f"offer the role {role}",
        f"offer the role {role} to {shown_address(taker)}, who may take it two days later",
    )
    ready = max((place.ready_at for place in use.held_roles(chain, role) if place.offered == taker), default=None)
    name = shown_address(taker)
    ctx.out.emit(
        {"role": role, "to": name if ready else None, "readyAt": ready, "contracts": len(mined)},
        text=f"{role} is offered to {name}; from {shown_time(ready)} on it can accept."
        if ready
        else f"The offer of {role} is withdrawn: it stays with {name}.",
    )


@command(role, "accept", example="provenance role accept publisher --account operator")
@_ROLE
def accept(ctx: Context, role: str) -> None:
    """Take over ROLE, which was offered to this account two days ago or earlier."""
    chain, account = ctx.chain(), ctx.address()
    mined = _send(
        ctx,
        use.acceptance(chain, role, account, ctx.clock.now()),
        f"accept the role {role}",
        f"make {shown_address(account)} the {role}",
    )
    ctx.out.emit(
        {"role": role, "holder": shown_address(account), "contracts": len(mined)},
        text=f"{shown_address(account)} is {role} now.",
    )


@command(
    role,
    "pause",
    example=("provenance role pause --until 2d --account guardian", "provenance role pause --lift --account guardian"),
)
@click.option("--until", metavar="DATE", help="When it ends by itself: 2d, 2027-12-31, …; 7 days at most.")
@click.option("--lift", is_flag=True, help="End the pause.")
def pause(ctx: Context, until: str | None, *, lift: bool) -> None:
    """Stop proposals for a while; licenses, claims and revocations go on. Guardian only."""
    if lift == (until is not None):
        raise Invalid("one of --until and --lift is needed", next="Say until when, or lift it.")
    now = ctx.clock.now()
    end = None if until is None else dates.seconds(until, now, option="--until")
    chain = ctx.chain()
    _send(
        ctx,
        (use.pause(chain, end, ctx.address(), now),),
        "lift the pause" if lift else "pause",
        "let epochs be proposed again" if end is None else f"stop new proposals until {shown_time(end)}",
    )
    paused = use.paused_until(chain)
    ctx.out.emit(
        {"pausedUntil": None if end is None else paused},
        text="The pause is over." if end is None else f"Paused until {shown_time(paused)}; it ends by itself.",
    )


@command(
    role,
    "veto",
    example="provenance role veto 2 --reason 'settlements: epoch 2: its tree differs' --account guardian",
)
@_EPOCH
@_ROOT
@click.option("--reason", required=True, metavar="TEXT", help="What is wrong; the chain keeps its sha-256.")
def veto(ctx: Context, epoch: int, root: Bytes32 | None, reason: str) -> None:
    """Refuse the proposed root of EPOCH before its window is over; it is proposed again. Guardian only."""
    call = settlements.veto(ctx.chain(), epoch, reason, ctx.address(), root=root)
    refused = "0x" + cast("bytes", call.args[1]).hex()
    means = f"refuse the root {refused} of epoch {epoch}, which is proposed again"
    mined = ctx.transact(call, "veto the settlement", means=means)
    digest = "0x" + sha256(reason.encode()).hex()
    ctx.out.emit(
        {"epoch": epoch, "root": refused, "reason": reason, "reasonDigest": digest, "tx": "0x" + mined.tx.hex()},
        text=f"The root of epoch {epoch} is refused. Publish the reason; the chain keeps its sha-256 {digest}.",
    )


@command(
    role,
    "resolve",
    example=(
        "provenance role resolve 2 upheld --account arbiter",
        "provenance role resolve 2 dismissed --challenger 0x15d3…6a65 --account arbiter",
    ),
)
@_EPOCH
@click.argument("verdict", type=click.Choice(["upheld", "dismissed"]), metavar="upheld|dismissed")
@_ROOT
@click.option("--challenger", metavar="NAME|ADDRESS", help="Whose challenge is meant; by default any that stands now.")
def resolve(ctx: Context, epoch: int, verdict: str, root: Bytes32 | None, challenger: str | None) -> None:
    """Decide the challenge of EPOCH: by the arbiter within 14 days, after that upheld by anybody.

    Upheld: the root is rejected, and the challenger is owed its bond and half of the proposer's stake. Dismissed: the
    full window starts again, and the proposer is owed half of the bond. The other half is nobody's. After the
    arbiter's silence nobody loses anything. What is owed is taken with `provenance role unstake`.
    """
    upheld, chain = verdict == "upheld", ctx.chain()
    meant = settlements.challenged(chain, epoch, root=root, challenger=ctx.address(challenger) if challenger else None)
    call = settlements.ruling(chain, meant, ctx.address(), ctx.clock.now(), upheld=upheld)
    who = shown_address(meant.challenger)
    means = f"{'uphold' if upheld else 'dismiss'} the challenge of {who} against epoch {epoch}"
    mined = ctx.transact(call, "resolve the challenge", means=f"{means}, root 0x{meant.root.hex()}")
    decided = next(log.event for log in mined.logs if isinstance(log.event, ChallengeResolved))
    lost = any(isinstance(log.event, StakeChanged) for log in mined.logs)
    outcome = (
        f"it counts from {shown_time(decided.active_at)} on. The proposer is owed half of the bond"
        if not upheld
        else f"its root is rejected. {who} is owed its bond and half of the stake"
        if lost
        else f"its root is rejected. The bond is owed to {who} once an epoch has become active"
    )
    ctx.out.emit(
        {
            "epoch": epoch,
            "root": "0x" + meant.root.hex(),
            "challenger": who,
            "upheld": upheld,
            "stakeLost": lost,
            "activeAt": decided.active_at or None,
        },
        text=f"The challenge of epoch {epoch} is {verdict}: {outcome}.",
    )


@command(role, "stake", example="provenance role stake --account publisher")
def stake(ctx: Context) -> None:
    """Put the stake in, without which nothing is proposed. Publisher only.

    Anybody else's goes in with the root that `provenance node settle --as` proposes.
    """
    chain, account = ctx.chain(), ctx.address()
    amount = stakes.price(chain)
    shown = shown_tokens(amount, *token(chain))
    calls = stakes.staking(chain, account)
    if ctx.dry_run:
        ctx.would_send(f"stake {shown}, first {calls[0].function}", calls[:1], account, stake=str(amount))
    *approvals, staking = calls
    send = ctx.act(f"stake {shown} for what {shown_address(account)} proposes", tokens=shown)
    for call in approvals:
        send(call, "approve tokens")
    mined = send(staking, "stake")
    ctx.out.emit(
        {"account": shown_address(account), "staked": str(amount), "tx": "0x" + mined.tx.hex()},
        text=f"The stake of {shown_address(account)} is in: {shown}, lost if the arbiter upholds a challenge of its root.",
    )


@command(
    role,
    "unstake",
    example=(
        "provenance role unstake --account watcher",
        "provenance role unstake --to 0x15d3…6a65 --account publisher",
    ),
)
@click.option("--to", metavar="NAME|ADDRESS", help="Who receives it; the account itself by default.")
def unstake(ctx: Context, to: str | None) -> None:
    """Take what is owed of bonds and stakes, and a stake that no pending root needs."""
    chain, account = ctx.chain(), ctx.address()
    receiver = ctx.address(to) if to else account
    before, call = stakes.kept(chain, account), stakes.unstaking(chain, account, receiver)
    owed, staked = (shown_tokens(there, *token(chain)) for there in (before.owed, before.staked))
    parts = [f"{owed} that is owed"] if before.owed else []
    parts += [f"the stake of {staked}, unless a pending root needs it,"] if before.staked else []
    mined = ctx.transact(call, "unstake", means=f"take {' and '.join(parts)} to {shown_address(receiver)}")
    after = stakes.kept(chain, account)
    amount = before.owed - after.owed + before.staked - after.staked
    left = (
        f"; {shown_tokens(after.waiting, *token(chain))} wait until an epoch has become active" if after.waiting else ""
    )
    ctx.out.emit(
        {
            "to": shown_address(receiver),
            "amount": str(amount),
            "staked": str(after.staked),
            "waiting": str(after.waiting),
            "tx": "0x" + mined.tx.hex(),
        },
        text=f"{shown_tokens(amount, *token(chain))} went to {shown_address(receiver)}{left}.",
    )


@command(role, "rule", example="provenance role rule ruling.json --account guardian")
@click.argument("file", type=PATH, metavar="FILE")
def rule(ctx: Context, file: Path) -> None:
    """Publish the ruling in FILE over money that is held, and put its digest on record. Guardian only."""
    document = published.ruling(file)
    call = settlements.rule(ctx.chain(), sha256(document), ctx.address())
    address = published.publish(ctx, document)
    mined = ctx.transact(call, "rule", means=f"put the ruling {address} on record")
    ctx.out.emit(
        {"ruling": str(address), "tx": "0x" + mined.tx.hex()},
        text=f"The ruling {address} is on record. The arbiter strikes it with `provenance role strike {address}`.",
    )


@command(role, "strike", example="provenance role strike bafkrei… --account arbiter")
@click.argument("ruling", metavar="CID")
def strike(ctx: Context, ruling: str) -> None:
    """Strike the guardian's ruling CID. Arbiter only."""
    named = cid.parse(ruling)
    mined = ctx.transact(
        settlements.striking(ctx.chain(), named.digest, ctx.address()), "strike", means=f"strike {named}"
    )
    ctx.out.emit({"ruling": str(named), "tx": "0x" + mined.tx.hex()}, text=f"The ruling {named} is struck.")


@command(role, "admit", example="provenance role admit 0x70f3…9b2c --account operator")
@click.argument("meter", metavar="METER")
def admit(ctx: Context, meter: str) -> None:
    """Let the key METER anchor usage. Owner only."""
    address = ctx.address(meter)
    _send(
        ctx,
        (use.admission(ctx.chain(), address, ctx.address()),),
        "admit the meter",
        f"let {shown_address(address)} anchor usage",
    )
    ctx.out.emit(
        {"meter": shown_address(address), "admitted": True}, text=f"{shown_address(address)} may anchor usage."
    )


@command(role, "remove", example="provenance role remove 0x70f3…9b2c --account operator")
@click.argument("meter", metavar="METER")
def remove(ctx: Context, meter: str) -> None:
    """Let the key METER anchor no more, for good; what it anchored stands. Owner only."""
    address = ctx.address(meter)
    _send(
        ctx,
        (use.removal(ctx.chain(), address, ctx.address()),),
        "remove the meter",
        f"let {shown_address(address)} anchor no more, for good",
    )
    ctx.out.emit(
        {"meter": shown_address(address), "admitted": False}, text=f"{shown_address(address)} anchors no more."
    )


def _send(ctx: Context, calls: Sequence[Call], title: str, means: str = "") -> list[Mined]:
    """All of the calls are mined, after one question; with `--dry-run` their whole cost is shown instead.

    Args:
        calls: the same on each contract.
        title: names each transaction in results.
        means: what they do and for whom, where the title does not say it.
    """
    sender = ctx.address()
    where, function = ", ".join(call.contract for call in calls), calls[0].function
    action = f"{means or title}: {function} on {where}"
    if ctx.dry_run:
        several: dict[str, Json] = {"function": function} if len(calls) > 1 else {}
        ctx.would_send(action, calls, sender, title=title, **several)
    ctx.ask(action, calls, sender)
    wallet = ctx.wallet()
    return [ctx.send(call, title, wallet) for call in calls]


def _pending(pending: settlements.Pending, now: UnixSeconds) -> dict[str, Json]:

    row: dict[str, Json] = {
        "epoch": pending.epoch,
        "state": pending.state(now),
        "root": "0x" + pending.root.hex(),
        "byExit": pending.by_exit,
    }
    if pending.status not in (settlements.VETOED, settlements.REJECTED):
        row["activeAt"] = pending.active_at
    if pending.status == settlements.CHALLENGED:
        row["challenger"] = shown_address(pending.challenger)
        row["arbiterUntil"] = pending.challenged_at + settlements.ARBITER_S
    return row


def _readable(facts: dict[str, Json]) -> dict[str, Json]:
    """The same for people: times as they read them."""
    return {
        name: shown_time(UnixSeconds(fact)) if name in _TIMES and isinstance(fact, int) else fact
        for name, fact in facts.items()
    }
