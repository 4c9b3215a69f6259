"""Whether a file can be made is known before anything is signed, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.cli import files
from provenance.errors import Conflict, Unavailable

pytestmark = pytest.mark.unit


def test_a_file_can_be_made_in_a_folder_that_is_not_there_yet_and_asking_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "c.json"
    assert files.fresh(path) == path
    assert list(tmp_path.iterdir()) == []
    files.write(path, b"{}")
    assert path.read_bytes() == b"{}"


def test_what_is_there_is_not_overwritten_not_even_a_link_into_nothing(tmp_path: Path) -> None:
    there, link = tmp_path / "c.json", tmp_path / "l.json"
    there.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    for path in (there, link, tmp_path):
        with pytest.raises(Conflict, match="exists already"):
            files.fresh(path)
        for private in (False, True):
            with pytest.raises(Conflict, match="exists already"):
                files.write(path, b"{}", private=private)
    assert there.read_text() == "mine"


def test_where_no_file_can_be_made_is_said_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "c.json", tmp_path / ("c" * 300), Path("/proc/c.json")):
        with pytest.raises(Unavailable, match="cannot be written: "):
            files.fresh(path)
        for private in (False, True):
            with pytest.raises(Unavailable, match="cannot be written: "):
                files.write(path, b"{}", private=private)
