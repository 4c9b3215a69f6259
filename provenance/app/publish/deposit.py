"""How does a manifest with all that it names reach the gateway, and what does the gateway say to it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.app.publish import takes
from provenance.app.publish.memory import GateRefusal
from provenance.domain import fields, splits
from provenance.domain.refusal import DuplicateOf, TakeRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.app.ports import GatewayKey, SignedGateReport
    from provenance.app.publish.memory import Memory
    from provenance.app.publish.request import Request
    from provenance.app.publish.world import World
    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Manifest, Recording, SealedObject
    from provenance.types import Bytes32, Json

GATE_DUPLICATE: Final = DuplicateOf.code


def deposited(
    manifest: Manifest,
    cid: Cid,
    world: World,
    memory: Memory,
    *,
    request: Request,
    disputed: tuple[int, ...],
) -> tuple[SignedGateReport, ...] | None:
    """The gateway holds everything and has judged it; None if it refused some, which are remembered now."""
    studio = world.studio
    objects: tuple[Recording | SealedObject, ...] = (*manifest.recordings, manifest.private)
    total = sum(item.sealed.header.sealed_bytes for item in objects)
    studio.progress.phase("Storing at the gateway", total)
    for item in objects:
        takes.send(item.cid, item.sealed.header.sealed_bytes, studio, world.gateway)
    documents = [request.terms.encode(), splits.encode(manifest.splits)]
    documents += [consent.scope.encode() for consent in manifest.consents]
    for document in documents:
        world.gateway.put_content(studio.content.put(document), document)
    studio.progress.phase("Depositing", 0)
    data = studio.content.get(cid)
    envelopes = _envelopes(objects, world.gateway.key(), world)
    try:
        return world.gateway.deposit(data, envelopes, dispute=disputed)
    except (DuplicateOf, TakeRejected) as error:
        news = _news(error, manifest, memory, disputed=request.dispute)
        if not news:
            raise
        for one in news:
            world.journal.append(one.entry())
            memory.add(one.entry())
            studio.progress.note(f"{memory.name(one.object_id)}: {one.reason}")
        return None


def _envelopes(objects: tuple[Recording | SealedObject, ...], key: GatewayKey, world: World) -> dict[Bytes32, bytes]:
    """Every object's key, sealed to the gateway."""
    studio, found = world.studio, {}
    for item in objects:
        secret = takes.kept_secret(item.cid, item.sealed, keys=studio.keys, wallet=studio.wallet, chain=studio.chain)
        info = takes.info_for(studio.chain, item.cid, item.sealed, key.wallet)
        found[item.sealed.header.object_id] = studio.cipher.envelope(key.binding.encryption_key, secret, info)
    return found


def _news(
    error: DuplicateOf | TakeRejected, manifest: Manifest, memory: Memory, *, disputed: bool
) -> list[GateRefusal]:
    """What the gateway refused and we did not know of."""
    rows = fields.objects(error.facts, "refused", most=len(manifest.recordings))
    found = []
    for row in rows:
        recording = manifest.recordings[fields.integer(row, "index", bits=32)]
        known = memory.gate.get(recording.sealed.header.object_id)
        one = _refusal(row, recording, error.code)
        if known is None or (known != one and not disputed):
            found.append(one)
    return found


def _refusal(row: Mapping[str, Json], recording: Recording, code: str) -> GateRefusal:
    code = str(row.get("code") or code)
    dataset = fields.word(row, "dataset") if row.get("dataset") else None
    if dataset is not None:
        reason = f"another holder registered this audio in 0x{dataset.hex()} (--dispute contests it)"
    else:
        reason = "the gateway judged it unfit"
    return GateRefusal(recording.sealed.header.object_id, code, reason, dataset)
