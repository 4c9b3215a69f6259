"""Every route but content: parse, drive the gateway once, render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response

from indexer.gateway import GatewayNode, catalogue, deposits, leases, offers, sessions
from indexer.http import auth, bodies
from provenance.domain import fields, messages
from provenance.domain.batch import PATH, SessionEntry
from provenance.domain.hashes import sha256
from provenance.domain.messages import SEGMENT_HEADER
from provenance.errors import Invalid
from provenance.types import Bytes32, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def _limited(most: int) -> Callable[[Request], Awaitable[bytes]]:
    async def body(request: Request) -> bytes:
        return await bodies.limited(request, most)

    return body


Body = Annotated[bytes, Depends(_limited(bodies.JSON_BYTES))]
DepositBody = Annotated[bytes, Depends(_limited(bodies.DEPOSIT_BYTES))]
SegmentFile = Annotated[bytes, Depends(_limited(sessions.SEGMENT_BYTES))]


def routes(node: GatewayNode) -> APIRouter:
    """The routes of one gateway."""
    router = APIRouter()

    @router.get("/v1/key")
    def key() -> Response:
        return bodies.answer(node.key)

    for part in (_deposits, _leases, _usage, _lists):
        part(router, node)
    return router


def _deposits(router: APIRouter, node: GatewayNode) -> None:
    @router.post("/v1/deposits")
    def deposit(request: Request, body: DepositBody) -> Response:
        sender = auth.sender(node, request, sha256(body))
        given = bodies.read(messages.DepositRequest, body)
        reports = deposits.deposit(
            node,
            given.manifest,
            given.envelopes,
            sender=sender,
            authorization=given.authorization,
            dispute=given.dispute,
        )
        return bodies.answer(messages.DepositAnswer(reports), 201)

    @router.post("/v1/offers")
    def offer(body: Body) -> Response:
        offered = bodies.read(messages.OfferRequest, body).offer
        return bodies.answer(messages.OfferAnswer(offers.publish(node, offered)), 201)


def _leases(router: APIRouter, node: GatewayNode) -> None:
    @router.post("/v1/accesses")
    def open_lease(body: Body) -> Response:
        lease = leases.open_lease(node, bodies.read(messages.LeaseRequest, body))
        return bodies.answer(
            messages.LeaseAnswer(
                Bytes32(lease.access_id),
                leases.access_of(lease),
                Bytes32(lease.envelopes_root),
                UnixSeconds(lease.valid_until),
                lease.signature,
            ),
            201,
        )

    @router.get("/v1/accesses/{name}/envelopes")
    def envelopes(request: Request, name: str, path: str = "") -> Response:
        access_id = fields.word({"access": name}, "access")
        siblings = fields.words({"path": path.split(",") if path else []}, "path", most=PATH)
        lease, rows = leases.envelopes(node, access_id, auth.sender(node, request, sha256(b"")), siblings)
        keys = tuple(messages.RecordingKey(row.index, Bytes32(row.recording_id), row.envelope) for row in rows)
        return bodies.answer(messages.EnvelopesAnswer(leases.access_of(lease), keys))


def _usage(router: APIRouter, node: GatewayNode) -> None:
    @router.post("/v1/sessions")
    def session(body: Body) -> Response:
        opened = bodies.read(SessionEntry, body)
        return bodies.answer(messages.SessionAnswer(sessions.open_session(node, opened.session, opened.signature)), 201)

    @router.post("/v1/segments")
    def segment(request: Request, parquet: SegmentFile) -> Response:
        head = request.headers.get(SEGMENT_HEADER)
        if head is None:
            raise Invalid(f"the header {SEGMENT_HEADER} is missing", field=SEGMENT_HEADER)
        signed = bodies.read(messages.SignedSegment, head.encode("latin-1"))
        acked = sessions.put_segment(node, signed.segment, signed.signature, parquet)
        return bodies.answer(messages.SignedAck(acked.ack, acked.row.ack_signature, acked.missing))


def _lists(router: APIRouter, node: GatewayNode) -> None:
    @router.get("/v1/{kind}")
    def listing(request: Request, kind: str) -> Response:
        return bodies.answer(catalogue.page(node, kind, dict(request.query_params)))

    @router.get("/v1/{kind}/{name}")
    def row(kind: str, name: str) -> Response:
        return bodies.shown(catalogue.entry(node, kind, name))
