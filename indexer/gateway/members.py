"""Members of pools: what the gateway reads of a pool's lists to open a member's recordings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.domain.ledger import Ledger
from provenance.domain.pool import Members
from provenance.domain.rules import membership as rules
from provenance.domain.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.gateway.node import GatewayNode
    from provenance.domain.ledger import ChainBlock, GrantedLicense
    from provenance.domain.rules.access import DatasetState
    from provenance.types import BlockNumber, Bytes32, DatasetId


def lists(
    node: GatewayNode, pool: DatasetId, dataset: DatasetId, block: ChainBlock, final: BlockNumber
) -> dict[Bytes32, Members]:
    """The lists of a pool's members that decide about a dataset at this block; none of what is no pool.

    Raises:
        Missing: one of them is not here.
    """
    known = Ledger.fold(node.facts(block, pool, dataset)).datasets
    if pool not in known or dataset not in known:
        return {}
    return rules.lists(
        known[pool],
        known[dataset],
        block.number,
        final,
        lambda digest: Members.parse(node.content.get_digest(digest)[1]),
    )


def under_pool(
    node: GatewayNode,
    state: DatasetState,
    license_: GrantedLicense,
    dataset: DatasetId,
    listed: Mapping[Bytes32, Members],
) -> DatasetState:
    """The dataset's state under a pool's license: as a member or none, by the license's terms.

    Raises:
        Missing: those terms are not here.
    """
    pool = state.ledger.datasets.get(license_.dataset_id)
    membership = rules.membership(
        dataset,
        pool,
        listed,
        state.ledger,
        node.deployment.domains.registry,
        block=state.block,
        final=state.final,
    )
    terms = Terms.parse(node.content.get_digest(license_.granted.event.terms_hash)[1])
    return replace(state, terms=terms, membership=membership)
