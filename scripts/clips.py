"""How were the demo's recordings made? By a small formant synthesizer; no person was recorded.

Run: python scripts/clips.py [FOLDER]. It writes `holder-N/NN.flac`, the same samples each time.
Three invented voices speak invented words: a pulse train through four resonators that glide from
vowel to vowel, with bursts of noise for consonants and pauses between words.

Source: D. Klatt 1980, "Software for a cascade/parallel formant synthesizer" (the cascade branch).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import soundfile
from scipy.signal import lfilter, sosfilt

from provenance.domain import audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLIPS: Final = Path(__file__).parent.parent / "provenance" / "cli" / "demo" / "clips"
RATE_HZ: Final = 16_000
CLIPS_PER_HOLDER: Final = 5
FRAME: Final = RATE_HZ // 100
NOISE_DB: Final = -72.0
LEVEL_DB: Final = -23.0
LONGEST_BYTES: Final = 1_500_000

FORMANTS_HZ: Final = {
    "a": (730, 1090, 2440, 3400),
    "e": (530, 1840, 2480, 3500),
    "i": (270, 2290, 3010, 3600),
    "o": (570, 840, 2410, 3300),
    "u": (300, 870, 2240, 3300),
}
"""Averages of adult voices. Source: Peterson and Barney 1952, table II; the fourth is ours."""
BANDWIDTHS_HZ: Final = (70, 100, 140, 220)
CONSONANTS_HZ: Final = {"s": (4500, 7000), "f": (2500, 6500), "t": (3000, 6000), "k": (1500, 3500), "": (0, 0)}


@dataclass(frozen=True, slots=True)
class Voice:
    """One invented speaker."""

    pitch_hz: float
    tract: float
    """Formants relative to the table: a shorter vocal tract is above 1."""
    syllable_s: float
    seed: int


VOICES: Final = (Voice(112, 0.98, 0.19, 11), Voice(204, 1.16, 0.16, 22), Voice(148, 1.06, 0.22, 33))


def sentence(voice: Voice, rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    """Words and pauses of about `seconds`, the pitch falling from the first to the last."""
    parts = [np.zeros(int(0.12 * RATE_HZ))]
    spoken = 0.0
    while spoken < seconds:
        fall = 1.12 - 0.24 * spoken / seconds
        spoken_word = word(voice, rng, voice.pitch_hz * fall)
        pause = np.zeros(int(rng.uniform(0.06, 0.28) * RATE_HZ))
        parts += [spoken_word, pause]
        spoken += (len(spoken_word) + len(pause)) / RATE_HZ
    speech = np.concatenate(parts)
    windows = np.square(speech[: len(speech) // FRAME * FRAME]).reshape(-1, FRAME).mean(axis=1)
    level = float(np.sqrt(windows[windows > windows.max() / 1000].mean()))
    return speech * 10 ** (LEVEL_DB / 20) / level + rng.normal(0, 10 ** (NOISE_DB / 20), len(speech))


def word(voice: Voice, rng: np.random.Generator, pitch_hz: float) -> NDArray[np.float64]:
    """One to three syllables, each a consonant and a vowel that glides to the next."""
    vowels = rng.choice(list(FORMANTS_HZ), size=rng.integers(1, 4) + 1)
    parts = []
    for here, there in pairwise(vowels):
        parts.append(consonant(rng, str(rng.choice(list(CONSONANTS_HZ)))))
        length = int(voice.syllable_s * rng.uniform(0.7, 1.4) * RATE_HZ) // FRAME * FRAME
        parts.append(vowel(voice, rng, pitch_hz * rng.uniform(0.92, 1.12), (str(here), str(there)), length))
    return np.concatenate(parts)


def vowel(
    voice: Voice, rng: np.random.Generator, pitch_hz: float, glide: tuple[str, str], length: int
) -> NDArray[np.float64]:
    """A voiced stretch: pulses with a little jitter through four gliding resonators."""
    t = np.arange(length) / length
    vibrato = 1 + 0.015 * np.sin(2 * np.pi * (5.2 * length / RATE_HZ * t + rng.uniform()))
    phase = np.cumsum(pitch_hz * (1.05 - 0.1 * t) * vibrato / RATE_HZ)
    pulses = np.diff(np.floor(phase), prepend=0.0) * rng.uniform(0.85, 1.15, length)
    source = lfilter([1.0], [1.0, -0.94], pulses) + rng.normal(0, 0.012, length)
    out, state = np.empty(length), np.zeros((len(BANDWIDTHS_HZ), 2))
    for start in range(0, length, FRAME):
        out[start : start + FRAME], state = sosfilt(
            resonators(voice, glide, start / length), source[start : start + FRAME], zi=state
        )
    out *= np.minimum(1, np.minimum(t, 1 - t) * 6) ** 1.5
    return out


def resonators(voice: Voice, glide: tuple[str, str], share: float) -> NDArray[np.float64]:
    """Second-order sections of the vocal tract, `share` of the way from one vowel to the next."""
    sections = []
    for first, last, width in zip(FORMANTS_HZ[glide[0]], FORMANTS_HZ[glide[1]], BANDWIDTHS_HZ, strict=True):
        w = 2 * np.pi * voice.tract * (first + (last - first) * share**2) / RATE_HZ
        r = np.exp(-np.pi * width / RATE_HZ)
        a = [1.0, -2 * r * np.cos(w), r * r]
        sections.append([sum(a), 0.0, 0.0, *a])
    return np.array(sections)


def consonant(rng: np.random.Generator, name: str) -> NDArray[np.float64]:
    """A short burst of noise between two frequencies; silence for none."""
    low, high = CONSONANTS_HZ[name]
    length = int(rng.uniform(0.03, 0.09) * RATE_HZ)
    spectrum = np.fft.rfft(rng.normal(0, 1, length))
    hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    spectrum[(hz < low) | (hz > high)] = 0
    return np.fft.irfft(spectrum, length) * np.hanning(length) * 0.05


def main(folder: Path) -> None:
    """Every clip is written, and has passed the gate."""
    written = 0
    for number, voice in enumerate(VOICES, start=1):
        home = folder / f"holder-{number}"
        home.mkdir(parents=True, exist_ok=True)
        rng = np.random.Generator(np.random.PCG64(voice.seed))
        for index in range(1, CLIPS_PER_HOLDER + 1):
            samples = np.rint(sentence(voice, rng, rng.uniform(3.0, 5.0)) * 2**15).astype(np.int32) << 16
            report = audio.judge(samples[:, None], RATE_HZ)
            path = home / f"{index:02}.flac"
            if report.verdict != "pass":
                sys.exit(f"{path}: {'; '.join(map(str, report.findings))}")
            soundfile.write(path, samples, RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=1.0)
            written += path.stat().st_size
            print(f"{path.relative_to(folder)}: {report.duration_ms} ms, {report.loudness_milli_db / 1000:.1f} LUFS")
    if written > LONGEST_BYTES:
        sys.exit(f"{written} bytes are more than {LONGEST_BYTES}")
    print(f"{written} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CLIPS)
