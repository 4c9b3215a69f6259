"""Which recordings does the gateway take, after it has heard them itself?

Each sealed object is opened once, its audio judged and its key kept sealed. Who is paid for what is
`settlement`; whether the manifest is registered is the chain's.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer import records
from provenance.adapters import seal
from provenance.adapters.content.embedded import Embedded
from provenance.domain import canonical, fields, refusal, typed
from provenance.domain.hashes import sha256
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import Manifest, recording_id
from provenance.domain.sealed import Sealed, Secret, envelope_info
from provenance.domain.terms import Terms
from provenance.errors import Invalid, Missing
from provenance.types import Bytes32

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from indexer.gateway.node import Node
    from indexer.store.custody import Earlier
    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Recording, SealedObject
    from provenance.types import Address, DatasetId, Json


class OtherGateway(Invalid):
    """The manifest appoints another gateway."""

    code = "other-gateway"
    next = "Deposit at the gateway that the manifest names, or upload again with --gateway."


class NotUploaded(Missing):
    """The manifest names content that is not here."""

    code = "not-uploaded"
    next = "Repeat `upload`: it sends what is missing."


class EnvelopeMissing(Invalid):
    """A sealed object without a key for this gateway."""

    code = "envelope-missing"
    next = "Repeat `upload`: it seals every key to the gateway."


@dataclass(frozen=True, slots=True)
class Report:
    """One recording's report, signed."""

    index: int
    report: typed.GateReport
    signature: bytes


def deposit(
    node: Node, manifest_cid: Cid, envelopes: Mapping[bytes, bytes], *, dispute: Collection[int] = ()
) -> tuple[Report, ...]:
    """The deposit is on record with a signed report for each recording; repeating it changes nothing.

    Args:
        node: this gateway.
        manifest_cid: the manifest, put before like all that it names.
        envelopes: keys sealed to this gateway, by object id.
        dispute: indexes to take although another holder registered the same audio.

    Raises:
        DuplicateOf, TakeRejected: naming every recording that is not taken.
    """
    at, final = node.present()
    manifest = _manifest(node, manifest_cid)
    dataset = manifest.dataset_id(node.deployment.chain_id, node.deployment.contracts["DatasetRegistry"])
    if node.custody.deposit(dataset) is not None:
        return _reports(node, dataset)
    consents = manifest.consents_by_id(node.deployment.domains.consent)
    ledger = Ledger.fold(node.facts(at, *consents))
    approved = {one for one, said in consents.items() if ledger.approved(said.consent.subject, one, final)}
    manifest.check(node.deployment.domains.consent, approved)
    _check_content(node, manifest)
    secrets = _secrets(node, manifest, envelopes)
    judged = [_judged(node, manifest.holder, recording, secrets) for recording in manifest.recordings]
    earlier = node.custody.earlier([one.cluster for one in judged], manifest.holder)
    _refuse(judged, earlier, frozenset(dispute))
    _keep(node, manifest, manifest_cid, dataset, judged, secrets)
    return _reports(node, dataset)


def _manifest(node: Node, manifest_cid: Cid) -> Manifest:
    manifest = Manifest.parse(node.content.get(manifest_cid))
    if manifest.gateway != node.address:
        raise OtherGateway(f"the manifest appoints 0x{manifest.gateway.hex()}, this is 0x{node.address.hex()}")
    return manifest


def _check_content(node: Node, manifest: Manifest) -> None:
    """Everything that the manifest names is here, in the size it says."""
    _, terms = node.content.get_digest(manifest.terms_hash)
    if Terms.parse(terms).encode() != terms:
        raise Invalid("the terms are not in their canonical bytes", next="Make them with `terms new`.", field="terms")
    _need_digest(node, manifest.split_hash(), "splits")
    for consent in manifest.consents:
        _need_digest(node, consent.consent.scope_hash, "scope")
    for name, item in _objects(manifest):
        if not node.content.has(item.cid):
            raise NotUploaded(f"{name}: {item.cid} is not here", cid=str(item.cid))
        size, said = node.content.size(item.cid), item.sealed.header.sealed_bytes
        if size != said:
            raise Invalid(f"{name}: {size} bytes are here, the manifest says {said}", cid=str(item.cid))


def _need_digest(node: Node, digest: Bytes32, name: str) -> None:
    try:
        node.content.get_digest(digest)
    except Missing as error:
        raise NotUploaded(f"{name}: nothing with digest 0x{digest.hex()} is here", digest=fields.shown(digest)) from error


def _objects(manifest: Manifest) -> list[tuple[str, Recording | SealedObject]]:
    return [(f"recording {one.index}", one) for one in manifest.recordings] + [("private", manifest.private)]


def info(node: Node, item: Recording | SealedObject) -> bytes:
    """What an envelope in custody is bound to."""
    header = item.sealed.header
    return envelope_info(
        chain_id=node.deployment.chain_id,
        contract=node.deployment.contracts["DatasetRegistry"],
        object_id=header.object_id,
        cid_digest=item.cid.digest,
        key_version=header.key_version,
        licensee=node.address,
    )


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    """A key on its way: the envelope as it came, and what it opens to for a moment."""

    envelope: bytes
    secret: Secret


def _secrets(node: Node, manifest: Manifest, envelopes: Mapping[bytes, bytes]) -> dict[bytes, _Held]:
    """Every object's key, which is the one that the manifest commits to."""
    items = _objects(manifest)
    kept = node.custody.envelopes([item.sealed.header.object_id for _, item in items])
    found: dict[bytes, _Held] = {}
    for name, item in items:
        header = item.sealed.header
        envelope = envelopes.get(header.object_id) or kept.get((header.object_id, header.key_version))
        if envelope is None:
            raise EnvelopeMissing(f"{name}: no key for this gateway", objectId=fields.shown(header.object_id))
        secret = Secret.decode(node.wallet.open_envelope(envelope, info(node, item)))
        seal.Opener(item.sealed, secret)  # refuses a key that the manifest does not commit to
        found[header.object_id] = _Held(envelope, secret)
    return found


def _judged(node: Node, holder: Address, recording: Recording, secrets: Mapping[bytes, _Held]) -> records.Judged:
    """What was heard in a recording; opened only the first time."""
    object_id, cid = recording.sealed.header.object_id, str(recording.cid)
    known = node.custody.judged([object_id]).get((object_id, cid))
    if known is not None:
        return known
    secret = secrets[object_id].secret
    pcm_sha256, verdict, quality, version = _heard(node.content, recording.cid, recording.sealed, secret)
    document = canonical.encode("provenance/quality", 1, quality)
    node.content.put(document)
    judged = records.Judged(
        object_id=object_id,
        cid=cid,
        cluster=hmac.digest(node.cluster_secret, pcm_sha256, "sha256"),
        verdict=verdict,
        quality=document.decode(),
        metrics_digest=sha256(document),
        gate_version=version,
    )
    node.custody.add_judged(judged)
    return judged


def _refuse(judged: list[records.Judged], earlier: Mapping[bytes, Earlier], dispute: frozenset[int]) -> None:
    """Nothing that another holder registered, unless disputed, and nothing unfit."""
    duplicates: list[dict[str, Json]] = [
        {
            "index": index,
            "code": "duplicate-of",
            "dataset": fields.shown(earlier[one.cluster].dataset_id),
            "recording": earlier[one.cluster].index,
        }
        for index, one in enumerate(judged)
        if one.cluster in earlier and index not in dispute
    ]
    rejected: list[dict[str, Json]] = [
        {"index": index, "code": "take-rejected", "quality": json.loads(one.quality)}
        for index, one in enumerate(judged)
        if one.verdict == typed_verdict("reject")
    ]
    if duplicates:
        raise refusal.DuplicateOf(
            f"{len(duplicates)} recordings were registered before by another holder",
            next="",
            dataset=duplicates[0]["dataset"],
            refused=[*duplicates, *rejected],
        )
    if rejected:
        raise refusal.TakeRejected(f"{len(rejected)} recordings are unfit", next="", refused=rejected)
