"""Who shares what a license owes, and in which proportion?

Delivered outputs by weight; gates first (quality, then duplicates), then attribution; what has no
weight that counts goes to the fallback. Amounts are made in `dues`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from provenance.domain.attribution import ELSEWHERE, METHOD_NONE, UNATTRIBUTED, Weights
from provenance.domain.settlement.carry import Hold, Key, Move, tie_bytes
from provenance.domain.settlement.facts import PASSED, Inputs, License, Recording
from provenance.domain.usage import Outcome, Use
from provenance.types import BPS_ONE, PPM_ONE, ZERO32, Bytes32, LicenseId, ReceiptId, RecordingId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.domain.settlement.judging import Account, Counted, Judge

NOT_DELIVERED: Final = "not-delivered"
FALLBACK: Final[Weights] = ((UNATTRIBUTED, PPM_ONE),)


class Row(NamedTuple):
    """One weight of one delivered receipt: what the engine multiplies and sums."""

    license_id: LicenseId
    recording_id: RecordingId
    units: int
    ppm: int


Counts: TypeAlias = "Mapping[tuple[LicenseId, RecordingId], int]"
"""Σ units x ppm by license and recording."""


@dataclass(frozen=True, slots=True)
class Scored:
    """How one receipt shares, and why by the fallback if so."""

    weights: Weights
    forced: str = ""


def scored(judge: Judge, license_: License, one: Counted) -> Scored:
    """The weights that count for a receipt: rule 4. Of one that was not delivered none do: rule 2."""
    receipt = one.use.receipt
    if receipt.outcome != Outcome.DELIVERED:
        return Scored((), NOT_DELIVERED)
    if license_.attributor is None:
        return _by_licensee(judge.inputs, license_, one.use)
    said = judge.inputs.attributed.get((receipt.receipt_id, license_.attributor))
    if said is None:
        return Scored(FALLBACK, "no-attribution")
    forced = _method_fault(judge.inputs, license_, said.method, said.quality_ppm)
    if not forced and judge.draws(one.use, (recording for recording, _ in said.weights), one.at):
        forced = "weights-do-not-hold"
    return Scored(FALLBACK, forced) if forced else Scored(said.weights)


def _by_licensee(inputs: Inputs, license_: License, use: Use) -> Scored:
    if not use.weights or use.receipt.attribution_method == METHOD_NONE:
        return Scored(FALLBACK, "no-weights")
    forced = _method_fault(inputs, license_, use.receipt.attribution_method, use.quality_ppm)
    return Scored(FALLBACK, forced) if forced else Scored(use.weights)


def _method_fault(inputs: Inputs, license_: License, method: int, quality_ppm: int) -> str:
    if method != license_.method:
        return "method-not-named"
    least = next((one.min_quality_ppm for one in inputs.ruleset.methods if one.code == method), None)
    if least is None:
        return "method-unknown"
    return "quality-too-low" if quality_ppm < least else ""


@dataclass(slots=True)
class Sheet:
    """What one license's receipts say of scores: rows for the engine, and what later corrections move."""

    rows: list[Row] = field(default_factory=list)
    forced: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    moves: list[Move] = field(default_factory=list)


def sheet(judge: Judge, license_: License, account: Account) -> Sheet:
    """Every counted receipt's weights; a correction replaces its receipt's, here or from the next epoch on."""
    made = Sheet()
    replaced = {use.receipt.corrects: use for use in account.corrections}
    for one in account.counted:
        receipt = one.use.receipt
        use = replaced.pop(receipt.receipt_id, one.use)
        result = scored(judge, license_, replace(one, use=use))
        made.rows += [Row(license_.id, recording, receipt.units, ppm) for recording, ppm in result.weights]
        if result.forced:
            made.forced[result.forced] += receipt.units
    for target, use in sorted(replaced.items()):
        old = judge.inputs.earlier[target]
        made.moves += _moves(license_.id, target, _scores(judge, license_, old), _scores(judge, license_, use))
    return made


def _scores(judge: Judge, license_: License, use: Use) -> dict[RecordingId, int]:
    """A settled receipt's or its correction's scores by recording."""
    if use.receipt.outcome != Outcome.DELIVERED:
        return {}
    return {recording: use.receipt.units * ppm for recording, ppm in _by_licensee(judge.inputs, license_, use).weights}


def _moves(of: LicenseId, receipt: ReceiptId, old: dict[RecordingId, int], new: dict[RecordingId, int]) -> list[Move]:
    """Losses matched with gains in order of the recordings; what has no counterpart moves from or to nowhere."""
    delta = [(recording, new.get(recording, 0) - old.get(recording, 0)) for recording in sorted({*old, *new})]
    losses = [(recording, -change) for recording, change in delta if change < 0]
    gains = [(recording, change) for recording, change in delta if change > 0]
    more = sum(gain for _, gain in gains) - sum(loss for _, loss in losses)
    if more:
        (losses if more > 0 else gains).append((ELSEWHERE, abs(more)))
    moves: list[Move] = []
    while losses:
        (loser, loss), (gainer, gain) = losses.pop(), gains.pop()
        score = min(loss, gain)
        moves.append(Move(of, receipt, loser, gainer, score))
        if loss > score:
            losses.append((loser, loss - score))
        if gain > score:
            gains.append((gainer, gain - score))
    return moves


def moved(counts: Mapping[RecordingId, int], moves: Iterable[Move]) -> tuple[dict[RecordingId, int], list[Move]]:
    """The counts after corrections, and what of them is not recovered yet.

    A gain is only what its loss has recovered here; a loss from nowhere is the license's own due.
    """
    after, left = dict(counts), []
    for move in moves:
        recovered = move.score if move.loser == ELSEWHERE else min(move.score, after.get(move.loser, 0))
        after[move.loser] = after.get(move.loser, 0) - recovered
        after[move.gainer] = after.get(move.gainer, 0) + recovered
        if recovered < move.score:
            left.append(replace(move, score=move.score - recovered))
    after.pop(ELSEWHERE, None)
    return after, left


Target: TypeAlias = "RecordingId | Hold"
"""Where a score goes after the gates: the recording that is paid, or a disputed cluster."""


def targets(inputs: Inputs) -> dict[RecordingId, Target]:
    """For each passing recording the one that is paid in its cluster: the first registered, if undisputed.

    A cluster that several holders share is held, unless a ruling names one of them.
    """
    clusters: dict[Bytes32, list[Recording]] = defaultdict(list)
    found: dict[RecordingId, Target] = {}
    for recording in inputs.recordings.values():
        if recording.verdict != PASSED:
            continue
        if recording.cluster in (None, ZERO32):
            found[recording.id] = recording.id
        elif recording.cluster is not None:
            clusters[recording.cluster].append(recording)
    for cluster, members in clusters.items():
        undisputed = len({member.holder for member in members}) == 1
        entitled = [member for member in members if undisputed or member.holder == inputs.ruling.clusters.get(cluster)]
        paid = min(entitled, key=lambda member: (member.registered, member.index), default=None)
        found |= {member.id: paid.id if paid else Hold("cluster", cluster) for member in members}
    return found


@dataclass(frozen=True, slots=True)
class Proportions:
    """How a license's due is shared: weights by key, and the scores by recording behind them."""

    weights: Mapping[Key, int]
    scores: Mapping[RecordingId, int]
    total: int


def proportions(
    inputs: Inputs,
    account: Account,
    license_: License,
    *,
    counts: Mapping[RecordingId, int],
    by: Mapping[RecordingId, Target],
    fallback: Iterable[Target],
) -> Proportions:
    """Rejected units to holds, unreported ones to the fallback, the rest by score.

    All three share one sum, so that it is rounded once. The weights are exact: good x S_t / S +
    unreported x F_t / F + rejected, brought to the common denominator S x F x 10,000.
    """
    spread = sorted(set(fallback), key=tie_bytes) or [Hold("license", license_.id)]
    direct = _by_target(counts, by, license_)
    undirected = direct.pop(_FALLBACK_TARGET, 0)
    factor = len(spread) if undirected else 1  # so that an equal part of what is undirected is whole
    score = {target: value * factor for target, value in direct.items()}
    if undirected or not direct:
        for target in spread:
            score[target] = score.get(target, 0) + (undirected or 1)
    total = sum(score.values())
    weights: dict[Key, int] = defaultdict(int)
    good_units = account.good_units
    for target, value in score.items():
        _spread(weights, inputs, target, good_units * value * len(spread))
    for target in spread:
        _spread(weights, inputs, target, account.unreported * total)
    for rejected in account.rejected:
        if rejected.units:
            weights[Hold("receipt", rejected.id)] += rejected.units * total * len(spread) * BPS_ONE
    if not any(weights.values()):
        for target, value in score.items():
            _spread(weights, inputs, target, value)
    scores = {target: value for target, value in score.items() if not isinstance(target, Hold)}
    return Proportions({key: weight for key, weight in weights.items() if weight}, scores, total)


_FALLBACK_TARGET: Final = Hold("license", UNATTRIBUTED)


def _by_target(
    counts: Mapping[RecordingId, int], by: Mapping[RecordingId, Target], license_: License
) -> dict[Target, int]:
    """Scores of copies go to the recording that is paid; what nobody was named for, to the fallback."""
    direct: dict[Target, int] = defaultdict(int)
    for recording, count in counts.items():
        if count and recording != ELSEWHERE:
            target = _FALLBACK_TARGET if recording == UNATTRIBUTED else by.get(recording, Hold("license", license_.id))
            direct[target] += count
    return direct


def _spread(weights: dict[Key, int], inputs: Inputs, target: Target, weight: int) -> None:
    """A target's weight over its dataset's payees: rule 5; a hold's stays whole."""
    if isinstance(target, Hold):
        weights[target] += weight * BPS_ONE
    else:
        for split in inputs.splits[inputs.recordings[target].dataset_id]:
            weights[split.account] += weight * split.bps
