"""Leases: who may read which recordings, and with which key.

- A lease is decided twice: when it is asked for, and again once it is on chain, before the keys leave.
- A request of another account than the license's is refused before any document or recording is looked at.
- Every refusal of a signed request is one row, however many recordings it names.

The rules themselves are `domain.rules`; when a refusal is anchored is left to `batches`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from indexer import records
from indexer.gateway import deposits, members, money
from provenance.domain import cid, fields, merkle, purposes, record, refusal, territories, typed
from provenance.domain.batch import RefusalEntry, receipt
from provenance.domain.hashes import sha256
from provenance.domain.manifest import Manifest, recording_id
from provenance.domain.messages import OPENED, LeaseRequest
from provenance.domain.recording import serving
from provenance.domain.rules import membership
from provenance.domain.rules.access import (
    REQUEST_LIFE_S,
    AccessDecision,
    AccessRequest,
    DatasetState,
    evaluate,
)
from provenance.domain.sealed import Secret, envelope_info
from provenance.domain.terms import Terms
from provenance.errors import Broken, Conflict, Denied, Invalid, Missing, ProvenanceError
from provenance.types import AccessId, Address, BlockNumber, Bytes32, DatasetId, UnixSeconds

if TYPE_CHECKING:
    from indexer.gateway.node import GatewayNode, State
    from provenance.app.ports import Content
    from provenance.domain.ledger import ChainBlock, GrantedLicense


class StaleRequest(Denied):
    """A request past its deadline, or for a time too far ahead."""

    next = "Ask again; if it repeats, correct this machine's clock."


class NonceUsed(Conflict):
    """The same nonce in another request."""

    next = "Ask again with a fresh nonce; the command does so by itself."


class BindingSuperseded(Denied):
    """A newer key of this account is known."""

    next = "Ask with the account's newest encryption key."


class UnknownAccess(Missing):
    """No lease of this id was opened here."""


class KeyNotHere(Conflict):
    """The holder rotated the recording's key and has not deposited the new one yet."""

    next = "Ask the rights holder to repeat `dataset rotate`; the other recordings can be opened."


class AccessNotRecorded(Conflict):
    """The lease is not on chain yet."""

    next = "Send `recordAccess` with this access, or a root over it and others, as receiptHash; wait for its block."


class LeaseOver(Denied):
    """The lease's short life has ended."""

    next = "Open a new lease with `access open`."


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that one decision about a license reads, as of one block."""

    state: State
    license: GrantedLicense
    opened: DatasetId
    """What is read: the license's dataset, or a member of its pool."""
    dataset: DatasetState


def basis(
    node: GatewayNode, license_id: Bytes32, licensee: Address | None = None, *, member: DatasetId | None = None
) -> Basis:
    """The facts and documents behind a license at the chain's present head.

    Args:
        node: this gateway.
        license_id: which license.
        member: under a pool's license, which dataset is read.

    Raises:
        UnknownLicense: the chain has none of this id.
        WrongLicensee: it is not that of `licensee`; no document was read.
        Missing: the dataset, or a list of the pool's members, is not in custody here.
    """
    head, final = node.present()
    license_facts = node.facts(head, license_id)
    license_ = node.state(head, final, license_facts).ledger.licenses.get(license_id)
    if license_ is None:
        raise refusal.UnknownLicense("no license of this id is on chain", license=fields.shown(license_id))
    if licensee is not None and license_.licensee != licensee:
        raise refusal.WrongLicensee(
            f"the license is that of {fields.checksummed(license_.licensee)}", license=fields.shown(license_id)
        )
    opened = member or license_.dataset_id
    deposit = node.custody.deposit(opened)
    if deposit is None:
        raise Missing(
            "the dataset is not in custody here",
            next="Ask the gateway that the dataset's manifest names.",
            dataset=fields.shown(opened),
        )
    manifest, terms = documents(node.content, deposit.manifest_cid)
    consents = manifest.consents_by_id(node.deployment.domains.consent)
    dataset_facts = node.facts(head, *dict.fromkeys((opened, license_.dataset_id)))
    listed = members.lists(node, license_.dataset_id, opened, head, final) if member else {}
    approvals = membership.joins(opened, listed.values(), node.deployment.domains.registry)
    state = node.state(head, final, license_facts, dataset_facts, node.facts(head, *consents, *approvals))
    node.check_pinned(head)
    facts = DatasetState(state.ledger, manifest, terms, consents, state.block, state.final)
    if member:
        facts = members.under_pool(node, facts, license_, opened, listed)
    return Basis(state, license_, opened, facts)


@lru_cache(maxsize=16)
def documents(content: Content, manifest_cid: str) -> tuple[Manifest, Terms]:
    """A manifest and its terms; kept, since what is under an address never changes (1,000 takes: 0.25 s to read)."""
    manifest = Manifest.parse(content.get(cid.parse(manifest_cid)))
    return manifest, Terms.parse(content.get_digest(manifest.terms_hash)[1])


def decide(node: GatewayNode, grounds: Basis, asked: AccessRequest) -> tuple[AccessDecision, ...]:
    """One decision per recording at the basis' block."""
    return evaluate(grounds.dataset, asked, node.usage.produced(asked.license_id))


def open_lease(node: GatewayNode, ask: LeaseRequest) -> records.LeaseRecord:
    """A signed lease is on record, its keys sealed to the licensee; the same request gets the same lease.

    Raises:
        Denied: by the first refused recording, naming all of them; recorded.
    """
    request_id = typed.digest(node.deployment.domains.access, ask.request)
    _check_form(ask)
    if known := node.leases.lease_of(request_id):
        return known
    _check_request(node, ask, request_id)
    asked = AccessRequest(
        ask.request.license_id, ask.binding.wallet, ask.request.purpose, ask.request.territory, ask.recordings
    )
    try:
        grounds = basis(node, asked.license_id, asked.licensee, member=ask.member)
    except (refusal.UnknownLicense, refusal.WrongLicensee) as error:
        _record(node, "open", node.history.head(), asked, (), error)
        raise
    decisions = decide(node, grounds, asked)
    if refused := refusal.refused(decisions) or money.arrears(node, grounds.license.id, grounds.state):
        _record(node, "open", grounds.state.block, asked, decisions, refused)
        raise refused
    leaves = (merkle.leaf(recording_id(grounds.opened, index)) for index in ask.recordings)
    if merkle.root(leaves) != ask.request.recordings_root:
        raise Invalid("recordingsRoot: not the root of these recordings", field="recordingsRoot")
    return node.leases.add_lease(*_lease(node, grounds, ask, request_id))


def envelopes(
    node: GatewayNode, access_id: AccessId, who: Address, path: tuple[Bytes32, ...] = ()
) -> tuple[records.LeaseRecord, tuple[records.EnvelopeRecord, ...]]:
    """The keys of a lease that is on chain, by itself or, where a path leads, under a root, decided again now.

    Raises:
        AccessNotRecorded: its `AccessRecorded` is not in the latest block yet.
        Denied: the lease is over, another's, or refused by now; recorded.
    """
    lease = node.leases.lease(access_id)
    if lease is None:
        raise UnknownAccess("no lease of this id was opened here", access=fields.shown(access_id))
    if lease.licensee != who:
        raise refusal.WrongLicensee("the lease is another account's", access=fields.shown(access_id))
    grounds = basis(node, Bytes32(lease.license_id), member=DatasetId(Bytes32(lease.member)) if lease.member else None)
    if max(node.clock.now(), grounds.state.block.time) > lease.valid_until:
        raise LeaseOver(
            f"the lease ended at {fields.dated(UnixSeconds(lease.valid_until))}", access=fields.shown(access_id)
        )
    request = request_of(lease)
    rows = node.leases.envelopes(access_id)
    _check_recorded(grounds, lease, request, path, len(rows))
    asked = AccessRequest(grounds.license.id, who, request.purpose, request.territory, tuple(row.index for row in rows))
    decisions = decide(node, grounds, asked)
    if refused := refusal.refused(decisions):
        _record(node, "release", grounds.state.block, asked, decisions, refused)
        raise refused
    if path and lease.path != b"".join(path):
        node.leases.recorded_under(access_id, b"".join(path))
    return lease, rows


def path_of(lease: records.LeaseRecord) -> tuple[Bytes32, ...]:
    """The siblings up to the root under which a lease is on record, none if by itself."""
    path = lease.path or b""
    return tuple(Bytes32(path[start : start + 32]) for start in range(0, len(path), 32))


def receipt_of(lease: records.LeaseRecord) -> Bytes32:
    """The receipt of the record on chain that is this lease's."""
    return receipt(Bytes32(lease.access_id), path_of(lease))


def request_of(lease: records.LeaseRecord) -> typed.OpenAccess:
    """The request that a lease answered."""
    return record.read(typed.OpenAccess, json.loads(lease.request))


def access_of(lease: records.LeaseRecord) -> typed.Access:
    """The lease as it was signed."""
    return typed.Access(Bytes32(lease.request_id), Bytes32(lease.envelopes_root), UnixSeconds(lease.valid_until))


def _check_form(ask: LeaseRequest) -> None:
    """What is wrong whatever the state."""
    purposes.single(ask.request.purpose)
    if not ask.recordings or len(ask.recordings) > OPENED or len(set(ask.recordings)) != len(ask.recordings):
        raise Invalid(f"recordings: 1 to {OPENED} different indexes are expected", field="recordings")
    if not (ask.request.territory.isalpha() and ask.request.territory.isascii() and ask.request.territory.isupper()):
        raise Invalid("territory: two capital letters are expected", field="territory")


def _check_request(node: GatewayNode, ask: LeaseRequest, request_id: Bytes32) -> None:
    """Whoever the key is bound to signed this request, for this time, once."""
    now, asker = node.clock.now(), ask.binding.wallet
    if not now <= ask.request.deadline <= now + REQUEST_LIFE_S:
        raise StaleRequest(f"the request's deadline {ask.request.deadline} is not within {REQUEST_LIFE_S} s from now")
    binding_id = typed.digest(node.deployment.domains.access, ask.binding)
    if ask.request.key_binding != binding_id:
        raise Invalid("keyBinding: not the binding that was sent", field="keyBinding")
    node.check_signed(request_id, ask.signature, asker)
    node.check_signed(binding_id, ask.binding_signature, asker)
    if ask.binding.not_after < now:
        raise StaleRequest(f"the key binding ended at {fields.dated(ask.binding.not_after)}")
    if ask.binding.nonce < node.leases.binding_nonce(asker):
        raise BindingSuperseded("a binding with a higher nonce is known")
    if not node.leases.use_nonce(asker, ask.request.nonce, ask.request.deadline, now):
        raise NonceUsed(f"nonce {ask.request.nonce} was used in another request")


def _lease(
    node: GatewayNode, grounds: Basis, ask: LeaseRequest, request_id: Bytes32
) -> tuple[records.LeaseRecord, list[records.EnvelopeRecord]]:
    """The lease, signed, and its envelopes: each key is opened for a moment and sealed to the licensee."""
    sealed = _envelopes(node, grounds, ask)
    root = merkle.root(merkle.leaf(row.recording_id, sha256(row.envelope)) for row in sealed)
    last = grounds.license.end(grounds.state.block.number) - 1
    leaves_at = grounds.dataset.membership.until if grounds.dataset.membership else None
    last = min(last, leaves_at - 1) if leaves_at else last
    valid_until = UnixSeconds(min(node.clock.now() + node.lease_s, last, grounds.dataset.terms.not_after))
    access_id = typed.digest(node.deployment.domains.access, typed.Access(request_id, root, valid_until))
    for envelope in sealed:
        envelope.access_id = access_id
    return records.LeaseRecord(
        access_id=access_id,
        request_id=request_id,
        license_id=grounds.license.id,
        dataset_id=grounds.license.dataset_id,
        member=ask.member,
        licensee=grounds.license.licensee,
        request=json.dumps(record.write(ask.request)),
        request_signature=ask.signature,
        binding_nonce=ask.binding.nonce,
        envelopes_root=root,
        valid_until=valid_until,
        signature=node.wallet.signer.sign(access_id),
        at_s=node.clock.now(),
    ), sealed


def _envelopes(node: GatewayNode, grounds: Basis, ask: LeaseRequest) -> list[records.EnvelopeRecord]:
    rotations = [rotated.event for rotated in grounds.state.ledger.datasets[grounds.opened].rotations]
    chosen = [serving(grounds.dataset.manifest.recordings[index], rotations) for index in ask.recordings]
    kept = node.custody.envelopes([recording.sealed.header.object_id for recording in chosen])
    granted, sealed = grounds.license.granted.event, []
    for recording in chosen:
        header = recording.sealed.header
        custody = kept.get((header.object_id, header.key_version))
        if custody is None and header.key_version > 1:
            raise KeyNotHere(
                f"recording {recording.index} was encrypted again, and its key is not here", recording=recording.index
            )
        if custody is None:
            raise Broken(f"recording {recording.index} is deposited without a key", recording=recording.index)
        secret = Secret.decode(node.wallet.open_envelope(custody, deposits.info(node, recording)))
        binding = envelope_info(
            chain_id=node.deployment.chain_id,
            contract=node.deployment.contracts["DatasetRegistry"],
            object_id=header.object_id,
            cid_digest=recording.cid.digest,
            key_version=header.key_version,
            license_id=granted.license_id,
            licensee=granted.licensee,
            expiry=granted.expiry,
            purposes=granted.purposes,
        )
        sealed.append(
            records.EnvelopeRecord(
                access_id=b"",
                index=recording.index,
                recording_id=recording_id(grounds.opened, recording.index),
                cid=str(recording.cid),
                envelope=node.cipher.envelope(ask.binding.encryption_key, secret, binding),
            )
        )
    return sealed


def _check_recorded(
    grounds: Basis, lease: records.LeaseRecord, request: typed.OpenAccess, path: tuple[Bytes32, ...], units: int
) -> None:
    """`AccessRecorded` says the same as the lease, or no less under a root, in the latest block or before."""
    expected = (lease.license_id, lease.licensee, request.purpose)
    if not any(
        (fact.event.license_id, fact.event.accessor, fact.event.purpose) == expected
        and (fact.event.units >= units if path else fact.event.units == units)
        for fact in grounds.state.ledger.access_by_id.get(receipt(Bytes32(lease.access_id), path), ())
        if fact.upto(grounds.state.block.number)
    ):
        raise AccessNotRecorded(
            f"no AccessRecorded of this lease up to block {grounds.state.block.number}",
            access=fields.shown(lease.access_id),
        )


def refusal_of(row: records.Refusal) -> RefusalEntry:
    """A refusal as the catalogue and a batch show it."""
    return RefusalEntry(
        refused_at=UnixSeconds(row.at_s),
        step=row.step,
        license_id=Bytes32(row.license_id),
        licensee=Address(row.licensee),
        purpose=purposes.label(row.purpose),
        territory=row.territory,
        code=row.code,
        detail=row.detail,
        recording=row.recording,
        consent_id=Bytes32(row.consent_id) if row.consent_id else None,
        count=row.count,
        root=Bytes32(row.root),
        block=BlockNumber(row.block),
    )


def _record(
    node: GatewayNode,
    step: str,
    block: ChainBlock,
    asked: AccessRequest,
    decisions: tuple[AccessDecision, ...],
    refused: ProvenanceError,
) -> None:
    """The refusal is on record: one row a request, with the first reason and the root of all refused indexes."""
    denied = [decision for decision in decisions if not decision.allowed]
    first = denied[0] if denied else None
    node.leases.add_refusal(
        records.Refusal(
            at_s=node.clock.now(),
            step=step,
            license_id=asked.license_id,
            licensee=asked.licensee,
            purpose=asked.purpose,
            territory=territories.label(asked.territory),
            code=first.reason.value if first else refused.code,
            detail=first.detail if first else refused.detail,
            recording=first.recording if first else None,
            consent_id=first.consent_id if first else None,
            count=len(denied),
            root=merkle.root(merkle.leaf(decision.recording or 0) for decision in denied),
            block=block.number,
        )
    )
