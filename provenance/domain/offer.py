"""Offers: what a rights holder signs for a licensee to accept, and the license that this makes.

What an offer may allow is `rules.terms`; what a license allows is `rules.license`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Final

from provenance.domain import record, signature, typed
from provenance.domain.hashes import abi_words, keccak
from provenance.domain.typed import Domain
from provenance.types import Address, Bytes32, Json, LicenseId

KIND: Final = "provenance/offer"


@record.dataclass(frozen=True, slots=True)
class SignedOffer:
    """An offer and its holder's signature: what `license offer` writes and `license accept` reads."""

    offer: Annotated[typed.Offer, record.INLINE]
    signature: bytes
    extra: Mapping[str, Json] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Canonical bytes of `provenance/offer/1`."""
        return record.encode(self, KIND)

    @classmethod
    def parse(cls, document: bytes) -> SignedOffer:
        """The offer in a document; whether its holder signed it is `check_signature`."""
        return record.parse(cls, document, KIND)

    def check_signature(self, domain: Domain) -> None:
        """The holder's key signed the offer for this chain and contract, or `BadSignature`."""
        signature.check(typed.digest(domain, self.offer), self.signature, self.offer.holder)


def license_id(offer_digest: Bytes32, licensee: Address) -> LicenseId:
    """The license that a licensee's acceptance of an offer makes."""
    return keccak(abi_words(offer_digest, licensee))
