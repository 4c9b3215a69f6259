"""Every route but content: parse, drive the gateway once, render."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response

from indexer.gateway import catalogue, deposits, leases, offers, sessions
from indexer.http import admission, auth, bodies
from indexer.http.admission import Admission, Received
from provenance.domain import fields, messages
from provenance.domain.batch import PATH, SessionEntry
from provenance.domain.hashes import sha256
from provenance.types import Bytes32, UnixSeconds

if TYPE_CHECKING:
    from indexer.gateway import GatewayNode


Session = Annotated[Received, Depends(Admission(admission.SESSION_BYTES, admission.itself))]
Offer = Annotated[Received, Depends(Admission(admission.OFFER_BYTES, admission.itself))]
Access = Annotated[Received, Depends(Admission(admission.ACCESS_BYTES, admission.signed))]
Deposit = Annotated[Received, Depends(Admission(admission.DEPOSIT_BYTES, admission.signed))]
SegmentFile = Annotated[Received, Depends(Admission(sessions.SEGMENT_BYTES, admission.segment))]


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
    parsing = threading.Lock()  # one at a time: 64 MiB of JSON take some 300 MiB while they are read

    @router.post("/v1/deposits")
    def deposit(sent: Deposit) -> Response:
        with parsing:
            given = bodies.read(messages.DepositRequest, sent.file.read(), bodies.DEPOSIT_VALUES)
        reports = deposits.deposit(
            node,
            given.manifest,
            given.envelopes,
            sender=sent.sender,
            authorization=given.authorization,
            dispute=given.dispute,
        )
        return bodies.answer(messages.DepositAnswer(reports), 201)

    @router.post("/v1/offers")
    def offer(sent: Offer) -> Response:
        offered = bodies.read(messages.OfferRequest, sent.file.read()).offer
        return bodies.answer(messages.OfferAnswer(offers.publish(node, offered)), 201)


def _leases(router: APIRouter, node: GatewayNode) -> None:
    @router.post("/v1/accesses")
    def open_lease(sent: Access) -> Response:
        lease = leases.open_lease(node, bodies.read(messages.LeaseRequest, sent.file.read()))
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
    def session(sent: Session) -> Response:
        opened = bodies.read(SessionEntry, sent.file.read())
        return bodies.answer(messages.SessionAnswer(sessions.open_session(node, opened.session, opened.signature)), 201)

    @router.post("/v1/segments")
    def segment(request: Request, parquet: SegmentFile) -> Response:
        signed = admission.signed_segment(request)
        acked = sessions.put_segment(node, signed.segment, signed.signature, parquet.file.read())
        return bodies.answer(messages.SignedAck(acked.ack, acked.row.ack_signature, acked.missing))


def _lists(router: APIRouter, node: GatewayNode) -> None:
    @router.get("/v1/{kind}")
    def listing(request: Request, kind: str) -> Response:
        return bodies.answer(catalogue.page(node, kind, dict(request.query_params)))

    @router.get("/v1/{kind}/{name}")
    def row(kind: str, name: str) -> Response:
        return bodies.shown(catalogue.entry(node, kind, name))
