"""How much of what is owed is paid now, and to whom?

A due is shared at once as if it were paid in full; money that arrives pays the oldest due first, one
due in proportion, and what it does not reach stays owed to those same payees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provenance.domain.settlement.carry import Debt, Hold, Key, order, tie_bytes
from provenance.domain.settlement.rounding import apportion, tie
from provenance.types import BPS_ONE, Bps, Bytes32, LicenseId, Wei


@dataclass(frozen=True, slots=True)
class Payment:
    """What was paid of one due."""

    license_id: LicenseId
    epoch: int
    fee: Wei
    shares: Mapping[Key, Wei]

    @property
    def held(self) -> Wei:
        """What waits for a ruling."""
        return Wei(sum(amount for key, amount in self.shares.items() if isinstance(key, Hold)))

    @property
    def pot(self) -> Wei:
        """What payees receive."""
        return Wei(sum(amount for key, amount in self.shares.items() if not isinstance(key, Hold)))

    @property
    def gross(self) -> Wei:
        """All of it."""
        return Wei(self.fee + self.held + self.pot)


def share(amount: int, weights: Mapping[Key, int], cutoff: Bytes32) -> dict[Key, Wei]:
    """The amount in proportion to the weights, ties by the cutoff's hash."""
    return apportion(amount, weights, {key: tie(cutoff, tie_bytes(key)) for key in weights})


def due(
    license_id: LicenseId, epoch: int, amount: int, *, fee_bps: Bps, weights: Mapping[Key, int], cutoff: Bytes32
) -> Debt:
    """A new due, shared as if it were paid in full.

    Args:
        license_id: who owes it.
        epoch: in which it arose.
        amount: base units.
        fee_bps: of it, floored, for the ruleset's fee payee.
        weights: who shares the rest.
        cutoff: the cutoff block's hash; breaks ties.
    """
    fee = Wei(amount * fee_bps // BPS_ONE)
    shares = share(amount - fee, weights, cutoff)
    return Debt(license_id, epoch, fee, tuple(sorted(shares.items(), key=lambda entry: order(entry[0]))))


def pay(debts: Iterable[Debt], gross: int, cutoff: Bytes32) -> tuple[list[Payment], list[Debt]]:
    """The oldest dues are paid until the money ends; returns what was paid and what stays owed."""
    paid: list[Payment] = []
    owed: list[Debt] = []
    left = gross
    for debt in debts:
        amount = min(left, debt.total)
        left -= amount
        payment, rest = _part(debt, amount, cutoff)
        if payment.gross:
            paid.append(payment)
        if rest.total:
            owed.append(rest)
    return paid, owed


def _part(debt: Debt, amount: int, cutoff: Bytes32) -> tuple[Payment, Debt]:
    """One due paid in proportion; what is left of each share never falls below zero."""
    total = debt.total
    fee = Wei(debt.fee * amount // total if total else 0)
    shares = share(amount - fee, dict(debt.shares), cutoff)
    left = ((key, Wei(owed - shares.get(key, 0))) for key, owed in debt.shares)
    return (
        Payment(debt.license_id, debt.epoch, fee, shares),
        Debt(debt.license_id, debt.epoch, Wei(debt.fee - fee), tuple(entry for entry in left if entry[1])),
    )
