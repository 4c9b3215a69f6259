"""Files get the addresses and blocks that Kubo gives them."""

from __future__ import annotations

import contextlib
import hashlib
from functools import cache

import pytest
from hypothesis import given, settings, strategies as st

from provenance.adapters.content import unixfs
from provenance.adapters.content.unixfs import LEAF_BYTES, LINKS, Leaves, Link
from provenance.domain.cid import Cid, of_raw
from provenance.errors import Failed, Invalid
from provenance.types import Bytes32
from tests.whole import keystream


@pytest.mark.parametrize(
    ("seed", "size", "address"),
    [
        # Made by Kubo with the profile unixfs-v1-2025 (IPIP-0499).
        (b"chunk-v1-seed", 1 << 20, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
        (b"chunk-v1-seed", (1 << 20) + 1, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
    ],
)
def test_the_address_is_kubos_also_past_one_leaf(seed: bytes, size: int, address: str) -> None:
    assert str(unixfs.address(keystream(seed, size))) == address


def test_short_files_have_kubos_addresses() -> None:
    assert str(unixfs.address([b"hello ", b"world"])) == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    assert str(unixfs.address([])) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 16))
def test_cutting_anew_loses_and_reorders_nothing(parts: list[bytes], size: int) -> None:
    pieces = list(unixfs.rechunk(parts, size))
    assert b"".join(pieces) == b"".join(parts)
    assert all(len(piece) == size for piece in pieces[:-1])
    assert not pieces or 0 < len(pieces[-1]) <= size


def blocks(leaves: Leaves, leaf: bytes, last: bytes) -> dict[Cid, bytes]:
    return {block.cid: block.data for block in unixfs.nodes(leaves)} | {of_raw(leaf): leaf, of_raw(last): last}


@cache
def three_levels(last: bytes) -> tuple[Cid, int, dict[Cid, bytes]]:
    """The address, size and blocks of a file of empty leaves and a last one, too many for one node."""
    leaf, count = bytes(LEAF_BYTES), LINKS + 2
    size = (count - 1) * LEAF_BYTES + len(last)
    leaves = Leaves(hashlib.sha256(leaf).digest() * (count - 1) + hashlib.sha256(last).digest(), size)
    return unixfs.root(leaves), size, blocks(leaves, leaf, last)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3 * LEAF_BYTES), st.none() | st.integers(0, 3 * LEAF_BYTES))
def test_a_tree_of_three_levels_is_read_back_from_its_blocks(back: int, length: int | None) -> None:
    last = b"the end"
    cid, size, held = three_levels(last)
    assert unixfs.file_size(cid, held[cid]) == size
    start = max(0, size - back)
    wanted = (bytes(back) + last)[-back:] if back else b""
    wanted = wanted if length is None else wanted[:length]
    assert b"".join(unixfs.read(cid, held.__getitem__, start=start, length=length)) == wanted


def test_a_reader_asks_only_for_the_blocks_of_its_range() -> None:
    leaf, last = bytes(LEAF_BYTES), b"end"
    leaves = unixfs.leaves_of([leaf] * 5 + [last])
    held, asked = blocks(leaves, leaf, last), []

    def block_of(cid: Cid) -> bytes:
        asked.append(cid)
        return held[cid]

    assert b"".join(unixfs.read(unixfs.root(leaves), block_of, start=5 * LEAF_BYTES)) == last
    assert asked == [unixfs.root(leaves), of_raw(last)]


def test_a_node_survives_its_bytes() -> None:
    children = (Link(of_raw(b"a"), 1, 1), Link(Cid("dag-pb", Bytes32(bytes(32))), 300_000, 300_100))
    assert unixfs.decode_node(unixfs.encode_node(children)) == children


GOOD = unixfs.encode_node((Link(of_raw(b"a"), 1, 1), Link(of_raw(b"b"), 1, 1)))


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x0a\x02\x08\x01",  # the empty UnixFS directory
        GOOD[:-1],
        GOOD + b"\x0a\x00",
        GOOD.replace(b"\x08\x02\x18\x02", b"\x08\x02\x18\x03"),  # sizes that do not add up
        GOOD.replace(b"\x08\x02\x18\x02", b"\x08\x01\x18\x02"),  # a directory
        GOOD.replace(b"\x12\x20", b"\x11\x20", 1),  # SHA-1 by name
        GOOD.replace(b"\x12\x00", b"\x12\x01", 1),
        b"\xff" * 20,
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x12\x80",
        b"{}",
    ],
)
def test_what_is_no_node_of_a_file_is_refused(block: bytes) -> None:
    with pytest.raises(Invalid):
        unixfs.decode_node(block)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_parser(block: bytes) -> None:
    with contextlib.suppress(Invalid):
        unixfs.decode_node(block)


def test_a_lying_parent_and_an_endless_tree_are_refused() -> None:
    lie = unixfs.encode_node((Link(of_raw(b"a"), 2, 2), Link(of_raw(b"b"), 1, 1)))
    held = {Cid("dag-pb", Bytes32(hashlib.sha256(lie).digest())): lie, of_raw(b"a"): b"a", of_raw(b"b"): b"b"}
    with pytest.raises(Failed):
        list(unixfs.read(next(iter(held)), held.__getitem__))
    loop = unixfs.encode_node((Link(Cid("dag-pb", Bytes32(bytes(32))), 1, 1),))
    with pytest.raises(Invalid, match="deeper"):
        list(unixfs.read(Cid("dag-pb", Bytes32(bytes(32))), lambda _: loop))


def test_bytes_of_another_address_are_refused() -> None:
    assert unixfs.verified(of_raw(b"a"), b"a") == b"a"
    with pytest.raises(Failed) as refused:
        unixfs.verified(of_raw(b"a"), b"b")
    assert refused.value.facts["cid"] == str(of_raw(b"a"))


def test_a_car_holds_the_root_and_every_block_once() -> None:
    leaves = unixfs.leaves_of([bytes(LEAF_BYTES), b"end"])
    data = b"".join(unixfs.car(leaves, lambda i: (bytes(LEAF_BYTES), b"end")[i]))
    found, at = [], 0
    while at < len(data):
        size, at = unixfs._read_varint(data, at)
        found.append(data[at : at + size])
        at += size
    assert found[0].endswith(b"\x67version\x01")
    assert unixfs.root(leaves).encode() in found[0]
    for section in found[1:]:
        cid, block = section[:36], section[36:]
        assert hashlib.sha256(block).digest() == cid[4:]
    assert len(found) == 4
