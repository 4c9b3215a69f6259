"""Of several copies a good one is always returned, and who keeps wrong ones is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.adapters.content import unixfs
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing
from provenance.adapters.content.gateway import ContentClosed, SourceUnusable
from provenance.adapters.content.mirror import Mirror
from provenance.adapters.durable import Unwritable
from provenance.domain.cid import Cid
from tests.fakes.content import MemoryContent

LEAF = unixfs.LEAF_BYTES
DATA = b"".join(bytes([i]) * LEAF for i in range(4)) + b"the end"
CID = unixfs.address([DATA])


class Broken(MemoryContent):
    """Stops after some bytes, as a cut line does."""

    def __init__(self, name: str, after: int) -> None:
        super().__init__(name)
        self.after = after

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        yield b"".join(super().stream(cid, start=start))[: self.after]
        raise SourceUnusable("the line was cut")


class Closed(MemoryContent):
    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        raise ContentClosed(f"no lease for {cid} from {start}")


def source(name: str, *, flip: int | None = None) -> MemoryContent:
    held = MemoryContent(name)
    held.put(DATA)
    if flip is not None:
        held.flip(CID, flip)
    return held


def damaged(root: Path, at: int) -> Embedded:
    local = Embedded(root)
    local.put(DATA)
    with (root / str(CID)).open("r+b") as file:
        file.seek(at)
        file.write(b"\xff")
    return local


def test_what_is_missing_here_is_fetched_matched_and_kept(tmp_path: Path) -> None:
    there = source("there")
    mirror = Mirror(Embedded(tmp_path), [MemoryContent("empty"), there])
    assert mirror.has(CID)
    assert mirror.size(CID) == len(DATA)
    assert b"".join(mirror.chunks(CID, start=LEAF)) == DATA[LEAF:]
    assert mirror.get_digest(CID.digest) == (CID, DATA)
    assert len(there.asked) == 1
    assert Embedded(tmp_path).get(CID) == DATA
    assert mirror.wrong == []


def test_a_bad_copy_is_skipped_remembered_and_asked_last_from_then_on(tmp_path: Path) -> None:
    bad, good = source("bad", flip=5), source("good")
    mirror = Mirror(Embedded(tmp_path), [bad, good])
    assert mirror.get(CID) == DATA
    assert mirror.wrong == [("bad", CID)]
    other = good.put(b"another")
    bad.put(b"another")
    assert mirror.get(other) == b"another"
    assert [cid for cid, _ in bad.asked] == [CID]


@pytest.mark.parametrize("at", [0, LEAF * 2 + 1, len(DATA) - 1])
def test_a_leaf_that_rots_here_is_repaired_in_the_middle_of_a_read(tmp_path: Path, at: int) -> None:
    mirror = Mirror(damaged(tmp_path, at), [source("there")])
    assert b"".join(mirror.chunks(CID, start=10, length=len(DATA) - 11)) == DATA[10:-1]
    assert Embedded(tmp_path).get(CID) == DATA
    assert mirror.wrong == [(str(tmp_path), CID)] or at == len(DATA) - 1


def test_no_good_copy_and_a_wrong_one_is_corrupt_and_names_who_keeps_it(tmp_path: Path) -> None:
    for mirror, keeper in (
        (Mirror(damaged(tmp_path / "a", 0), [MemoryContent("empty")]), str(tmp_path / "a")),
        (Mirror(Embedded(tmp_path / "b"), [MemoryContent("empty"), source("bad", flip=1)]), "bad"),
    ):
        for ask in (
            mirror.get,
            lambda cid, m=mirror: m.get_digest(cid.digest),
            lambda cid, m=mirror: list(m.chunks(cid)),
        ):
            with pytest.raises(ContentCorrupt, match=keeper) as refused:
                ask(CID)
            assert refused.value.facts["cid"] == str(CID)


def test_no_copy_at_all_is_missing_and_says_why(tmp_path: Path) -> None:
    silent = Broken("silent", 0)
    silent.put(DATA)
    with pytest.raises(ContentMissing, match="the line was cut"):
        Mirror(Embedded(tmp_path), [MemoryContent("empty"), silent]).get(CID)


def test_a_cut_line_costs_only_the_leaves_it_did_not_carry(tmp_path: Path) -> None:
    cut, good = Broken("cut", 2 * LEAF + 5), source("good")
    cut.put(DATA)
    mirror = Mirror(Embedded(tmp_path), [cut, good])
    assert mirror.get(CID) == DATA
    assert good.asked == [(CID, 2 * LEAF)]


def test_wrong_leaves_of_a_cut_line_are_not_blamed_on_the_next(tmp_path: Path) -> None:
    cut, good = Broken("cut", 2 * LEAF + 5), source("good")
    cut.put(DATA)
    cut.flip(CID, 1)
    mirror = Mirror(Embedded(tmp_path), [cut, good])
    assert mirror.get(CID) == DATA
    assert mirror.wrong == []
    assert good.asked == [(CID, 2 * LEAF), (CID, 0)]


def test_a_document_that_needs_a_lease_is_denied_not_missing(tmp_path: Path) -> None:
    with pytest.raises(ContentClosed):
        Mirror(Embedded(tmp_path), [Closed("closed"), MemoryContent("empty")]).get(CID)


def test_a_full_disk_here_is_not_the_sources_fault(tmp_path: Path) -> None:
    local = Embedded(tmp_path)
    (tmp_path / "partial").rmdir()
    with pytest.raises(Unwritable):
        Mirror(local, [source("there")]).get(CID)


def test_a_trees_root_answered_as_a_raw_block_is_not_taken_for_a_document(tmp_path: Path) -> None:
    keyed_by_digest = source("there")
    root = next(block.data for block in unixfs.nodes(unixfs.leaves_of([DATA])) if block.cid == CID)
    keyed_by_digest.put(root)
    assert Mirror(Embedded(tmp_path), [keyed_by_digest]).get_digest(CID.digest) == (CID, DATA)
