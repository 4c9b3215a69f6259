"""`PUT|GET|HEAD /v1/content/{cid}`: bytes under their address, sealed ones for whom they are meant."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from indexer.gateway import leases, uploads
from indexer.http import admission, auth, bodies
from indexer.http.admission import Admission, Received
from provenance.domain import cid, fields
from provenance.domain.hashes import sha256
from provenance.errors import Denied, Invalid

if TYPE_CHECKING:
    from indexer.gateway import GatewayNode
    from provenance.domain.cid import Cid

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
HEAD_BYTES: Final = 256


Sent = Annotated[Received, Depends(Admission(admission.CONTENT_BYTES, admission.content))]


class SealedContent(Denied):
    """Sealed audio, for its holder and those with a running lease."""

    next = "Open a lease with `access open`, then sign the request with the licensee's account."


class BadRange(Invalid):
    """A range outside the content."""

    next = "Ask for bytes within the content's size."
    http_status = 416


def routes(node: GatewayNode) -> APIRouter:
    """The content routes of one gateway."""
    router = APIRouter()

    @router.put("/v1/content/{name}")
    def put(name: str, sent: Sent) -> Response:
        address, document = cid.parse(name), _is_document(sent.file.read(HEAD_BYTES))
        sent.file.seek(0)
        size = uploads.keep(node, address, sent.file, sent.sender, document=document)
        return bodies.shown({"cid": str(address), "size": str(size)}, 201)

    @router.head("/v1/content/{name}")
    def head(name: str) -> Response:
        address = cid.parse(name)
        if not node.content.has(address):
            return Response(status_code=404)
        return Response(headers={"etag": f'"{address}"', "x-content-bytes": str(node.content.size(address))})

    @router.get("/v1/content/{name}")
    def get(request: Request, name: str) -> Response:
        address = cid.parse(name)
        size = node.content.size(address)
        public = not node.custody.sealed(str(address))
        if not public:
            _check_reader(node, request, address)
        start, length, partial = _asked(request.headers.get("range"), size)
        headers = {
            "etag": f'"{address}"',
            "accept-ranges": "bytes",
            "content-length": str(length),
            "cache-control": "public, max-age=31536000, immutable" if public else "private, no-store",
        }
        if partial:
            headers["content-range"] = f"bytes {start}-{start + length - 1}/{size}"
        stream = node.content.chunks(address, start=start, length=length)
        return StreamingResponse(stream, 206 if partial else 200, headers, "application/octet-stream")

    return router


def _is_document(head: bytes) -> bool:
    """Whether content begins as a JSON object in UTF-8; one sealed byte in 256 is a brace, so more is looked at."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return head[:1] == b"{"


def _check_reader(node: GatewayNode, request: Request, address: Cid) -> None:
    """The sender deposited it, holds it, or has a running lease of it that is on chain."""
    if not auth.is_signed(request):
        raise SealedContent("sealed audio needs a lease", cid=str(address))
    who = auth.sender(node, request, sha256(b""))
    if who in node.custody.senders(str(address)):
        return
    head = node.history.head()
    if not any(
        node.about(head, head.number, lease.license_id).ledger.access_by_id.get(leases.receipt_of(lease))
        for lease in node.leases.leases_over(str(address), who, node.clock.now())
    ):
        raise SealedContent(f"{fields.checksummed(who)} has no running lease of it on chain", cid=str(address))


def _asked(header: str | None, size: int) -> tuple[int, int, bool]:
    """(start, length, whether it is a part). Source: RFC 9110 §14.2; several ranges are answered whole."""
    match = _RANGE.match(header or "")
    if match is None or match[0] == "bytes=-":
        return 0, size, False
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise BadRange(f"{header} is outside the {size} bytes", size=size)
    return start, end - start + 1, True
