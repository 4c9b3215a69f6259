"""What is a good take? Samples in, a quality report with every metric, its limit and a verdict out.

Floats stay here: the report is integers (thousandths of a dB, parts per million). How files become
samples is left to `adapters.codec`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from provenance.domain import canonical
from provenance.domain.loudness import Loudness, decibel
from provenance.errors import Invalid
from provenance.types import Bytes32, Json

Samples: TypeAlias = NDArray[np.int32]
"""[frames, channels], full scale = 2^31, whatever the file's own depth was."""

Verdict: TypeAlias = Literal["pass", "review", "reject"]
CODE_BY_VERDICT: Final[dict[Verdict, int]] = {"pass": 0, "review": 1, "reject": 2}

GATE_VERSION: Final = 1
SHORT_MS: Final = 400  # below one loudness block, RMS stands for LUFS
FULL_SCALE: Final = 2**31
CHANNELS: Final = 8
_CLIPPED: Final = 0.999
_SILENT_DB: Final = -60.0
_HOPS: Final = 5  # hops of 5 ms in a window of 25 ms
_HOP_RATE_HZ: Final = 200
_LOOP_MIN_S: Final = 0.5  # shorter repetitions are pitch and rhythm
_LOOP_OVERLAP_S: Final = 1.0
_LOOP_OVERLAP: Final = 0.4  # of the take: a loop played twice overlaps itself by half
_LOOP_ENERGY: Final = 0.1
_LOOP_VARIANCE: Final = 0.01  # a steady tone has no envelope to compare


@dataclass(frozen=True, slots=True)
class Limit:
    """What one metric may be. Inside [low, high] it passes, inside [review_low, review_high] it is heard first."""

    metric: str
    low: int | None = None
    high: int | None = None
    review_low: int | None = None
    review_high: int | None = None

    def judge(self, value: int) -> Deviation | None:
        """What is wrong with the value, if anything.

        Here the outer bounds reject and the inner ones ask for a review.
        """
        for verdict, low, high in (("reject", self.low, self.high), ("review", self.review_low, self.review_high)):
            bound = low if low is not None and value < low else high if high is not None and value > high else None
            if bound is not None:
                return Deviation(self.metric, value, bound, "reject" if verdict == "reject" else "review")
        return None


@dataclass(frozen=True, slots=True)
class Deviation:
    """One metric beyond its limit."""

    metric: str
    value: int
    limit: int
    verdict: Verdict

    def __str__(self) -> str:
        """As people read it: `loudness -8.2 LUFS is above -9 LUFS`, rounded away from the limit."""
        name, unit, digits, step = _TOLD[self.metric]
        above = self.value > self.limit
        value = -(-self.value // step) * step if above else self.value // step * step
        word = "above" if above else "below"
        return f"{name} {_decimal(value, digits)} {unit} is {word} {_decimal(self.limit, digits)} {unit}"


_TOLD: Final[dict[str, tuple[str, str, int, int]]] = {
    "durationMs": ("length", "s", 3, 1),
    "sampleRate": ("sample rate", "Hz", 0, 1),
    "loudnessMilliDb": ("loudness", "LUFS", 3, 100),
    "clippedPpm": ("clipping", "%", 4, 10),
    "silentPpm": ("silence", "%", 4, 1_000),
    "noiseFloorMilliDb": ("noise floor", "dBFS", 3, 100),
    "snrMilliDb": ("signal above noise", "dB", 3, 100),
    "loopPpm": ("repetition", "%", 4, 1_000),
}
"""What people call a metric, in which unit, how many digits of it stand behind the point, and the finest step shown."""


def _decimal(value: int, digits: int) -> str:
    return f"{Decimal(value).scaleb(-digits).normalize():f}"


LIMITS: Final[dict[int, tuple[Limit, ...]]] = {
    1: (
        Limit("durationMs", low=250, high=4 * 3_600_000),
        Limit("sampleRate", low=8_000),
        Limit("loudnessMilliDb", low=-45_000, high=-9_000, review_low=-42_000, review_high=-12_000),
        Limit("clippedPpm", high=1_000, review_high=100),
        Limit("silentPpm", high=700_000),
        Limit("noiseFloorMilliDb", high=-45_000),
        Limit("snrMilliDb", low=3_000, review_low=6_000),
        Limit("loopPpm", high=950_000, review_high=900_000),
    )
}
"""By `gateVersion`: a published version never changes."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Every metric of one take, and what they amount to.

    Attributes:
        loudness_milli_db: LUFS × 1,000; RMS dBFS × 1,000 for takes under 400 ms.
        clipped_ppm: samples at 99.9 % of full scale or more.
        silent_ppm: windows of 25 ms below −60 dBFS.
        noise_floor_milli_db: power of the quietest tenth of the windows, dBFS × 1,000.
        snr_milli_db: what stands above that floor, to the floor.
        loop_ppm: likeness of the take's envelope to itself at its most similar shift, 1,000,000 = repeats exactly.
    """

    duration_ms: int
    sample_rate: int
    channels: int
    loudness_milli_db: int
    rms_milli_db: int
    peak_milli_db: int
    clipped_ppm: int
    silent_ppm: int
    noise_floor_milli_db: int
    snr_milli_db: int
    loop_ppm: int
    gate_version: int = GATE_VERSION

    @property
    def findings(self) -> tuple[Deviation, ...]:
        """What is beyond the limits of its gate version, rejections first."""
        metrics = self.metrics()
        found = [limit.judge(metrics[limit.metric]) for limit in LIMITS[self.gate_version]]
        return tuple(sorted((f for f in found if f), key=lambda f: -CODE_BY_VERDICT[f.verdict]))

    @property
    def verdict(self) -> Verdict:
        """The worst finding's verdict, `pass` without any."""
        return self.findings[0].verdict if self.findings else "pass"

    def metrics(self) -> dict[str, int]:
        """Every number under the name it has in the manifest."""
        return {
            "durationMs": self.duration_ms,
            "sampleRate": self.sample_rate,
            "channels": self.channels,
            "loudnessMilliDb": self.loudness_milli_db,
            "rmsMilliDb": self.rms_milli_db,
            "peakMilliDb": self.peak_milli_db,
            "clippedPpm": self.clipped_ppm,
            "silentPpm": self.silent_ppm,
            "noiseFloorMilliDb": self.noise_floor_milli_db,
            "snrMilliDb": self.snr_milli_db,
            "loopPpm": self.loop_ppm,
        }

    def to_json(self) -> dict[str, Json]:
        """The manifest's `quality`."""
        return {**self.metrics(), "verdict": self.verdict, "gateVersion": self.gate_version}

    def digest(self) -> Bytes32:
        """The `metricsDigest` that a gate report signs: sha-256 of the canonical `quality`."""
        return Bytes32(hashlib.sha256(canonical.dumps(self.to_json())).digest())


class Gauge:
    """One take on its way through the gate, fed in pieces; memory is 200 numbers a second."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        if not 1 <= channels <= CHANNELS or rate_hz <= 0:
            raise Invalid(f"{channels} channels at {rate_hz} Hz are not judged", channels=channels, sampleRate=rate_hz)
        self._rate_hz, self._channels = rate_hz, channels
        self._loudness = Loudness(rate_hz, channels)
        self._digest = hashlib.sha256(b"PCM1" + rate_hz.to_bytes(4, "big") + channels.to_bytes(4, "big"))
        self._hop = max(1, rate_hz // _HOP_RATE_HZ)
        self._rest = np.zeros((0, channels))
        self._hops: list[NDArray[np.float64]] = []
        self._frames = self._clipped = 0
        self._energy = self._peak = 0.0

    def add(self, samples: Samples) -> None:
        """The next piece is part of the report and of the digest."""
        if not len(samples):
            return
        self._digest.update(np.ascontiguousarray(samples, dtype="<i4").tobytes())
        x = samples.astype(np.float64) / FULL_SCALE
        size = np.abs(x)
        self._frames += len(x)
        self._clipped += int(np.count_nonzero((size >= _CLIPPED).any(axis=1)))
        self._peak = max(self._peak, float(size.max(initial=0.0)))
        self._energy += float(np.square(x).sum()) / self._channels
        self._loudness.add(x)
        joined = np.concatenate((self._rest, x))
        whole = len(joined) // self._hop * self._hop
        self._hops.append(np.square(joined[:whole]).reshape(-1, self._hop, self._channels).mean(axis=(1, 2)))
        self._rest = joined[whole:]

    def pcm_digest(self) -> Bytes32:
        """sha-256 of "PCM1", rate and channels (4 bytes each, big-endian) and the samples (int32, little-endian)."""
        return Bytes32(self._digest.digest())

    def report(self) -> QualityReport:
        """What all pieces together amount to.

        Raises:
            Invalid: there was no audio.
        """
        if not self._frames:
            raise Invalid("no audio in it", next="Export the take again; the file has a header but no samples.")
        hops = np.concatenate(self._hops)
        power = self._energy / self._frames
        windows = _windows(hops, power)
        floor = noise_power(windows)
        duration_ms = self._frames * 1000 // self._rate_hz
        return QualityReport(
            duration_ms=duration_ms,
            sample_rate=self._rate_hz,
            channels=self._channels,
            loudness_milli_db=_milli(decibel(power) if duration_ms < SHORT_MS else self._loudness.lufs()),
            rms_milli_db=_milli(decibel(power)),
            peak_milli_db=_milli(decibel(self._peak**2)),
            clipped_ppm=self._clipped * 1_000_000 // self._frames,
            silent_ppm=int(np.count_nonzero(windows < 10 ** (_SILENT_DB / 10))) * 1_000_000 // len(windows),
            noise_floor_milli_db=_milli(decibel(floor)),
            snr_milli_db=_milli(decibel(power - floor) - decibel(floor)),
            loop_ppm=round(likeness(np.sqrt(hops)) * 1_000_000),
        )


def judge(samples: Samples, rate_hz: int) -> QualityReport:
    """The report of a whole take.

    Args:
        samples: int32 [frames, channels], full scale = 2^31.
    """
    gauge = Gauge(rate_hz, samples.shape[1])
    gauge.add(samples)
    return gauge.report()


def noise_power(windows: NDArray[np.float64]) -> float:
    """Mean power of the quietest tenth of the windows, taken as noise."""
    count = max(1, len(windows) // 10)
    return float(np.partition(windows, count - 1)[:count].mean())


def likeness(envelope: NDArray[np.float64]) -> float:
    """How closely a take repeats itself, 0 to 1.

    Pearson correlation of the envelope with itself, at its most similar shift of half a second or
    more, where at least 40 % and one second of the take overlap and neither side is nearly silent.

    Args:
        envelope: amplitudes, 200 a second.
    """
    count = len(envelope)
    overlap = max(int(_LOOP_OVERLAP * count), int(_LOOP_OVERLAP_S * _HOP_RATE_HZ))
    shifts = np.arange(int(_LOOP_MIN_S * _HOP_RATE_HZ), count - overlap + 1)
    if not len(shifts):
        return 0.0
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(envelope, size)
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[shifts]
    sums = np.concatenate(([0.0], np.cumsum(envelope)))
    squares = np.concatenate(([0.0], np.cumsum(np.square(envelope))))
    n = count - shifts
    head, tail = sums[n], sums[count] - sums[shifts]
    head_power, tail_power = squares[n], squares[count] - squares[shifts]
    head_variance, tail_variance = head_power - head**2 / n, tail_power - tail**2 / n
    told = (
        (np.minimum(head_power, tail_power) > _LOOP_ENERGY * squares[count])
        & (head_variance > _LOOP_VARIANCE * head_power)
        & (tail_variance > _LOOP_VARIANCE * tail_power)
    )
    if not told.any():
        return 0.0
    alike = (products - head * tail / n)[told] / np.sqrt(head_variance[told] * tail_variance[told])
    return float(np.clip(alike.max(), 0.0, 1.0))


def _windows(hops: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Powers of 25 ms; the whole take where it is shorter."""
    count = len(hops) // _HOPS
    return hops[: count * _HOPS].reshape(count, _HOPS).mean(axis=1) if count else np.array([power])


def _milli(db: float) -> int:
    return math.floor(db * 1000 + 0.5)
