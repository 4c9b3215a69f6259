"""What has an account earned, why, and how does it get it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.app.ports import Call, Chain, Content
from provenance.app.settle import reading
from provenance.domain import fields, merkle
from provenance.domain.ledger import Ledger, Settlement
from provenance.errors import Broken, Missing
from provenance.types import Address, Bytes32, UnixSeconds, Wei

if TYPE_CHECKING:
    from provenance.app.settle.reading import Published


class NoSettlement(Missing):
    """No epoch of that number stands."""

    next = "Wait until the operator settles (`provenance node settle`), which is after use was recorded and anchored."


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
    ledger = Ledger.fold(chain.events(chain.deployment.first_block, chain.head().number))
    return tuple(settlement for settlement in ledger.settlements if not settlement.rejected)


def latest(chain: Chain, content: Content, number: int | None = None) -> tuple[Settlement, Published]:
    """The epoch of this number, or the last one, with its manifest.

    Raises:
        NoSettlement: none stands.
    """
    standing = settlements(chain)
    found = [one for one in standing if number is None or one.epoch == number]
    if not standing:
        raise NoSettlement("no epoch was settled yet")
    if not found:
        raise NoSettlement(f"no settlement {number} stands; the last one is {standing[-1].epoch}", epoch=number)
    return found[-1], reading.published(content, found[-1].proposed.event.manifest_digest)


def due(chain: Chain, content: Content, payee: Address, number: int | None = None) -> Due:
    """What a payee can claim on an epoch; the root is the chain's, the leaves are re-hashed.

    Zero, and without a proof, if nothing was ever credited to the payee.

    Raises:
        NoSettlement: there is no such epoch.
    """
    settlement, published = latest(chain, content, number)
    event = settlement.proposed.event
    leaves = reading.leaves(content, published, root=event.root)
    return Due(
        epoch=event.epoch,
        payee=payee,
        cumulative=leaves.cumulative.get(payee, Wei(0)),
        claimed=claimed(chain, payee),
        proof=leaves.proof(payee) if leaves.cumulative.get(payee) else (),
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
    for number in (newest, None) if isinstance(newest, int) and newest else (None,):
        claim = due(chain, content, payee, number)
        if claim.cumulative:
            return claim
    raise merkle.NotInTree(f"{fields.checksummed(payee)} has no earnings here", payee=fields.shown(payee))


def claimed(chain: Chain, payee: Address) -> Wei:
    """What a payee was paid so far."""
    (found,) = chain.read(Call("RoyaltyDistributor", "claimed", (payee,)))
    if not isinstance(found, int):
        raise Broken("claimed is not a number")
    return Wei(found)
