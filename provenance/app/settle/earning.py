"""What has an account earned, why, and how does it get it?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app.ports import Call
from provenance.app.settle import reading
from provenance.domain import merkle
from provenance.domain.ledger import Ledger
from provenance.errors import Broken, Missing
from provenance.types import Wei

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.app.ports import Chain, Content
    from provenance.app.settle.reading import Leaves, Published
    from provenance.domain.ledger import Settlement
    from provenance.types import Address, Bytes32, Json, UnixSeconds

SUBTREE: Final = 256  # what one claimSubtree takes; Source: IRoyaltyDistributor.SubtreeSize


class NoSettlement(Missing):
    """No epoch of that number stands."""

    code = "no-settlement"
    next = "Wait for the next settlement; `earnings show` names the epochs there are."


@dataclass(frozen=True, slots=True)
class Due:
    """What one payee can claim on an epoch, and with which proof."""

    epoch: int
    payee: Address
    cumulative: Wei
    claimed: Wei
    proof: tuple[Bytes32, ...]
    active_at: UnixSeconds
    disputed: bool

    @property
    def amount(self) -> Wei:
        """What a claim would pay now."""
        return Wei(max(self.cumulative - self.claimed, 0))

    def counts(self, now: UnixSeconds) -> bool:
        """Whether the epoch can be claimed on at a time, as far as is known."""
        return now >= self.active_at and not self.disputed

    def call(self) -> Call:
        """The claim; anyone may send it, the payee is paid."""
        return Call("RoyaltyDistributor", "claim", (self.epoch, self.payee, self.cumulative, self.proof))


def settlements(chain: Chain) -> tuple[Settlement, ...]:
    """Every settlement that stands, the oldest first, at the latest block."""
    head = chain.head()
    ledger = Ledger.fold(chain.events(chain.deployment.first_block, head.number))
    return tuple(one for one in ledger.settlements if not one.rejected)


def latest(chain: Chain, content: Content, number: int | None = None) -> tuple[Settlement, Published]:
    """The epoch of this number, or the last one, with its manifest.

    Raises:
        NoSettlement: none stands.
    """
    found = [one for one in settlements(chain) if number is None or one.epoch == number]
    if not found:
        raise NoSettlement("no settlement stands yet" if number is None else f"no settlement {number} stands")
    return found[-1], reading.published(content, found[-1].proposed.event.manifest_digest)


def due(chain: Chain, content: Content, payee: Address, number: int | None = None) -> Due:
    """What a payee can claim on an epoch; the root is the chain's, the leaves are re-hashed.

    Raises:
        NoSettlement: there is no such epoch.
        NotInTree: nothing was ever credited to the payee.
    """
    settlement, published = latest(chain, content, number)
    event = settlement.proposed.event
    leaves = reading.leaves(content, published, root=event.root)
    proof = leaves.proof(payee)
    return Due(
        epoch=event.epoch,
        payee=payee,
        cumulative=leaves.cumulative[payee],
        claimed=claimed(chain, payee),
        proof=proof,
        active_at=settlement.active_at,
        disputed=settlement.disputed,
    )


def claimable(chain: Chain, content: Content, payee: Address) -> Due:
    """What a payee can claim now: on the newest epoch that counts, whatever is proposed after it.

    Where it has nothing there yet, what it will be able to claim on the last one.

    Raises:
        NoSettlement: there is no epoch.
        NotInTree: nothing was ever credited to the payee.
    """
    (newest,) = chain.read(Call("RoyaltyDistributor", "activeEpoch", ()))
    if isinstance(newest, int) and newest:
        with suppress(merkle.NotInTree):
            return due(chain, content, payee, newest)
    return due(chain, content, payee)


def claimed(chain: Chain, payee: Address) -> Wei:
    """What a payee was paid so far."""
    (found,) = chain.read(Call("RoyaltyDistributor", "claimed", (payee,)))
    if not isinstance(found, int):
        raise Broken("claimed is not a number")
    return Wei(found)


def claims(leaves: Leaves, epoch: int, *, most: int = SUBTREE) -> Iterator[Call]:
    """Calls that together pay everybody who is owed something, one sub-tree each."""
    for payments, proof in leaves.subtrees(most):
        yield Call("RoyaltyDistributor", "claimSubtree", (epoch, payments, proof))


def statement(content: Content, published: Published, payee: Address) -> dict[str, Json] | None:
    """Why a payee earned what it did in an epoch; None if its leaf did not grow then."""
    return reading.statement(content, published, payee)
