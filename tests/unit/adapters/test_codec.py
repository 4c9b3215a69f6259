"""The samples of four formats are read exactly, and every broken file is refused with its reason."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings, strategies as st

from provenance.adapters import codec
from provenance.adapters.codec import UnreadableAudio
from provenance.domain.audio import FULL_SCALE, Samples
from tests import audio

RATE = 16_000
SUFFIXES = {"wav": ".wav", "flac": ".flac", "mp3": ".mp3", "ogg": ".ogg"}


def sweep(seconds: float = 1.0, channels: int = 1) -> Samples:
    t = np.arange(int(seconds * RATE)) / RATE
    x = np.stack([0.3 * np.sin(2 * np.pi * (200 + 300 * t + 50 * c) * t) for c in range(channels)], axis=1)
    return (np.rint(x * 2**15).astype(np.int32)) << 16


def made(kind: str, samples: Samples | None = None, subtype: str | None = None) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, sweep() if samples is None else samples, RATE, format=kind.upper(), subtype=subtype)
    return out.getvalue()


@pytest.fixture(params=list(SUFFIXES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_take_is_read_from_its_file_and_from_memory_alike(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("take" + SUFFIXES[kind])
    path.write_bytes(made(kind, sweep(2.3, channels=2)))
    found = codec.examine(path).format
    assert (found.codec, found.sample_rate, found.channels) == (kind, RATE, 2)
    assert abs(found.duration_ms - 2_300) < 100
    take = audio.decode(path)
    assert take.samples.shape == (found.frames, 2)
    assert np.array_equal(take.samples, audio.decode(path.read_bytes(), path.name).samples)
    examined = codec.examine(path)
    assert examined == codec.examine(path.read_bytes())
    assert examined.report.verdict in ("pass", "review", "reject")
    assert codec.is_audio(path)


def test_the_same_audio_has_one_digest_in_every_lossless_file() -> None:
    files = [
        made(kind, subtype=subtype) for kind, subtype in (("wav", "PCM_16"), ("wav", "PCM_24"), ("flac", "PCM_16"))
    ]
    out = io.BytesIO()
    soundfile.write(out, sweep() / FULL_SCALE, RATE, format="WAV", subtype="FLOAT")
    digests = {codec.examine(data).pcm_digest for data in (*files, out.getvalue())}
    assert len(digests) == 1
    assert codec.examine(made("wav", sweep() ^ (1 << 16))).pcm_digest not in digests


def test_what_was_written_as_wav_is_read_back_equal(tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(made("wav", sweep(channels=2), "PCM_16"))
    take = audio.decode(tmp_path / "out.wav")
    assert (take.sample_rate, take.samples.tolist()) == (RATE, sweep(channels=2).tolist())


def test_float_samples_keep_their_scale_and_clip_at_full() -> None:
    out = io.BytesIO()
    soundfile.write(out, np.array([0.0, 0.5, -1.0, 1.0, 2.0]), RATE, format="WAV", subtype="DOUBLE")
    top = FULL_SCALE - 1
    assert audio.decode(out.getvalue()).samples[:, 0].tolist() == [0, FULL_SCALE // 2, -FULL_SCALE, top, top]


def refused(source: codec.Source, name: str = "") -> str:
    with pytest.raises(UnreadableAudio) as error:
        codec.examine(source, name)
    assert error.value.next_step
    return str(error.value.facts["reason"])


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    assert refused(tmp_path / "a.wav") == "empty"
    assert "cannot be opened" in refused(tmp_path / "nothing.wav")
    assert "cannot be opened" in refused(tmp_path)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_header_without_audio_is_refused(subtype: str) -> None:
    assert refused(made("wav", np.zeros((0, 1), np.int32), subtype)) == "no audio in it"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_file_is_refused(kind: str, share: float) -> None:
    data = made(kind, sweep(5.0))
    reason = refused(data[: int(len(data) * share)])
    assert "cut" in reason or "damaged" in reason, reason


@pytest.mark.parametrize("name", ["take.wav", "take.flac", "take.mp3", "take.ogg", "take.txt"])
def test_a_file_that_is_not_what_its_name_says_is_refused(kind: str, name: str) -> None:
    if name.endswith(SUFFIXES[kind]):
        assert codec.examine(made(kind), name).format.codec == kind
    else:
        assert refused(made(kind), name) == f"it is {kind}, not what {Path(name).suffix} says"


@pytest.mark.parametrize(
    "data", [b"{}", b"\0" * 1000, b"<html></html>", b"RIFF\0\0\0\0AVI ", b"fLaC", b"OggS", b"ID3\4", b"RIFF____WAVE"]
)
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    assert refused(data)


def test_a_zip_is_refused_whatever_its_name() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(1 << 24))
    assert "not audio" in refused(out.getvalue(), "take.wav")


def test_samples_that_are_no_numbers_are_refused() -> None:
    for value in (np.nan, np.inf):
        out = io.BytesIO()
        soundfile.write(out, np.array([0.0, value]), RATE, format="WAV", subtype="FLOAT")
        assert refused(out.getvalue()) == "a sample is not a number"


def test_nine_channels_are_refused() -> None:
    assert "9 channels" in refused(made("wav", np.zeros((100, 9), np.int32)))


def test_five_hours_of_silence_are_refused_from_the_header(tmp_path: Path) -> None:
    path, size = tmp_path / "long.wav", 5 * 3600 * RATE * 2
    head = made("wav", np.zeros((0, 1), np.int32))
    with path.open("wb") as file:
        file.write(head[:4] + struct.pack("<I", size + 36) + head[8:40] + struct.pack("<I", size))
        file.truncate(44 + size)
    assert refused(path) == "18000 s long, more than 14400 s"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["wav", "flac", "ogg", "mp3"]), st.binary(max_size=400), st.integers(0, 4_000))
def test_no_damage_crashes_the_reader(kind: str, damage: bytes, at: int) -> None:
    data = bytearray(made(kind, sweep(0.3)))
    data[at : at + len(damage)] = damage
    with contextlib.suppress(UnreadableAudio):
        codec.examine(bytes(data))
