"""Checks that every registered dataset is what its documents say, and every voice in it consented."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from provenance.app.audit.evidence import Evidence, judge
from provenance.domain.fields import checksummed, counted, shown
from provenance.domain.ledger import RegisteredDataset
from provenance.domain.manifest import dataset_id
from provenance.domain.verdict import Check, Verdict
from provenance.errors import Failed, ProvenanceError


def checks(evidence: Evidence) -> Iterator[Check]:
    """Contracts, manifests, terms and consents."""
    yield contracts(evidence)
    yield _over_datasets(evidence, "manifests", _manifest, "manifests opened: digest, root, id, splits and items agree")
    yield _over_datasets(evidence, "terms", _terms, "documents of terms opened by their hash")
    yield _over_datasets(
        evidence, "consents", _consents, "datasets whose every voice has a signed consent to its holder"
    )


def contracts(evidence: Evidence) -> Check:
    """Each contract of the deployment has code on this chain, and the deployed ones know each other."""

    def look(name: str) -> None:
        address = evidence.chain.deployment.contracts[name]  # type: ignore[index]  # names come from it
        if not evidence.chain.has_code(address):
            raise Failed(f"no code at {checksummed(address)}")

    return judge("contracts", sorted(evidence.chain.deployment.contracts), look, str, "contracts have code")


def _over_datasets(
    evidence: Evidence, name: str, look: Callable[[Evidence, RegisteredDataset], None], unit: str
) -> Check:
    """Datasets in use decide the verdict; of the others what is wrong is only told, or anybody's junk would."""
    used = evidence.relied_on()
    check = judge(
        name,
        [evidence.ledger.datasets[dataset_id] for dataset_id in sorted(used)],
        lambda dataset: look(evidence, dataset),
        lambda dataset: f"dataset {shown(dataset.id)}",
        unit,
        unread=evidence.unread(),
    )
    odd = 0
    for dataset in evidence.ledger.datasets.values():
        if dataset.id not in used:
            try:
                look(evidence, dataset)
            except ProvenanceError:
                odd += 1
    if not odd or check.verdict is not Verdict.VERIFIED:
        return check
    return Check(name, check.verdict, f"{check.detail}; unused ones that do not hold or have no content here: {odd}")


def _manifest(evidence: Evidence, dataset: RegisteredDataset) -> None:
    manifest = evidence.manifest(dataset)
    deployment = evidence.chain.deployment
    registry = deployment.contracts["DatasetRegistry"]
    event = dataset.registered.event
    if manifest.root() != event.manifest_root:
        raise Failed(
            f"its recordings give the root {shown(manifest.root())}, registered is {shown(event.manifest_root)}"
        )
    named = (event.holder, event.manifest_root, event.manifest_digest, event.terms_hash)
    if dataset_id(deployment.chain_id, registry, *named) != dataset.id or manifest.holder != event.holder:
        raise Failed("its id is not made of its holder, manifest and terms")
    if manifest.split_hash() != event.split_hash:
        raise Failed("its shares are not those registered")
    if len(manifest.recordings) != dataset.recording_count:
        raise Failed(f"it lists {counted(len(manifest.recordings), 'recording')}, registered are {event.items}")


def _terms(evidence: Evidence, dataset: RegisteredDataset) -> None:
    if evidence.terms(dataset).terms_hash != evidence.manifest(dataset).terms_hash:
        raise Failed("manifest and registration name different terms")


def _consents(evidence: Evidence, dataset: RegisteredDataset) -> None:
    """Signatures, holder, scope; whether a consent still stood at a use is the check of accesses."""
    manifest, domain = evidence.manifest(dataset), evidence.chain.deployment.domains.consent
    manifest.check(
        domain,
        {
            consent_id
            for consent_id, signed in manifest.consents_by_id(domain).items()
            if evidence.ledger.approved(signed.consent.subject, consent_id, evidence.head.number)
        },
    )
