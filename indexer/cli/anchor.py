"""`node anchor`: what the gateway acknowledged goes on chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.cli import node
from indexer.cli.parts import database, gateway_node
from provenance.cli.frame import command
from provenance.domain.fields import counted, shown

if TYPE_CHECKING:
    from provenance.cli.context import Context

MEANS = "anchor all that was acknowledged, opened, judged and refused since the last batch"


@command(node, "anchor", example=("provenance node anchor --yes", "provenance node anchor --json"))
def anchor(ctx: Context) -> None:
    """Anchor everything acknowledged, opened, judged and refused since the last batch, in as many batches as it fills."""
    from indexer.gateway import batches

    gateway = gateway_node(ctx, database(ctx.settings))
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
    anchored: list[batches.AnchoredDocument] = []
    while not anchored or anchored[-1].rest:
        batch = batches.anchor(gateway, lambda call: ctx.transact(call, "anchor usage", gateway.wallet, means=MEANS))
        if batch is None:
            break
        anchored.append(batch)
    if not anchored:
        ctx.out.emit({"anchored": False}, text="Nothing to anchor: no batch lacks anything.")
        return
    documents, last = [batch.batch for batch in anchored], anchored[-1]
    receipts, segments = sum(batch.count for batch in documents), sum(len(batch.segments) for batch in documents)
    accesses, gates = sum(len(batch.accesses) for batch in documents), sum(len(batch.gates) for batch in documents)
    ctx.out.emit(
        {
            "anchored": True,
            "batches": len(anchored),
            "cid": str(last.cid),
            "head": shown(last.head),
            "receipts": receipts,
            "segments": segments,
            "sessions": sum(len(batch.sessions) for batch in documents),
            "accesses": accesses,
            "gates": gates,
            "tx": shown(last.mined.tx),
            "gas": sum(batch.mined.gas_used for batch in anchored),
        },
        text=f"Anchored {counted(receipts, 'receipt')} in {counted(segments, 'segment')},"
        f" {counted(accesses, 'lease')} and {counted(gates, 'report')} as {', '.join(str(batch.cid) for batch in anchored)}.",
    )
