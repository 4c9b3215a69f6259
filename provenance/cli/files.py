"""Documents that the user names: read within a limit, written where nothing is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from provenance.errors import Conflict, Invalid, Missing, Unavailable

T = TypeVar("T")
DOCUMENT_BYTES: Final = 64 << 20


def read(path: Path, limit_bytes: int = DOCUMENT_BYTES) -> bytes:
    """The bytes of a document.

    Raises:
        Missing: there is no such file.
        Invalid: it cannot be read, or is larger than any document.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise Missing(f"no file {path}", next="Check the path.", path=str(path)) from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    if len(content) > limit_bytes:
        raise Invalid(f"{path} is larger than {limit_bytes} bytes", path=str(path), limit=limit_bytes)
    return content


def document(path: Path, parse: Callable[[bytes], T], limit_bytes: int = DOCUMENT_BYTES) -> T:
    """What `parse` makes of a document; what is wrong with it is told with the file's name.

    Raises:
        Missing: there is no such file.
        Invalid: it cannot be read, or is no such document.
    """
    content = read(path, limit_bytes)
    try:
        return parse(content)
    except Invalid as error:
        raise type(error)(f"{path}: {error.detail}", next=error.next_step, **error.facts) from None


def fresh(path: Path) -> Path:
    """The same path, where nothing is yet and a file can be made: asked before what goes into it is signed.

    Raises:
        Conflict: something is there already.
        Unavailable: no file can be made there.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()
            raise Conflict(f"{path} exists already", next="Name another file; nothing is overwritten.", path=str(path))
        with tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())):
            return path
    except OSError as error:
        raise _unwritten(path, error) from error


def write(path: Path, content: bytes, *, replace: bool = False, private: bool = False) -> None:
    """The document is there.

    Args:
        private: nobody else of this machine reads it.

    Raises:
        Conflict: something is there already.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if private:
            path.touch(0o600, exist_ok=replace)
        with path.open("wb" if replace or private else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        fresh(path)
        raise _unwritten(path, error) from error
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"{path} cannot be written: {error.strerror}",
        next="Name a file in a folder that takes new files.",
        path=str(path),
    )
