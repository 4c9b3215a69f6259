"""Checks that every license follows from terms, and every access from a license and the consents behind it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from provenance.app.audit.evidence import AuditedBatch, Evidence, judge
from provenance.domain import fields, merkle, signature, typed
from provenance.domain.rules.access import REQUEST_LIFE_S, AccessDecision, AccessRequest, DatasetState, evaluate
from provenance.domain.rules.membership import membership
from provenance.domain.rules.reason import LAPSES
from provenance.domain.rules.terms import license_end
from provenance.domain.verdict import Check, Verdict
from provenance.errors import Denied, Failed
from provenance.types import Bytes32, LicenseId, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.domain.batch import AccessEntry
    from provenance.domain.events import AccessRecorded
    from provenance.domain.ledger import ChainBlock, Fact, RegisteredDataset


def checks(evidence: Evidence) -> Iterator[Check]:
    """Licenses, leases and the accesses on chain."""
    used = {entry.request.license_id for _, entry in evidence.accesses()}
    used |= {entry.session.license_id for _, entry in evidence.sessions().values()}
    yield licenses(evidence, used)
    yield judge(
        "leases",
        evidence.accesses(),
        lambda lease: _lease(evidence, *lease),
        lambda lease: f"lease {fields.shown(typed.digest(evidence.chain.deployment.domains.access, lease[1].access))}",
        "leases signed by licensee and gateway",
        unread=evidence.unread(),
    )
    yield accesses(evidence)


def licenses(evidence: Evidence, used: Iterable[LicenseId]) -> Check:
    """Each license rests on the terms of its dataset; what it grants beyond them counts for nothing, and is told."""
    wider: set[LicenseId] = set()

    def look(license_id: LicenseId) -> None:
        granted, terms = evidence.license(license_id).granted.event, evidence.terms(evidence.dataset_of(license_id))
        if granted.terms_hash != terms.terms_hash:
            raise Failed("it names other terms than its dataset")
        beyond = granted.purposes & ~terms.allowed, granted.expiry > license_end(granted.expiry, terms)
        wider.update({license_id} if any(beyond) else ())

    check = judge(
        "licenses",
        sorted(used),
        look,
        lambda license_id: f"license {fields.shown(license_id)}",
        "licenses rest on their terms",
        singular="license rests on its terms",
        unread=evidence.unread(),
    )
    if not wider or check.verdict is not Verdict.VERIFIED:
        return check
    return Check(check.name, check.verdict, f"{check.detail}; {len(wider)} grant more, which counts for nothing")


def accesses(evidence: Evidence) -> Check:
    """Each access on chain with a lease was allowed by license, terms and every consent at its block.

    The receipt of a lease under another license is anybody's to repeat, and opens nothing.
    """
    domain = evidence.chain.deployment.domains.access
    by_receipt: dict[tuple[LicenseId, Bytes32], dict[Bytes32, AccessEntry]] = defaultdict(dict)
    for _, entry in evidence.accesses():
        leases = by_receipt[entry.request.license_id, entry.receipt(domain)]
        leases[typed.digest(domain, entry.access)] = entry

    def leased(fact: Fact[AccessRecorded]) -> dict[Bytes32, AccessEntry]:
        return by_receipt.get((fact.event.license_id, fact.event.receipt_hash), {})

    known = [fact for fact in evidence.ledger.accesses if leased(fact)]
    recorded = [(fact, entry) for fact in known for entry in leased(fact).values()]
    bare = len(evidence.ledger.accesses) - len(known)
    note = f"; {bare} recorded whose lease is in no batch open nothing" if bare else ""
    return judge(
        "accesses",
        recorded,
        lambda access: _access(evidence, *access),
        lambda access: f"access {fields.shown(access[0].event.receipt_hash)} in block {access[0].number}",
        f"accesses were licensed and consented when recorded{note}",
        singular=f"access was licensed and consented when recorded{note}",
        unread=evidence.unread(),
    )


def _lease(evidence: Evidence, anchored: AuditedBatch, entry: AccessEntry) -> None:
    domain = evidence.chain.deployment.domains.access
    request = typed.digest(domain, entry.request)
    if entry.access.request != request:
        raise Failed("the gateway answered another request")
    evidence.check_signed(request, entry.request_signature, evidence.license(entry.request.license_id).licensee)
    signature.check(typed.digest(domain, entry.access), entry.access_signature, anchored.batch.meter)
    if merkle.root(merkle.leaf(recording_id) for recording_id in entry.recordings) != entry.request.recordings_root:
        raise Failed("its recordings are not those requested")
    dataset = evidence.opened(entry)
    if evidence.manifest(dataset).gateway != anchored.batch.meter:
        raise Failed("opened by a gateway that the dataset's holder did not appoint")
    _indexes(evidence, dataset, entry)


def _indexes(evidence: Evidence, dataset: RegisteredDataset, entry: AccessEntry) -> tuple[int, ...]:
    """Where the lease's recordings stand in the dataset."""
    index_by_id = evidence.recordings(dataset)
    foreign = set(entry.recordings) - set(index_by_id)
    if foreign:
        raise Failed(f"recording {fields.shown(min(foreign))} is not of the licensed dataset")
    return tuple(index_by_id[recording_id] for recording_id in entry.recordings)


def _access(evidence: Evidence, fact: Fact[AccessRecorded], entry: AccessEntry) -> None:
    event, request = fact.event, entry.request
    if event.purpose != request.purpose:
        raise Failed("recorded for another purpose than its lease")
    if not entry.recorded_by(event):
        raise Failed(
            f"recorded for {fields.counted(event.units, 'recording')}, the lease names {len(entry.recordings)}"
        )
    licensed, dataset = evidence.dataset_of(event.license_id), evidence.opened(entry)
    manifest, terms = evidence.manifest(dataset), evidence.terms(licensed)
    indexes = _indexes(evidence, dataset, entry)
    asking = AccessRequest(event.license_id, event.accessor, event.purpose, request.territory, indexes)
    consents = manifest.consents_by_id(evidence.chain.deployment.domains.consent)
    recorded, asked = fact.logged.block, evidence.state_at(UnixSeconds(request.deadline - REQUEST_LIFE_S))
    registry, listed = evidence.chain.deployment.domains.registry, evidence.lists(licensed) if licensed.pool else {}

    def decided(block: ChainBlock) -> tuple[AccessDecision, ...]:
        final, joined = block.number, None
        if licensed.pool:
            joined = membership(dataset.id, licensed, listed, evidence.ledger, registry, block=block, final=final)
        state = DatasetState(evidence.ledger, manifest, terms, consents, block, final, joined)
        return evaluate(state, asking)

    decisions, before = decided(recorded), decided(asked)
    for decision, at_first in zip(decisions, before, strict=True):
        if not decision.allowed and (decision.reason not in LAPSES or at_first.reason in LAPSES):
            raise Denied(f"{decision.reason}: {decision.detail}")
