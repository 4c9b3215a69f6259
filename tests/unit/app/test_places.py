"""Every downloaded recording has a file of its own, inside the folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from provenance.app.download import places
from provenance.errors import Invalid
from tests.documents import recording

OUT = Path("out")


def named(*names: str) -> list[str]:
    """Where recordings of these names go, in lower case, as a Mac's disk compares."""
    given_ = [replace(recording(index), index=index, name=name) for index, name in enumerate(names)]
    return [path.relative_to(OUT).as_posix().casefold() for _, path in places(given_, OUT)]


def test_names_that_are_apart_stay() -> None:
    assert named("a/x.wav", "b\\y.wav", "声音.flac") == ["x.wav", "y.wav", "声音.flac"]


@given(st.lists(st.sampled_from(["x.wav", "X.wav", "0001-x.wav", "0002-x.wav", "s/x.wav"]), min_size=1, max_size=6))
def test_no_two_recordings_share_a_file(names: list[str]) -> None:
    found = named(*names)
    assert len(set(found)) == len(names)
    assert not any("/" in name for name in found)


@pytest.mark.parametrize("name", ["..", "a/..", "a/", ".bashrc", "..\\.."])
def test_a_name_that_is_no_file_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        named("x.wav", name)
