"""Every route but content: parse, drive the gateway once, render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response

from indexer.gateway import catalogue, deposits, leases, offers, sessions
from indexer.gateway.leases import Ask
from indexer.http import auth, bodies
from provenance.domain import cid, fields, typed
from provenance.domain.hashes import sha256
from provenance.errors import Invalid

if TYPE_CHECKING:
    from indexer.gateway import Node
    from provenance.types import Json

SEGMENT_HEADER = "provenance-segment"


async def _document(request: Request) -> bytes:
    return await bodies.limited(request, bodies.JSON_BYTES)


async def _deposit_body(request: Request) -> bytes:
    return await bodies.limited(request, bodies.DEPOSIT_BYTES)


Body = Annotated[bytes, Depends(_document)]


async def _segment_file(request: Request) -> bytes:
    return await bodies.limited(request, sessions.SEGMENT_BYTES)


def routes(node: Node) -> APIRouter:
    """The routes of one gateway."""
    router = APIRouter()
    for part in (_who, _deposits, _leases, _usage, _lists):
        part(router, node)
    return router


def _who(router: APIRouter, node: Node) -> None:
    @router.get("/v1/key")
    def key() -> Response:
        found = node.key
        return bodies.answer(
            {
                "wallet": fields.shown(found.wallet),
                "binding": typed.to_json(found.binding),
                "signature": fields.shown(found.signature),
                "deployment": found.deployment,
            }
        )


def _deposits(router: APIRouter, node: Node) -> None:
    @router.post("/v1/deposits")
    def deposit(request: Request, body: Annotated[bytes, Depends(_deposit_body)]) -> Response:
        auth.sender(node, request, sha256(body))
        said = bodies.document(body)
        envelopes = {
            bytes(fields.word(one, "objectId")): fields.octets(one, "envelope")
            for one in fields.objects(said, "envelopes", most=1 << 18)
        }
        dispute = [fields.integer({"d": one}, "d", bits=32) for one in fields.items(said, "dispute", most=1 << 17)]
        found = deposits.deposit(node, cid.parse(fields.text(said, "manifest")), envelopes, dispute=dispute)
        reports: list[Json] = [
            {"index": one.index, "report": typed.to_json(one.report), "signature": fields.shown(one.signature)}
            for one in found
        ]
        return bodies.answer({"reports": reports}, 201)

    @router.post("/v1/offers")
    def offer(body: Body) -> Response:
        digest = offers.publish(node, fields.mapping(bodies.document(body), "offer"))
        return bodies.answer({"digest": fields.shown(digest)}, 201)


def _leases(router: APIRouter, node: Node) -> None:
    @router.post("/v1/accesses")
    def open_lease(body: Body) -> Response:
        said = bodies.document(body)
        signatures = fields.mapping(said, "signatures")
        indexes = fields.items(said, "recordings", most=leases.MOST)
        ask = Ask(
            request=typed.from_json(typed.OpenAccess, fields.mapping(said, "request")),
            recordings=tuple(fields.integer({"recordings": one}, "recordings", bits=32) for one in indexes),
            signature=fields.octets(signatures, "request"),
            binding=typed.from_json(typed.KeyBinding, fields.mapping(said, "binding")),
            binding_signature=fields.octets(signatures, "binding"),
        )
        lease = leases.open_lease(node, ask)
        return bodies.answer(
            {
                "id": fields.shown(lease.access_id),
                "access": typed.to_json(leases.access_of(lease)),
                "envelopesRoot": fields.shown(lease.envelopes_root),
                "validUntil": lease.valid_until,
                "signature": fields.shown(lease.signature),
            },
            201,
        )

    @router.get("/v1/accesses/{name}/envelopes")
    def envelopes(request: Request, name: str) -> Response:
        access_id = fields.word({"access": name}, "access")
        lease, rows = leases.envelopes(node, access_id, auth.sender(node, request, sha256(b"")))
        listed: list[Json] = [
            {
                "index": row.index,
                "recordingId": fields.shown(row.recording_id),
                "envelope": fields.shown(row.envelope),
            }
            for row in rows
        ]
        return bodies.answer({"access": typed.to_json(leases.access_of(lease)), "envelopes": listed})


def _usage(router: APIRouter, node: Node) -> None:
    @router.post("/v1/sessions")
    def session(body: Body) -> Response:
        said = bodies.document(body)
        opened = typed.from_json(typed.MeterSession, fields.mapping(said, "session"))
        found = sessions.open_session(node, opened, fields.octets(said, "signature"))
        return bodies.answer({"sessionId": fields.shown(found)}, 201)

    @router.post("/v1/segments")
    def segment(request: Request, data: Annotated[bytes, Depends(_segment_file)]) -> Response:
        head = request.headers.get(SEGMENT_HEADER)
        if head is None:
            raise Invalid(f"the header {SEGMENT_HEADER} is missing", field=SEGMENT_HEADER)
        said = bodies.document(head.encode("latin-1"))
        signed = typed.from_json(typed.Segment, fields.mapping(said, "segment"))
        acked = sessions.put_segment(node, signed, fields.octets(said, "signature"), data)
        missing: list[Json] = [{"first": str(first), "last": str(last)} for first, last in acked.missing]
        return bodies.answer(
            {
                "ack": typed.to_json(acked.ack),
                "signature": fields.shown(acked.row.ack_signature),
                "missing": missing,
            }
        )


def _lists(router: APIRouter, node: Node) -> None:
    @router.get("/v1/{kind}")
    def listing(request: Request, kind: str) -> Response:
        return bodies.answer(catalogue.page(node, kind, dict(request.query_params)).document())

    @router.get("/v1/{kind}/{name}")
    def row(kind: str, name: str) -> Response:
        return bodies.answer(catalogue.one(node, kind, name))
