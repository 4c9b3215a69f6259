"""Which recordings would a license of this offer open, if it were granted now?

The answer of `license.evaluate`, for a grant that is not on chain yet. Whether the offer is signed, current
and within its terms is `license.narrow` and the contract.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from provenance.domain import fields, purposes, territories, typed
from provenance.domain import license as rules
from provenance.domain.events import LicenseGranted
from provenance.domain.facts import Logged
from provenance.types import ZERO32, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.domain.consent import SignedConsent
    from provenance.domain.ledger import Block, Ledger
    from provenance.domain.license import Decision
    from provenance.domain.manifest import Manifest
    from provenance.domain.terms import Terms
    from provenance.domain.typed import Domains, Offer
    from provenance.types import Address, ConsentId


def prospects(
    ledger: Ledger, manifest: Manifest, terms: Terms, domains: Domains, offer: Offer, licensee: Address, now: Block
) -> tuple[Decision, ...]:
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
    made = rules.license_id(typed.digest(domains.access, offer), licensee)
    words = (offer.holder, offer.terms_hash, offer.purposes, offer.expiry, offer.notice_days, offer.token, offer.price)
    granted = LicenseGranted(made, offer.dataset_id, licensee, *words)
    ledger.add(Logged(now, ZERO32, 0, domains.access.contract, granted))
    consents = manifest.consents_by_id(domains.consent)
    codes = purposes.codes(offer.purposes & purposes.KNOWN)
    masks, places = [purposes.mask([code]) for code in codes] or [0], _places(terms, consents)
    found: dict[int, Decision] = {}
    for start, groups in _alike(manifest, consents, UnixSeconds(max(now.time, terms.not_before))).items():
        at = replace(now, time=start)
        best: dict[int, Decision] = {}
        for purpose, place in product(masks, places):
            left = tuple(first for first, *_ in groups if first not in best or not best[first].allowed)
            use = rules.Use(made, licensee, purpose, place.encode(), left)
            told = rules.evaluate(ledger, manifest, terms, consents, use, at, at.number)
            best |= {i: one for i, one in zip(left, told, strict=True) if i not in best or one.allowed}
        for group in groups:
            one = _dated(best[group[0]], start, offer)
            found |= {index: replace(one, recording=index) for index in group}
    return tuple(found[index] for index in sorted(found))


def _alike(
    manifest: Manifest, consents: Mapping[ConsentId, SignedConsent], earliest: UnixSeconds
) -> dict[UnixSeconds, list[list[int]]]:
    """By the second at which all their consents count: recordings that no rule tells apart, together."""
    found: dict[UnixSeconds, dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    for one in manifest.recordings:
        known = [consents[i] for i in one.consent_ids if i in consents]
        reach = tuple(consent.covers(one.voice_ids, one.sealed.plaintext_commitment) for consent in known)
        start = max([earliest, *(consent.consent.not_before for consent in known)])
        found[start][one.consent_ids, one.voice_ids, reach].append(one.index)
    return {start: list(groups.values()) for start, groups in found.items()}


def _places(terms: Terms, consents: Mapping[ConsentId, SignedConsent]) -> tuple[str, ...]:
    """Of the terms' countries that all consents treat alike, one."""
    reaches = [territories.countries(codes) for codes in {one.territories for one in consents.values()}]
    alike: dict[tuple[bool, ...], str] = {}
    for place in sorted(territories.countries(terms.territories)):
        alike.setdefault(tuple(place in reach for reach in reaches), place)
    return tuple(alike.values())


def _dated(decision: Decision, start: UnixSeconds, offer: Offer) -> Decision:
    """The same; if the license would be over before, with both times."""
    if decision.code != "license-expired":
        return decision
    told = (
        f"terms and consents open it from {fields.dated(start)}, and the license ends at {fields.dated(offer.expiry)}"
    )
    return replace(decision, detail=told)
