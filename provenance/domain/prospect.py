"""Which recordings would a license of this offer open, if it were granted now?

The answer of `license.evaluate`, for a grant that is not on chain yet. Whether the offer is signed, current
and within its terms is `license.narrow` and the contract.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.domain import license as rules
from provenance.domain import purposes, territories, typed
from provenance.domain.events import LicenseGranted
from provenance.domain.facts import Logged
from provenance.types import ZERO32, UnixSeconds

if TYPE_CHECKING:
    from provenance.domain.ledger import Block, Ledger
    from provenance.domain.license import Decision
    from provenance.domain.manifest import Manifest
    from provenance.domain.terms import Terms
    from provenance.domain.typed import Domains, Offer
    from provenance.types import Address


def prospects(
    ledger: Ledger, manifest: Manifest, terms: Terms, domains: Domains, offer: Offer, licensee: Address, now: Block
) -> tuple[Decision, ...]:
    """One decision per recording: the best of the offer's purposes and the terms' countries.

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
    at = replace(now, time=UnixSeconds(max(now.time, terms.not_before)))
    consents, places = manifest.consents_by_id(domains.consent), sorted(territories.countries(terms.territories))
    found: dict[int, Decision] = {}
    for purpose in [purposes.mask([code]) for code in purposes.codes(offer.purposes & purposes.KNOWN)] or [0]:
        left = tuple(one.index for one in manifest.recordings if not opens(found.get(one.index)))
        for place in places:
            use = rules.Use(made, licensee, purpose, place.encode(), left)
            told = rules.evaluate(ledger, manifest, terms, consents, use, at, at.number)
            found |= {i: one for i, one in zip(left, told, strict=True) if i not in found or opens(one)}
            left = tuple(i for i, one in zip(left, told, strict=True) if one.code == "consent-territory")
            if not left:
                break
    return tuple(found[index] for index in sorted(found))


def opens(decision: Decision | None) -> bool:
    """Now, or once the consent counts: from when it does is known when the price is paid."""
    return decision is not None and (decision.allowed or decision.code == "consent-not-yet")
