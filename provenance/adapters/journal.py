"""A journal: how far a wallet came, in an append-only file of JSON lines.

What `append` returned from is on disk. A line that a crash cut short never happened: it is dropped
when the file is opened again. One process writes at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from provenance.adapters import durable
from provenance.errors import Conflict, Failed
from provenance.types import Json


class JournalBusy(Conflict):
    """Another process writes this journal."""

    next = "Wait for the other command to end, then repeat this one."


class JournalDamaged(Failed):
    """A line in the middle of the journal is not JSON."""

    next = "Restore the file from a backup, or move it away to begin anew; nothing registered is lost."


class FileJournal:
    """The `Journal` port on one file, locked while it is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with durable.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise JournalBusy(f"{path} is in use", path=str(path)) from None
        self._drop_torn_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Another process may write."""
        os.close(self._file)

    def append(self, entry: dict[str, Json]) -> None:
        """The entry is on disk."""
        line = (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "strict")
        with durable.writing(self._path):
            try:
                durable.write(self._file, line)
            except OSError:
                self._drop_torn_line()
                raise

    def entries(self) -> Iterator[dict[str, Json]]:
        """Every entry, oldest first.

        Raises:
            JournalDamaged: a line that is none.
        """
        yield from read(self._path)

    def _drop_torn_line(self) -> None:
        size = os.lseek(self._file, 0, os.SEEK_END)
        whole = size
        while whole and os.pread(self._file, 1, whole - 1) != b"\n":
            whole -= 1
        if whole != size:
            os.ftruncate(self._file, whole)
            os.fsync(self._file)


def read(path: Path) -> Iterator[dict[str, Json]]:
    """The entries of a journal without locking it; none if there is no file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # cut short by a crash: it never happened
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                raise JournalDamaged(f"{path} line {number} is no entry", path=str(path), line=number)
            yield entry
