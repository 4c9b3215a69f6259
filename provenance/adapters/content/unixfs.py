"""Which blocks make up a file, and therefore what is its address?

Profile unixfs-v1-2025: CIDv1, SHA-256, fixed chunks of 1 MiB, raw leaves, a balanced tree of at
most 1,024 links. Leaves are a flat list of digests; the dag-pb nodes above them are made on
demand. Where bytes are kept is left to the stores.

Source: IPIP-0499; UnixFS specification §dag-pb; DAG-PB specification (canonical form).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from provenance.adapters.content.faults import corrupt
from provenance.domain.cid import SHA2_256, Cid, decode
from provenance.domain.hashes import sha256
from provenance.errors import Invalid
from provenance.types import Bytes32

LEAF_BYTES: Final = 1 << 20
LINKS: Final = 1024
BLOCK_BYTES: Final = 2 << 20  # no reader accepts larger blocks; ours have at most 1 MiB
_FILE_TYPE: Final = 2
_DEPTH: Final = 6  # 1,024^6 leaves: more than any disk


@dataclass(frozen=True, slots=True)
class Leaves:
    """A file as the digests of its leaves (32 bytes each, in order) and its size."""

    digests: bytes
    size: int

    def __post_init__(self) -> None:
        if len(self.digests) != 32 * max(1, -(-self.size // LEAF_BYTES)):
            raise Invalid(f"{len(self.digests)} bytes of leaf digests do not describe {self.size} bytes")

    def __len__(self) -> int:
        return len(self.digests) // 32

    def digest(self, index: int) -> Bytes32:
        """The digest of one leaf."""
        return Bytes32(self.digests[32 * index : 32 * index + 32])

    def bytes_of(self, index: int) -> int:
        """The length of one leaf."""
        return min(LEAF_BYTES, self.size - index * LEAF_BYTES)


@dataclass(frozen=True, slots=True)
class Link:
    """A child: its address, how many bytes of the file it holds, and with all its blocks."""

    cid: Cid
    file_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block under its address."""

    cid: Cid
    data: bytes


def rechunk(parts: Iterable[bytes], size: int = LEAF_BYTES) -> Iterator[bytes]:
    """The same bytes in pieces of exactly `size`, the last one shorter."""
    held: list[bytes | memoryview] = []
    missing_bytes = size
    for part in parts:
        if missing_bytes == len(part) == size:
            yield bytes(part)
            continue
        if len(part) < missing_bytes:
            if part:
                held.append(part)
                missing_bytes -= len(part)
            continue
        view = memoryview(part)
        while len(view) >= missing_bytes:
            yield b"".join([*held, view[:missing_bytes]])
            view, held, missing_bytes = view[missing_bytes:], [], size
        if view:
            held.append(view)
            missing_bytes -= len(view)
    if held:
        yield b"".join(held)


def leaves_of(parts: Iterable[bytes]) -> Leaves:
    """The leaves of a stream; memory is 32 bytes per MiB."""
    digests, size = bytearray(), 0
    for leaf in rechunk(parts):
        digests += hashlib.sha256(leaf).digest()
        size += len(leaf)
    return Leaves(bytes(digests) or sha256(b""), size)


def address(parts: Iterable[bytes]) -> Cid:
    """The content address of a stream."""
    return root(leaves_of(parts))


def root(leaves: Leaves) -> Cid:
    """The address that these leaves make."""
    cid = Cid("raw", leaves.digest(0))
    for block in nodes(leaves):
        cid = block.cid
    return cid


def nodes(leaves: Leaves) -> Iterator[Block]:
    """Every dag-pb node, level by level, the root last; none where one leaf is the whole file."""
    level = [Link(Cid("raw", leaves.digest(i)), leaves.bytes_of(i), leaves.bytes_of(i)) for i in range(len(leaves))]
    while len(level) > 1:
        above = []
        for first in range(0, len(level), LINKS):
            children = tuple(level[first : first + LINKS])
            data = encode_node(children)
            cid = Cid("dag-pb", sha256(data))
            yield Block(cid, data)
            above.append(
                Link(cid, sum(c.file_bytes for c in children), len(data) + sum(c.total_bytes for c in children))
            )
        level = above


def encode_node(children: tuple[Link, ...]) -> bytes:
    """The block of one inner node of a file."""
    links = bytearray()
    for child in children:
        links += _field(2, _field(1, child.cid.encode()) + b"\x12\x00" + b"\x18" + _varint(child.total_bytes))
    sizes = b"".join(b"\x20" + _varint(child.file_bytes) for child in children)
    file_bytes = sum(child.file_bytes for child in children)
    return bytes(links) + _field(1, b"\x08\x02\x18" + _varint(file_bytes) + sizes)


def decode_node(data: bytes) -> tuple[Link, ...]:
    """The children of a file's inner node.

    Raises:
        Invalid: not a node of the profile: names, inline data, directories, other hashes.
    """
    raw_links, unixfs = [], b""
    for number, value in _fields(data):
        if unixfs or not isinstance(value, bytes) or number not in (1, 2):
            raise Invalid("not a canonical dag-pb block", next=_NOT_OURS)
        if number == 2:
            raw_links.append(_link(value))
        else:
            unixfs = value
    sizes = _sizes(unixfs)
    if len(sizes) != len(raw_links) or not 1 <= len(sizes) <= LINKS:
        raise Invalid("a file node with another number of sizes than of links", next=_NOT_OURS)
    return tuple(Link(cid, size, total) for (cid, total), size in zip(raw_links, sizes, strict=True))


def read(cid: Cid, block_of: Callable[[Cid], bytes], *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, [start, start + length), a leaf at a time.

    Args:
        block_of: a block under its address, already hashed and matched.
    """
    yield from _walk(Link(cid, -1, 0), block_of, start, None if length is None else start + length, 0)


def file_size(cid: Cid, block: bytes) -> int:
    """The size of the file whose root block this is."""
    return len(block) if cid.codec == "raw" else sum(link.file_bytes for link in decode_node(block))


def verified(cid: Cid, block: bytes) -> bytes:
    """The same bytes if they are the block of that address, else `Failed` naming it."""
    if sha256(block) != cid.digest:
        raise corrupt(cid, "another digest")
    return block


def car(leaves: Leaves, leaf: Callable[[int], bytes]) -> Iterator[bytes]:
    """A CARv1 of one file, its nodes first and then its leaves.

    Source: CARv1 specification; the header is dag-cbor {roots: [cid], version: 1}.
    """
    top = root(leaves)
    header = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + top.encode() + b"\x67version\x01"
    yield _varint(len(header)) + header
    for block in nodes(leaves):
        yield _section(block)
    for index in range(len(leaves)):
        yield _section(Block(Cid("raw", leaves.digest(index)), leaf(index)))


_NOT_OURS: Final = "Store the file with the profile unixfs-v1-2025 (ipfs config profile apply unixfs-v1-2025)."


def _walk(link: Link, block_of: Callable[[Cid], bytes], start: int, end: int | None, depth: int) -> Iterator[bytes]:
    if depth > _DEPTH:
        raise Invalid(f"a tree deeper than {_DEPTH} levels", next=_NOT_OURS)
    data = block_of(link.cid)
    size = file_size(link.cid, data)
    if link.file_bytes not in (-1, size):
        raise corrupt(link.cid, "not the size its parent names")
    if link.cid.codec == "raw":
        yield data[start:end]
        return
    at = 0
    for child in decode_node(data):
        first, last = start - at, None if end is None else end - at
        if first < child.file_bytes and (last is None or last > 0):
            yield from _walk(child, block_of, max(0, first), last, depth + 1)
        at += child.file_bytes


def _sizes(unixfs: bytes) -> list[int]:
    """How many bytes of the file each link holds. Source: UnixFS specification §Data."""
    head: dict[int, int] = {}
    sizes = []
    for number, value in _fields(unixfs):
        if not isinstance(value, int) or number not in (1, 3, 4) or number in head:
            raise Invalid("a file node carries more than its sizes", next=_NOT_OURS)
        if number == 4:
            sizes.append(value)
        else:
            head[number] = value
    if head != {1: _FILE_TYPE, 3: sum(sizes)}:
        raise Invalid("a file node whose sizes do not add up", next=_NOT_OURS)
    return sizes


def _section(block: Block) -> bytes:
    name = block.cid.encode()
    return _varint(len(name) + len(block.data)) + name + block.data


def _field(number: int, value: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Protobuf fields in order: varints and byte strings, nothing else."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        value, at = _read_varint(data, at)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2 and at + value <= len(data):
            yield key >> 3, data[at : at + value]
            at += value
        else:
            raise Invalid("not a dag-pb block", next=_NOT_OURS)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 63, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise Invalid("a cut or oversized number in a dag-pb block", next=_NOT_OURS)


def _link(data: bytes) -> tuple[Cid, int]:
    found = dict(_fields(data))
    name, total = found.get(1), found.get(3)
    if not isinstance(name, bytes) or not isinstance(total, int) or found.get(2, b"") != b"" or SHA2_256 not in name:
        raise Invalid("a link that is not one of a file's tree", next=_NOT_OURS)
    return decode(name), total
