"""`node anchor`: what the gateway promised goes on chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.cli import node
from indexer.cli.parts import gateway_node
from provenance.cli.frame import command
from provenance.domain.fields import counted

if TYPE_CHECKING:
    from provenance.cli.context import Context


@command(node, "anchor", example=("provenance node anchor --yes", "provenance node anchor --json"))
def anchor(ctx: Context) -> None:
    """Anchor everything acknowledged, opened, judged and refused since the last batch."""
    from indexer.gateway import batches
    from provenance.domain.fields import shown

    made = gateway_node(ctx)
    if ctx.dry_run:
        waiting = made.usage.pending()
        ctx.would_send(
            f"anchor {counted(len(waiting.segments), 'segment')}, {counted(len(waiting.leases), 'lease')},"
            f" {counted(len(waiting.reports), 'report')}",
            batches.foreseen(made, waiting),
            made.address,
            segments=len(waiting.segments),
            leases=len(waiting.leases),
            reports=len(waiting.reports),
        )
    found = batches.anchor(made, lambda call: ctx.transact(call, "anchor usage", made.wallet))
    if found is None:
        ctx.out.emit({"anchored": False}, text="Nothing to anchor: no batch lacks anything.")
        return
    said = found.batch
    ctx.out.emit(
        {
            "anchored": True,
            "cid": str(found.cid),
            "head": shown(found.head),
            "receipts": said.count,
            "segments": len(said.segments),
            "sessions": len(said.sessions),
            "accesses": len(said.accesses),
            "gates": len(said.gates),
            "tx": shown(found.mined.tx),
            "gas": found.mined.gas_used,
        },
        text=f"Anchored {counted(said.count, 'receipt')} in {counted(len(said.segments), 'segment')},"
        f" {counted(len(said.accesses), 'lease')} and {counted(len(said.gates), 'report')} as {found.cid}.",
    )
