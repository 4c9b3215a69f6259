"""Whole audio files: what the gate hears of one in pieces, and 16-bit wav files of samples."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from provenance.adapters import codec
from provenance.domain.audio import Samples


@dataclass(frozen=True, slots=True)
class Take:
    """A whole file in memory."""

    samples: Samples
    sample_rate: int


def decode(source: codec.Source, name: str = "") -> Take:
    """All samples that the gate reads of one file.

    Raises:
        UnreadableAudio: as `codec.examine`.
    """
    parts: list[Samples] = []
    examined = codec.examine(source, name, also=lambda samples, _rate_hz: parts.append(samples))
    return Take(np.concatenate(parts), examined.format.sample_rate)


def encode_wav(samples: Samples, rate_hz: int) -> bytes:
    """A 16-bit wav file.

    Args:
        samples: int32 [frames, channels], full scale = 2^31.
    """
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format="WAV", subtype="PCM_16")
    return out.getvalue()
