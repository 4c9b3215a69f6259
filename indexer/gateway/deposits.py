"""Deposits: which recordings the gateway takes, after it has heard them itself.

- A deposit is its holder's own: the sender is the manifest's holder, the account that holds the dataset now, or bears
  the holder's signature under the registration. Nobody gets a report, or a use of the keys in custody, in another's name.
- Each sealed object is opened once, its audio judged and its key kept sealed.

Who is paid for what is `settlement`; whether the manifest is registered is the chain's.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer import records
from indexer.gateway import examination
from provenance.app.publish.register import words as registration
from provenance.domain import fields, refusal, typed
from provenance.domain.audio import CODE_BY_VERDICT
from provenance.domain.ledger import ChainBlock, Ledger
from provenance.domain.manifest import Manifest, Recording, SealedObject, recording_id
from provenance.domain.messages import SignedGateReport
from provenance.domain.recording import serving
from provenance.domain.sealed import Secret, envelope_info
from provenance.domain.signature import BadSignature
from provenance.domain.terms import Terms
from provenance.errors import Denied, Failed, Invalid, Missing
from provenance.types import Bytes32, DatasetId, Json, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from indexer.gateway.node import GatewayNode
    from indexer.ports import Earlier
    from provenance.domain.cid import Cid
    from provenance.domain.messages import DepositAuthorization
    from provenance.types import Address


class OtherGateway(Invalid):
    """The manifest appoints another gateway."""

    next = "Deposit at the gateway that the manifest names, or upload again with --gateway."


class DepositOfAnother(Denied):
    """The manifest is another holder's, who has not signed for it."""

    next = "Deposit with the holder's account, or with the holder's signature: `upload --for HOLDER --authorization F`."


class NotUploaded(Missing):
    """The manifest names content that is not here."""

    next = "Repeat `upload`: it sends what is missing."


class EnvelopeMissing(Invalid):
    """A sealed object without a key for this gateway."""

    next = "Repeat `upload`: it seals every key to the gateway."


def deposit(
    node: GatewayNode,
    manifest_cid: Cid,
    envelopes: Mapping[Bytes32, bytes],
    *,
    sender: Address,
    authorization: DepositAuthorization | None = None,
    dispute: Collection[int] = (),
) -> tuple[SignedGateReport, ...]:
    """The deposit is on record with a signed report for each recording; repeating it changes nothing.

    Args:
        node: this gateway.
        manifest_cid: the manifest, put before like all that it names.
        envelopes: keys sealed to this gateway, by object id.
        sender: who signed the request.
        authorization: the holder's, if the sender is somebody else.
        dispute: indexes to take although another holder registered the same audio.

    Raises:
        DepositOfAnother: it is not the sender's.
        DuplicateOf, TakeRejected: naming every recording that is not taken.
    """
    head, final = node.present()
    manifest = _manifest(node, manifest_cid)
    registry = node.deployment.contracts["DatasetRegistry"]
    dataset = manifest.dataset_id(node.deployment.chain_id, registry, manifest_cid.digest)
    _check_sender(node, head, manifest, manifest_cid, sender=sender, authorization=authorization)
    if node.custody.deposit(dataset) is not None:
        _take_rotated(node, head, manifest, dataset, envelopes)
        return _reports(node, dataset)
    consents = manifest.consents_by_id(node.deployment.domains.consent)
    ledger = Ledger.fold(node.facts(head, *consents))
    manifest.check(
        node.deployment.domains.consent,
        {
            consent_id
            for consent_id, signed in consents.items()
            if ledger.approved(signed.consent.subject, consent_id, final)
        },
    )
    named = _check_content(node, manifest)
    secrets = _secrets(node, manifest, envelopes)
    judged = _hear(node, manifest, secrets)
    _refuse(
        judged, node.custody.earlier([recording.cluster for recording in judged], manifest.holder), frozenset(dispute)
    )
    node.custody.name_uploads(dataset, [str(address) for address in (manifest_cid, *named)])
    _keep(node, manifest, manifest_cid, dataset, judged, secrets)
    return _reports(node, dataset)


def _take_rotated(
    node: GatewayNode, head: ChainBlock, manifest: Manifest, dataset: DatasetId, envelopes: Mapping[Bytes32, bytes]
) -> None:
    """Keys of recordings that their holder encrypted again, as the chain says, are in custody; old audio is gone."""
    registered = Ledger.fold(node.facts(head, dataset)).datasets.get(dataset)
    rotations = [rotation.event for rotation in registered.rotations] if registered else []
    recordings = manifest.recordings if rotations else ()
    kept = node.custody.envelopes([recording.sealed.header.object_id for recording in recordings])
    for recording in recordings:
        now = serving(recording, rotations)
        header = now.sealed.header
        envelope = envelopes.get(header.object_id)
        if envelope is None or now is recording or (header.object_id, header.key_version) in kept:
            continue
        if not node.content.has(now.cid):
            raise NotUploaded(f"recording {now.index}: {now.cid} is not here", cid=str(now.cid))
        secret = Secret.decode(node.wallet.open_envelope(envelope, info(node, now)))
        for _ in node.cipher.opening(now.sealed, secret).open(node.content.chunks(now.cid)):
            pass  # it is the very audio that was judged: its commitment is the manifest's
        node.custody.name_uploads(dataset, [str(now.cid)])
        node.custody.add_key(
            records.Custody(object_id=header.object_id, key_version=header.key_version, envelope=envelope)
        )
        if node.custody.deposits_of(str(recording.cid)) == 1:
            node.content.remove(recording.cid)


def _manifest(node: GatewayNode, manifest_cid: Cid) -> Manifest:
    manifest = Manifest.parse(node.content.get(manifest_cid))
    if manifest.gateway != node.address:
        raise OtherGateway(
            f"the manifest appoints {fields.checksummed(manifest.gateway)}, this is {fields.checksummed(node.address)}"
        )
    return manifest


def _check_sender(
    node: GatewayNode,
    head: ChainBlock,
    manifest: Manifest,
    manifest_cid: Cid,
    *,
    sender: Address,
    authorization: DepositAuthorization | None,
) -> None:
    """The sender may speak for the manifest's holder; a contract wallet's signature counts once it is on chain."""
    if sender == manifest.holder:
        return
    if authorization is None:
        registry = node.deployment.contracts["DatasetRegistry"]
        dataset = manifest.dataset_id(node.deployment.chain_id, registry, manifest_cid.digest)
        registered = Ledger.fold(node.facts(head, dataset)).datasets.get(dataset)
        if registered is None or registered.holder(head.number) != sender:
            raise DepositOfAnother(f"the manifest is that of {fields.checksummed(manifest.holder)}")
        return
    if authorization.deadline < node.clock.now():
        raise DepositOfAnother(f"the holder's signature ended at {fields.dated(authorization.deadline)}")
    digest = typed.digest(
        node.deployment.domains.registry, registration(manifest, manifest_cid, authorization.deadline)
    )
    try:
        node.check_signed(digest, authorization.signature, manifest.holder)
    except BadSignature:
        node.check_signed(digest, b"", manifest.holder)


def _check_content(node: GatewayNode, manifest: Manifest) -> list[Cid]:
    """The addresses of everything that the manifest names, all of it here in the size it says."""
    terms_cid, terms = node.content.get_digest(manifest.terms_hash)
    if Terms.parse(terms).encode() != terms:
        raise Invalid("the terms are not in their canonical bytes", next="Make them with `terms new`.", field="terms")
    addresses = [terms_cid]
    for consent in manifest.consents:
        digest = consent.consent.scope_hash
        try:
            addresses.append(node.content.get_digest(digest)[0])
        except Missing as error:
            raise NotUploaded(
                f"scope: nothing with digest 0x{digest.hex()} is here", digest=fields.shown(digest)
            ) from error
    for name, sealed_object in _objects(manifest):
        if not node.content.has(sealed_object.cid):
            raise NotUploaded(f"{name}: {sealed_object.cid} is not here", cid=str(sealed_object.cid))
        size, expected = node.content.size(sealed_object.cid), sealed_object.sealed.header.sealed_bytes
        if size != expected:
            raise Invalid(f"{name}: {size} bytes are here, the manifest says {expected}", cid=str(sealed_object.cid))
        addresses.append(sealed_object.cid)
    return addresses


def _objects(manifest: Manifest) -> list[tuple[str, Recording | SealedObject]]:
    names = [f"recording {recording.index}" for recording in manifest.recordings]
    return [*zip([*names, "private"], manifest.objects(), strict=False)]  # a pool has neither


def info(node: GatewayNode, sealed_object: Recording | SealedObject) -> bytes:
    """What an envelope in custody is bound to."""
    header = sealed_object.sealed.header
    return envelope_info(
        chain_id=node.deployment.chain_id,
        contract=node.deployment.contracts["DatasetRegistry"],
        object_id=header.object_id,
        cid_digest=sealed_object.cid.digest,
        key_version=header.key_version,
        licensee=node.address,
    )


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    """A key on its way: the envelope as it came, and what it opens to for a moment."""

    envelope: bytes
    secret: Secret


def _secrets(node: GatewayNode, manifest: Manifest, envelopes: Mapping[Bytes32, bytes]) -> dict[bytes, _Held]:
    """Every object's key, which is the one that the manifest commits to."""
    items = _objects(manifest)
    kept = node.custody.envelopes([sealed_object.sealed.header.object_id for _, sealed_object in items])
    held: dict[bytes, _Held] = {}
    for name, sealed_object in items:
        header = sealed_object.sealed.header
        envelope = envelopes.get(header.object_id) or kept.get((header.object_id, header.key_version))
        if envelope is None:
            raise EnvelopeMissing(f"{name}: no key for this gateway", objectId=fields.shown(header.object_id))
        secret = Secret.decode(node.wallet.open_envelope(envelope, info(node, sealed_object)))
        node.cipher.opening(sealed_object.sealed, secret)  # refuses a key that the manifest does not commit to
        held[header.object_id] = _Held(envelope, secret)
    return held


def _hear(node: GatewayNode, manifest: Manifest, secrets: Mapping[bytes, _Held]) -> list[records.JudgedObject]:
    """What was heard in each recording, by index.

    Raises:
        TakeRejected: naming those in which nothing can be heard.
    """
    judged, deaf = [], []
    for recording in manifest.recordings:
        try:
            judged.append(examination.judged(node, recording, secrets[recording.sealed.header.object_id].secret))
        except (Invalid, Failed) as error:
            deaf.append(dict[str, Json](index=recording.index, code=error.code, detail=error.detail))
    if deaf:
        raise refusal.TakeRejected(f"not to be heard: {fields.counted(len(deaf), 'recording')}", next="", refused=deaf)
    return judged


def _refuse(judged: list[records.JudgedObject], earlier: Mapping[bytes, Earlier], dispute: frozenset[int]) -> None:
    """Nothing that another holder registered, unless disputed, and nothing unfit."""
    duplicates: list[dict[str, Json]] = [
        {
            "index": index,
            "code": "duplicate-of",
            "dataset": fields.shown(earlier[recording.cluster].dataset_id),
            "recording": earlier[recording.cluster].index,
        }
        for index, recording in enumerate(judged)
        if recording.cluster in earlier and index not in dispute
    ]
    rejected: list[dict[str, Json]] = [
        {"index": index, "code": "take-rejected", "quality": json.loads(recording.quality)}
        for index, recording in enumerate(judged)
        if recording.verdict == CODE_BY_VERDICT["reject"]
    ]
    if duplicates:
        raise refusal.DuplicateOf(
            f"another holder registered {fields.counted(len(duplicates), 'recording')} before",
            next="",
            dataset=duplicates[0]["dataset"],
            refused=[*duplicates, *rejected],
        )
    if rejected:
        raise refusal.TakeRejected(f"unfit: {fields.counted(len(rejected), 'recording')}", next="", refused=rejected)


def _keep(
    node: GatewayNode,
    manifest: Manifest,
    manifest_cid: Cid,
    dataset: DatasetId,
    judged: list[records.JudgedObject],
    secrets: Mapping[bytes, _Held],
) -> None:
    """Deposit, reports, consents and keys are on record, all or none."""
    node.custody.add_deposit(
        _deposit(manifest, manifest_cid, dataset, node.clock.now()),
        recordings=[
            _signed(node, dataset, recording, heard)
            for recording, heard in zip(manifest.recordings, judged, strict=True)
        ],
        consents=[
            records.DepositedConsent(
                dataset_id=dataset,
                consent_id=consent_id,
                subject=signed.consent.subject,
                holder=signed.consent.holder,
                voice_id=signed.consent.voice_id,
                document=signed.encode().decode(),
            )
            for consent_id, signed in manifest.consents_by_id(node.deployment.domains.consent).items()
        ],
        custody=[
            records.Custody(
                object_id=sealed_object.sealed.header.object_id,
                key_version=sealed_object.sealed.header.key_version,
                envelope=secrets[sealed_object.sealed.header.object_id].envelope,
            )
            for _, sealed_object in _objects(manifest)
        ],
    )


def _deposit(manifest: Manifest, manifest_cid: Cid, dataset: DatasetId, now: UnixSeconds) -> records.Deposit:
    return records.Deposit(
        dataset_id=dataset,
        manifest_cid=str(manifest_cid),
        holder=manifest.holder,
        manifest_root=manifest.root(),
        terms_cid=str(manifest.terms_cid),
        private_cid=str(manifest.private.cid) if manifest.private else "",
        title=manifest.title,
        kind=manifest.kind,
        language=manifest.language,
        tags=json.dumps(list(manifest.tags), ensure_ascii=False),
        words=search_words(manifest.title, manifest.kind, manifest.language, *manifest.tags),
        items=len(manifest.recordings),
        duration_ms=sum(recording.duration_ms for recording in manifest.recordings),
        at_s=now,
    )


def search_words(*texts: str) -> str:
    """Texts as they are searched: normalized and without case."""
    return unicodedata.normalize("NFC", " ".join(texts)).casefold()


def _signed(
    node: GatewayNode, dataset: DatasetId, recording: Recording, heard: records.JudgedObject
) -> records.DepositedRecording:
    """A recording with the report that the gateway signs about it."""
    row = records.DepositedRecording(
        recording_id=recording_id(dataset, recording.index),
        dataset_id=dataset,
        index=recording.index,
        name=recording.name,
        cid=str(recording.cid),
        object_id=recording.sealed.header.object_id,
        duration_ms=recording.duration_ms,
        voice_ids=json.dumps([fields.shown(voice_id) for voice_id in recording.voice_ids]),
        consent_ids=json.dumps([fields.shown(consent_id) for consent_id in recording.consent_ids]),
        verdict=heard.verdict,
        metrics_digest=heard.metrics_digest,
        cluster=heard.cluster,
        gate_version=heard.gate_version,
        signature=b"",
    )
    row.signature = node.wallet.signer.sign(typed.digest(node.deployment.domains.usage, report_of(row)))
    return row


def report_of(row: records.DepositedRecording) -> typed.GateReport:
    """The report that a row holds."""
    return typed.GateReport(
        Bytes32(row.recording_id), row.verdict, Bytes32(row.metrics_digest), Bytes32(row.cluster), row.gate_version
    )


def _reports(node: GatewayNode, dataset: DatasetId) -> tuple[SignedGateReport, ...]:
    return tuple(SignedGateReport(row.index, report_of(row), row.signature) for row in node.custody.recordings(dataset))
