"""Terms: what may be done with a dataset, for what money, until when, as an immutable `provenance/terms/1`.

Reading, checking and writing the document; whether a use is within it is `license`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Final, Self, TypeAlias

from provenance.domain import fields, purposes, record, territories
from provenance.domain.record import decimal, integer, text, via
from provenance.errors import Invalid
from provenance.types import Address, Bytes32, Json, UnixSeconds, Wei

KIND: Final = "provenance/terms"
UNITS: Final = ("audio-ms", "output", "output-ms", "request", "training-hour")
"""The name of each unit code."""
LICENSEE: Final = "licensee"
TERMS_BYTES: Final = 1 << 20
LANGUAGES: Final = 64


class BadTerms(Invalid):
    """Terms that contradict themselves."""

    next = "Correct the named field; `terms check FILE` shows what the terms say."


def _unit(label: str) -> int:
    if label not in UNITS:
        raise BadTerms(f"unit: {label!r} is none of {', '.join(UNITS)}", field="unit")
    return UNITS.index(label)


def _attributor(document: Mapping[str, Json], name: str) -> Address | None:
    return None if document.get(name) == LICENSEE else fields.address(document, name)


Purposes: TypeAlias = Annotated[int, via(record.items(text(64), 256), purposes.mask, purposes.codes)]
Places: TypeAlias = Annotated[tuple[str, ...], via(record.items(text(64), 300), territories.parse, territories.parse)]
Attributor: TypeAlias = Annotated[
    Address | None,
    record.Codec(
        _attributor,
        lambda attributor: fields.shown(attributor) if attributor else LICENSEE,
        f"0x-hex or `{LICENSEE}`",
        "20 bytes",
    ),
]


@record.dataclass(frozen=True, slots=True)
class PerUnit:
    """The price of one metered unit."""

    unit: Annotated[int, via(text(), _unit, UNITS.__getitem__)]
    """Code of `UNITS`."""
    amount: Wei


@record.dataclass(frozen=True, slots=True)
class Price:
    """What a license costs, and what each unit of use does, in base units of the distributor's token: 0 is free."""

    distributor: Address
    """Where all of it is paid into; a license that pays into another opens nothing."""
    per_license: Wei
    per_unit: PerUnit


@record.dataclass(frozen=True, slots=True)
class Caps:
    """How much one license may produce; `None` is without limit."""

    outputs: Annotated[int, decimal(64)] | None = None
    seconds: Annotated[int, decimal(64)] | None = None


@record.dataclass(frozen=True, slots=True)
class AttributionRule:
    """By which method, and by whom, weights are made; `None`: by the licensee itself."""

    method: Annotated[int, integer(16)]
    attributor: Attributor


@record.dataclass(frozen=True, slots=True)
class LegalText:
    """The words of the terms in one language, elsewhere."""

    url: Annotated[str, text(2_000)]
    sha256: Bytes32


@record.dataclass(frozen=True, slots=True)
class Terms:
    """What a rights holder allows, for what money, until when."""

    purposes: Purposes
    prohibited: Purposes
    territories: Places
    not_before: UnixSeconds
    not_after: UnixSeconds
    price: Price
    caps: Caps
    attribution: AttributionRule
    erasure_days: Annotated[int, integer(16)]
    notice_days: Annotated[int, integer(16)]
    share_alike: bool
    text: Annotated[Mapping[str, LegalText], record.by_name(record.record(LegalText), LANGUAGES, BadTerms)] = field(
        default_factory=dict
    )
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
    def parse(cls, encoded: bytes) -> Self:
        """The terms in these bytes, whatever their order and spacing.

        Raises:
            Invalid: not terms; the field is named.
        """
        return record.parse(cls, encoded, KIND)

    def encode(self) -> bytes:
        """The canonical bytes."""
        return record.encode(self, KIND)

    @property
    def allowed(self) -> int:
        """The purposes that may be licensed."""
        return self.purposes & ~self.prohibited

    @property
    def unit(self) -> int:
        """Code of `UNITS` that use is counted in: that of the price."""
        return self.price.per_unit.unit

    @property
    def terms_hash(self) -> Bytes32:
        """SHA-256 of the canonical bytes: the digest in their address, and what the chain sees."""
        return fields.document_hash(self.encode(), "terms", TERMS_BYTES)
