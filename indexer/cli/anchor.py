"""`node anchor`: what the gateway promised goes on chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.cli import node
from indexer.cli.parts import gateway_node
from provenance.cli.frame import command

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
        ctx.would(
            f"anchor {len(waiting.segments)} segments, {len(waiting.leases)} leases, {len(waiting.reports)} reports"
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
        text=f"Anchored {said.count:,} receipts in {len(said.segments)} segments, {len(said.accesses)} leases and "
        f"{len(said.gates)} reports as {found.cid}.",
    )
