"""The tree is the one that the contracts and everybody's npm package build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from provenance.domain import merkle
from provenance.types import ZERO32, Bytes32
from tests import proofs

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "merkle.json").read_text())
hashes = st.binary(min_size=32, max_size=32).map(Bytes32)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _leaf(value: list[str]) -> Bytes32:
    chain, distributor, payee, cumulative = value
    return merkle.leaf(int(chain), _bytes(distributor), _bytes(payee), int(cumulative))


@pytest.mark.parametrize("golden", GOLDEN["trees"], ids=lambda tree: str(len(tree["leaves"])))
def test_leaves_roots_and_proofs_equal_those_of_openzeppelin(golden: dict) -> None:
    leaves = [_leaf(entry["value"]) for entry in golden["leaves"]]
    assert ["0x" + leaf.hex() for leaf in leaves] == [entry["hash"] for entry in golden["leaves"]]
    tree = merkle.Tree.build(leaves)
    assert "0x" + tree.root.hex() == golden["root"]
    for leaf, entry in zip(leaves, golden["leaves"], strict=True):
        assert ["0x" + sibling.hex() for sibling in tree.proof(leaf)] == entry["proof"]


def test_recording_leaves_use_the_same_layout() -> None:
    leaves = [merkle.leaf(i, *(bytes.fromhex(b * 31 + f"0{i}") for b in ("a1", "b2", "c3", "d4"))) for i in range(3)]
    assert "0x" + merkle.root(leaves).hex() == GOLDEN["recordings"]["root"]


def test_an_empty_tree_has_root_zero() -> None:
    assert merkle.root(()) == ZERO32


@given(st.lists(hashes, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_leaves_does_not_matter(leaves: list[Bytes32], random: object) -> None:
    shuffled = list(leaves)
    random.shuffle(shuffled)
    assert merkle.root(shuffled) == merkle.root(leaves)


@given(st.lists(hashes, min_size=1, max_size=40), hashes)
def test_a_proof_convinces_for_its_leaf_and_for_no_other(leaves: list[Bytes32], other: Bytes32) -> None:
    tree = merkle.Tree.build(leaves)
    for leaf in leaves:
        path = tree.proof(leaf)
        assert proofs.climb(leaf, path) == tree.root
        if other != leaf:
            assert proofs.climb(other, path) != tree.root


@given(st.lists(hashes, max_size=40, unique=True), hashes)
def test_a_stranger_has_no_proof(leaves: list[Bytes32], other: Bytes32) -> None:
    if other in leaves:
        return
    with pytest.raises(merkle.NotInTree):
        merkle.proof(leaves, other)


@given(st.lists(hashes, max_size=70, unique=True), st.integers(min_value=1, max_value=70))
def test_subtrees_hold_every_leaf_once_and_lead_to_the_root(leaves: list[Bytes32], most: int) -> None:
    tree = merkle.Tree.build(leaves)
    seen: list[Bytes32] = []
    for subtree in tree.subtrees(most):
        assert 1 <= len(subtree.leaves) <= most
        assert proofs.climb(proofs.rebuild(subtree.leaves), subtree.proof) == tree.root
        seen += subtree.leaves
    assert sorted(seen) == sorted(leaves)
