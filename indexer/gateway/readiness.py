"""Readiness: whether this gateway can decide now."""

from __future__ import annotations

from indexer.gateway.node import GatewayNode, MirrorBehind
from provenance.domain import fields
from provenance.errors import Unavailable
from provenance.types import BlockNumber, Json


class BelowFinality(Unavailable):
    """The chain changed below what was final, and nobody has looked at it yet."""

    next = "Look at what changed, then run: provenance node release --reason TEXT"


def ready(node: GatewayNode) -> dict[str, Json]:
    """Where mirror and chain stand.

    Raises:
        OtherChain: the database mirrors another chain than the node's.
        MirrorBehind: the mirror is more than a moment behind the chain's head.
        BelowFinality: a reorg below finality waits for a release.
    """
    node.mirror.check_genesis(node.chain.block(BlockNumber(0)).hash)
    halts = node.mirror.halts()
    if halts:
        raise BelowFinality(
            f"the chain forked at block {halts[0].fork}, below final block {halts[0].final}",
            fork=halts[0].fork,
            final=halts[0].final,
        )
    head, position = node.chain.head(), node.mirror.position()
    if position is None or position.number + LAG_BLOCKS < head.number:
        raise MirrorBehind(
            f"the mirror is at block {position.number if position else None}, the chain at {head.number}",
            block=position.number if position else None,
            head=head.number,
        )
    return {
        "status": "ready",
        "wallet": fields.shown(node.address),
        "chainId": node.deployment.chain_id,
        "head": str(head.number),
        "block": str(position.number),
        "hash": fields.shown(position.hash),
        "final": str(position.final),
    }


LAG_BLOCKS = 2  # between two looks of the follower a chain may make this many
