"""Downloads: licensed recordings as files, byte for byte what was sealed.

What may be read is opened by `access`; a file that is there already, whole, is left.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.app import license as licenses
from provenance.app.access import AccessWorld, LicensedUse, open_lease, secret_of
from provenance.app.ports import Opening
from provenance.domain.manifest import Recording, recording_id
from provenance.domain.sealed import SEGMENT_BYTES, Secret, plaintext_commitment
from provenance.errors import Invalid
from provenance.types import Json, RecordingId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LicensedFile:
    """One recording on disk, and the id that usage names it by."""

    recording_id: RecordingId
    path: Path


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What is on disk now."""

    files: tuple[LicensedFile, ...]
    there_before: int
    """How many of the files were there before, whole."""
    refused: tuple[dict[str, Json], ...]


def download(world: AccessWorld, use: LicensedUse, out: Path, names: tuple[str, ...] = ()) -> Downloaded:
    """The recordings are files in `out`, byte for byte what was sealed; what is there already is left.

    Raises:
        Denied: as `open_lease`.
        Failed: the key or the audio is not what the manifest commits to; no such file is left behind.
    """
    opened = open_lease(world, use, names)
    license_ = licenses.find(world.chain, use.license_id)
    envelopes = {index: envelope for lease in opened.leases for index, envelope in lease.envelopes.items()}
    out.mkdir(parents=True, exist_ok=True)
    files, before = [], 0
    recordings = [opened.dataset.serving(index) for index in opened.opened]
    world.progress.phase("download", sum(recording.sealed.header.sealed_bytes for recording in recordings))
    for recording, path in places(recordings, out):
        secret = secret_of(world, license_, recording, envelopes[recording.index])
        if _is_there(path, recording, secret):
            before += 1
        else:
            _fetch(world, recording, world.cipher.opening(recording.sealed, secret), path)
        files.append(LicensedFile(recording_id(opened.dataset.id, recording.index), path))
        world.progress.advance(recording.sealed.header.sealed_bytes)
    return Downloaded(tuple(files), before, opened.refused)


def places(recordings: list[Recording], out: Path) -> Iterator[tuple[Recording, Path]]:
    """Where each recording goes, each under a name of its own: if one stands twice, all get their numbers in front."""
    names = [recording.name.replace("\\", "/").rpartition("/")[2] for recording in recordings]
    apart = len({name.casefold() for name in names}) == len(names)
    for recording, name in zip(recordings, names, strict=True):
        if name in ("", ".", "..") or name.startswith("."):
            raise Invalid(f"recording {recording.index} has a name that cannot be a file", recording=recording.index)
        yield recording, out / (name if apart else f"{recording.index + 1:04}-{name}")


def _is_there(path: Path, recording: Recording, secret: Secret) -> bool:
    """Whether the file holds exactly this recording."""
    try:
        if path.stat().st_size != recording.sealed.header.plaintext_bytes:
            return False
        with path.open("rb") as file:
            segments = iter(lambda: file.read(SEGMENT_BYTES), b"")
            return plaintext_commitment(segments, secret.salt) == recording.sealed.plaintext_commitment
    except FileNotFoundError:
        return False


def _fetch(world: AccessWorld, recording: Recording, opening: Opening, path: Path) -> None:
    """The recording is in the file: ciphertext matched to its address, then every segment to its key."""
    sealed, draft = path.with_name(f".{path.name}.sealed"), path.with_name(f".{path.name}.part")
    try:
        world.gateway.save_content(recording.cid, sealed)
        with sealed.open("rb") as source, draft.open("wb") as target:
            for segment in opening.open(iter(lambda: source.read(1 << 20), b"")):
                target.write(segment)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(path)
    finally:
        sealed.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
