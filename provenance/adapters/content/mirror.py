"""Which of several stores has a good copy?

Reads go to the local store first; what is missing or corrupt there is fetched from the others in
order, matched, and kept. A source that served wrong bytes goes to the end of the line. Writes are
local.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from provenance.adapters.content.embedded import DOCUMENT_BYTES, Embedded
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing, corrupt, missing
from provenance.adapters.content.gateway import ContentClosed, SourceUnusable
from provenance.adapters.content.unixfs import decode_node
from provenance.domain.cid import Cid, candidates
from provenance.errors import Failed, Invalid
from provenance.types import Bytes32


class Source(Protocol):
    """Somewhere else that may hold content."""

    @property
    def name(self) -> str: ...

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]: ...

    def has(self, cid: Cid) -> bool: ...


class Mirror:
    """The local store, backed by other places."""

    def __init__(self, local: Embedded, sources: Iterable[Source]) -> None:
        self._local = local
        self._sources = list(sources)
        self.wrong: list[tuple[str, Cid]] = []
        """Who served (or keeps) other bytes under an address, in the order it was noticed."""

    def put(self, data: bytes) -> Cid:
        """The bytes are on the local disk."""
        return self._local.put(data)

    def put_file(self, path: Path) -> Cid:
        """A copy of the file is on the local disk."""
        return self._local.put_file(path)

    def put_chunks(self, parts: Iterable[bytes]) -> Cid:
        """The stream is on the local disk; memory is one leaf."""
        return self._local.put_chunks(parts)

    def get(self, cid: Cid, *, limit: int = DOCUMENT_BYTES) -> bytes:
        """The bytes of the first good copy.

        Raises:
            ContentCorrupt: only wrong copies exist.
            ContentMissing: no copy was found.
        """
        try:
            return self._local.get(cid, limit=limit)
        except (ContentMissing, ContentCorrupt) as error:
            self._repair(cid, error)
        return self._local.get(cid, limit=limit)

    def get_digest(self, digest: Bytes32, *, limit: int = DOCUMENT_BYTES) -> tuple[Cid, bytes]:
        """The content whose root block has this digest."""
        wrong: ContentCorrupt | None = None
        for cid in sorted(candidates(digest), key=lambda cid: not self._local.has(cid)):
            try:
                data = self.get(cid, limit=limit)
            except ContentMissing:
                continue
            except ContentCorrupt as error:
                wrong = error
                continue
            if cid.codec == "raw" and _is_node(data):
                # A server that keys blocks by digest alone answers a tree's root as a raw block.
                self._local.remove(cid)
                continue
            return cid, data
        raise wrong or missing(candidates(digest)[0])

    def chunks(self, cid: Cid, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes [start, start + length); a leaf that is corrupt here is fetched elsewhere first."""
        try:
            parts = self._local.chunks(cid, start=start, length=length)
        except (ContentMissing, ContentCorrupt) as error:
            self._repair(cid, error)
            return self._local.chunks(cid, start=start, length=length)
        return self._healing(cid, parts, start, length)

    def has(self, cid: Cid) -> bool:
        """Whether it is here or some source says it has it."""
        return self._local.has(cid) or any(source.has(cid) for source in self._sources)

    def size(self, cid: Cid) -> int:
        """The object's size in bytes, after it was fetched where it was not here."""
        try:
            return self._local.size(cid)
        except (ContentMissing, ContentCorrupt) as error:
            self._repair(cid, error)
        return self._local.size(cid)

    def remove(self, cid: Cid) -> None:
        """Nothing of it is left locally."""
        self._local.remove(cid)

    def _healing(self, cid: Cid, parts: Iterator[bytes], start: int, length: int | None) -> Iterator[bytes]:
        done = 0
        try:
            for part in parts:
                yield part
                done += len(part)
        except ContentCorrupt as error:
            self._repair(cid, error)
            yield from self._local.chunks(cid, start=start + done, length=None if length is None else length - done)

    def _repair(self, cid: Cid, fault: ContentMissing | ContentCorrupt) -> None:
        """A good copy is on the local disk, or the reason why there is none is raised."""
        wrong, silent = [], []
        if isinstance(fault, ContentCorrupt):
            wrong.append(self._local.name)
            self.wrong.append((self._local.name, cid))
        for source in tuple(self._sources):
            try:
                self._fetch(cid, source)
            except ContentMissing:
                continue
            except (Failed, Invalid):
                wrong.append(source.name)
                self._blame(source, cid)
            except (SourceUnusable, ContentClosed) as error:
                silent.append(error)
            else:
                return
        if wrong:
            raise corrupt(cid, f"no good copy, other bytes at {', '.join(wrong)}") from fault
        raise _unanswered(cid, silent) if silent else fault

    def _fetch(self, cid: Cid, source: Source) -> None:
        kept = self._local.kept(cid)
        try:
            self._local.receive(cid, source.stream(cid, start=kept), start=kept)
        except Failed:
            if not kept:
                raise
            # The leaves kept from somebody else may have been the wrong ones: ask for all of it.
            self._local.receive(cid, source.stream(cid))

    def _blame(self, source: Source, cid: Cid) -> None:
        self.wrong.append((source.name, cid))
        self._sources.remove(source)
        self._sources.append(source)


def _unanswered(cid: Cid, errors: list[SourceUnusable | ContentClosed]) -> ContentMissing | ContentClosed:
    """Why nobody gave it: a lease is asked for, else who did not answer."""
    for error in errors:
        if isinstance(error, ContentClosed):
            return error
    said = "; ".join(error.detail for error in errors)
    return ContentMissing(f"no content under {cid}; no proper answer: {said}", cid=str(cid))


def _is_node(data: bytes) -> bool:
    try:
        decode_node(data)
    except Invalid:
        return False
    return True
