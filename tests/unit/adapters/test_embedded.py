"""No half-written, damaged or interrupted object is ever visible in the embedded store."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.adapters.content import unixfs
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing
from provenance.adapters.durable import Unwritable
from provenance.domain.cid import of_raw
from provenance.errors import Conflict
from tests import whole

LEAF = unixfs.LEAF_BYTES
DATA = b"".join(bytes([i]) * LEAF for i in range(4)) + b"the end"
CID = unixfs.address([DATA])


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != "tmp.lock"}


def dying(data: bytes, after: int) -> Iterator[bytes]:
    yield data[:after]
    raise ConnectionResetError(errno.ECONNRESET, "gone")


def test_an_object_is_a_flat_file_beside_its_leaf_digests(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    small = store.put(b"{}")
    assert store.put(DATA) == CID
    assert names(tmp_path) == {str(small), str(CID), f"{CID}.leaves"}
    assert (tmp_path / str(CID)).read_bytes() == DATA
    assert (tmp_path / f"{CID}.leaves").stat().st_size == 5 * 32
    assert set(whole.cids(store)) == {small, CID}
    store.remove(CID)
    assert names(tmp_path) == {str(small)}


def test_every_leaf_before_a_corrupt_one_is_served_and_no_byte_of_it(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    store.put(DATA)
    with (tmp_path / str(CID)).open("r+b") as file:
        file.seek(2 * LEAF + 5)
        file.write(b"\xff")
    got: list[bytes] = []
    with pytest.raises(ContentCorrupt) as refused:
        got.extend(store.chunks(CID))
    assert b"".join(got) == DATA[: 2 * LEAF]
    assert refused.value.facts == {"cid": str(CID), "leaf": 2}
    assert b"".join(store.chunks(CID, start=3 * LEAF)) == DATA[3 * LEAF :]


@pytest.mark.parametrize("damage", [b"", b"\0" * 160, b"\0" * 96, None])
def test_a_lost_or_damaged_list_of_leaves_is_made_again_from_a_good_file(tmp_path: Path, damage: bytes | None) -> None:
    store = Embedded(tmp_path)
    store.put(DATA)
    path = tmp_path / f"{CID}.leaves"
    good = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage)
    assert store.get(CID) == DATA
    assert path.read_bytes() == good


@pytest.mark.parametrize("size", [0, 10, LEAF, len(DATA) - 1, len(DATA) + 1])
def test_a_cut_or_lengthened_file_is_refused_before_its_first_byte(tmp_path: Path, size: int) -> None:
    store = Embedded(tmp_path)
    store.put(DATA)
    os.truncate(tmp_path / str(CID), size)
    with pytest.raises(ContentCorrupt):
        store.chunks(CID)


def test_a_raw_object_larger_than_a_leaf_is_refused(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    cid = store.put(b"small")
    (tmp_path / str(cid)).write_bytes(DATA)
    with pytest.raises(ContentCorrupt):
        store.get(cid)


def test_content_sent_under_another_address_is_not_kept(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    with pytest.raises(ContentCorrupt):
        store.put_chunks([b"other"], expected=CID)
    assert names(tmp_path) == set()


def test_an_interrupted_put_leaves_nothing(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    with pytest.raises(ConnectionResetError):
        store.put_chunks(dying(DATA, 2 * LEAF))
    assert names(tmp_path) == set()


def test_an_interrupted_transfer_goes_on_at_its_last_whole_leaf(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    assert store.kept(CID) == 0
    with pytest.raises(ConnectionResetError):
        store.receive(CID, dying(DATA, 2 * LEAF + 100))
    assert store.kept(CID) == 2 * LEAF
    assert not store.has(CID)
    with pytest.raises(Conflict):
        store.receive(CID, [DATA])
    store.receive(CID, [DATA[2 * LEAF :]], start=2 * LEAF)
    assert store.get(CID) == DATA
    assert store.kept(CID) == 0


def test_wrong_leaves_are_noticed_as_they_come_or_at_the_end(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    bad = DATA[: LEAF + 3] + b"\xff" + DATA[LEAF + 4 :]
    with pytest.raises(ContentCorrupt) as refused:
        store.receive(CID, [bad], leaves=unixfs.leaves_of([DATA]))
    assert refused.value.facts["leaf"] == 1
    assert store.kept(CID) == LEAF
    with pytest.raises(ContentCorrupt):
        store.receive(CID, [bad[LEAF:]], start=LEAF)
    assert store.kept(CID) == 0
    assert not store.has(CID)


def test_two_may_not_receive_the_same_object_at_once(tmp_path: Path) -> None:
    store, other = Embedded(tmp_path), Embedded(tmp_path)

    def parts() -> Iterator[bytes]:
        yield DATA[:LEAF]
        with pytest.raises(Conflict):
            other.receive(CID, [DATA])
        yield DATA[LEAF:]

    store.receive(CID, parts())
    assert other.get(CID) == DATA


def test_a_start_sweeps_the_drafts_of_the_dead_but_not_of_the_living(tmp_path: Path) -> None:
    store = Embedded(tmp_path)

    def parts() -> Iterator[bytes]:
        yield b"half"
        Embedded(tmp_path)
        yield b"whole"

    assert store.get(store.put_chunks(parts())) == b"halfwhole"
    (tmp_path / "tmp" / "litter").write_bytes(b"x")
    Embedded(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_killed_in_the_middle_of_a_put_no_object_is_visible(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from provenance.adapters.content.embedded import Embedded\n"
        "def parts():\n"
        "    yield bytes(3 << 20); print(len(list(Path(sys.argv[1], 'tmp').iterdir())), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL); yield b''\n"
        "Embedded(Path(sys.argv[1])).put_chunks(parts())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (-signal.SIGKILL, b"1"), done.stderr
    assert len(names(tmp_path)) == 1
    Embedded(tmp_path)
    assert names(tmp_path) == set()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LEAF, hard))
    try:
        with pytest.raises(Unwritable) as refused:
            store.put(DATA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert refused.value.next_step
    assert names(tmp_path) == set()
    assert store.get(store.put(DATA)) == DATA


def test_an_object_that_vanishes_between_two_calls_is_missing(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    cid = store.put(b"x")
    parts = store.chunks(cid)
    store.remove(cid)
    with pytest.raises(ContentMissing):
        list(parts)


def test_foreign_files_in_the_folder_are_not_content(tmp_path: Path) -> None:
    store = Embedded(tmp_path)
    (tmp_path / "README").write_text("hello")
    (tmp_path / ".DS_Store").write_text("hello")
    assert not store.has(of_raw(b"hello"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable):
        Embedded(tmp_path / "file" / "content")
