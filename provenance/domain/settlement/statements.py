"""What did one payee earn in an epoch, and why?

One row per payee whose leaf grows: `net` is the growth, `gross` what dues paid, `fee` what the fee
payee received, `adjustments` refunds, money returned and what rulings released.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from provenance.domain.fields import shown
from provenance.domain.settlement.scoring import NOT_DELIVERED
from provenance.types import BPS_ONE, Address, Json, LicenseId, RecordingId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.domain.settlement.deciding import Credit, Decision, Pot

_Behind: TypeAlias = "dict[tuple[LicenseId, Address], list[tuple[int, RecordingId, int]]]"
LISTED: Final = 100  # recordings named in one share; `recordings` counts all of them


def statements(decision: Decision) -> Iterator[dict[str, Json]]:
    """The rows, sorted by payee."""
    pots = {pot.license.id: pot for pot in decision.pots}
    behind = _behind(decision)
    by_payee: dict[Address, list[Credit]] = defaultdict(list)
    for credit in decision.credits:
        by_payee[credit.payee].append(credit)
    for payee, earned in sorted(by_payee.items()):
        yield _statement(decision, pots, behind, payee, earned)


def _behind(decision: Decision) -> _Behind:
    """For each license and payee the recordings that scored: (-score, id, bps), best first."""
    inputs = decision.inputs
    found: _Behind = defaultdict(list)
    for pot in decision.pots:
        for recording_id, score in (pot.proportions.scores if pot.proportions else {}).items():
            for split in inputs.splits[inputs.recordings[recording_id].dataset_id]:
                found[pot.license.id, split.account].append((-score, recording_id, split.bps))
    for rows in found.values():
        rows.sort()
    return found


def _statement(
    decision: Decision,
    pots: dict[LicenseId, Pot],
    behind: _Behind,
    payee: Address,
    earned: list[Credit],
) -> dict[str, Json]:
    shares: list[Json] = []
    why: list[Json] = []
    units = 0
    for credit in sorted(earned, key=lambda one: (one.cause, one.about, one.due_epoch, one.amount)):
        share: dict[str, Json] = {
            "cause": credit.cause,
            "about": shown(credit.about),
            "amount": str(credit.amount),
        }
        if credit.cause in ("share", "fee"):
            share["dueEpoch"] = str(credit.due_epoch)
        pot = pots.get(credit.about)
        scored = 0
        if credit.cause == "share" and pot is not None and credit.due_epoch == decision.inputs.epoch:
            recordings, scored = _recordings(behind[pot.license.id, payee])
            share["recordings"] = recordings
            share["score"] = str(scored)
            share["scoreOfAll"] = str(pot.score)
            units += pot.account.good_units
        shares.append(share)
        why.append(_reason(decision, credit, pot, scored))
    sums = {
        name: sum(one.amount for one in earned if one.cause in causes)
        for name, causes in (("gross", ("share",)), ("fee", ("fee",)), ("adjustments", _ADJUSTING))
    }
    return {
        "payee": shown(payee),
        "units": str(units),
        "shares": shares,
        **{name: str(amount) for name, amount in sums.items()},
        "net": str(sum(sums.values())),
        "cumulative": str(decision.carry.cumulative[payee]),
        "why": why,
    }


_ADJUSTING: Final = ("refund", "returned", "ruling")


def _recordings(rows: list[tuple[int, RecordingId, int]]) -> tuple[list[Json], int]:
    """The recordings behind a share, best first, and their scores by the payee's bps in all."""
    return [
        {"recordingId": shown(recording_id), "score": str(-score), "bps": bps}
        for score, recording_id, bps in rows[:LISTED]
    ], sum(-score * bps for score, _, bps in rows) // BPS_ONE


def _reason(decision: Decision, credit: Credit, pot: Pot | None, scored: int) -> str:
    """One credit in plain words."""
    about = shown(credit.about)
    words = {
        "fee": f"the fee of {decision.inputs.ruleset.fee_bps} bps on license {about}",
        "refund": f"what license {about} did not use; it has ended",
        "returned": f"sent under {about}, which is no license here; returned to its sender",
        "ruling": f"was held under {about}; a published ruling names the receiver",
    }.get(credit.cause)
    if words is None and credit.due_epoch != decision.inputs.epoch:
        words = f"license {about} paid what it owed since epoch {credit.due_epoch}"
    return f"{credit.amount}: {words or _share_words(credit, pot, scored)}"


def _share_words(credit: Credit, pot: Pot | None, scored: int) -> str:
    if pot is None:
        return f"license {shown(credit.about)}"
    attributor = "its licensee" if pot.license.attributor is None else shown(pot.license.attributor)
    fallen = {reason: units for reason, units in sorted(pot.forced.items()) if reason != NOT_DELIVERED}
    listed = ", ".join(f"{units} units {reason}" for reason, units in fallen.items())
    undelivered = pot.forced.get(NOT_DELIVERED)
    phrases = (
        (True, f"{scored} of {pot.score} points of score under license {shown(credit.about)}"),
        (True, f"weights by {attributor}, method {pot.license.method}"),
        (fallen, f"without weights that count, shared equally: {listed}"),
        (undelivered is not None, f"{undelivered} units were not delivered: owed, and nobody's score"),
        (pot.account.unreported, f"{pot.account.unreported} units were never reported and are shared equally"),
        (pot.owed, f"the license still owes {pot.owed} of {pot.due + pot.arrears}"),
    )
    return "; ".join(phrase for holds, phrase in phrases if holds)
