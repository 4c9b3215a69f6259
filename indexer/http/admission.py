"""Admission: what is decided about a request from its headers alone, before a byte of its body is read.

- A body has a length, within its route's limit, which is kilobytes where its document is.
- Its sender has signed for its digest: `Authorization` over method, target and `Content-Digest`; a segment's own header
  does the same. Sessions and offers, which are small, carry their signatures in themselves.
- What is read afterwards is exactly that: other bytes are refused.

A refusal closes the connection where much is still to come, so that nobody sends what nobody reads.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation of `Admission.__call__`
from starlette.concurrency import run_in_threadpool

from indexer.gateway import sessions, uploads
from indexer.http import auth, bodies
from indexer.http.problems import TooLarge
from provenance.domain import cid, messages
from provenance.errors import Invalid
from provenance.types import Address, Bytes32

if TYPE_CHECKING:
    from indexer.gateway import GatewayNode

SESSION_BYTES: Final = 16 << 10  # a session has 800, signature included
OFFER_BYTES: Final = 16 << 10
ACCESS_BYTES: Final = 1 << 20  # 100,000 indexes of five digits, and the signatures
DEPOSIT_BYTES: Final = 64 << 20  # an envelope for each of a manifest's 131,072 recordings
CONTENT_BYTES: Final = 16 << 30
SPOOL_BYTES: Final = 8 << 20  # a larger body goes through the disk
_DIGEST: Final = re.compile(r"(?:.*,)?\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,.*)?\Z")


class LengthNeeded(Invalid):
    """A body whose length is not told before it."""

    next = "Send Content-Length; bodies in chunks are not read."
    http_status = 411


class DigestNeeded(Invalid):
    """A signed body whose digest is not told before it."""

    next = "Send `Content-Digest: sha-256=:…:` (RFC 9530), the digest that the signature covers."


class OtherBody(Invalid):
    """The body is not the one that its headers announced."""

    next = "Send the request again; if it repeats, something between changes it."


@dataclass(frozen=True, slots=True)
class Announced:
    """Who sends a body, and which; None where the document itself will say it."""

    sender: Address | None = None
    sha256: Bytes32 | None = None
    room: AbstractContextManager[None] | None = None
    """Held until the body was dealt with."""


@dataclass(frozen=True, slots=True)
class Received:
    """A body as it was announced, from its beginning; the file is gone when its route has answered."""

    announced: Announced
    file: IO[bytes]

    @property
    def sender(self) -> Address:
        """The account that signed.

        Raises:
            Unsigned: nobody did.
        """
        if self.announced.sender is None:
            raise auth.Unsigned("the sender of this request must be known")
        return self.announced.sender


@dataclass(frozen=True, slots=True)
class Admission:
    """One route's way in: how long a body may be, and what its headers must say (node, request, length → who, what)."""

    most_bytes: int
    check: Callable[[GatewayNode, Request, int], Announced]

    async def __call__(self, request: Request) -> AsyncIterator[Received]:
        """The body, once its headers were found good.

        Raises:
            LengthNeeded, TooLarge, OtherBody: about the body; what `check` raises, about its sender.
        """
        request.state.unread = True
        length = self._length(request)
        announced = await run_in_threadpool(self.check, request.app.state.node, request, length)
        request.state.unread = False
        with announced.room or nullcontext(), tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            digest = hashlib.sha256()
            async for part in request.stream():
                digest.update(part)
                file.write(part)
            if announced.sha256 not in (None, digest.digest()):
                raise OtherBody(f"{file.tell()} bytes came with SHA-256 0x{digest.hexdigest()}")
            file.seek(0)
            yield Received(announced, file)

    def _length(self, request: Request) -> int:
        header = request.headers.get("content-length", "")
        if not header.isdigit():
            raise LengthNeeded("the length of the body is not in its headers")
        if int(header) > self.most_bytes:
            raise TooLarge(f"{int(header)} bytes, at most {self.most_bytes}", limit=self.most_bytes)
        return int(header)


def signed(node: GatewayNode, request: Request, _length: int) -> Announced:
    """By the account in `Authorization`, which signed for this body's digest."""
    match = _DIGEST.match(request.headers.get("content-digest", ""))
    if match is None and auth.is_signed(request):
        raise DigestNeeded("the digest of the body is not in its headers")
    digest = Bytes32(base64.b64decode(match[1])) if match else Bytes32(bytes(32))
    return Announced(auth.sender(node, request, digest), digest)


def content(node: GatewayNode, request: Request, length: int) -> Announced:
    """The same, for content under a readable address, if there is room for it."""
    address = cid.parse(request.path_params["name"])
    announced = signed(node, request, length)
    return Announced(announced.sender, announced.sha256, uploads.room(node, address, length))


def segment(node: GatewayNode, request: Request, _length: int) -> Announced:
    """By the session key that signed the segment in the header, which names its file's digest."""
    head = signed_segment(request)
    sessions.sender(node, head.segment, head.signature)
    return Announced(sha256=head.segment.sha256)


def signed_segment(request: Request) -> messages.SignedSegment:
    """The segment that the header carries.

    Raises:
        Invalid: there is none, or it cannot be read.
    """
    head = request.headers.get(messages.SEGMENT_HEADER)
    if head is None:
        raise Invalid(f"the header {messages.SEGMENT_HEADER} is missing", field=messages.SEGMENT_HEADER)
    return bodies.read(messages.SignedSegment, head.encode("latin-1"))


def itself(_node: GatewayNode, _request: Request, _length: int) -> Announced:
    """By whoever signed the document: it is small, and says so itself."""
    return Announced()
