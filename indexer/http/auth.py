"""The sender of a request, by `Authorization: EIP712 address=…, nonce=…, deadline=…, signature=…`.

The signature covers method, target and body, for this gateway, once, for a short time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from provenance.domain import fields, typed
from provenance.domain.signature import BadSignature
from provenance.errors import Denied
from provenance.types import Address, Bytes32, UnixSeconds

if TYPE_CHECKING:
    from fastapi import Request

    from indexer.gateway import GatewayNode

LIFE_S: Final = 300  # a deadline further away is refused: the nonces are kept that long
_SCHEME: Final = "EIP712 "
_PART: Final = re.compile(r"\s*(address|nonce|deadline|signature)=([0-9A-Za-z]{1,140})\s*\Z")


class Unsigned(Denied):
    """A request whose sender must be known, and is not."""

    next = "Sign the request: `Authorization: EIP712 address=…, nonce=…, deadline=…, signature=…`."


class RequestStale(Denied):
    """The request's deadline is past, or too far ahead."""

    next = "Repeat the command; if it persists, correct this machine's clock."


class RequestReplayed(Denied):
    """The same signed request came before."""

    next = "Repeat the command: it signs each request anew."


def target(request: Request) -> str:
    """Path and query exactly as they were sent."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("ascii", "replace")


def is_signed(request: Request) -> bool:
    """Whether the sender says who it is."""
    return request.headers.get("authorization", "").startswith(_SCHEME)


def sender(node: GatewayNode, request: Request, body_sha256: Bytes32) -> Address:
    """The account that signed exactly this request, for the first time.

    Raises:
        Unsigned, RequestStale, RequestReplayed, BadSignature: what is wrong with it.
    """
    parts = _parts(request.headers.get("authorization", ""))
    account, nonce = fields.address(parts, "address"), fields.integer(parts, "nonce", bits=256)
    deadline, now = UnixSeconds(fields.integer(parts, "deadline", bits=64)), node.clock.now()
    if not now <= deadline <= now + LIFE_S:
        raise RequestStale(f"the deadline {deadline} is not within {LIFE_S} s of {now}", deadline=deadline, now=now)
    signed = typed.Request(request.method, target(request), body_sha256, node.address, nonce, deadline)
    try:
        node.check_signed(
            typed.digest(node.deployment.domains.access, signed), fields.octets(parts, "signature"), account
        )
    except BadSignature as error:
        raise BadSignature(
            f"the request is not signed by {fields.checksummed(account)} for this gateway, method, target and body",
            signer=fields.shown(account),
        ) from error
    if not node.leases.use_nonce(account, nonce, deadline, now):
        raise RequestReplayed("this signed request was sent before")
    return account


def _parts(header: str) -> dict[str, str]:
    if not header.startswith(_SCHEME):
        raise Unsigned("the sender of this request must be known")
    parts: dict[str, str] = {}
    for part in header[len(_SCHEME) :].split(","):
        match = _PART.match(part)
        if match is None or match[1] in parts:
            raise Unsigned("the Authorization header cannot be read")
        parts[match[1]] = match[2]
    return parts
