"""Where does content live when there is no daemon?

One folder: a flat file per object under its address, beside the digests of its leaves
(`<cid>.leaves`, only where there is more than one). Writing is tmp, fsync, rename; reading hashes
every leaf before a byte of it leaves. Blocks and CARs are made on demand.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from provenance.adapters import durable
from provenance.adapters.content import unixfs
from provenance.adapters.content.faults import corrupt, missing, too_large
from provenance.adapters.content.unixfs import LEAF_BYTES, Leaves
from provenance.domain.cid import Cid, candidates
from provenance.errors import Conflict, Invalid
from provenance.types import Bytes32

DOCUMENT_BYTES: Final = 64 << 20
_LEAVES: Final = ".leaves"


class Embedded:
    """A content store in one folder, shared safely by any number of processes."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root
        self._tmp = root / "tmp"
        self._partial = root / "partial"
        with durable.writing(root):
            self._tmp.mkdir(parents=True, exist_ok=True)
            self._partial.mkdir(exist_ok=True)
        self._sweep()

    def put(self, data: bytes) -> Cid:
        """The bytes are on disk under the returned address."""
        return self.put_chunks([data])

    def put_file(self, path: Path) -> Cid:
        """A copy of the file is on disk under the returned address."""
        try:
            file = path.open("rb")
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
        with file:
            return self.put_chunks(iter(lambda: file.read(LEAF_BYTES), b""))

    def put_chunks(self, parts: Iterable[bytes], *, expected: Cid | None = None) -> Cid:
        """The stream is on disk under the returned address; memory is one leaf.

        Raises:
            ContentCorrupt: it is not the expected content; nothing was kept.
            Unwritable: the disk refused; nothing was kept.
        """
        with self._draft() as (file, path):
            leaves = unixfs.leaves_of(_copied(parts, file, self._root))
            cid = unixfs.root(leaves)
            if expected is not None and cid != expected:
                raise corrupt(expected, "other content was sent")
            with durable.writing(self._root):
                os.fsync(file.fileno())
                self._publish(cid, leaves, path)
        return cid

    def kept(self, cid: Cid) -> int:
        """How many bytes of an unfinished `receive` need not be sent again."""
        try:
            return (self._partial / str(cid)).stat().st_size // LEAF_BYTES * LEAF_BYTES
        except FileNotFoundError:
            return 0

    def receive(self, cid: Cid, parts: Iterable[bytes], *, start: int = 0, leaves: Leaves | None = None) -> None:
        """The content is on disk; an interrupted stream keeps its whole leaves for the next call.

        Args:
            parts: the bytes from `start`, which is what `kept` answered.
            leaves: where known, every leaf is checked as it comes.

        Raises:
            Conflict: another start than `kept`, or somebody else is receiving it.
            ContentCorrupt: it is other content; only leaves known to be good were kept.
        """
        path = self._partial / str(cid)
        with self._received(cid, path, start) as file:
            for index, leaf in enumerate(unixfs.rechunk(parts), start=start // LEAF_BYTES):
                if leaves is not None and hashlib.sha256(leaf).digest() != leaves.digest(index):
                    raise corrupt(cid, "another digest", index)
                _write(file, leaf, self._root)
            with durable.writing(self._root), path.open("rb") as whole:
                os.fsync(file.fileno())
                found = unixfs.leaves_of(iter(lambda: whole.read(LEAF_BYTES), b""))
                if unixfs.root(found) != cid:
                    path.unlink()
                    raise corrupt(cid, "other content was sent")
                self._publish(cid, found, path)

    def get(self, cid: Cid, *, limit: int = DOCUMENT_BYTES) -> bytes:
        """The bytes, every leaf hashed and matched."""
        size = self.size(cid)
        if size > limit:
            raise too_large(cid, size, limit)
        return b"".join(self.chunks(cid))

    def get_digest(self, digest: Bytes32, *, limit: int = DOCUMENT_BYTES) -> tuple[Cid, bytes]:
        """The content whose root block has this digest."""
        for cid in candidates(digest):
            if self.has(cid):
                return cid, self.get(cid, limit=limit)
        raise missing(candidates(digest)[0])

    def chunks(self, cid: Cid, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes [start, start + length), a leaf at a time, each hashed before it is given out.

        Raises:
            ContentMissing, ContentCorrupt: at once where the list of leaves shows it, else at that leaf.
        """
        if start < 0 or (length is not None and length < 0):
            raise Invalid(f"no range from {start} of {length} bytes")
        leaves = self.leaves(cid)
        end = leaves.size if length is None else min(leaves.size, start + length)
        return self._read(cid, leaves, start, end)

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start`, as other stores are asked for them."""
        return self.chunks(cid, start=start)

    def has(self, cid: Cid) -> bool:
        """Whether there is an object under this address (its bytes are checked when read)."""
        return self._path(cid).is_file()

    def size(self, cid: Cid) -> int:
        """The object's size in bytes."""
        return self.leaves(cid).size

    def remove(self, cid: Cid) -> None:
        """Nothing of it is left here, whether it was here before or not."""
        with durable.writing(self._root):
            for path in (self._path(cid), self._leaves_path(cid), self._partial / str(cid)):
                path.unlink(missing_ok=True)
            durable.sync_folder(self._root)

    def leaves(self, cid: Cid) -> Leaves:
        """The digests of the leaves; they make this very address.

        Raises:
            ContentCorrupt: neither the list nor the file itself makes it.
        """
        try:
            size = self._path(cid).stat().st_size
        except FileNotFoundError:
            raise missing(cid) from None
        if cid.codec == "raw":
            if size > LEAF_BYTES:
                raise corrupt(cid, f"{size} bytes in one leaf")
            return Leaves(cid.digest, size)
        with contextlib.suppress(FileNotFoundError, Invalid):
            leaves = Leaves(self._leaves_path(cid).read_bytes(), size)
            if unixfs.root(leaves) == cid:
                return leaves
        return self._relisted(cid)

    def car(self, cid: Cid) -> Iterator[bytes]:
        """The object as a CARv1, made on the way out."""
        leaves = self.leaves(cid)
        return unixfs.car(leaves, lambda index: b"".join(self.chunks(cid, start=index * LEAF_BYTES, length=LEAF_BYTES)))

    def _relisted(self, cid: Cid) -> Leaves:
        """The list of leaves made again from the file, where the file is good."""
        with self._path(cid).open("rb") as file:
            leaves = unixfs.leaves_of(iter(lambda: file.read(LEAF_BYTES), b""))
        if unixfs.root(leaves) != cid:
            raise corrupt(cid, "another root")
        with contextlib.suppress(OSError):  # a list that cannot be kept is made again next time
            self._write_leaves(cid, leaves)
        return leaves

    def _read(self, cid: Cid, leaves: Leaves, start: int, end: int) -> Iterator[bytes]:
        if start >= end and leaves.size:
            return
        try:
            file = self._path(cid).open("rb")
        except FileNotFoundError:
            raise missing(cid) from None
        with file:
            for index in range(start // LEAF_BYTES, max(1, -(-end // LEAF_BYTES))):
                at = index * LEAF_BYTES
                file.seek(at)
                leaf = file.read(leaves.bytes_of(index))
                if hashlib.sha256(leaf).digest() != leaves.digest(index):
                    raise corrupt(cid, f"leaf {index}", index)
                yield leaf[max(0, start - at) : end - at]

    def _publish(self, cid: Cid, leaves: Leaves, draft: Path) -> None:
        self._write_leaves(cid, leaves)
        draft.rename(self._path(cid))
        durable.sync_folder(self._root)

    def _write_leaves(self, cid: Cid, leaves: Leaves) -> None:
        if cid.codec == "dag-pb":
            with self._draft() as (file, path):
                _write(file, leaves.digests, self._root)
                os.fsync(file.fileno())
                path.rename(self._leaves_path(cid))

    @contextlib.contextmanager
    def _draft(self) -> Iterator[tuple[FileIO, Path]]:
        """A new file that nobody sees, gone afterwards unless it was renamed."""
        path = self._tmp / uuid.uuid4().hex
        with contextlib.ExitStack() as held:
            with durable.writing(self._root):
                held.enter_context(self._lock(fcntl.LOCK_SH))
                held.callback(path.unlink, missing_ok=True)
                file = held.enter_context(path.open("xb", buffering=0))
            yield file, path

    @contextlib.contextmanager
    def _received(self, cid: Cid, path: Path, start: int) -> Iterator[FileIO]:
        """What was received so far, cut to `start`, for this process alone."""
        with contextlib.ExitStack() as held:
            with durable.writing(self._root):
                file = held.enter_context(path.open("ab", buffering=0))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise Conflict(f"{cid} is being received already", next="Wait for it.", cid=str(cid)) from error
                if start != self.kept(cid):
                    raise Conflict(f"{self.kept(cid)} bytes of {cid} are kept, not {start}", cid=str(cid))
                file.truncate(start)
            yield file

    @contextlib.contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        with (self._root / "tmp.lock").open("ab") as file:
            fcntl.flock(file, kind)
            yield

    def _sweep(self) -> None:
        """No draft of a killed process is left, unless somebody is writing at this moment."""
        with contextlib.suppress(OSError), self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for path in self._tmp.iterdir():
                path.unlink(missing_ok=True)

    def _path(self, cid: Cid) -> Path:
        return self._root / str(cid)

    def _leaves_path(self, cid: Cid) -> Path:
        return self._root / (str(cid) + _LEAVES)


def _copied(parts: Iterable[bytes], file: FileIO, root: Path) -> Iterator[bytes]:
    for part in parts:
        _write(file, part, root)
        yield part


def _write(file: FileIO, data: bytes, root: Path) -> None:
    """All of it is written: an unbuffered file may take less at a time."""
    view = memoryview(data)
    with durable.writing(root):
        while view:
            view = view[file.write(view) :]
