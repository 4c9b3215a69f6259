"""Writes that are on disk: all was written, and the disk has answered for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance.errors import Unavailable


class Unwritable(Unavailable):
    """The disk is full, read-only or gone; what was stored before is untouched."""

    next = "Free space or correct the folder's permissions, then repeat; nothing half-written is visible."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the disk refuses meanwhile is told as `Unwritable`, with the file or folder that was written."""
    try:
        yield
    except OSError as error:
        raise Unwritable(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from None


def write(handle: int, content: bytes) -> None:
    """All of it is in the open file, and the file on disk: a write may take less than it was given.

    Raises:
        OSError: the disk is full or gone; a part may have been written.
    """
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
    os.fsync(handle)


def create(path: Path, content: bytes, *, exclusive: bool = True) -> None:
    """The file is on disk, for its owner's eyes only.

    Args:
        path: in a folder that exists.
        data: all that the file holds.
        exclusive: refuse where a file is already; else it is overwritten.

    Raises:
        OSError: it could not be written; FileExistsError where one was there.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_EXCL if exclusive else os.O_TRUNC), 0o600)
    try:
        write(handle, content)
    finally:
        os.close(handle)


def replace(path: Path, content: bytes, draft: Path) -> None:
    """The file holds the data, whole or as it was before; `draft` lies in the same folder meanwhile."""
    create(draft, content, exclusive=False)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """The folder's names are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
