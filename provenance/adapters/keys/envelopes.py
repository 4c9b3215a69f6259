"""Envelopes of this party's own recordings: one file per object and key in `home/keys`.

An envelope opens only with the account's X25519 key; the files are for their owner alone all the
same, and those of an account go into its `account export`.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

from provenance.adapters import durable
from provenance.domain import canonical, fields
from provenance.errors import Missing, ProvenanceError
from provenance.types import Address, Bytes32


class KeyFolder:
    """The `Keys` port on a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, object_id: Bytes32, document: bytes, version: int = 1) -> None:
        """The document is on disk: written aside, synced, renamed."""
        path = self._path(object_id, version)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with durable.writing(path):
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                durable.replace(path, document, draft)
            except OSError:
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise

    def find(self, object_id: Bytes32, version: int = 1) -> bytes:
        """The document that was kept."""
        try:
            return self._path(object_id, version).read_bytes()
        except FileNotFoundError:
            raise Missing(
                f"no key of object 0x{object_id.hex()} is in {self._folder}",
                next="Use the home folder that uploaded it, or import its `account export`.",
                object=f"0x{object_id.hex()}",
            ) from None

    def paths_of(self, wallets: Collection[Address]) -> Iterator[Path]:
        """The files of the envelopes that only these accounts open."""
        sealed_to = [fields.shown(wallet) for wallet in wallets]
        for path in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(ProvenanceError):
                document = canonical.loads(path.read_bytes())
                if isinstance(document, dict) and document.get("wallet") in sealed_to:
                    yield path

    def drop(self, wallets: Collection[Address]) -> None:
        """The envelopes that only these accounts open are gone."""
        for path in self.paths_of(wallets):
            path.unlink()

    def _path(self, object_id: Bytes32, version: int) -> Path:
        return self._folder / (f"{object_id.hex()}.json" if version == 1 else f"{object_id.hex()}.{version}.json")
