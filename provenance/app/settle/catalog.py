"""Which licenses, recordings and consents does an epoch rest on?

Read from the documents that the chain names. A document that contradicts its registration makes its
recordings faulty, which costs nobody's neighbor anything; one that nobody has stops the settlement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from typing import Final

from provenance.app.ports import Content, Deployment
from provenance.app.settle.batches import Report, place
from provenance.domain import ledger as ledgers, splits
from provenance.domain.manifest import Manifest, recording_ids
from provenance.domain.rules import consent
from provenance.domain.rules.case import Extent
from provenance.domain.rules.reason import Reason
from provenance.domain.settlement import facts
from provenance.domain.splits import Split
from provenance.domain.terms import Caps, Terms
from provenance.domain.usage import Unit
from provenance.errors import Invalid
from provenance.types import BPS_ONE, BlockNumber, Bytes32, DatasetId, LicenseId, RecordingId, UnixSeconds, Wei

NOTHING: Final = Extent(0, 0, ("WW",), UnixSeconds(0), UnixSeconds(0), Unit.OUTPUT, Caps())
"""Under terms that nobody can read, or that were not read because nothing was used."""


@dataclass(slots=True)
class Catalog:
    """Documents of datasets, each fetched and parsed once."""

    ledger: ledgers.Ledger
    deployment: Deployment
    content: Content
    at: BlockNumber
    _manifests: dict[DatasetId, Manifest | None] = field(default_factory=dict)
    _terms: dict[Bytes32, Terms | None] = field(default_factory=dict)

    def licenses(self, used: Iterable[LicenseId]) -> dict[LicenseId, facts.License]:
        """Every license up to the block that pays into this distributor; terms are read for those that were used."""
        wanted, here = set(used), self.deployment.contracts["RoyaltyDistributor"]
        return {
            license_id: self._license(license_, with_terms=license_id in wanted)
            for license_id, license_ in self.ledger.licenses.items()
            if license_.granted.upto(self.at) and license_.granted.event.distributor == here
        }

    def _license(self, license_: ledgers.GrantedLicense, *, with_terms: bool) -> facts.License:
        terms = self.terms(license_.terms_hash) if with_terms else None
        distributor = self.deployment.contracts["RoyaltyDistributor"]
        payable = terms is not None and terms.price.distributor == distributor
        return facts.License(
            id=license_.id,
            dataset_id=license_.dataset_id,
            holder=license_.holder,
            licensee=license_.licensee,
            extent=Extent.of(license_.purposes, license_.granted.event.distributor, terms) if terms else NOTHING,
            terms_hash=license_.terms_hash,
            per_unit=terms.price.per_unit.amount if terms and payable else Wei(0),
            method=terms.attribution.method if terms else 0,
            attributor=terms.attribution.attributor if terms else None,
            end=license_.end(self.at),
            granted=place(license_.granted),
        )

    def terms(self, digest: Bytes32) -> Terms | None:
        """The terms of this digest; None if the document is no terms."""
        if digest not in self._terms:
            try:
                self._terms[digest] = Terms.parse(self.content.get_digest(digest)[1])
            except Invalid:
                self._terms[digest] = None
        return self._terms[digest]

    def manifest(self, dataset: ledgers.RegisteredDataset) -> Manifest | None:
        """The registered manifest; None if the document is not what was registered."""
        if dataset.id not in self._manifests:
            self._manifests[dataset.id] = self._read(dataset)
        return self._manifests[dataset.id]

    def _read(self, dataset: ledgers.RegisteredDataset) -> Manifest | None:
        try:
            found = Manifest.parse(self.content.get_digest(dataset.manifest_digest)[1])
        except Invalid:
            return None
        event = dataset.registered.event
        is_ = (found.holder, found.root(), found.terms_hash, found.split_hash(), len(found.recordings))
        says = (event.holder, event.manifest_root, event.terms_hash, event.split_hash, dataset.recording_count)
        return found if is_ == says else None

    def splits(self, dataset: ledgers.RegisteredDataset, start: UnixSeconds) -> tuple[Split, ...]:
        """Who shares a dataset's score: as in force at the window's start, or as registered if that is later."""
        if shares := dataset.shares(start, self.at):
            return splits.unpack(shares)
        manifest = self.manifest(dataset)
        return manifest.splits if manifest else (splits.Split(dataset.registrant, BPS_ONE),)


@dataclass(frozen=True)
class Recordings:
    """Recordings that may score: what was opened, and what shares a cluster with it."""

    catalog: Catalog
    reports: Mapping[RecordingId, list[Report]]
    leases: tuple[facts.Opened, ...]

    @cached_property
    def places(self) -> dict[RecordingId, tuple[ledgers.RegisteredDataset, int]]:
        """Dataset and index of every registered recording that was judged or may have been opened.

        Anybody can register datasets of 2^32 recordings; an unleased one is counted through only as far as a gateway,
        which judges all recordings of a deposit at once, has reported them.
        """
        leased = {self._licensed(one) for one in self.leases}
        found: dict[RecordingId, tuple[ledgers.RegisteredDataset, int]] = {}
        for dataset in self.catalog.ledger.datasets.values():
            if dataset.registered.upto(self.catalog.at):
                ids = recording_ids(dataset.id, dataset.recording_count)
                named = ids if dataset.id in leased else takewhile(self.reports.__contains__, ids)
                found |= {one: (dataset, index) for index, one in enumerate(named)}
        return found

    @cached_property
    def opened(self) -> tuple[facts.Opened, ...]:
        """The leases of recordings that are of their license's own dataset."""
        return tuple(
            lease
            for lease in self.leases
            if lease.recording_id in self.places and self.places[lease.recording_id][0].id == self._licensed(lease)
        )

    def _licensed(self, lease: facts.Opened) -> DatasetId:
        return self.catalog.ledger.licenses[lease.license_id].dataset_id

    def around(self, opened: Iterable[RecordingId], clusters: Iterable[Bytes32]) -> dict[RecordingId, facts.Recording]:
        """These recordings, and all others of their clusters and of the clusters named."""
        chosen = {one for one in opened if one in self.places}
        wanted = set(clusters) | {report.cluster for one in chosen for report in self.reports.get(one, ())}
        chosen |= {
            one
            for one, said in self.reports.items()
            if one in self.places and any(report.cluster in wanted for report in said)
        }
        return {one: self._recording(one) for one in sorted(chosen)}

    def _recording(self, of: RecordingId) -> facts.Recording:
        dataset, index = self.places[of]
        manifest = self.catalog.manifest(dataset)
        said = [one for one in self.reports.get(of, ()) if manifest is not None and one.gateway == manifest.gateway]
        recording = facts.Recording(
            id=of,
            dataset_id=dataset.id,
            holder=dataset.registrant,
            registered=place(dataset.registered),
            index=index,
            verdict=said[0].verdict if said else None,
            cluster=said[0].cluster if said else None,
        )
        if manifest is None:
            return replace(recording, fault="wrong-manifest")
        take, given = manifest.recordings[index], manifest.consents_by_id(self.catalog.deployment.domains.consent)
        if not set(take.consent_ids) <= set(given):
            return replace(recording, fault=Reason.CONSENT_MISSING.value)
        ledger, at = self.catalog.ledger, self.catalog.at
        consents = tuple(consent.facts(key, given[key], take, ledger, at, at) for key in sorted(take.consent_ids))
        covered = {given[key].consent.voice_id for key in take.consent_ids}
        fault = "" if covered.issuperset(take.voice_ids) else Reason.CONSENT_MISSING.value
        return replace(recording, consents=consents, fault=fault)
