"""What does an epoch pay, hold, refund and leave owed?

The whole ruleset in one pure pass over the facts. Documents are made of the result in `documents`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from provenance.domain.rules.case import ConsentCase, UseFacts, first_broken
from provenance.domain.rules.consent import STANDING
from provenance.domain.settlement import dues, scoring
from provenance.domain.settlement.carry import Carry, Debt, Hold, Key, Move
from provenance.domain.settlement.facts import PASSED, Inputs, License
from provenance.domain.settlement.judging import Account, Judge, Judged
from provenance.domain.settlement.rounding import NotExact
from provenance.types import Address, Bytes32, LicenseId, RecordingId, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from provenance.domain.settlement.dues import Payment
    from provenance.domain.settlement.scoring import Counts, Proportions, Row, Sheet, Target
    from provenance.domain.splits import Split

Count: TypeAlias = "Callable[[Sequence[Row]], Counts]"
"""The engine: Σ units x ppm by license and recording, exact."""

Cause: TypeAlias = Literal["share", "fee", "refund", "returned", "ruling"]


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that one payee's cumulative grows by, and why."""

    payee: Address
    amount: Wei
    cause: Cause
    about: Bytes32
    """The license; the memo that came back to its sender; the held cluster, receipt or license."""
    due_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Pot:
    """One license in one epoch."""

    license: License
    due: Wei
    arrears: Wei
    """Owed from earlier epochs, before this one's payment."""
    balance: Wei
    gross: Wei
    fee: Wei
    held: Wei
    pot: Wei
    owed: Wei
    """What stays owed."""
    score: int
    account: Account
    proportions: Proportions | None
    forced: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Decision:
    """One epoch, decided."""

    inputs: Inputs
    judged: Judged
    rows: tuple[Row, ...]
    pots: tuple[Pot, ...]
    credits: tuple[Credit, ...]
    carry: Carry

    @property
    def grown(self) -> Wei:
        """By how much all leaves grow together."""
        return Wei(sum(credit.amount for credit in self.credits))


def decide(inputs: Inputs, count: Count) -> Decision:
    """The epoch that these facts make, the same whoever computes it.

    Args:
        inputs: the facts.
        count: the engine; its sums are checked against Python's integers.

    Raises:
        NotExact: money was created or lost: a bug, and no epoch.
    """
    judge = Judge(inputs)
    judged = judge.judged()
    sheets = {
        license_id: scoring.sheet(judge, inputs.licenses[license_id], account)
        for license_id, account in sorted(judged.accounts.items())
    }
    rows = tuple(row for sheet in sheets.values() for row in sheet.rows)
    counts = count(rows)
    if sum(counts.values()) != sum(row.units * row.ppm for row in rows):
        raise NotExact("the engine's sums are not those of its rows")
    closing = _Closing(inputs, judged, sheets, counts)
    for license_id in sorted(inputs.licenses):
        closing.license(inputs.licenses[license_id])
    closing.strangers()
    closing.rulings()
    return closing.decision(rows)


class _Closing:
    """Collects what the licenses' closing leaves: credits, holds, debts, spent money."""

    def __init__(self, inputs: Inputs, judged: Judged, sheets: Mapping[LicenseId, Sheet], counts: Counts) -> None:
        self.inputs, self.judged, self.sheets = inputs, judged, sheets
        self.by = scoring.targets(inputs)
        self.counts: dict[LicenseId, dict[RecordingId, int]] = defaultdict(dict)
        for (license_id, recording_id), sum_ in counts.items():
            self.counts[license_id][recording_id] = sum_
        self.debts_before: dict[LicenseId, list[Debt]] = defaultdict(list)
        for debt in inputs.carry.debts:
            self.debts_before[debt.license_id].append(debt)
        self.funded: dict[Bytes32, int] = defaultdict(int)
        for funding in inputs.fundings:
            self.funded[funding.memo] += funding.received
        self.spent: dict[Bytes32, int] = defaultdict(int, inputs.carry.spent)
        self.holds: dict[Hold, int] = defaultdict(int, inputs.carry.holds)
        self.moves: list[Move] = [*inputs.carry.moves, *(move for sheet in sheets.values() for move in sheet.moves)]
        self.owed: list[Debt] = []
        self.credits: list[Credit] = []
        self.pots: list[Pot] = []

    def balance(self, memo: Bytes32) -> int:
        """What is left of the money under a memo."""
        return self.funded[memo] - self.spent[memo]

    def license(self, license_: License) -> None:
        """One license's due, payment, arrears and, at its end, refund."""
        account = self.judged.accounts.get(license_.id)
        balance = self.balance(license_.id)
        debts = list(self.debts_before[license_.id])
        arrears = sum(debt.total for debt in debts)
        shares: Proportions | None = None
        amount = account.units * license_.per_unit if account else 0  # rule 1
        if account and amount:
            shares = self._proportions(license_, account)
            debts.append(
                dues.due(
                    license_.id,
                    self.inputs.epoch,
                    amount,
                    fee_bps=self.inputs.ruleset.fee_bps,
                    weights=shares.weights,
                    cutoff=self.inputs.cutoff.hash,
                )
            )
        gross = min(amount + arrears, balance)
        paid, owed = dues.pay(debts, gross, self.inputs.cutoff.hash)
        self.spent[license_.id] += gross
        self.owed += owed
        for payment in paid:
            self._credit(payment)
        if account or debts or balance:
            self.pots.append(self._pot(license_, account, shares, (amount, arrears, balance), paid, owed))
        self._refund(license_)

    def _proportions(self, license_: License, account: Account) -> Proportions:
        mine = [move for move in self.moves if move.license_id == license_.id]
        counts, left = scoring.moved(self.counts[license_.id], mine)
        self.moves = [move for move in self.moves if move.license_id != license_.id] + left
        return scoring.proportions(
            self.inputs, account, license_, counts=counts, by=self.by, fallback=self._fallback(license_)
        )

    def _fallback(self, license_: License) -> Iterable[Target]:
        """Each cluster opened under the license that has a passing report and its consents at the cutoff."""
        at, grace_s = UseFacts(self.inputs.cutoff.time), self.inputs.ruleset.grace_s
        for opened in self.inputs.opened:
            recording = self.inputs.recordings.get(opened.recording_id)
            if (
                recording is not None
                and opened.license_id == license_.id
                and recording.verdict == PASSED
                and not recording.fault
                and not any(
                    first_broken(STANDING, ConsentCase(consent, license_.holder, at, grace_s))
                    for consent in recording.consents
                )
            ):
                yield self.by[recording.id]

    def _credit(self, payment: Payment) -> None:
        if payment.fee:
            self.credits.append(
                Credit(self.inputs.ruleset.fee_payee, payment.fee, "fee", payment.license_id, payment.epoch)
            )
        for key, amount in payment.shares.items():
            if isinstance(key, Hold):
                self.holds[key] += amount
            else:
                self.credits.append(Credit(key, amount, "share", payment.license_id, payment.epoch))

    def _pot(
        self,
        license_: License,
        account: Account | None,
        shares: Proportions | None,
        sums: tuple[int, int, int],
        paid: Sequence[Payment],
        owed: Sequence[Debt],
    ) -> Pot:
        due, arrears, balance = sums
        gross, fee, held, pot = (
            (sum(part) for part in zip(*((one.gross, one.fee, one.held, one.pot) for one in paid), strict=True))
            if paid
            else (0, 0, 0, 0)
        )
        left = sum(debt.total for debt in owed)
        if gross != min(due + arrears, balance) or left != due + arrears - gross or pot != gross - fee - held:
            raise NotExact("a license's payment is not what it owes and has", license="0x" + license_.id.hex())
        sheet = self.sheets.get(license_.id)
        return Pot(
            license=license_,
            due=Wei(due),
            arrears=Wei(arrears),
            balance=Wei(balance),
            gross=Wei(gross),
            fee=Wei(fee),
            held=Wei(held),
            pot=Wei(pot),
            owed=Wei(left),
            score=shares.total if shares else 0,
            account=account or Account(),
            proportions=shares,
            forced=dict(sheet.forced) if sheet else {},
        )

    def _refund(self, license_: License) -> None:
        """Once the license's end and the grace are past, the rest is its licensee's."""
        rest = self.balance(license_.id)
        if rest and self.inputs.cutoff.time > license_.end + self.inputs.ruleset.grace_s:
            self.spent[license_.id] += rest
            self.credits.append(Credit(license_.licensee, Wei(rest), "refund", license_.id))

    def strangers(self) -> None:
        """Money under a memo that is no license goes back to its senders."""
        for memo in sorted(set(self.funded) - set(self.inputs.licenses)):
            rest = self.balance(memo)
            window = [
                one
                for one in self.inputs.fundings
                if one.memo == memo and (self.inputs.epoch == 1 or one.at.number > self.inputs.start.number)
            ]
            if sum(one.received for one in window) != rest:
                raise NotExact("money under a memo was not given back in its epoch", memo="0x" + memo.hex())
            self.spent[memo] += rest
            self.credits += [Credit(one.sender, one.received, "returned", memo) for one in window]

    def rulings(self) -> None:
        """What is held is released to whom a published ruling names."""
        for hold in sorted(self.holds):
            weights: dict[Key, int] = {split.account: split.bps for split in self._ruled(hold)}
            if weights and self.holds[hold]:
                released = dues.share(self.holds.pop(hold), weights, self.inputs.cutoff.hash)
                self.credits += [
                    Credit(key, part, "ruling", hold.id) for key, part in released.items() if not isinstance(key, Hold)
                ]

    def _ruled(self, hold: Hold) -> tuple[Split, ...]:
        """Whom a ruling names; of a cluster, the payees of the recording that is paid in it by now."""
        if hold.kind != "cluster":
            named = self.inputs.ruling.receipts if hold.kind == "receipt" else self.inputs.ruling.licenses
            return named.get(hold.id, ())
        for recording in self.inputs.recordings.values():
            target = self.by.get(recording.id)
            if recording.cluster == hold.id and target is not None and not isinstance(target, Hold):
                return self.inputs.splits[self.inputs.recordings[target].dataset_id]
        return ()

    def decision(self, rows: tuple[Row, ...]) -> Decision:
        """Everything at once, after the last check of the sums."""
        before = self.inputs.carry
        cumulative = dict(before.cumulative)
        for credit in self.credits:
            cumulative[credit.payee] = Wei(cumulative.get(credit.payee, 0) + credit.amount)
        carry = Carry(
            cumulative=cumulative,
            cursors=self.judged.cursors,
            debts=tuple(sorted(self.owed, key=lambda debt: (debt.epoch, debt.license_id))),
            holds={hold: Wei(amount) for hold, amount in sorted(self.holds.items()) if amount},
            spent={memo: Wei(amount) for memo, amount in sorted(self.spent.items()) if amount},
            corrected=self.judged.corrected,
            moves=tuple(self.moves),
        )
        self._balance(before, carry)
        return Decision(self.inputs, self.judged, rows, tuple(self.pots), tuple(self.credits), carry)

    def _balance(self, before: Carry, after: Carry) -> None:
        """Nothing is created or lost: what was spent was credited or is held."""
        spent = sum(after.spent.values()) - sum(before.spent.values())
        held = sum(after.holds.values()) - sum(before.holds.values())
        grown = sum(credit.amount for credit in self.credits)
        if spent != grown + held or after.total - before.total != grown:
            raise NotExact(f"{spent} was spent, {grown} credited and {held} more held")
        if sum(after.spent.values()) > sum(self.funded.values()):
            raise NotExact("more was spent than funded")
