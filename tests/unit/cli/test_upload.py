"""The files that an upload means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.cli.upload import public, sources
from provenance.domain.consent import Scope
from provenance.errors import Invalid, Missing
from tests import documents

pytestmark = pytest.mark.unit


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_a_folder_means_its_audio_files_by_name(tmp_path: Path) -> None:
    make(tmp_path, "b.wav", "a/2.FLAC", "a/1.mp3", "c.ogg", "notes.txt", "cover.png")
    assert [one.name for one in sources((tmp_path,))] == ["a/1.mp3", "a/2.FLAC", "b.wav", "c.ogg"]


def test_a_file_that_is_named_is_tried_whatever_its_ending(tmp_path: Path) -> None:
    make(tmp_path, "take.bin")
    assert [one.name for one in sources((tmp_path / "take.bin",))] == ["take.bin"]


def test_a_file_named_twice_or_by_a_link_is_meant_once(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    assert len(sources((tmp_path, tmp_path / "a.wav"))) == 1


def test_no_path_and_no_audio_are_told_apart(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt")
    with pytest.raises(Missing):
        sources((tmp_path / "nowhere",))
    with pytest.raises(Invalid, match="no audio"):
        sources((tmp_path,))


def test_a_name_that_is_no_text_becomes_one(tmp_path: Path) -> None:
    (tmp_path / "a\nb\udcff.wav").write_bytes(b"x")
    (only,) = sources((tmp_path,))
    assert only.name == r"a\u000ab\udcff.wav"


def test_the_uploader_reads_before_signing_what_becomes_public(tmp_path: Path) -> None:
    del tmp_path
    role = replace(documents.consent(), scope=Scope(None, ("role:narrator",)))
    made = replace(documents.manifest(given=(role,)), tags=("digits", "Ёлка"))
    told = public(made, names=False)
    for word in (repr(made.title), f"kind {made.kind}", f"language {made.language}", "tags digits, Ёлка", "role:narrator",
                 "Names of people and files and the audio stay sealed"):  # fmt: skip
        assert word in told
    assert made.recordings[0].name not in told
    told = public(made, names=True)
    assert f"FILE NAMES {made.recordings[0].name}" in told
    assert "Names of people and the audio stay sealed" in told
