"""Under which terms may a dataset be used, in an immutable `provenance/terms/1`?

Reading, checking and writing the document; whether a use is within it is `license`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from provenance.domain import canonical, fields, purposes, territories
from provenance.errors import Invalid
from provenance.types import Address, Bytes32, Json, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND: Final = "provenance/terms"
UNITS: Final = ("audio-ms", "output", "output-ms", "request", "training-hour")
"""The name of each unit code."""
LICENSEE: Final = "licensee"
TERMS_BYTES: Final = 1 << 20
LANGUAGES: Final = 64
_FIELDS: Final = (
    "purposes",
    "prohibited",
    "territories",
    "notBefore",
    "notAfter",
    "price",
    "caps",
    "attribution",
    "erasureDays",
    "noticeDays",
    "shareAlike",
    "text",
)


class BadTerms(Invalid):
    """Terms that contradict themselves."""

    code = "bad-terms"
    next = "Correct the named field; `terms check FILE` shows what the terms say."


@dataclass(frozen=True, slots=True)
class PerUnit:
    """The price of one metered unit."""

    unit: int
    """Code of `UNITS`."""
    amount: Wei


@dataclass(frozen=True, slots=True)
class Price:
    """What a license costs, and what each unit of use does."""

    token: Address
    per_license: Wei
    per_unit: PerUnit | None


@dataclass(frozen=True, slots=True)
class Caps:
    """How much one license may produce; `None` is without limit."""

    outputs: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class AttributionRule:
    """By which method, and by whom, weights are made; `None`: by the licensee itself."""

    method: int
    attributor: Address | None


@dataclass(frozen=True, slots=True)
class LegalText:
    """The words of the terms in one language, elsewhere."""

    url: str
    sha256: Bytes32


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rights holder allows, for what money, until when."""

    purposes: int
    prohibited: int
    territories: tuple[str, ...]
    not_before: UnixSeconds
    not_after: UnixSeconds
    price: Price
    caps: Caps
    attribution: AttributionRule
    erasure_days: int
    notice_days: int
    share_alike: bool
    text: Mapping[str, LegalText] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        purposes.check(self.purposes)
        purposes.check(self.prohibited)
        if not self.purposes:
            raise BadTerms("purposes: none is allowed", field="purposes")
        both = self.purposes & self.prohibited
        if both:
            raise BadTerms(
                f"prohibited: {purposes.label(both)} is allowed as well",
                field="prohibited",
            )
        if self.not_before > self.not_after:
            raise BadTerms(
                f"notBefore {fields.dated(self.not_before)} is after notAfter {fields.dated(self.not_after)}",
                field="notBefore",
            )
        territories.parse(self.territories)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The terms in these bytes, whatever their order and spacing.

        Raises:
            Invalid: not terms; the field is named.
        """
        doc = canonical.parse(data, kind=KIND)
        attribution = fields.mapping(doc, "attribution")
        return cls(
            purposes=purposes.mask(fields.texts(doc, "purposes")),
            prohibited=purposes.mask(fields.texts(doc, "prohibited")),
            territories=territories.parse(fields.texts(doc, "territories", most=300)),
            not_before=UnixSeconds(fields.integer(doc, "notBefore")),
            not_after=UnixSeconds(fields.integer(doc, "notAfter")),
            price=_price(fields.mapping(doc, "price")),
            caps=_caps(fields.mapping(doc, "caps")),
            attribution=AttributionRule(
                fields.integer(attribution, "method", bits=16),
                None if attribution.get("attributor") == LICENSEE else fields.address(attribution, "attributor"),
            ),
            erasure_days=fields.integer(doc, "erasureDays", bits=16),
            notice_days=fields.integer(doc, "noticeDays", bits=16),
            share_alike=fields.flag(doc, "shareAlike"),
            text=_texts(fields.mapping(doc, "text")),
            extra=fields.extra(doc, _FIELDS),
        )

    def encode(self) -> bytes:
        """The canonical bytes."""
        per_unit, rule = self.price.per_unit, self.attribution
        document: dict[str, Json] = {
            **self.extra,
            "purposes": purposes.codes(self.purposes),
            "prohibited": purposes.codes(self.prohibited),
            "territories": territories.parse(self.territories),
            "notBefore": self.not_before,
            "notAfter": self.not_after,
            "price": {
                "token": fields.shown(self.price.token),
                "perLicense": str(self.price.per_license),
                "perUnit": {
                    "unit": UNITS[per_unit.unit],
                    "amount": str(per_unit.amount),
                }
                if per_unit
                else None,
            },
            "caps": {
                "outputs": _count(self.caps.outputs),
                "seconds": _count(self.caps.seconds),
            },
            "attribution": {
                "method": rule.method,
                "attributor": fields.shown(rule.attributor) if rule.attributor else LICENSEE,
            },
            "erasureDays": self.erasure_days,
            "noticeDays": self.notice_days,
            "shareAlike": self.share_alike,
            "text": {
                language: {"url": words.url, "sha256": fields.shown(words.sha256)}
                for language, words in self.text.items()
            },
        }
        return canonical.encode(KIND, 1, document)

    @property
    def allowed(self) -> int:
        """The purposes that may be licensed."""
        return self.purposes & ~self.prohibited

    @property
    def terms_hash(self) -> Bytes32:
        """SHA-256 of the canonical bytes: the digest in their address, and what the chain sees."""
        return fields.document_hash(self.encode(), "terms", TERMS_BYTES)


def _price(doc: Mapping[str, Json]) -> Price:
    per_unit = None
    if doc.get("perUnit") is not None:
        inner = fields.mapping(doc, "perUnit")
        unit = fields.text(inner, "unit")
        if unit not in UNITS:
            raise BadTerms(f"unit: {unit!r} is none of {', '.join(UNITS)}", field="unit")
        per_unit = PerUnit(UNITS.index(unit), Wei(fields.integer(inner, "amount", bits=128)))
    return Price(
        fields.address(doc, "token"),
        Wei(fields.integer(doc, "perLicense", bits=128)),
        per_unit,
    )


def _caps(doc: Mapping[str, Json]) -> Caps:
    outputs, seconds = (
        None if doc.get(name) is None else fields.integer(doc, name, bits=64) for name in ("outputs", "seconds")
    )
    return Caps(outputs, seconds)


def _count(value: int | None) -> str | None:
    return None if value is None else str(value)


def _texts(doc: Mapping[str, Json]) -> dict[str, LegalText]:
    if len(doc) > LANGUAGES:
        raise BadTerms(f"text: more than {LANGUAGES} languages", field="text")
    found = {}
    for language in doc:
        words = fields.mapping(doc, language)
        found[language] = LegalText(fields.text(words, "url", max_chars=2_000), fields.word(words, "sha256"))
    return found
