"""Conditions of a dataset in words: its terms, open offers and consents, amounts in tokens."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.adapters import wire
from provenance.cli.context import Context
from provenance.cli.values import shown_address, shown_amount, shown_time
from provenance.domain import canonical, purposes
from provenance.domain.offer import SignedOffer
from provenance.domain.terms import UNITS, Terms
from provenance.errors import ProvenanceError
from provenance.types import ZERO_ADDRESS, Address, Bytes32, Json, UnixSeconds

OFFER_COLUMNS = ("offer", "price", "purposes", "acceptUntil", "expires", "for")
CONSENT_COLUMNS = ("consent", "purposes", "territories", "state")
FREE = "use is free"


@dataclass(frozen=True, slots=True)
class Money:
    """The network's token, as people read amounts of it.

    Attributes:
        distributor: the network's, which pays in that token.
    """

    distributor: Address
    decimals: int
    symbol: str

    @classmethod
    def of(cls, ctx: Context) -> Money:
        """That of the network's deployment; in base units where there is none."""
        try:
            record = wire.record(ctx.settings)
            return cls(record.contracts["RoyaltyDistributor"], *record.token)
        except ProvenanceError as error:
            ctx.out.warn(f"Amounts are told in base units: {error.detail}")
            return cls(ZERO_ADDRESS, 0, "base units")

    def in_tokens(self, base_units: Json, distributor: Address | None = None) -> str:
        """An amount, which may be of another distributor, whose token nobody knows here."""
        if base_units is None:
            return "unknown"
        if distributor not in (None, self.distributor):
            return f"{base_units} base units at {shown_address(distributor)}"
        return f"{shown_amount(int(str(base_units)), self.decimals)} {self.symbol}"


def terms_of(ctx: Context, terms_hash: Bytes32) -> Terms | None:
    """The terms of that hash; None where nobody has them now."""
    try:
        return Terms.parse(ctx.content().get_digest(terms_hash)[1])
    except ProvenanceError as error:
        ctx.out.warn(f"The terms cannot be shown: {error.detail}")
        return None


def per_use(terms: Terms, money: Money) -> str:
    """`0.01 TUSD per output`, or that use is free."""
    each = terms.price.per_unit
    return f"{money.in_tokens(each.amount, terms.price.distributor)} per {UNITS[each.unit]}" if each.amount else FREE


def terms_row(terms: Terms, money: Money) -> dict[str, Json]:
    """What the terms mean for who wants a license."""
    price = terms.price
    caps = [f"{n} {name}" for n, name in ((terms.caps.outputs, "outputs"), (terms.caps.seconds, "seconds")) if n]
    return {
        "purposes": purposes.label(terms.allowed),
        "territories": ", ".join(terms.territories),
        "pricePerLicense": money.in_tokens(price.per_license, price.distributor),
        "pricePerUse": per_use(terms, money),
        "until": shown_time(terms.not_after),
        "caps": ", ".join(caps) or "none",
    }


def offer_row(row: dict[str, Json], money: Money) -> dict[str, Json]:
    """An offer of the gateway's catalogue as people read it."""
    offer = SignedOffer.parse(canonical.dumps(row["offer"])).offer
    return {
        "offer": row["digest"],
        "price": money.in_tokens(offer.price, offer.distributor),
        "purposes": purposes.label(offer.purposes),
        "acceptUntil": shown_time(offer.deadline),
        "expires": shown_time(offer.expiry),
        "for": shown_address(offer.licensee) if any(offer.licensee) else "anybody",
    }


def consent_row(row: dict[str, Json]) -> dict[str, Json]:
    """A consent of the gateway's catalogue as people read it."""

    def at(name: str) -> str:
        return shown_time(UnixSeconds(int(str(row[name]))))

    return {
        "consent": row["consentId"],
        "purposes": row["purposes"],
        "territories": row["territories"],
        "state": f"withdrawn since {at('revokedAt')}"
        if row["state"] == "WITHDRAWN"
        else f"{'ended at' if row['state'] == 'EXPIRED' else 'in force until'} {at('notAfter')}",
    }
