"""Private parts: what only the holder and the gateway read of a dataset, as `provenance/private/1`.

Names, words and whatever is made from plaintext without a salt. It is sealed like audio; nothing under the
manifest's root depends on it, so that a machine that hears less makes the same dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Annotated, Final, Self

from provenance.domain import fields, record
from provenance.domain.consent import Words
from provenance.types import Address, Bytes32, ConsentId, Json, VoiceId

KIND: Final = "provenance/private"
CONTRIBUTORS: Final = 4_096
ROLE_CHARS: Final = 64
FINGERPRINT_CHARS: Final = 16_384
_MOST: Final = 1 << 17


def _none_or(codec: record.Codec) -> record.Codec:
    """Empty where there is none."""
    return replace(codec, read=lambda doc, name: codec.read(doc, name) if doc.get(name) else "")


@record.dataclass(frozen=True, slots=True)
class Marks:
    """What catalogues elsewhere know a recording by; empty where it could not be heard."""

    iscc: Annotated[str, record.OMITTED, _none_or(record.text())] = ""
    """Data-Code and Instance-Code of the file's bytes, before them an Audio-Code. Source: ISO 24138."""
    fingerprint: Annotated[str, record.OMITTED, _none_or(record.text(FINGERPRINT_CHARS))] = ""
    """Chromaprint of the first two minutes, as AcoustID writes it."""


UNMARKED: Final = Marks()


@record.dataclass(frozen=True, slots=True)
class Contributor:
    """A person, and what she did; as the uploader says it."""

    name: str
    role: Annotated[str, record.text(ROLE_CHARS)]
    account: Annotated[Address | None, record.OMITTED] = None
    voice: Annotated[VoiceId | None, record.OMITTED] = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Json) -> Self:
        """The contributor in one entry; before there were names, it was an account alone."""
        if isinstance(entry, str):
            return cls("", "", fields.address({"account": entry}, "account"))
        return record.read(cls, fields.mapping({"contributors": entry}, "contributors"))

    def document(self) -> Json:
        """Its entry."""
        return fields.shown(self.account) if self.account and not self.name else record.write(self)


@record.dataclass(frozen=True, slots=True)
class Original:
    """One recording as it came: its file's name and digest, and its marks."""

    object_id: Bytes32
    file: Annotated[str, record.text(4_096)]
    sha256: Bytes32
    marks: Annotated[Marks, record.INLINE] = UNMARKED
    extra: Mapping[str, Json] = field(default_factory=dict)


@record.dataclass(frozen=True, slots=True)
class _Agreement:
    id: ConsentId
    words: Annotated[Words, record.INLINE]


_CONTRIBUTOR: Final = record.Codec(
    lambda doc, name: Contributor.of(doc[name]),
    Contributor.document,
    "object or 0x-hex",
    fields=record.record(Contributor).fields,
)


@record.dataclass(frozen=True, slots=True)
class Private:
    """The part of a manifest that only the holder and the gateway read."""

    title: str
    uploader: Address
    contributors: Annotated[tuple[Contributor, ...], record.items(_CONTRIBUTOR, CONTRIBUTORS)]
    words: Annotated[
        Mapping[ConsentId, Words],
        record.at("consents"),
        record.pairs(_Agreement, "id", "words", CONTRIBUTORS),
        record.OPTIONAL,
    ] = field(default_factory=dict)
    """Of each consent whose scope has any, as far as the uploader has them."""
    recordings: Annotated[tuple[Original, ...], record.most(_MOST)] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The private part in these bytes.

        Raises:
            Invalid: not one; the field is named.
        """
        return record.parse(cls, encoded, KIND)

    def encode(self) -> bytes:
        """The canonical bytes."""
        return record.encode(self, KIND)
