"""What a journal answered for is on disk, whatever happened in the middle of a write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from provenance.adapters.durable import Unwritable
from provenance.adapters.journal import FileJournal, JournalBusy, JournalDamaged, read
from provenance.adapters.keys.envelopes import KeyFolder
from provenance.adapters.queue import FolderQueue
from provenance.errors import Missing
from tests.documents import word

pytestmark = pytest.mark.unit
SURROGATES = st.characters(exclude_categories=["Cs"])


@settings(max_examples=60)  # slow to draw
@given(
    st.lists(
        st.dictionaries(st.text(SURROGATES, max_size=5), st.text(SURROGATES, max_size=20), max_size=3), max_size=6
    ),
    st.integers(0, 400),
)
def test_a_cut_anywhere_leaves_a_beginning_of_what_was_written(entries: list[dict[str, str]], kept: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        with FileJournal(path) as journal:
            for entry in entries:
                journal.append(dict(entry))
        data = path.read_bytes()
        path.write_bytes(data[:kept])
        whole = data[:kept].count(b"\n")
        assert list(read(path)) == entries[:whole]
        with FileJournal(path) as journal:
            journal.append({"after": True})
            assert list(journal.entries()) == [*entries[:whole], {"after": True}]


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    with FileJournal(tmp_path / "j") as journal:
        with pytest.raises(JournalBusy):
            FileJournal(tmp_path / "j")
        journal.append({})
    FileJournal(tmp_path / "j").close()


def test_a_line_that_is_no_entry_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"a":1}\n[]\n')
    with pytest.raises(JournalDamaged) as caught:
        list(read(tmp_path / "j"))
    assert caught.value.facts["line"] == 2


def test_no_journal_has_no_entries(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none")) == []


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match="/journal cannot be written: File exists"):
        FileJournal(tmp_path / "file" / "journal")


def test_what_append_returned_from_survives_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from provenance.adapters.journal import FileJournal\n"
        "journal = FileJournal(Path(sys.argv[1]))\n"
        "i = 0\n"
        "while True:\n"
        "    journal.append({'i': i}); print(i, flush=True); i += 1\n"
    )
    path = tmp_path / "j"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    found = [entry["i"] for entry in read(path)]
    assert found[: len(told)] == told
    assert found == list(range(len(found)))


def test_a_disk_that_takes_a_part_only_is_a_failure_and_leaves_whole_entries(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from provenance.adapters.journal import FileJournal; from provenance.errors import Unavailable\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "journal = FileJournal(Path(sys.argv[1])); journal.append({'a': 'x' * 50})\n"
        "try: journal.append({'b': 'y' * 50})\n"
        "except Unavailable: print('told')\n"
        "journal.append({'c': 1})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "j")], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "told\n"
    assert [list(entry) for entry in read(tmp_path / "j")] == [["a"], ["c"]]


def test_a_key_is_kept_for_its_owner_alone_and_replaced_whole(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "keys")
    with pytest.raises(Missing):
        keys.find(word("a"))
    keys.keep(word("a"), b"one")
    keys.keep(word("a"), b"two")
    assert keys.find(word("a")) == b"two"
    (file,) = (tmp_path / "keys").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(Unwritable):
        KeyFolder(tmp_path / "keys").keep(word("a"), b"one")


def test_a_queue_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with FolderQueue(tmp_path / "queue", new=True) as queue:
        (tmp_path / "queue" / "a.parquet.tmp").mkdir()
        with pytest.raises(Unwritable) as refused:
            queue.keep("a.parquet", b"one")
    assert "permissions" in refused.value.next_step
