"""Bodies: those of requests, bounded, and the answers."""

from __future__ import annotations

import hashlib
import tempfile
from typing import IO, TYPE_CHECKING, Final, TypeVar

from fastapi import Request, Response

from indexer.http.problems import TooLarge
from provenance.domain import canonical, fields, record
from provenance.types import Bytes32, Json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from _typeshed import DataclassInstance


T = TypeVar("T")
JSON_BYTES: Final = 16 << 20
DEPOSIT_BYTES: Final = 64 << 20  # an envelope for each of a manifest's 131,072 recordings
CONTENT_BYTES: Final = 16 << 30
SPOOL_BYTES: Final = 8 << 20  # a larger body goes through the disk
_PIECE: Final = 1 << 20


async def limited(request: Request, most: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: more than `most` bytes, told or sent.
    """
    return b"".join([part async for part in _counted(request, most)])


async def spooled(request: Request, most: int = CONTENT_BYTES) -> tuple[IO[bytes], Bytes32]:
    """A large body in a nameless file, read from its beginning, and its SHA-256."""
    file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - the route closes it
    digest = hashlib.sha256()
    try:
        async for part in _counted(request, most):
            digest.update(part)
            file.write(part)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, Bytes32(digest.digest())


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes from where it stands."""
    while piece := file.read(_PIECE):
        yield piece


def read(cls: type[T], body: bytes) -> T:
    """The message in a body.

    Raises:
        Invalid: not one, or readable in two ways.
    """
    return record.read(cls, fields.mapping({"body": canonical.loads(body, DEPOSIT_BYTES)}, "body"))


def answer(message: DataclassInstance, status: int = 200) -> Response:
    """A message as an answer."""
    return shown(record.write(message), status)


def shown(document: Mapping[str, Json], status: int = 200) -> Response:
    """A JSON answer."""
    return Response(canonical.dumps(document), status, media_type="application/json")


async def _counted(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body's parts, no more than `most` bytes, told or sent."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge(f"{int(announced)} bytes, at most {most}", limit=most)
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"more than {most} bytes", limit=most)
        yield part
