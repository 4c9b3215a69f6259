"""Attribution: whose recordings made an output, in parts per million.

Scores become integers here and floats stop here. Whether a weight list counts at all, and what it
earns, is asked by `settlement`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, TypeAlias

from provenance.domain import fields, merkle, record
from provenance.errors import Invalid
from provenance.types import PPM_ONE, ZERO32, Bytes32, Ppm, RecordingId

Weights: TypeAlias = tuple[tuple[RecordingId, Ppm], ...]
"""(recording, ppm), sorted by recording, each once."""

Given: TypeAlias = "Mapping[RecordingId, int] | Mapping[RecordingId, float] | Mapping[str, int] | Mapping[str, float]"
"""Weights as a program has them; a recording's id is 32 bytes, or 0x-hex."""

UNATTRIBUTED: Final = ZERO32
ELSEWHERE: Final = Bytes32(bytes(31) + b"\x01")
"""Drawn from recordings of other licenses; each of those has its own receipt."""

LISTED: Final = 1_000_000  # recordings in one list: as many as there are ppm
METHOD_NONE: Final = 0
METHOD_CONSTRUCTION: Final = 1


@record.dataclass(frozen=True, slots=True)
class _Weight:
    recording_id: RecordingId
    ppm: Ppm


WEIGHTS: Final = record.via(
    record.items(record.record(_Weight), LISTED),
    lambda rows: tuple((row.recording_id, row.ppm) for row in rows),
    lambda weights: [_Weight(*weight) for weight in weights],
)


class BadWeights(Invalid):
    """A weight list that does not say whose exactly one whole is."""

    next = f"Give each recording once, with whole ppm that sum to {PPM_ONE}, or non-negative scores."


def quantize(scores: Mapping[RecordingId, float | Fraction]) -> Weights:
    """Scores as ppm that sum to exactly 1,000,000.

    Floor, then the largest remainder, ties to the lower id; the scores are taken as exact fractions,
    so that every machine finds the same integers.

    Args:
        scores: any non-negative scale; also under `UNATTRIBUTED` and `ELSEWHERE`.

    Raises:
        BadWeights: nothing but zeros, or a score that is negative or not finite.
    """
    exact: dict[RecordingId, Fraction] = {}
    for recording, score in sorted(scores.items()):
        if not math.isfinite(score) or score < 0:
            raise BadWeights(
                f"score {score} is not a finite non-negative number",
                recording="0x" + recording.hex(),
            )
        exact[recording] = Fraction(score)
    total = sum(exact.values())
    if not total:
        raise BadWeights("the scores sum to 0", sum="0")
    floors = {recording: int(score * PPM_ONE / total) for recording, score in exact.items()}
    left = PPM_ONE - sum(floors.values())
    by_remainder = sorted(exact, key=lambda r: (floors[r] - exact[r] * PPM_ONE / total, r))
    for recording in by_remainder[:left]:
        floors[recording] += 1
    return tuple((recording, Ppm(ppm)) for recording, ppm in floors.items() if ppm)


def weights(given: Given) -> Weights:
    """A weight list from what a program has: whole numbers are ppm and must sum; floats are scores.

    Args:
        given: by recording id, 32 bytes or 0x-hex as commands print it.

    Raises:
        BadWeights: see `quantize` and `check`; a key that is no recording id, or one recording twice.
    """
    named = {_recording(name): share for name, share in given.items()}
    if len(named) != len(given):
        raise BadWeights("a recording is given twice", field="weights")
    return _listed(named)


def _recording(name: RecordingId | str) -> RecordingId:
    try:
        return fields.word({"weights": name if isinstance(name, str) else fields.shown(name)}, "weights")
    except fields.BadField as error:
        raise BadWeights(
            f"{str(name)[:80]!r} is no recording id: 32 bytes, or their 0x-hex", field="weights"
        ) from error


def _listed(given: Mapping[RecordingId, int] | Mapping[RecordingId, float]) -> Weights:
    if all(isinstance(share, int) and not isinstance(share, bool) for share in given.values()):
        listed = tuple((recording, Ppm(int(ppm))) for recording, ppm in sorted(given.items()))
        check(listed)
        return listed
    return quantize(given)


def check(listed: Weights) -> None:
    """The list names one whole: sorted, each recording once, every ppm positive, Σ exactly 1,000,000.

    Raises:
        BadWeights: naming the sum or the recording.
    """
    total = sum(ppm for _, ppm in listed)
    if total != PPM_ONE:
        raise BadWeights(
            f"the weights sum to {total} ppm, not {PPM_ONE}",
            field="weights",
            sum=str(total),
        )
    for i, (recording, ppm) in enumerate(listed):
        if ppm <= 0:
            raise BadWeights(
                f"a weight of {ppm} ppm",
                field="weights",
                recording="0x" + recording.hex(),
            )
        if i and recording <= listed[i - 1][0]:
            raise BadWeights(
                "the weights are not sorted, each recording once",
                recording="0x" + recording.hex(),
            )


def attribution_root(listed: Iterable[tuple[RecordingId, Ppm]]) -> Bytes32:
    """The root that a receipt commits to; zero for an empty list."""
    return merkle.root(merkle.leaf(recording, ppm) for recording, ppm in listed)
