"""Prospects: which recordings a license of an offer would open, if it were granted now.

The answer of `access.evaluate`, for a grant that is not on chain yet. Whether the offer is signed, current
and within its terms is `terms.narrow` and the contract.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from provenance.domain import fields, purposes, territories, typed
from provenance.domain.consent import SignedConsent
from provenance.domain.events import LicenseGranted
from provenance.domain.facts import Logged
from provenance.domain.ledger import ChainBlock, Ledger
from provenance.domain.manifest import Manifest
from provenance.domain.offer import license_id
from provenance.domain.rules.access import AccessDecision, AccessRequest, DatasetState, evaluate
from provenance.domain.rules.reason import Reason
from provenance.domain.terms import Terms
from provenance.domain.typed import Domains, Offer
from provenance.types import ZERO32, Address, ConsentId, UnixSeconds


def prospects(
    ledger: Ledger, manifest: Manifest, terms: Terms, domains: Domains, offer: Offer, licensee: Address, now: ChainBlock
) -> tuple[AccessDecision, ...]:
    """One decision per recording: the best of the offer's purposes and the terms' countries.

    Each is decided at the first second at which the terms and all its consents count: what ends before stays
    closed for good, and what opens later is known when the price is paid.

    Args:
        ledger: facts of the dataset and its consents up to `now`; the grant is added to them.
        manifest: the registered one.
        terms: those of the registration.
        domains: of the chain's contracts.
        offer: what would be accepted.
        licensee: by whom.
        now: the latest block.
    """
    license_ = license_id(typed.digest(domains.access, offer), licensee)
    words = (
        offer.holder,
        offer.terms_hash,
        offer.purposes,
        offer.expiry,
        offer.notice_days,
        offer.distributor,
        offer.price,
    )
    granted = LicenseGranted(license_, offer.dataset_id, licensee, *words)
    ledger.add(Logged(now, ZERO32, 0, domains.access.contract, granted))
    consents = manifest.consents_by_id(domains.consent)
    codes = purposes.codes(offer.purposes & purposes.KNOWN)
    masks, places = [purposes.mask([code]) for code in codes] or [0], _places(terms, consents)
    decision_by_index: dict[int, AccessDecision] = {}
    for start, groups in _alike(manifest, consents, UnixSeconds(max(now.time, terms.not_before))).items():
        state = DatasetState(ledger, manifest, terms, consents, replace(now, time=start), now.number)
        best: dict[int, AccessDecision] = {}
        for purpose, place in product(masks, places):
            left = tuple(first for first, *_ in groups if first not in best or not best[first].allowed)
            decisions = evaluate(state, AccessRequest(license_, licensee, purpose, place.encode(), left))
            best |= {i: new for i, new in zip(left, decisions, strict=True) if i not in best or new.allowed}
        for group in groups:
            decision = best[group[0]]
            if decision.reason is Reason.LICENSE_EXPIRED:
                opens, ends = fields.dated(start), fields.dated(offer.expiry)
                detail = f"terms and consents open it from {opens}, and the license ends at {ends}"
                decision = replace(decision, detail=detail)
            decision_by_index |= {index: replace(decision, recording=index) for index in group}
    return tuple(decision_by_index[index] for index in sorted(decision_by_index))


def _alike(
    manifest: Manifest, consents: Mapping[ConsentId, SignedConsent], earliest: UnixSeconds
) -> dict[UnixSeconds, list[list[int]]]:
    """By the second at which all their consents count: recordings that no rule tells apart, together."""
    groups: dict[UnixSeconds, dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    for recording in manifest.recordings:
        known = [consents[i] for i in recording.consent_ids if i in consents]
        reach = tuple(consent.covers(recording.voice_ids, recording.sealed.plaintext_commitment) for consent in known)
        start = max([earliest, *(consent.consent.not_before for consent in known)])
        groups[start][recording.consent_ids, recording.voice_ids, reach].append(recording.index)
    return {start: list(alike.values()) for start, alike in groups.items()}


def _places(terms: Terms, consents: Mapping[ConsentId, SignedConsent]) -> tuple[str, ...]:
    """Of the terms' countries that all consents treat alike, one."""
    reaches = [territories.countries(codes) for codes in {consent.territories for consent in consents.values()}]
    alike: dict[tuple[bool, ...], str] = {}
    for place in sorted(territories.countries(terms.territories)):
        alike.setdefault(tuple(place in reach for reach in reaches), place)
    return tuple(alike.values())
