"""All content stores keep the same promises: one suite over the fake, the embedded store and the mirror."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.adapters.content import unixfs
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.content.mirror import Mirror
from provenance.app.ports import Content
from provenance.domain import cid as cids
from provenance.errors import Failed, Invalid, Missing
from tests.fakes.content import MemoryContent

LEAF = unixfs.LEAF_BYTES
SIZES = [0, 1, LEAF - 1, LEAF, LEAF + 1, 3 * LEAF + 7]
Flip = Callable[[cids.Cid, int], None]


def pattern(size: int) -> bytes:
    return bytes(i % 251 for i in range(min(size, 251))) * (size // 251 + 1) if size else b""


def data_of(size: int) -> bytes:
    return pattern(size)[:size]


def flip_in(root: Path) -> Flip:
    def flip(cid: cids.Cid, at: int) -> None:
        with (root / str(cid)).open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))

    return flip


@pytest.fixture(params=["fake", "embedded", "mirror"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Content, Flip]:
    if request.param == "fake":
        fake = MemoryContent()
        return fake, fake.flip
    local = Embedded(tmp_path / "content")
    flip = flip_in(tmp_path / "content")
    return (local, flip) if request.param == "embedded" else (Mirror(local, [MemoryContent()]), flip)


@pytest.mark.parametrize("name", ["fake", "embedded"])
def test_what_a_stranger_sends_is_kept_only_under_its_own_address(name: str, tmp_path: Path) -> None:
    content = MemoryContent() if name == "fake" else Embedded(tmp_path / "content")
    right, wrong = unixfs.address([b"right"]), unixfs.address([b"wrong"])
    assert content.put_chunks([b"ri", b"ght"], expected=right) == right
    with pytest.raises(Failed):
        content.put_chunks([b"ri", b"ght"], expected=wrong)
    assert (content.has(right), content.has(wrong)) == (True, False)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_got_under_the_same_address_everywhere(store: tuple[Content, Flip], size: int) -> None:
    content, _ = store
    data = data_of(size)
    cid = content.put(data)
    assert cid == unixfs.address([data])
    assert content.get(cid) == data
    assert content.has(cid)
    assert content.size(cid) == size
    assert content.get_digest(cid.digest) == (cid, data)
    assert content.put(data) == cid


def test_a_file_has_the_address_of_its_bytes(store: tuple[Content, Flip], tmp_path: Path) -> None:
    content, _ = store
    path = tmp_path / "take"
    path.write_bytes(data_of(2 * LEAF))
    assert content.get(content.put_file(path)) == path.read_bytes()
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(Invalid):
            content.put_file(wrong)


@pytest.mark.parametrize("start", [0, 5, LEAF - 1, LEAF, 3 * LEAF + 7, 9 * LEAF])
@pytest.mark.parametrize("length", [None, 0, 1, LEAF, 2 * LEAF + 1, 9 * LEAF])
def test_any_range_is_the_slice_of_the_whole(store: tuple[Content, Flip], start: int, length: int | None) -> None:
    content, _ = store
    data = data_of(3 * LEAF + 7)
    cid = content.put(data)
    wanted = data[start:] if length is None else data[start : start + length]
    parts = list(content.chunks(cid, start=start, length=length))
    assert b"".join(parts) == wanted
    assert all(len(part) <= LEAF for part in parts)
    with pytest.raises(Invalid):
        content.chunks(cid, start=-1)
    with pytest.raises(Invalid):
        content.chunks(cid, length=-1)


def test_what_nobody_has_is_missing(store: tuple[Content, Flip]) -> None:
    content, _ = store
    for cid in cids.candidates(cids.of_raw(b"never stored").digest):
        assert not content.has(cid)
        for ask in (content.get, content.size, content.chunks):
            with pytest.raises(Missing) as refused:
                ask(cid)
            assert refused.value.facts["cid"] == str(cid)
        with pytest.raises(Missing):
            content.get_digest(cid.digest)


def test_removed_content_is_missing_and_removing_twice_is_no_error(store: tuple[Content, Flip]) -> None:
    content, _ = store
    cid = content.put(data_of(LEAF + 1))
    content.remove(cid)
    content.remove(cid)
    assert not content.has(cid)
    with pytest.raises(Missing):
        content.get(cid)


@pytest.mark.parametrize(("size", "at"), [(10, 3), (LEAF + 1, 0), (LEAF + 1, LEAF), (3 * LEAF + 7, 2 * LEAF)])
def test_a_flipped_byte_is_refused_naming_the_address(store: tuple[Content, Flip], size: int, at: int) -> None:
    content, flip = store
    cid = content.put(data_of(size))
    flip(cid, at)
    with pytest.raises(Failed) as refused:
        content.get(cid)
    assert refused.value.facts["cid"] == str(cid)
    with pytest.raises(Failed):
        content.get_digest(cid.digest)
    content.put(data_of(size))
    assert content.get(cid) == data_of(size)


def test_a_document_over_the_limit_is_not_read(store: tuple[Content, Flip]) -> None:
    content, _ = store
    cid = content.put(data_of(100))
    assert len(content.get(cid, limit=100)) == 100
    with pytest.raises(Invalid):
        content.get(cid, limit=99)
    with pytest.raises(Invalid):
        content.get_digest(cid.digest, limit=99)


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_has_the_address_of_its_bytes(store: tuple[Content, Flip], size: int) -> None:
    content, _ = store
    data = data_of(size)
    parts = (data[at : at + 65_537] for at in range(0, size, 65_537))
    assert content.put_chunks(parts) == unixfs.address([data])
    assert content.get(unixfs.address([data]), limit=size) == data
