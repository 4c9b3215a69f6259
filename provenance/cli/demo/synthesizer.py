"""A concatenative synthesizer, which the demo's licensee runs as its model.

Each output is cut together from the recordings it was given, one
snippet after the other, nothing overlaid. So the share of samples that a recording gave is its
attribution, exactly and by construction; nothing has to be estimated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from provenance.errors import Invalid
from provenance.types import RecordingId

Samples: TypeAlias = NDArray[np.float32]

SNIPPET_MS = 240  # about one spoken digit
FADE_MS = 5  # removes the click at a cut and leaves every sample to one recording
AUDIBLE = 0.003  # full scale = 1.0; a quieter snippet is a pause and is passed over


@dataclass(frozen=True, slots=True)
class Output:
    """One piece of made audio and whom it came from.

    Attributes:
        samples: float32 [frames], full scale = 1.0.
        frames_by_recording: how many of the frames each recording gave; sums to all of them.
    """

    samples: Samples
    frames_by_recording: Mapping[RecordingId, int]

    def pcm(self) -> bytes:
        """16-bit little-endian mono, what is delivered and committed to."""
        scaled: NDArray[np.int16] = (np.clip(self.samples, -1.0, 1.0) * 32767).astype("<i2")
        return scaled.tobytes()


def speak(takes: Mapping[RecordingId, Samples], *, rate_hz: int, snippets: int, seed: bytes) -> Output:
    """An output of `snippets` audible cuts, chosen by `seed` alone.

    Args:
        takes: mono float32 [frames] by recording, all at `rate_hz`; their order counts and their ids do not, so
            that each run of the demo uses the same recordings and pays the same amounts.
        rate_hz: sample rate of every take.
        snippets: how many cuts follow each other.
        seed: the same seed and takes give the same output.

    Raises:
        Invalid: no take has an audible snippet.
    """
    length = rate_hz * SNIPPET_MS // 1000
    places = [(take, start) for take in takes for start in _audible(takes[take], length)]
    if not places:
        raise Invalid("no take has an audible snippet")
    cuts = [places[_draw(seed, i, len(places))] for i in range(snippets)]
    fade = _fade(length, rate_hz * FADE_MS // 1000)
    frames: dict[RecordingId, int] = {}
    for take, _ in cuts:
        frames[take] = frames.get(take, 0) + length
    samples = np.concatenate([takes[take][start : start + length] * fade for take, start in cuts])
    return Output(samples.astype(np.float32), frames)


def _audible(samples: Samples, length: int) -> Sequence[int]:
    starts = range(0, len(samples) - length + 1, length)
    return [i for i in starts if float(np.sqrt(np.mean(samples[i : i + length] ** 2))) > AUDIBLE]


def _draw(seed: bytes, i: int, choices: int) -> int:
    return int.from_bytes(hashlib.sha256(seed + i.to_bytes(4, "big")).digest()[:8], "big") % choices


def _fade(length: int, ramp: int) -> Samples:
    window = np.ones(length, dtype=np.float32)
    window[:ramp] = np.linspace(0.0, 1.0, ramp, dtype=np.float32)
    window[length - ramp :] = window[:ramp][::-1]
    return window
