"""Published offers: the one that the gateway's catalogue has under a digest. Making and accepting one is `license`."""

from __future__ import annotations

from provenance.app.ports import Chain, Gateway
from provenance.domain import canonical, typed
from provenance.domain.fields import shown
from provenance.domain.offer import SignedOffer
from provenance.errors import Failed, Missing
from provenance.types import Bytes32


class OfferDiffers(Failed):
    """What the gateway sent is not the offer of that digest."""

    next = "Do not use this gateway for it; ask the rights holder for the offer's file."


def published(gateway: Gateway, chain: Chain, digest: Bytes32) -> SignedOffer:
    """The offer of this digest in the gateway's catalogue; whether its holder signed it is `accept`'s check.

    Raises:
        Missing: the gateway has none.
        OfferDiffers: what it sent is another.
    """
    rows = gateway.listing("offers", offer=shown(digest)).rows
    if not rows:
        raise Missing(f"the gateway has no offer {shown(digest)}", next="`dataset show` lists the open ones.")
    offer = SignedOffer.parse(canonical.dumps(rows[0].get("offer")))
    if typed.digest(chain.deployment.domains.access, offer.offer) != digest:
        raise OfferDiffers("the gateway sent another offer", offer=shown(digest))
    return offer
