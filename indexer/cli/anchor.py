"""`node anchor`: what the gateway acknowledged goes on chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.cli import node
from indexer.cli.parts import gateway_node
from provenance.cli.frame import command
from provenance.domain.fields import counted, shown

if TYPE_CHECKING:
    from provenance.cli.context import Context


@command(node, "anchor", example=("provenance node anchor --yes", "provenance node anchor --json"))
def anchor(ctx: Context) -> None:
    """Anchor everything acknowledged, opened, judged and refused since the last batch."""
    from indexer.gateway import batches

    gateway = gateway_node(ctx)
    if ctx.dry_run:
        unbatched = gateway.usage.pending()
        ctx.would_send(
            f"anchor {counted(len(unbatched.segments), 'segment')}, {counted(len(unbatched.leases), 'lease')},"
            f" {counted(len(unbatched.reports), 'report')}",
            batches.foreseen(gateway, unbatched),
            gateway.address,
            segments=len(unbatched.segments),
            leases=len(unbatched.leases),
            reports=len(unbatched.reports),
        )
    anchored = batches.anchor(gateway, lambda call: ctx.transact(call, "anchor usage", gateway.wallet))
    if anchored is None:
        ctx.out.emit({"anchored": False}, text="Nothing to anchor: no batch lacks anything.")
        return
    batch = anchored.batch
    ctx.out.emit(
        {
            "anchored": True,
            "cid": str(anchored.cid),
            "head": shown(anchored.head),
            "receipts": batch.count,
            "segments": len(batch.segments),
            "sessions": len(batch.sessions),
            "accesses": len(batch.accesses),
            "gates": len(batch.gates),
            "tx": shown(anchored.mined.tx),
            "gas": anchored.mined.gas_used,
        },
        text=f"Anchored {counted(batch.count, 'receipt')} in {counted(len(batch.segments), 'segment')},"
        f" {counted(len(batch.accesses), 'lease')} and {counted(len(batch.gates), 'report')} as {anchored.cid}.",
    )
