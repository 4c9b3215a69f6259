"""Secrets in files: for their owner alone, made exclusively, read back with suspicion."""

from __future__ import annotations

import base64
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from provenance.adapters import durable
from provenance.adapters.keys import v3
from provenance.domain import canonical
from provenance.errors import Conflict, Denied, Invalid, Missing

EXPORT: Final = "provenance/account"
_FILE_BYTES_MAX: Final = 1 << 16
_EXPORT_BYTES_MAX: Final = 1 << 26


class ReadableByOthers(Denied):
    """A secret lies in a file that other users of the machine can read."""

    next = "Run `chmod 600` on it; if others may have read it, use a new key."


class WrongPassword(Denied):
    """The password does not open the key."""

    next = "Try again; without its password a key cannot be recovered."


@dataclass(frozen=True, slots=True)
class OpenedKeyFile:
    """What a key file held."""

    key: bytes
    envelope_key: bytes | None
    content_keys: tuple[tuple[str, bytes], ...]

    def restore_content_keys(self, folder: Path) -> None:
        """The holder's own envelopes lie under `folder` again; what is there already stays."""
        for name, envelope in self.content_keys:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                durable.create(path, envelope)


def open_file(path: Path, password: bytes) -> OpenedKeyFile:
    """The private key of another tool's V3 file, or all keys of our own export."""
    try:
        body: Any = _parsed(_read_private(path, _EXPORT_BYTES_MAX))
        ours = isinstance(body, dict) and body.get("format") == EXPORT
        account = v3.parse(body["account"] if ours else body)
        beside = v3.parse(body["envelopeKey"]) if ours and "envelopeKey" in body else None
        kept = body.get("contentKeys", {}) if ours else {}
        content_keys = tuple(
            (_inside(name), base64.b64decode(envelope, validate=True)) for name, envelope in kept.items()
        )
    except (AttributeError, KeyError, TypeError, ValueError, canonical.BadDocument):
        raise Invalid(f"{path} is no V3 keystore", next="Name a file of Foundry, Brownie or geth.") from None
    return OpenedKeyFile(
        decrypt(account, password, path.name),
        decrypt(beside, password, path.name) if beside else None,
        content_keys,
    )


def _inside(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or any(part in {"..", "/"} or "\0" in part for part in parts):
        raise ValueError("a name that leaves the folder")
    return name


def read_secret(path: Path) -> bytes:
    """The first line of a file that is for its owner alone, without its line end.

    Raises:
        Missing: there is no such file.
        ReadableByOthers: other users can read it.
    """
    return _read_private(path).split(b"\n", 1)[0].rstrip(b"\r")


def document(path: Path) -> v3.Document:
    """The V3 document of a file that is for its owner alone."""
    try:
        return v3.parse(_parsed(_read_private(path)))
    except (ValueError, canonical.BadDocument):
        raise Invalid(f"{path} is no keystore", next="Remove it from the folder.", path=str(path)) from None


def _parsed(octets: bytes) -> Any:
    """JSON in the encoding that it is in: editors and shells of Windows write a mark before it, or UTF-16."""
    return canonical.loads(octets.decode(json.detect_encoding(octets)).encode(), _EXPORT_BYTES_MAX)


def _read_private(path: Path, limit_bytes: int = _FILE_BYTES_MAX) -> bytes:
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if stat.S_ISREG(about.st_mode) and about.st_mode & 0o077:
                raise ReadableByOthers(f"{path} can be read by others", path=str(path))
            return file.read(limit_bytes)
    except FileNotFoundError:
        raise Missing(f"no file {path}", path=str(path)) from None
    except (IsADirectoryError, PermissionError) as error:
        raise Invalid(f"cannot read {path}: {error.strerror}", path=str(path)) from None


def write_new(path: Path, document: v3.Document) -> None:
    """The file holds `document` and did not exist before; only its owner can read it."""
    with durable.writing(path):
        try:
            durable.create(path, json.dumps(document).encode())
        except FileExistsError:
            raise Conflict(f"{path} exists already", next="Choose another name.", path=str(path)) from None


def decrypt(document: v3.Document, password: bytes, name: str) -> bytes:
    """The key in `document`, or `WrongPassword` with the account's name."""
    key = v3.decrypt(document, password)
    if key is None:
        raise WrongPassword(f"wrong password for account {name}", account=name)
    return key
