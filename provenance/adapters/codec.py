"""Samples of audio files, and the gate that judges them.

Reads wav, flac, mp3 and ogg by libsndfile, a second at a time. What a file says of itself (name,
magic, sizes) is checked before and after; anything unclear refuses that file with the reason. What
a good take is, is `domain.audio`'s question.
"""

from __future__ import annotations

import io
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias

import numpy as np

from provenance.domain.audio import CHANNELS, FULL_SCALE, Gauge, QualityReport, Samples
from provenance.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from provenance.types import Bytes32

Codec: TypeAlias = Literal["wav", "flac", "mp3", "ogg"]
Source: TypeAlias = Path | bytes
"""A file, or the bytes of one (decrypted audio that must not touch a disk)."""

CODEC_BY_SUFFIX: Final[dict[str, Codec]] = {
    ".wav": "wav",
    ".wave": "wav",
    ".flac": "flac",
    ".mp3": "mp3",
    ".ogg": "ogg",
    ".oga": "ogg",
    ".opus": "ogg",
}
LONGEST_S: Final = 4 * 3600
FASTEST_HZ: Final = 384_000
_UNKNOWN_SIZE: Final = (0, 0xFFFF_FFFF)  # a wav written to a pipe does not know how long it is
_WHOLE_FLOATS: Final = ("FLOAT", "DOUBLE")


class UnreadableAudio(Invalid):
    """One file that is no audio we read; the others of its folder go on."""

    next = "Export it again as wav or flac, or leave it out; the other files are not affected."


@dataclass(frozen=True, slots=True)
class Format:
    """What a file says of itself, checked against its size."""

    codec: Codec
    subtype: str
    sample_rate: int
    channels: int
    frames: int

    @property
    def duration_ms(self) -> int:
        """Milliseconds, rounded down."""
        return self.frames * 1000 // self.sample_rate


@dataclass(frozen=True, slots=True)
class Examined:
    """One file after the gate: its format, its report and what its audio is known by."""

    format: Format
    report: QualityReport
    pcm_digest: Bytes32


def is_audio(path: Path) -> bool:
    """Whether the name says that we read it."""
    return path.suffix.lower() in CODEC_BY_SUFFIX


def examine(source: Source, name: str = "", *, also: Callable[[Samples, int], None] | None = None) -> Examined:
    """The gate: report and PCM digest of one file, in memory of a second.

    Args:
        name: the file's name where `source` is bytes; without one no extension is checked.
        also: hears every piece too, with the sample rate.

    Raises:
        UnreadableAudio: empty, no audio, another format than its name, cut, too long or too wide, or it has no
            numbers.
    """
    with _opened(source, name) as (file, label):
        format_ = _format(file, label)
        gauge = Gauge(format_.sample_rate, format_.channels)
        for samples in _decoded(file, label, format_):
            gauge.add(samples)
            if also:
                also(samples, format_.sample_rate)
        return Examined(format_, gauge.report(), gauge.pcm_digest())


@contextmanager
def _opened(source: Source, name: str) -> Iterator[tuple[BinaryIO, str]]:
    label = name or (source.name if isinstance(source, Path) else "the audio")
    try:
        file: BinaryIO = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    except OSError as error:
        raise _unreadable(label, f"cannot be opened: {error.strerror}") from error
    with file:
        yield file, label


def _format(file: BinaryIO, label: str) -> Format:
    import soundfile  # noqa: PLC0415 - loads libsndfile

    codec = _codec(file, label)
    size = file.seek(0, io.SEEK_END)
    _CUT_BY_CODEC[codec](file, size, label)
    file.seek(0)
    try:
        with soundfile.SoundFile(file, closefd=False) as sound:
            format_ = Format(codec, sound.subtype, sound.samplerate, sound.channels, sound.frames)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(label, f"not readable as {codec}: {_libsndfile_message(error)}") from error
    if not 1 <= format_.channels <= CHANNELS or not 0 < format_.sample_rate <= FASTEST_HZ:
        raise _unreadable(label, f"{format_.channels} channels at {format_.sample_rate} Hz")
    if format_.frames > LONGEST_S * format_.sample_rate and format_.frames < 1 << 62:
        raise _unreadable(label, f"{format_.frames // format_.sample_rate} s long, more than {LONGEST_S} s")
    return format_


def _decoded(file: BinaryIO, label: str, format_: Format) -> Iterator[Samples]:
    import soundfile  # noqa: PLC0415 - loads libsndfile

    file.seek(0)
    kind, done = ("float64" if format_.subtype in _WHOLE_FLOATS else "int32"), 0
    try:
        with soundfile.SoundFile(file, closefd=False) as sound:
            while len(part := sound.read(format_.sample_rate, dtype=kind, always_2d=True)):
                done += len(part)
                if done > LONGEST_S * format_.sample_rate:
                    raise _unreadable(label, f"longer than {LONGEST_S} s")
                yield part if kind == "int32" else _integers(part, label)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(label, f"damaged after {done} samples: {_libsndfile_message(error)}") from error
    if not done:
        raise _unreadable(label, "no audio in it")
    if done < format_.frames < 1 << 62:
        raise _unreadable(label, f"cut: {done} of {format_.frames} samples")


def _integers(samples: NDArray[np.float64], label: str) -> Samples:
    if not np.isfinite(samples).all():
        raise _unreadable(label, "a sample is not a number")
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int32)


def _codec(file: BinaryIO, label: str) -> Codec:
    """What the first bytes say, which must be what the name says."""
    head = file.read(12)
    if not head:
        raise _unreadable(label, "empty")
    codec = _magic(head)
    suffix = Path(label).suffix.lower()
    if codec is None:
        raise _unreadable(label, f"not audio: it begins with {head[:4].hex()}")
    if suffix and CODEC_BY_SUFFIX.get(suffix) != codec:
        raise _unreadable(label, f"it is {codec}, not what {suffix} says")
    return codec


def _magic(head: bytes) -> Codec | None:
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "mp3"
    return None


def _cut_wav(file: BinaryIO, size: int, label: str) -> None:
    """The data chunk is as long as it says. Source: Microsoft RIFF; RF64 keeps its sizes elsewhere."""
    file.seek(0)
    rf64, offset = file.read(4) == b"RF64", 12
    while offset + 8 <= size:
        file.seek(offset)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            missing_bytes = offset + 8 + length - size
            if length not in _UNKNOWN_SIZE and not rf64 and missing_bytes > 0:
                raise _unreadable(label, f"cut: {missing_bytes} bytes of audio are missing")
            return
        offset += 8 + length + length % 2
    raise _unreadable(label, "cut before its audio begins")


def _cut_ogg(file: BinaryIO, size: int, label: str) -> None:
    """The last page says that it is the last. Source: RFC 3533 §6."""
    file.seek(max(0, size - (1 << 17)))
    tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    whole = len(page) > 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
    if not whole or not page[5] & 4:
        raise _unreadable(label, "cut: its last page is missing")


def _cut_later(_file: BinaryIO, _size: int, _label: str) -> None:
    """Flac and mp3 are found to be cut when fewer samples come out than they announce."""


_CUT_BY_CODEC: Final[dict[Codec, Any]] = {"wav": _cut_wav, "ogg": _cut_ogg, "flac": _cut_later, "mp3": _cut_later}


def _unreadable(label: str, reason: str) -> UnreadableAudio:
    return UnreadableAudio(f"{label}: {reason}", file=label, reason=reason)


def _libsndfile_message(error: Exception) -> str:
    text = str(error).rsplit(": ", 1)[-1].rstrip(".")
    return "damaged or cut" if "does not exist" in text else text  # libsndfile's word for a stream it cannot start
