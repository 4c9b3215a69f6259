"""Bodies: the messages that requests carry, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from fastapi import Response

from indexer.http.problems import TooLarge
from provenance.domain import canonical, fields, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

    from provenance.types import Json


T = TypeVar("T")
VALUES: Final = 110_000  # a request for 100,000 recordings; 1 MiB of JSON may name six times as many
DEPOSIT_VALUES: Final = 1_200_000  # 262,144 envelopes; 64 MiB may name forty times as many


def read(cls: type[T], body: bytes, most: int = VALUES) -> T:
    """The message in a body; its values are counted before any is made.

    Raises:
        Invalid: not one, readable in two ways, or of more values than any message has.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > most:
        raise TooLarge(f"more than {most} values", limit=most)
    return record.read(cls, fields.mapping({"body": canonical.loads(body)}, "body"))


def answer(message: DataclassInstance, status: int = 200) -> Response:
    """A message as an answer."""
    return shown(record.write(message), status)


def shown(document: Mapping[str, Json], status: int = 200) -> Response:
    """A JSON answer."""
    return Response(canonical.dumps(document), status, media_type="application/json")
