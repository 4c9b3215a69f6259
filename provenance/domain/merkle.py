"""Merkle trees: the root over leaves, and the proof that one of them is there.

The OpenZeppelin standard tree, the one that the contracts check: leaves hashed twice and sorted by
hash, pairs sorted, a complete binary tree in an array whose node i has the children 2i + 1 and
2i + 2. An empty tree has root zero. What a leaf's words mean is left to who makes it.
Source: @openzeppelin/merkle-tree, "Standard Merkle Trees".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from provenance.domain.hashes import abi_words, keccak
from provenance.errors import Missing
from provenance.types import ZERO32, Bytes32


class NotInTree(Missing):
    """The leaf is not under this root."""

    next = "Check the account and the epoch; only what a settlement credits has a leaf."


def leaf(*words: bytes | int | bool) -> Bytes32:
    """keccak(keccak(abi.encode(words))): the double hash keeps leaves apart from inner nodes."""
    return keccak(keccak(abi_words(*words)))


def node(left: bytes, right: bytes) -> Bytes32:
    """The hash of a pair, whatever its order."""
    return keccak(left + right if left < right else right + left)


@dataclass(frozen=True, slots=True)
class Subtree:
    """The leaves under one node, in the order that rebuilds it, and the node's path to the root."""

    index: int
    leaves: tuple[Bytes32, ...]
    proof: tuple[Bytes32, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """All nodes, root first; `nodes[len(leaves) - 1:]` are the leaves from the greatest hash down."""

    nodes: tuple[Bytes32, ...]

    @classmethod
    def build(cls, leaves: Iterable[Bytes32]) -> Self:
        """The tree over these leaves, whatever order they come in."""
        ordered = sorted(leaves, reverse=True)
        if not ordered:
            return cls(())
        count = len(ordered)
        nodes: list[Bytes32] = [ZERO32] * (count - 1) + ordered
        for i in range(count - 2, -1, -1):
            nodes[i] = node(nodes[2 * i + 1], nodes[2 * i + 2])
        return cls(tuple(nodes))

    @property
    def root(self) -> Bytes32:
        """Zero for the empty tree."""
        return self.nodes[0] if self.nodes else ZERO32

    @property
    def count(self) -> int:
        """How many leaves it has."""
        return (len(self.nodes) + 1) // 2

    def index(self, target: Bytes32) -> int:
        """Where in `nodes` this leaf stands; the first place if it stands in several.

        Raises:
            NotInTree: it does not stand there.
        """
        first = self.count - 1
        place = bisect_left(
            self.nodes,
            -int.from_bytes(target),
            lo=max(first, 0),
            key=lambda n: -int.from_bytes(n),
        )
        if place >= len(self.nodes) or self.nodes[place] != target:
            raise NotInTree("no such leaf in this tree", leaf="0x" + target.hex())
        return place

    def proof(self, target: Bytes32) -> tuple[Bytes32, ...]:
        """The siblings from this leaf up to the root."""
        return self.path(self.index(target))

    def path(self, index: int) -> tuple[Bytes32, ...]:
        """The siblings from any node up to the root."""
        siblings: list[Bytes32] = []
        while index > 0:
            siblings.append(self.nodes[index + 1 if index % 2 else index - 1])
            index = (index - 1) // 2
        return tuple(siblings)

    def subtrees(self, most: int) -> Iterator[Subtree]:
        """Sub-trees of at most `most` leaves that together hold every leaf once, left to right."""
        pending = [0] if self.nodes else []
        while pending:
            top = pending.pop()
            leaves = self.under(top)
            if len(leaves) <= most:
                yield Subtree(top, leaves, self.path(top))
            else:
                pending += [2 * top + 2, 2 * top + 1]

    def under(self, index: int) -> tuple[Bytes32, ...]:
        """The leaves under a node in the order of a breadth-first walk: the one in which they rebuild it.

        At most two runs of the array: the shallow leaves, then the deeper ones that are left of them.
        """
        first, size = self.count - 1, len(self.nodes)
        low, high = index, index + 1
        below: tuple[Bytes32, ...] = ()
        while low < size:
            below += self.nodes[max(low, first) : min(high, size)]
            low, high = 2 * low + 1, 2 * high + 1
        return below


def root(leaves: Iterable[Bytes32]) -> Bytes32:
    """The root over these leaves; zero if there are none."""
    return Tree.build(leaves).root


def climb(target: Bytes32, path: Iterable[bytes]) -> Bytes32:
    """The root that a path of siblings leads to."""
    for sibling in path:
        target = node(target, sibling)
    return target


def proof(leaves: Iterable[Bytes32], target: Bytes32) -> tuple[Bytes32, ...]:
    """The siblings from `target` up to the root. For many proofs of one tree keep a `Tree`.

    Raises:
        NotInTree: `target` is none of the leaves.
    """
    return Tree.build(leaves).proof(target)
