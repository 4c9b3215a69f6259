"""What owner, guardian, arbiter and publisher do: `provenance role …`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from provenance.app import role as use
from provenance.app.ports import Call, Mined
from provenance.cli import dates
from provenance.cli.context import Context
from provenance.cli.frame import command, group
from provenance.cli.out import plain
from provenance.cli.values import shown_address, shown_time
from provenance.domain.events import ChallengeResolved
from provenance.domain.fields import counted
from provenance.domain.hashes import sha256
from provenance.errors import Invalid
from provenance.types import Json, UnixSeconds

_ROLE = click.argument("role", type=click.Choice(["owner", "guardian", "arbiter", "publisher"]), metavar="ROLE")
_TIMES = ("readyAt", "activeAt", "arbiterUntil")
_EPOCH = click.argument("epoch", type=click.IntRange(1, (1 << 64) - 1), metavar="EPOCH")


@group("role")
def role() -> None:
    """Acts of owner, guardian, arbiter and publisher."""


@command(role, "show", example=("provenance role show", "provenance role show --meters --json"))
@click.option("--meters", is_flag=True, help="Also the keys that may anchor usage; reads every event.")
def show(ctx: Context, *, meters: bool) -> None:
    """Show who holds which role, what is offered, what is paused and which settlement waits."""
    chain, now = ctx.chain(), ctx.clock.now()
    rows: list[dict[str, Json]] = [
        {
            "role": place.role,
            "contract": place.contract,
            "holder": shown_address(place.holder),
            "offeredTo": shown_address(place.offered) if any(place.offered) else None,
            "readyAt": place.ready_at if any(place.offered) else None,
        }
        for place in use.held_roles(chain)
    ]
    paused = {contract: use.paused_until(chain, contract) for contract in use.PAUSING}
    pending = use.pending(chain)
    waiting = _pending(pending, now) if pending else None

    lines = [
        plain([_readable(row) for row in rows]),
        *(f"{name} is paused until {shown_time(until)}" for name, until in paused.items() if until > now),
        *([plain(_readable(waiting))] if waiting else []),
    ]
    facts: dict[str, Json] = {
        "roles": list(rows),
        "paused": {name: until if until > now else None for name, until in paused.items()},
        "settlement": waiting,
    }
    if meters:
        admitted = [shown_address(meter) for meter in use.meters(chain)]
        facts["meters"] = list(admitted)
        lines.append("\n".join((f"{counted(len(admitted), 'meter')} may anchor usage", *admitted)))
    ctx.out.emit(facts, text="\n\n".join(lines).splitlines())


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
    """Stop new licenses and proposals for a while; claims and revocations go on. Guardian only."""
    if lift == (until is not None):
        raise Invalid("one of --until and --lift is needed", next="Say until when, or lift it.")
    now = ctx.clock.now()
    end = None if until is None else dates.seconds(until, now, option="--until")
    chain = ctx.chain()
    _send(
        ctx,
        use.pause(chain, end, ctx.address(), now),
        "lift the pause" if lift else "pause",
        "let licenses and proposals be made again"
        if end is None
        else f"stop new licenses and proposals until {shown_time(end)}",
    )
    ctx.out.emit(
        {"pausedUntil": {name: use.paused_until(chain, name) for name in use.PAUSING}},
        text="The pause is over." if end is None else f"Paused until {shown_time(end)}; it ends by itself.",
    )


@command(
    role,
    "veto",
    example="provenance role veto 2 --reason 'settlements: epoch 2: its tree differs' --account guardian",
)
@_EPOCH
@click.option("--reason", required=True, metavar="TEXT", help="What is wrong; the chain keeps its sha-256.")
def veto(ctx: Context, epoch: int, reason: str) -> None:
    """Refuse the proposed root of EPOCH before its window is over; it is proposed again. Guardian only."""
    [mined] = _send(
        ctx,
        (use.veto(ctx.chain(), epoch, reason, ctx.address()),),
        "veto the settlement",
        f"refuse the proposed root of epoch {epoch}, which is proposed again",
    )
    digest = "0x" + sha256(reason.encode()).hex()
    ctx.out.emit(
        {"epoch": epoch, "reason": reason, "reasonDigest": digest, "tx": "0x" + mined.tx.hex()},
        text=f"The root of epoch {epoch} is refused. Publish the reason; the chain keeps its sha-256 {digest}.",
    )


@command(
    role,
    "resolve",
    example=(
        "provenance role resolve 2 upheld --account arbiter",
        "provenance role resolve 2 dismissed --account arbiter",
    ),
)
@_EPOCH
@click.argument("verdict", type=click.Choice(["upheld", "dismissed"]), metavar="upheld|dismissed")
def resolve(ctx: Context, epoch: int, verdict: str) -> None:
    """Decide the challenge of EPOCH: by the arbiter within 14 days, after that upheld by anybody.

    Upheld: the root is rejected, the bond goes back. Dismissed: the full window starts again, the bond goes
    to the publisher.
    """
    upheld, chain = verdict == "upheld", ctx.chain()
    call = use.ruling(chain, epoch, ctx.address(), ctx.clock.now(), upheld=upheld)
    [mined] = _send(
        ctx,
        (call,),
        "resolve the challenge",
        f"reject the root of epoch {epoch} and return the bond to its challenger"
        if upheld
        else f"dismiss the challenge of epoch {epoch}, whose bond goes to the publisher",
    )
    bond_to = next(log.event.bond_to for log in mined.logs if isinstance(log.event, ChallengeResolved))
    after = use.settlement(chain, epoch)
    outcome = (
        f"The challenge of epoch {epoch} is {verdict}: "
        + ("its root is rejected" if upheld or after is None else f"it counts from {shown_time(after.active_at)} on")
        + f". The bond goes to {shown_address(bond_to)}."
    )
    ctx.out.emit(
        {
            "epoch": epoch,
            "upheld": upheld,
            "bondTo": shown_address(bond_to),
            "activeAt": after.active_at if after and not upheld else None,
        },
        text=outcome,
    )


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


def _pending(pending: use.Pending, now: UnixSeconds) -> dict[str, Json]:

    row: dict[str, Json] = {
        "epoch": pending.epoch,
        "state": pending.state(now),
        "root": "0x" + pending.root.hex(),
    }
    if pending.status not in (use.VETOED, use.REJECTED):
        row["activeAt"] = pending.active_at
    if pending.status == use.CHALLENGED:
        row["challenger"] = shown_address(pending.challenger)
        row["arbiterUntil"] = pending.challenged_at + use.ARBITER_S
    return row


def _readable(facts: dict[str, Json]) -> dict[str, Json]:
    """The same for people: times as they read them."""
    return {
        name: shown_time(UnixSeconds(fact)) if name in _TIMES and isinstance(fact, int) else fact
        for name, fact in facts.items()
    }
