"""What did an earlier epoch publish? Documents by the digest on chain, each re-hashed before it is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.domain import canonical, cid, fields, merkle
from provenance.domain.settlement import documents, snapshots, tables
from provenance.errors import Failed
from provenance.types import Address, Bytes32, Json, Wei

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.app.ports import Content
    from provenance.domain.cid import Cid
    from provenance.domain.settlement.carry import Carry

LIMIT_BYTES: Final = 1 << 32


class WrongDocument(Failed):
    """A published document is not what the epoch's manifest or root says of it."""


@dataclass(frozen=True, slots=True)
class Published:
    """An epoch's manifest and where its documents are."""

    cid: Cid
    manifest: Mapping[str, Json]

    @property
    def epoch(self) -> int:
        """Its number."""
        return fields.integer(self.manifest, "epoch", bits=64)

    def named(self, name: str) -> Cid:
        """The address of one document: `tree`, `statements`, `rejected`, `debts` or a snapshot's name."""
        of = self.manifest if name in self.manifest else fields.mapping(self.manifest, "snapshots")
        return cid.parse(fields.text(fields.mapping(of, name), "cid"))


def published(content: Content, manifest_digest: Bytes32) -> Published:
    """The epoch whose manifest has this digest.

    Raises:
        Missing: nobody has it.
    """
    found, data = content.get_digest(manifest_digest, limit=LIMIT_BYTES)
    return Published(found, canonical.parse(data, kind="provenance/epoch"))


def document(content: Content, epoch: Published, name: str) -> bytes:
    """One document of an epoch."""
    return content.get(epoch.named(name), limit=LIMIT_BYTES)


def carry(content: Content, epoch: Published) -> Carry:
    """The state that an epoch leaves to the next."""
    return snapshots.carry({name: document(content, epoch, name) for name in snapshots.CARRIED})


@dataclass(frozen=True, slots=True)
class Leaves:
    """Everybody's cumulative earnings after an epoch, and the tree that proves them."""

    chain_id: int
    distributor: Address
    cumulative: Mapping[Address, Wei]
    tree: merkle.Tree

    @property
    def total(self) -> Wei:
        """Σ of all leaves."""
        return Wei(sum(self.cumulative.values()))

    def proof(self, payee: Address) -> tuple[Bytes32, ...]:
        """The path of a payee's leaf.

        Raises:
            NotInTree: nothing was ever credited to it.
        """
        amount = self.cumulative.get(payee)
        if not amount:
            raise merkle.NotInTree(f"{fields.checksummed(payee)} has no earnings here", payee="0x" + payee.hex())
        return self.tree.proof(documents.payee_leaf(self.chain_id, self.distributor, payee, amount))

    def subtrees(self, most: int) -> Iterator[tuple[tuple[tuple[Address, Wei], ...], tuple[Bytes32, ...]]]:
        """((payee, cumulative), …) and proof of each sub-tree of at most `most` leaves, as `claimSubtree` takes them."""
        payee_by_leaf = {
            documents.payee_leaf(self.chain_id, self.distributor, payee, amount): (payee, amount)
            for payee, amount in self.cumulative.items()
        }
        for subtree in self.tree.subtrees(most):
            yield tuple(payee_by_leaf[leaf] for leaf in subtree.leaves), subtree.proof


def leaves(content: Content, epoch: Published, *, root: Bytes32 | None = None) -> Leaves:
    """The leaves of an epoch, if they give its root.

    Args:
        content: where its documents are.
        epoch: which one.
        root: as the chain has it; the manifest's own if None.

    Raises:
        WrongDocument: the tree gives another root.
    """
    head, rows = tables.parse(document(content, epoch, "tree"), "provenance/tree")
    cumulative = {fields.address(row, "payee"): Wei(fields.integer(row, "cumulative", bits=256)) for row in rows}
    chain_id, distributor = fields.integer(head, "chainId", bits=53), fields.address(head, "distributor")
    tree = documents.tree(chain_id, distributor, cumulative)
    expected = root if root is not None else fields.word(fields.mapping(epoch.manifest, "tree"), "root")
    if tree.root != expected:
        raise WrongDocument(
            f"the tree of epoch {epoch.epoch} gives root 0x{tree.root.hex()}, not 0x{expected.hex()}",
            cid=str(epoch.named("tree")),
        )
    return Leaves(chain_id, distributor, cumulative, tree)


def statements(content: Content, epoch: Published) -> tuple[dict[str, Json], ...]:
    """Every payee's statement of an epoch.

    Raises:
        WrongDocument: the lines give another root than the manifest names.
    """
    data = document(content, epoch, "statements")
    expected = fields.word(fields.mapping(epoch.manifest, "statements"), "root")
    if tables.root(data) != expected:
        raise WrongDocument("the statements give another root", cid=str(epoch.named("statements")))
    return tuple(tables.parse(data, "provenance/statements")[1])


def statement(content: Content, epoch: Published, payee: Address) -> dict[str, Json] | None:
    """One payee's statement of an epoch; None if its leaf did not grow then."""
    shown = fields.shown(payee)
    return next((row for row in statements(content, epoch) if row.get("payee") == shown), None)
