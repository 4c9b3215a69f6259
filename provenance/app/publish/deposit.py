"""Deposits: a manifest with all that it names reaches the gateway, which judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.app.publish import takes
from provenance.app.publish.memory import GateRefusal, Memory
from provenance.app.publish.register import authorization
from provenance.domain import fields
from provenance.domain.messages import DepositAuthorization
from provenance.domain.refusal import DuplicateOf, TakeRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.app.ports import GatewayKey, SignedGateReport
    from provenance.app.publish.ports import UploadPorts
    from provenance.app.publish.request import Request
    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Manifest, Recording, SealedObject
    from provenance.types import Bytes32, DatasetId, Json

GATE_DUPLICATE: Final = DuplicateOf.code


def deposited(
    manifest: Manifest,
    cid: Cid,
    ports: UploadPorts,
    memory: Memory,
    *,
    request: Request,
    dataset: DatasetId,
    disputed: tuple[int, ...],
) -> tuple[SignedGateReport, ...] | None:
    """The gateway holds everything and has judged it; None if it refused some, which are remembered now.

    Raises:
        AuthorizationNeeded, OtherRegistration: as `authorization` does, once the holder can read what it would sign.
    """
    sealing = ports.sealing
    objects = manifest.objects()
    sealing.progress.phase("Storing at the gateway", sum(object_.sealed.header.sealed_bytes for object_ in objects))
    for object_ in objects:
        takes.send(object_.cid, object_.sealed.header.sealed_bytes, sealing, ports.gateway)
    for document in (request.terms.encode(), *(consent.scope.encode() for consent in manifest.consents)):
        ports.gateway.put_content(sealing.content.put(document), document)
    document = sealing.content.get(cid)
    ports.gateway.put_content(cid, document)
    given = authorization(request, manifest, cid, dataset, ports)
    bearer = DepositAuthorization(given.register.deadline, given.signature) if given else None
    sealing.progress.phase("Depositing", 0)
    envelopes = _envelopes(objects, ports.gateway.key(), ports)
    try:
        return ports.gateway.deposit(document, envelopes, dispute=disputed, authorization=bearer)
    except (DuplicateOf, TakeRejected) as error:
        news = _news(error, manifest, memory, disputed=request.dispute)
        if not news:
            raise
        for refused in news:
            ports.journal.append(refused.entry())
            memory.add(refused.entry())
            sealing.progress.note(f"{memory.name(refused.object_id)}: {refused.reason}")
        return None


def _envelopes(
    objects: tuple[Recording | SealedObject, ...], key: GatewayKey, ports: UploadPorts
) -> dict[Bytes32, bytes]:
    """Every object's key, sealed to the gateway."""
    sealing, envelopes = ports.sealing, {}
    for object_ in objects:
        secret = takes.kept_secret(
            object_.cid, object_.sealed, keys=sealing.keys, wallet=sealing.wallet, chain=sealing.chain
        )
        binding = takes.info_for(sealing.chain, object_.cid, object_.sealed, key.wallet)
        envelopes[object_.sealed.header.object_id] = sealing.cipher.envelope(
            key.binding.encryption_key, secret, binding
        )
    return envelopes


def _news(
    error: DuplicateOf | TakeRejected, manifest: Manifest, memory: Memory, *, disputed: bool
) -> list[GateRefusal]:
    """What the gateway refused and we did not know of."""
    rows = fields.objects(error.facts, "refused", most=len(manifest.recordings))
    news = []
    for row in rows:
        recording = manifest.recordings[fields.integer(row, "index", bits=32)]
        known = memory.gate.get(recording.sealed.header.object_id)
        refused = _refusal(row, recording, error.code)
        if known is None or (known != refused and not disputed):
            news.append(refused)
    return news


def _refusal(row: Mapping[str, Json], recording: Recording, code: str) -> GateRefusal:
    code = str(row.get("code") or code)
    dataset = fields.word(row, "dataset") if row.get("dataset") else None
    if dataset is not None:
        reason = f"another holder registered this audio in 0x{dataset.hex()} (--dispute contests it)"
    else:
        reason = "the gateway judged it unfit"
    return GateRefusal(recording.sealed.header.object_id, code, reason, dataset)
