"""How loud is a take to a listener?

Integrated loudness, block by block, in memory of ten numbers a second.

Source: ITU-R BS.1770-4 §2.1-2.8; the K-weighting filters for any rate as in its De Man derivation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOOR_DB: Final = -120.0
BLOCK_S: Final = 0.4
_STEPS: Final = 4  # 100 ms steps in a block: 75 % overlap
_ABSOLUTE_LUFS: Final = -70.0
_RELATIVE_LU: Final = -10.0
_OFFSET_DB: Final = -0.691
_SURROUND: Final = 1.41  # weight of the fourth and fifth channel


def decibel(power: float) -> float:
    """A power in dB, not below −120.

    Args:
        power: full scale = 1.0.
    """
    return max(FLOOR_DB, 10 * math.log10(power)) if power > 0 else FLOOR_DB


class Loudness:
    """Integrated loudness of one take, fed in pieces."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._sections = k_weighting(rate_hz)
        self._state = np.zeros((len(self._sections), 2, channels))
        self._step = round(rate_hz * BLOCK_S / _STEPS)
        self._rest = np.zeros((0, channels))
        self._steps: list[NDArray[np.float64]] = []
        self._weights = np.array([1.0, 1.0, 1.0, _SURROUND, _SURROUND, 1.0, 1.0, 1.0])[:channels]

    def add(self, samples: NDArray[np.float64]) -> None:
        """The next piece is part of the result.

        Args:
            samples: [frames, channels], full scale = 1.0.
        """
        from scipy.signal import sosfilt  # noqa: PLC0415 - half a second that only the gate needs

        filtered, self._state = sosfilt(self._sections, samples, axis=0, zi=self._state)
        joined = np.concatenate((self._rest, filtered))
        whole = len(joined) // self._step * self._step
        shaped = joined[:whole].reshape(-1, self._step, joined.shape[1])
        self._steps.append(np.square(shaped).mean(axis=1) @ self._weights)
        self._rest = joined[whole:]

    def lufs(self) -> float:
        """LUFS; −120 where nothing passes the gates.

        Returns:
            Blocks below −70 LUFS, and then those 10 LU below the rest, do not count.
        """
        steps = np.concatenate(self._steps) if self._steps else np.zeros(0)
        if len(steps) < _STEPS:
            return FLOOR_DB
        blocks = np.convolve(steps, np.full(_STEPS, 1 / _STEPS), mode="valid")
        loud = blocks[blocks > _power(_ABSOLUTE_LUFS)]
        if not len(loud):
            return FLOOR_DB
        loud = loud[loud > _power(_lufs(float(loud.mean())) + _RELATIVE_LU)]
        return max(FLOOR_DB, _lufs(float(loud.mean())))


def k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """Both filters as second-order sections: a high shelf (+4 dB above 1.5 kHz), then a high pass at 38 Hz."""
    return np.array([_high_shelf(rate_hz, 4.0, 1500.0, 1 / math.sqrt(2)), _high_pass(rate_hz, 38.0, 0.5)])


def _high_shelf(rate_hz: int, gain_db: float, corner_hz: float, quality: float) -> list[float]:
    """Source: Audio EQ Cookbook, highShelf."""
    a = 10 ** (gain_db / 40)
    cos, alpha = _angle(rate_hz, corner_hz, quality)
    root = 2 * math.sqrt(a) * alpha
    b = [a * ((a + 1) + (a - 1) * cos + root), -2 * a * ((a - 1) + (a + 1) * cos), a * ((a + 1) + (a - 1) * cos - root)]
    return _normal(b, [(a + 1) - (a - 1) * cos + root, 2 * ((a - 1) - (a + 1) * cos), (a + 1) - (a - 1) * cos - root])


def _high_pass(rate_hz: int, corner_hz: float, quality: float) -> list[float]:
    """Source: Audio EQ Cookbook, HPF."""
    cos, alpha = _angle(rate_hz, corner_hz, quality)
    return _normal([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha])


def _angle(rate_hz: int, corner_hz: float, quality: float) -> tuple[float, float]:
    w = 2 * math.pi * corner_hz / rate_hz
    return math.cos(w), math.sin(w) / (2 * quality)


def _normal(b: list[float], a: list[float]) -> list[float]:
    return [x / a[0] for x in (*b, *a)]


def _lufs(power: float) -> float:
    return _OFFSET_DB + 10 * math.log10(power) if power > 0 else FLOOR_DB


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_DB) / 10))
