"""Offers as others have them: under a digest in the gateway's catalogue, or in the transaction that made a license.

Making and accepting one is `license`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from provenance.app.ports import Call, Chain, Gateway
from provenance.domain import canonical, typed
from provenance.domain.fields import shown
from provenance.domain.offer import SignedOffer, license_id
from provenance.domain.typed import Offer
from provenance.errors import Failed, Missing
from provenance.types import Address, Bytes32, UnixSeconds, Wei

if TYPE_CHECKING:
    from provenance.app.license import LicenseRecord
    from provenance.domain.events import LicenseGranted


class OfferDiffers(Failed):
    """What the gateway sent is not the offer of that digest."""

    next = "Do not use this gateway for it; ask the rights holder for the offer's file."


class OfferUnknown(Missing):
    """Nobody can say which offer a license was made of."""

    next = "Ask a node that keeps old transactions, or the rights holder for a license that was accepted directly."


@dataclass(frozen=True, slots=True)
class AcceptedOffer:
    """What a license was made of, and its id opens with."""

    offer: Offer
    licensee: Address


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


def accepted(chain: Chain, license_: LicenseRecord) -> AcceptedOffer:
    """The offer behind a license, as its transaction carried it, or as the contract built it of what was granted.

    Raises:
        OfferUnknown: the transaction shows none of which the license's id was made.
    """
    grant, dataset_id = license_.grant, license_.grant.dataset_id
    for call in chain.calls(license_.granted.tx, "DataAccess", "accept", "acceptWithPermit", "grant"):
        if call.function == "grant":
            transfers = cast("int", chain.read(Call("DatasetRegistry", "standing", (dataset_id,)))[2])
            candidates = [_granted(grant, call, count) for count in range(transfers + 1)]
        else:
            candidates = [Offer(*cast("tuple[Any, ...]", call.args[0]))]
        for offer in candidates:
            digest = typed.digest(chain.deployment.domains.access, offer)
            if license_id(digest, grant.licensee) == license_.id:
                return AcceptedOffer(offer, grant.licensee)
    raise OfferUnknown(
        f"the offer of license {shown(license_.id)} is not in its transaction", license=shown(license_.id)
    )


def _granted(grant: LicenseGranted, call: Call, transfers: int) -> Offer:
    """The offer that `grant` builds of its arguments, for a dataset that had changed hands so often."""
    *_, expiry, purposes, notice_days, nonce = cast("tuple[Any, ...]", call.args[0])
    return Offer(
        grant.dataset_id, grant.holder, transfers, grant.licensee, grant.distributor, Wei(0), expiry, purposes,
        UnixSeconds(0), notice_days, grant.terms_hash, nonce,
    )  # fmt: skip
