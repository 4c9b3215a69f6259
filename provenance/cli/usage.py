"""The licensee's receipts: `provenance usage …`."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.adapters import journal, segments
from provenance.adapters.queue import waits
from provenance.app.meter.opening import closure, revocation
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import ID
from provenance.domain import attribution, batch, record, typed
from provenance.domain.fields import counted
from provenance.domain.typed import MeterSession
from provenance.domain.usage import Use, clock_faults, receipt_id
from provenance.errors import Invalid, Missing, ProvenanceError, Unavailable
from provenance.types import Bytes32, Json


@group("usage")
def usage() -> None:
    """Submit, list and check usage receipts."""


@command(usage, "submit", example=("provenance usage submit", "provenance usage submit ~/meter/5a…c1 --keep-open"))
@click.argument("queue", type=PATH, required=False, metavar="[QUEUE]")
@click.option("--keep-open", is_flag=True, help="Do not close the session: more is to come.")
def submit(ctx: Context, queue: Path | None, keep_open: bool) -> int:  # noqa: FBT001 - click passes flags so
    """Hand over what a Meter left in QUEUE, or in every queue of this home, and close its session."""
    folder = ctx.journals / "meter"
    queues = [queue] if queue else sorted(folder.iterdir()) if folder.is_dir() else []
    if ctx.dry_run:
        ctx.would(f"submit {counted(len(queues), 'queue')}", queues=len(queues))
    if any(waits(queued) for queued in queues):
        ctx.wallet()  # one account hands over all of them: without it none is tried
    rows: list[dict[str, Json]] = []
    refused = 0
    for queued in queues:
        try:
            rows.append(_submit(ctx, queued, keep_open=keep_open))
        except Unavailable:
            raise
        except ProvenanceError as error:
            if queue:
                raise
            ctx.out.warn(f"{queued.name}: {error.detail}. {error.next_step}")
            refused += 1
    ctx.out.emit(rows, columns=("session", "receipts", "units", "newSegments", "closed"))
    return 1 if refused else 0


def _submit(ctx: Context, folder: Path, *, keep_open: bool) -> dict[str, Json]:
    from provenance.sdk.meter import finish, resume

    recorder, queue = resume(folder, ctx.chain().deployment.domains.usage, ctx.clock)
    row: dict[str, Json] = {
        "session": f"0x{recorder.session_id.hex()}",
        "receipts": len(recorder.uses),
        "units": str(recorder.units),
        "newSegments": 0,
        "closed": recorder.closed,
    }
    if recorder.session is None or recorder.done:
        if recorder.done:
            queue.forget_key()
        queue.close()
        return row
    gateway = ctx.gateway(ctx.wallet())
    if recorder.closed or not keep_open:
        gateway.open_session(recorder.session, recorder.session_signature)
        return row | {"newSegments": finish(recorder, queue, gateway), "closed": True}
    try:
        gateway.open_session(recorder.session, recorder.session_signature)
        recorder.cut()
        return row | {"newSegments": recorder.submit(gateway)}
    finally:
        queue.close()


@command(usage, "list", example="provenance usage list 0x8b…07")
@click.argument("license_id", type=ID, metavar="LICENSE")
def list_(ctx: Context, license_id: Bytes32) -> None:
    """List the sessions of a LICENSE and what the gateway acknowledged of each."""
    rows = ctx.gateway().listing("sessions", license=f"0x{license_id.hex()}").rows
    ctx.out.emit(list(rows), columns=("sessionId", "receipts", "units", "maxUnits", "closed", "suspended", "batch"))


@command(usage, "revoke", example="provenance usage revoke 0x77…1e --account licensee")
@click.argument("session_id", type=ID, metavar="SESSION")
def revoke(ctx: Context, session_id: Bytes32) -> None:
    """End a SESSION whose key was lost or stolen; what was not reported of it is charged."""
    session = _session(ctx, session_id)
    wallet = ctx.wallet()
    signature = wallet.signer.sign_typed(ctx.chain().deployment.domains.usage, session)
    mined = ctx.transact(
        revocation(session, signature),
        "revoke session",
        wallet,
        means=f"end session 0x{session_id.hex()}, whose units that were not reported are charged",
    )
    ctx.out.emit(
        {"session": f"0x{session_id.hex()}", "revoked": True, "tx": f"0x{mined.tx.hex()}", "block": mined.block.number},
        text=f"Revoked in block {mined.block.number}: segments anchored later are rejected.",
    )


@command(usage, "close", example="provenance usage close 0x77…1e 4200 --account licensee")
@click.argument("session_id", type=ID, metavar="SESSION")
@click.argument("units", type=click.IntRange(0, (1 << 128) - 1), metavar="UNITS")
def close(ctx: Context, session_id: Bytes32, units: int) -> None:
    """Say on chain that a SESSION used UNITS in all, whether or not its gateway ever anchors them.

    The first word counts. Ruleset 1 charges what is anchored and reads no such word; a later ruleset owes the units said
    instead of all that the session may use, where its gateway is silent.
    """
    session = _session(ctx, session_id)
    wallet, usage_domain = ctx.wallet(), ctx.chain().deployment.domains.usage
    signature = wallet.signer.sign_typed(usage_domain, session)
    mined = ctx.transact(
        closure(ctx.chain(), session, units, signature, wallet.signer.address),
        "close session",
        wallet,
        means=f"say that session 0x{session_id.hex()} used {counted(units, 'unit')} in all",
    )
    ctx.out.emit(
        {
            "session": f"0x{session_id.hex()}",
            "units": str(units),
            "tx": f"0x{mined.tx.hex()}",
            "block": mined.block.number,
        },
        text=f"Closed in block {mined.block.number} at {counted(units, 'unit')}.",
    )


def _session(ctx: Context, session_id: Bytes32) -> MeterSession:
    """The session from this home's queue, or from the gateway's catalogue."""
    for entry in journal.read(ctx.journals / "meter" / session_id.hex() / "queue.jsonl"):
        if entry.get("is") == "session":
            return record.read(batch.SessionEntry, entry).session
    shown = f"0x{session_id.hex()}"
    for row in ctx.gateway().listing("sessions", session=shown).rows:
        return record.read(typed.MeterSession, row)
    raise Missing(f"no session {shown} is known here or at the gateway", session=shown)


@command(usage, "check", example="provenance usage check ~/meter/5a…c1/000000000000-last.parquet")
@click.argument("file", type=PATH, metavar="FILE")
def check(ctx: Context, file: Path) -> None:
    """Check a usage FILE: columns, places, ids, times and weights of every receipt."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Missing(f"{file} cannot be read", path=str(file)) from error
    uses = segments.read(content)
    fault = _fault(uses)
    if fault:
        raise Invalid(
            fault, next="Do not change a Meter's files; submit the queue that the file came from.", path=str(file)
        )
    ctx.out.emit(
        {
            "receipts": len(uses),
            "units": str(sum(use.receipt.units for use in uses)),
            "firstSeq": str(uses[0].receipt.seq) if uses else None,
            "lastSeq": str(uses[-1].receipt.seq) if uses else None,
            **{name: sum(use.receipt.outcome == code for use in uses) for code, name in _OUTCOMES.items()},
            "check": "every receipt is in its place",
        }
    )


_OUTCOMES = {0: "draft", 1: "delivered", 2: "rejected", 3: "refunded"}


def _fault(uses: tuple[Use, ...]) -> str:
    """What is wrong with a file alone, whatever segment signs it; empty if nothing is."""
    first = uses[0].receipt.seq if uses else 0
    for seq, (use, late) in enumerate(zip(uses, clock_faults(uses, 0, None), strict=True), first):
        receipt = use.receipt
        if receipt.seq != seq or receipt.receipt_id != receipt_id(receipt.session_id, seq):
            return f"receipt {receipt.seq} is not in its place"
        if late:
            return f"receipt {seq}: {late}"
        if attribution.attribution_root(use.weights) != receipt.attribution_root:
            return f"receipt {seq} commits to other weights"
        if use.weights:
            attribution.check(use.weights)
    return ""
