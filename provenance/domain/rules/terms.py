"""Terms: what an offer, a license or a session may take from them.

License lies within terms, terms within consents. Whether a use lies within its license is `license`.
"""

from __future__ import annotations

from collections.abc import Iterable

from provenance.domain import fields, purposes
from provenance.domain.consent import SignedConsent
from provenance.domain.terms import Terms
from provenance.domain.typed import Offer
from provenance.errors import Invalid
from provenance.types import UnixSeconds


class BroaderThanTerms(Invalid):
    """An offer that allows what the terms or consents do not."""

    next = "Offer only what the terms allow and every consent covers; `terms check` and `consent show` list it."


def license_end(end: UnixSeconds, terms: Terms) -> UnixSeconds:
    """The first second at which a license that the chain ends then is over: it never outlives its terms."""
    return min(end, UnixSeconds(terms.not_after + 1))


def session_end(end: UnixSeconds, terms: Terms) -> UnixSeconds:
    """The last second that a session may record in: the terms' last, or when the chain ends the license.

    Use in a later second would be owed by the licensee and paid to nobody.
    """
    return min(end, terms.not_after)


def narrow(offer: Offer, terms: Terms, consents: Iterable[SignedConsent]) -> Offer:
    """The same offer, which allows nothing beyond the terms and no purpose that a consent lacks.

    Raises:
        BroaderThanTerms: naming the purposes or the time that go beyond.
    """
    purposes.check(offer.purposes)
    if not offer.purposes:
        raise BroaderThanTerms("an offer names at least one purpose", field="purposes")
    beyond = offer.purposes & ~terms.allowed
    if beyond:
        raise BroaderThanTerms(f"the terms do not allow {purposes.label(beyond)}", field="purposes")
    if offer.terms_hash != terms.terms_hash:
        raise BroaderThanTerms("the offer names other terms than the dataset's", field="termsHash")
    if offer.expiry > license_end(offer.expiry, terms):
        raise BroaderThanTerms(
            f"the terms end at {fields.dated(terms.not_after)}, before the offer's expiry", field="expiry"
        )
    if offer.price < terms.price.per_license:
        raise BroaderThanTerms(
            f"the terms ask for {terms.price.per_license}, the offer for {offer.price}", field="price"
        )
    if offer.distributor != terms.price.distributor:
        raise BroaderThanTerms("the terms name another distributor", field="distributor")
    for consent in consents:
        lacking = offer.purposes & ~consent.consent.purposes
        if lacking:
            raise BroaderThanTerms(f"a consent does not cover {purposes.label(lacking)}", field="purposes")
    return offer
