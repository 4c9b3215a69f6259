"""A Meter's session on disk: one folder of its journal, its segment files and its key.

The key is short-lived and bounded by the session's maxUnits; it is readable by its owner only and is
removed once everything is acknowledged.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from provenance.adapters import durable, segments
from provenance.adapters.journal import FileJournal
from provenance.adapters.keys.keystore import KeySigner
from provenance.domain.usage import Use
from provenance.errors import Invalid, Missing

_JOURNAL, _KEY = "queue.jsonl", "session.key"


class FolderQueue:
    """The journal and the `SegmentFiles` of one session, locked while open."""

    def __init__(self, folder: Path, *, new: bool = False) -> None:
        if not new and not (folder / _JOURNAL).is_file():
            raise Missing(f"{folder} is no queue of a Meter", path=str(folder))
        self.folder = folder
        self.journal = FileJournal(folder / _JOURNAL)
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Another process may go on with it; twice is once."""
        if self._open:
            self._open = False
            self.journal.close()

    def keep_key(self, key: bytes) -> KeySigner:
        """The session's key is on disk, for its owner's eyes only; there was none before."""
        _write(self.folder / _KEY, key, exclusive=True)
        return KeySigner(key)

    def key(self) -> KeySigner | None:
        """The session's key, until everything was acknowledged."""
        try:
            return KeySigner((self.folder / _KEY).read_bytes())
        except FileNotFoundError:
            return None

    def forget_key(self) -> None:
        """The session can sign no more."""
        (self.folder / _KEY).unlink(missing_ok=True)

    def discard(self) -> None:
        """The folder is gone: the session was never opened."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, uses: Sequence[Use]) -> bytes:
        """The uses' Parquet file."""
        return segments.write(uses)

    def keep(self, name: str, data: bytes) -> None:
        """The file is on disk under this name."""
        _write(self.folder / _inside(name), data, exclusive=False)

    def load(self, name: str) -> bytes:
        """A kept file."""
        try:
            return (self.folder / _inside(name)).read_bytes()
        except FileNotFoundError:
            raise Missing(f"{self.folder / name} is gone", path=str(self.folder / name)) from None


def waits(folder: Path) -> bool:
    """Whether the queue in this folder has something left to hand over."""
    return (folder / _KEY).exists()


def _inside(name: str) -> str:
    if "/" in name or "\\" in name or name.startswith("."):
        raise Invalid(f"{name!r} is no file of a queue", field="file")
    return name


def _write(path: Path, data: bytes, *, exclusive: bool) -> None:
    """The file is on disk, whole or not at all."""
    with durable.writing(path):
        if exclusive:
            durable.create(path, data)
            durable.sync_folder(path.parent)
        else:
            durable.replace(path, data, path.with_name(path.name + ".tmp"))
