"""A content store in memory that can lose and corrupt what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.adapters.content import unixfs
from provenance.adapters.content.faults import corrupt, missing, too_large
from provenance.domain.cid import Cid, candidates
from provenance.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from provenance.types import Bytes32


class MemoryContent:
    """Keeps the promises of the `Content` port; misbehaves only where it is told to."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.objects: dict[Cid, bytes] = {}
        self.asked: list[tuple[Cid, int]] = []

    def put(self, data: bytes) -> Cid:
        cid = unixfs.address([data])
        self.objects[cid] = bytes(data)
        return cid

    def put_file(self, path: Path) -> Cid:
        try:
            return self.put(path.read_bytes())
        except OSError as error:
            raise Invalid(f"{path} cannot be read") from error

    def put_chunks(self, parts: Iterable[bytes], *, expected: Cid | None = None) -> Cid:
        data = b"".join(parts)
        if expected not in (None, unixfs.address([data])):
            raise corrupt(expected, "other content was sent")  # type: ignore[arg-type]
        return self.put(data)

    def get(self, cid: Cid, *, limit: int = 64 << 20) -> bytes:
        if self.size(cid) > limit:
            raise too_large(cid, self.size(cid), limit)
        return b"".join(self.chunks(cid))

    def get_digest(self, digest: Bytes32, *, limit: int = 64 << 20) -> tuple[Cid, bytes]:
        for cid in candidates(digest):
            if self.has(cid):
                return cid, self.get(cid, limit=limit)
        raise missing(candidates(digest)[0])

    def chunks(self, cid: Cid, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if start < 0 or (length is not None and length < 0):
            raise Invalid("no such range")
        data = self._object(cid)
        if unixfs.address([data]) != cid:
            raise corrupt(cid, "another root")
        return unixfs.rechunk([data[start : None if length is None else start + length]])

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        """As a source: whatever is held, unchecked."""
        self.asked.append((cid, start))
        return unixfs.rechunk([self._object(cid)[start:]])

    def has(self, cid: Cid) -> bool:
        return cid in self.objects

    def size(self, cid: Cid) -> int:
        return len(self._object(cid))

    def remove(self, cid: Cid) -> None:
        self.objects.pop(cid, None)

    def flip(self, cid: Cid, at: int) -> None:
        """One byte is another one from now on."""
        data = bytearray(self.objects[cid])
        data[at] ^= 1
        self.objects[cid] = bytes(data)

    def _object(self, cid: Cid) -> bytes:
        if cid not in self.objects:
            raise missing(cid)
        return self.objects[cid]
