"""A recording's marks are those that everybody else computes, with and without the system's library."""

from __future__ import annotations

import importlib.resources
import json
import sys
from pathlib import Path

import iscc_core
import numpy as np
import pytest

from provenance.adapters import marks
from provenance.adapters.gate import FileGate
from provenance.adapters.marks import Fingerprint
from provenance.domain.private import UNMARKED
from tests import audio
from tests.golden.marks import RATE_HZ, signal
from tests.live_gateway import speech, wav

pytestmark = pytest.mark.unit
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "marks.json").read_text())
CONFORMANCE = json.loads(importlib.resources.files("iscc_core").joinpath("data.json").read_text("utf-8"))
HEARING = marks.chromaprint()
needs_chromaprint = pytest.mark.skipif(HEARING is None, reason="libchromaprint (libchromaprint1) is not installed")


def streams() -> dict[bytes, tuple[str, str]]:
    """By bytes: the Data-Code and Instance-Code that iscc-core's conformance data tells of them."""
    found: list[dict[bytes, str]] = []
    for name in ("gen_data_code_v0", "gen_instance_code_v0"):
        tests = CONFORMANCE[name].values()
        found.append({bytes.fromhex(one["inputs"][0][len("stream:") :]): one["outputs"]["iscc"] for one in tests})
    return {data: (code, found[1][data]) for data, code in found[0].items() if data in found[1]}


def heard(samples: np.ndarray, pieces: int = 1) -> Fingerprint:
    fingerprint = Fingerprint()
    for piece in np.array_split(samples.astype(np.int32)[:, None] << 16, pieces):
        fingerprint.add(piece, RATE_HZ)
    return fingerprint


@pytest.mark.parametrize("data", streams(), ids=lambda data: f"{len(data)} bytes")
def test_codes_of_bytes_are_those_of_the_conformance_data(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(data)
    found = marks.marks(path, Fingerprint())
    units = [f"ISCC:{one}" for one in iscc_core.iscc_decompose(found.iscc)]
    for unit, whole in zip(units, streams()[data], strict=True):
        body = [iscc_core.decode_header(iscc_core.decode_base32(one.removeprefix("ISCC:"))) for one in (unit, whole)]
        assert (body[0][0], body[0][4][:8]) == (body[1][0], body[1][4][:8])
    assert found.fingerprint == ""


def test_the_conformance_data_has_bytes_for_both_codes() -> None:
    assert len(streams()) >= 3


@needs_chromaprint
@pytest.mark.parametrize("pieces", [1, 130])
def test_a_fingerprint_is_that_of_fpcalc(pieces: int) -> None:
    assert HEARING is not None
    values, text = heard(signal(), pieces).finish()
    ours, theirs = (HEARING.decode_fingerprint(one.encode())[0] for one in (text, GOLDEN["fingerprint"]))
    assert len(ours) == len(theirs) == marks.ITEMS
    assert len(values) == GOLDEN["values"] > marks.ITEMS
    differing = sum((one ^ other).bit_count() for one, other in zip(ours, theirs, strict=True))
    assert differing <= 32 * marks.ITEMS // 100  # another processor's Fourier transform may turn a bit


@needs_chromaprint
def test_an_audio_code_stands_before_the_codes_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(b"the bytes of it")
    content, *codes = iscc_core.iscc_decompose(marks.marks(path, heard(signal())).iscc)
    assert (
        iscc_core.iscc_distance_bytes(
            iscc_core.decode_base32(content)[2:], iscc_core.decode_base32(GOLDEN["audioCode"].removeprefix("ISCC:"))[2:]
        )
        <= 2
    )
    assert codes == iscc_core.iscc_decompose(marks.marks(path, Fingerprint()).iscc)


@needs_chromaprint
def test_what_is_heard_is_known_again_in_another_format(tmp_path: Path) -> None:
    take = audio.decode(speech(7, 9.0))
    (tmp_path / "a.wav").write_bytes(audio.encode_wav(take.samples, take.sample_rate))
    import soundfile

    soundfile.write(tmp_path / "a.ogg", take.samples, take.sample_rate, format="OGG", subtype="VORBIS")
    ours, again = (FileGate().examine(tmp_path / name).marks for name in ("a.wav", "a.ogg"))
    sound, other = (iscc_core.iscc_decompose(one.iscc) for one in (ours, again))
    assert iscc_core.iscc_distance(f"ISCC:{sound[0]}", f"ISCC:{other[0]}") <= 8
    assert sound[1:] != other[1:]


@needs_chromaprint
@pytest.mark.parametrize(("seconds", "rate_hz"), [(1.0, 16_000), (9.0, 1_000)], ids=["short", "slow"])
def test_audio_that_cannot_be_heard_has_no_audio_code(seconds: float, rate_hz: int, tmp_path: Path) -> None:
    fingerprint = Fingerprint()
    fingerprint.add(audio.decode(speech(1, seconds)).samples, rate_hz)
    (tmp_path / "a.wav").write_bytes(b"x")
    found = marks.marks(tmp_path / "a.wav", fingerprint)
    assert (len(iscc_core.iscc_decompose(found.iscc)), found.fingerprint) == (2, "")


def test_without_the_library_a_take_is_known_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chromaprint", None)
    (tmp_path / "a.wav").write_bytes(speech(3, 6.0))
    found = FileGate().examine(tmp_path / "a.wav").marks
    assert (len(iscc_core.iscc_decompose(found.iscc)), found.fingerprint) == (2, "")


def test_a_rejected_take_is_not_marked(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(np.zeros(16_000)))
    assert FileGate().examine(tmp_path / "a.wav").marks == UNMARKED
