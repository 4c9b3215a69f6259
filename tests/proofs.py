"""Merkle proofs checked as a contract does: by climbing from a leaf, or from a sub-tree, to the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.domain import merkle
from provenance.types import ZERO32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.types import Bytes32


def rebuild(leaves: Sequence[Bytes32]) -> Bytes32:
    """The node above leaves that stand in the order of `Tree.under`; what `claimSubtree` computes."""
    nodes = [ZERO32] * (len(leaves) - 1) + list(leaves)
    for i in range(len(leaves) - 2, -1, -1):
        nodes[i] = merkle.node(nodes[2 * i + 1], nodes[2 * i + 2])
    return nodes[0]


def climb(start: Bytes32, path: Sequence[bytes]) -> Bytes32:
    """The root that this path leads to from a leaf or node."""
    for sibling in path:
        start = merkle.node(start, sibling)
    return start
