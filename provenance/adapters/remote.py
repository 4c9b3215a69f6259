"""The gateway over HTTP, as a wallet asks it.

The `Gateway` port on httpx2: one deadline per attempt over connection, headers and body, retries only where repeating changes nothing,
problem documents turned back into the errors they were, fetched bytes matched before they are used.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import httpx2
import stamina

from provenance.adapters import transport
from provenance.adapters.content import unixfs
from provenance.adapters.content.gateway import OBJECT_BYTES, SLOWEST_BYTES_PER_S
from provenance.adapters.problem import problem
from provenance.app.ports import (
    Clock,
    Deployment,
    GatewayKey,
    Listing,
    Random,
    RecordingKey,
    SignedAccess,
    SignedAck,
    SignedGateReport,
    Signer,
)
from provenance.domain import canonical, fields, merkle, messages, record, refusal, signature, typed
from provenance.domain.batch import SessionEntry
from provenance.domain.hashes import sha256
from provenance.errors import Denied, Failed, Invalid, Unavailable
from provenance.types import AccessId, Bytes32, DatasetId, Json, SessionId, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed import DataclassInstance

    from provenance.domain.cid import Cid
    from provenance.domain.typed import KeyBinding, MeterSession, OpenAccess, Segment

TIMEOUT_S: Final = 30.0  # for an exchange, and more as its bytes need
DEPOSIT_TIMEOUT_S: Final = 900.0  # the gateway decodes and judges every recording meanwhile
ATTEMPTS: Final = 4
REQUEST_LIFE_S: Final = 120
ANSWER_BYTES: Final = 64 << 20
_PIECE: Final = 1 << 20


class GatewaySilent(Unavailable):
    """The gateway does not answer."""

    next = "Check --gateway and that `provenance node serve` runs there; nothing was lost."


class GatewayDiffers(Failed):
    """The gateway's answer is not what was asked for, or not signed by its key."""

    next = "Do not use this gateway for it; tell its operator."


@dataclass(slots=True)
class HttpGateway:
    """One gateway; what must be signed is signed by `signer`."""

    url: str
    deployment: Deployment
    clock: Clock
    random: Random
    signer: Signer | None = None
    timeout_s: float = TIMEOUT_S
    http: httpx2.Client = field(init=False)
    _key: GatewayKey | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.http = transport.client(TIMEOUT_S, self.url)

    def key(self) -> GatewayKey:
        """Who it is; its binding is signed by its wallet, for this deployment."""
        if self._key is None:
            key = record.read(GatewayKey, self._json("GET", "/v1/key"))
            if key.deployment.get("chainId") != self.deployment.chain_id:
                raise Invalid(
                    f"the gateway serves chain {key.deployment.get('chainId')}, not {self.deployment.chain_id}",
                    next="Use the gateway of this network, or another --network.",
                )
            signature.check(typed.digest(self.deployment.domains.access, key.binding), key.signature, key.wallet)
            if key.binding.wallet != key.wallet:
                raise GatewayDiffers("the gateway's key is bound to another wallet")
            self._key = key
        return self._key

    def put_content(self, cid: Cid, data: bytes | Path) -> None:
        """The gateway holds the object; one that it holds already is not sent again."""
        target = f"/v1/content/{cid}"
        if self._send("HEAD", target, accept=(404,)).status_code == 200:
            return
        self._send("PUT", target, body=data, signed=True, headers={"content-type": "application/octet-stream"})

    def save_content(self, cid: Cid, path: Path) -> None:
        """The object is in this file afterwards, hashed and matched; memory is one piece."""
        partial = path.with_name(path.name + ".part")
        with partial.open("wb") as file:

            def written() -> Iterator[bytes]:
                for part in self._content(cid):
                    file.write(part)
                    yield part

            address = unixfs.address(written())
        if address != cid:
            partial.unlink()
            raise GatewayDiffers(f"what the gateway sent is not {cid}", cid=str(cid))
        partial.replace(path)

    def deposit(
        self,
        manifest: bytes,
        envelopes: Mapping[Bytes32, bytes],
        *,
        dispute: tuple[int, ...] = (),
        authorization: messages.DepositAuthorization | None = None,
    ) -> tuple[SignedGateReport, ...]:
        """Every recording was judged by the gateway; repeating it judges nothing twice."""
        cid = unixfs.address([manifest])
        self.put_content(cid, manifest)
        body = messages.DepositRequest(cid, envelopes, dispute, authorization)
        answer = self._json("POST", "/v1/deposits", body, signed=True, timeout_s=DEPOSIT_TIMEOUT_S)
        reports, gate = record.read(messages.DepositAnswer, answer).reports, self.key().wallet
        for signed in reports:
            signature.check(typed.digest(self.deployment.domains.usage, signed.report), signed.signature, gate)
        return reports

    def publish_offer(self, offer: bytes) -> None:
        """The offer stands in the catalogue."""
        self._json("POST", "/v1/offers", record.read(messages.OfferRequest, {"offer": canonical.loads(offer)}))

    def open_access(
        self,
        request: OpenAccess,
        recordings: tuple[int, ...],
        *,
        signature: bytes,
        binding: KeyBinding,
        binding_signature: bytes,
        member: DatasetId | None = None,
    ) -> SignedAccess:
        """A lease of these recordings, signed by the gateway over this very request."""
        body = messages.LeaseRequest(request, recordings, signature, binding, binding_signature, member)
        answer = record.read(messages.LeaseAnswer, self._json("POST", "/v1/accesses", body, signed=True))
        access, domain = answer.access, self.deployment.domains.access
        if access.request != typed.digest(domain, request):
            raise GatewayDiffers("the lease answers another request")
        _check(typed.digest(domain, access), answer.signature, self.key().wallet)
        return SignedAccess(typed.digest(domain, access), access, answer.signature)

    def envelopes(self, access_id: AccessId, path: tuple[Bytes32, ...] = ()) -> tuple[RecordingKey, ...]:
        """The keys of a lease, exactly those that its root commits to."""
        query = "?path=" + ",".join(map(fields.shown, path)) if path else ""
        answer = self._json("GET", f"/v1/accesses/{fields.shown(access_id)}/envelopes{query}", signed=True)
        leased = record.read(messages.EnvelopesAnswer, answer)
        root = merkle.root(merkle.leaf(key.recording_id, sha256(key.envelope)) for key in leased.envelopes)
        digest = typed.digest(self.deployment.domains.access, leased.access)
        if digest != access_id or root != leased.access.envelopes_root:
            raise GatewayDiffers("the envelopes are not those of the lease", access=fields.shown(access_id))
        return leased.envelopes

    def open_session(self, session: MeterSession, signature: bytes) -> SessionId:
        """The session takes segments; repeating it changes nothing."""
        answer = self._json("POST", "/v1/sessions", SessionEntry(session, signature), idempotent=True)
        session_id = record.read(messages.SessionAnswer, answer).session_id
        if session_id != typed.digest(self.deployment.domains.usage, session):
            raise GatewayDiffers("the gateway opened another session")
        return session_id

    def put_segment(self, segment: Segment, signature: bytes, parquet: bytes) -> SignedAck:
        """The gateway keeps the segment and says so; the same bytes again get the same word."""
        head = messages.SignedSegment(segment, signature)
        answer = record.read(SignedAck, self._json("POST", "/v1/segments", head, attachment=parquet, idempotent=True))
        domain = self.deployment.domains.usage
        if answer.ack.segment_hash != typed.digest(domain, segment):
            raise GatewayDiffers("the gateway acknowledged another segment")
        _check(typed.digest(domain, answer.ack), answer.signature, self.key().wallet)
        return answer

    def listing(self, kind: str, **filters: str | int) -> Listing:
        """All pages of one catalogue kind; `Conflict` if the chain moved below while they were read."""
        rows: list[dict[str, Json]] = []
        after: str | None = None
        while True:
            wanted = {name: str(wish) for name, wish in filters.items()} | ({"after": after} if after else {})
            answer = self._json("GET", f"/v1/{kind}" + (f"?{urlencode(wanted)}" if wanted else ""))
            page = record.read(messages.Page, answer)
            rows += page.items
            after = page.next
            if after is None:
                return Listing(tuple(rows), page.as_of.block, page.as_of.hash, page.as_of.finality)

    def health(self) -> dict[str, Json]:
        """The process is alive."""
        return self._json("GET", "/health", idempotent=False)

    def ready(self) -> dict[str, Json]:
        """It can decide: the mirror follows the chain's head. `Unavailable` says what is missing."""
        return self._json("GET", "/ready", idempotent=False)

    def close(self) -> None:
        """No connection is open afterwards."""
        self.http.close()

    def _content(self, cid: Cid) -> Iterator[bytes]:
        target, size = f"/v1/content/{cid}", 0
        headers = self._authorization("GET", target, sha256(b"")) if self.signer else {}
        deadline = transport.Deadline(self.timeout_s, bytes_per_s=SLOWEST_BYTES_PER_S)
        try:
            with self.http.stream("GET", self.url.rstrip("/") + target, headers=headers, timeout=deadline) as answer:
                if answer.status_code != 200:
                    raise problem(_whole(answer, target, deadline))
                for part in transport.parts(answer, deadline):
                    size += len(part)
                    if size > OBJECT_BYTES:
                        raise GatewayDiffers(f"the gateway's answer to {target} is longer than {OBJECT_BYTES} bytes")
                    yield part
        except httpx2.RequestError as error:
            raise GatewaySilent(f"{self.url} broke off: {type(error).__name__}") from None

    def _json(
        self,
        method: str,
        target: str,
        body: DataclassInstance | None = None,
        *,
        signed: bool = False,
        idempotent: bool | None = None,
        attachment: bytes | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Json]:
        content, headers = b"", {"accept": "application/json"}
        if body is not None:
            content, headers["content-type"] = canonical.dumps(record.write(body)), "application/json"
        if attachment is not None:
            headers |= {
                "content-type": "application/vnd.apache.parquet",
                messages.SEGMENT_HEADER: content.decode("ascii"),
            }
            content = attachment
        response = self._send(
            method,
            target,
            body=content,
            signed=signed,
            headers=headers,
            retry=method == "GET" if idempotent is None else idempotent,
            timeout_s=timeout_s,
        )
        try:
            answer = canonical.loads(response.content, ANSWER_BYTES)
        except Invalid as error:
            raise GatewayDiffers(f"the gateway's answer to {target} cannot be read: {error}") from error
        if not isinstance(answer, dict):
            raise GatewayDiffers(f"the gateway's answer to {target} is no object")
        return answer

    def _send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | Path = b"",
        signed: bool = False,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
        timeout_s: float | None = None,
        accept: tuple[int, ...] = (),
    ) -> httpx2.Response:
        """The answer to one request; repeated only where that changes nothing, signed anew each time."""
        digest = _digest(body)
        announced = dict(headers or {})
        if body:
            announced["content-length"] = str(len(body) if isinstance(body, bytes) else body.stat().st_size)

        def once() -> httpx2.Response:
            named = announced | (self._authorization(method, target, digest) if signed else {})
            try:
                response = self._answer(method, target, body, named, timeout_s or self.timeout_s)
            except httpx2.DecodingError as error:
                raise GatewaySilent(f"{self.url} {error}") from None
            except httpx2.RequestError as error:
                raise GatewaySilent(f"{self.url} does not answer: {type(error).__name__}") from None
            if response.status_code >= 300 and response.status_code not in accept:
                raise problem(response)
            return response

        if not retry:
            return once()
        for attempt in stamina.retry_context(on=Unavailable, attempts=ATTEMPTS, wait_initial=0.2, wait_max=3.0):
            with attempt:
                return once()
        raise GatewaySilent(f"{self.url} does not answer")  # pragma: no cover - retry_context raises first

    def _answer(
        self, method: str, target: str, body: bytes | Path, headers: Mapping[str, str], timeout_s: float
    ) -> httpx2.Response:
        """One answer, read to its end unless it is longer or slower than any answer may be."""
        deadline = transport.Deadline(timeout_s, bytes_per_s=SLOWEST_BYTES_PER_S)
        content, size = (_pieces(body), body.stat().st_size) if isinstance(body, Path) else (body, len(body))
        deadline.prolong(size)
        url = self.url.rstrip("/") + target
        with self.http.stream(method, url, content=content, headers=headers, timeout=deadline) as answer:
            return _whole(answer, target, deadline)

    def _authorization(self, method: str, target: str, body_sha256: Bytes32) -> dict[str, str]:
        """Source: the `Request` type of `domain.typed`."""
        if self.signer is None:
            raise Denied("this needs an account", next="Name the account that asks: `--account NAME`.")
        request = typed.Request(
            method=method,
            target=target,
            body_sha256=body_sha256,
            gateway=self.key().wallet,
            nonce=int.from_bytes(self.random.bytes(16), "big"),
            deadline=UnixSeconds(self.clock.now() + REQUEST_LIFE_S),
        )
        signed = self.signer.sign(typed.digest(self.deployment.domains.access, request))
        return {
            "content-digest": f"sha-256=:{base64.b64encode(body_sha256).decode()}:",
            "authorization": f"EIP712 address={fields.shown(self.signer.address)}, nonce={request.nonce}, "
            f"deadline={request.deadline}, signature={fields.shown(signed)}",
        }


_check = signature.check  # `signature` is also the users' word for an argument


def _whole(answer: httpx2.Response, target: str, deadline: transport.Deadline) -> httpx2.Response:
    """The answer with its body, unless that is longer than any may be."""
    received = bytearray()
    for part in transport.parts(answer, deadline):
        received += part
        if len(received) > ANSWER_BYTES:
            raise GatewayDiffers(f"the gateway's answer to {target} is longer than {ANSWER_BYTES} bytes")
    return httpx2.Response(answer.status_code, content=bytes(received))


def _digest(body: bytes | Path) -> Bytes32:
    if isinstance(body, bytes):
        return sha256(body)
    with body.open("rb") as file:
        return Bytes32(hashlib.file_digest(file, "sha256").digest())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


__all__ = ["GatewayDiffers", "GatewaySilent", "HttpGateway", "refusal"]
