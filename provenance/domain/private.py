"""What do only the holder and the gateway read of a dataset, in its `provenance/private/1`?

Names, words and whatever is made from plaintext without a salt. It is sealed like audio; nothing under the
manifest's root depends on it, so that a machine that hears less makes the same dataset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from provenance.domain import canonical, fields, record
from provenance.domain.consent import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.types import Address, Bytes32, ConsentId, Json, VoiceId

KIND: Final = "provenance/private"
CONTRIBUTORS: Final = 4_096
ROLE_CHARS: Final = 64
FINGERPRINT_CHARS: Final = 16_384
_MOST: Final = 1 << 17
_FIELDS: Final = ("title", "uploader", "contributors", "consents", "recordings")


@dataclass(frozen=True, slots=True)
class Marks:
    """What catalogues elsewhere know a recording by; empty where it could not be heard."""

    iscc: str = ""
    """Data-Code and Instance-Code of the file's bytes, before them an Audio-Code. Source: ISO 24138."""
    fingerprint: str = ""
    """Chromaprint of the first two minutes, as AcoustID writes it."""

    @classmethod
    def of(cls, doc: Mapping[str, Json]) -> Self:
        """The marks among these fields."""
        iscc = fields.text(doc, "iscc") if doc.get("iscc") else ""
        known = fields.text(doc, "fingerprint", max_chars=FINGERPRINT_CHARS) if doc.get("fingerprint") else ""
        return cls(iscc, known)

    def document(self) -> dict[str, Json]:
        """Those that there are."""
        return {name: said for name, said in (("iscc", self.iscc), ("fingerprint", self.fingerprint)) if said}


UNMARKED: Final = Marks()


@dataclass(frozen=True, slots=True)
class Contributor:
    """A person, and what she did; as the uploader says it."""

    name: str
    role: str
    account: Address | None = None
    voice: VoiceId | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Json) -> Self:
        """The contributor in one entry; before there were names, it was an account alone."""
        if isinstance(value, str):
            return cls("", "", fields.address({"account": value}, "account"))
        doc = fields.mapping({"contributors": value}, "contributors")
        return cls(
            name=fields.text(doc, "name"),
            role=fields.text(doc, "role", max_chars=ROLE_CHARS),
            account=None if doc.get("account") is None else fields.address(doc, "account"),
            voice=None if doc.get("voice") is None else fields.word(doc, "voice"),
            extra=fields.extra(doc, ("name", "role", "account", "voice")),
        )

    def document(self) -> Json:
        """Its entry."""
        if self.account and not self.name:
            return fields.shown(self.account)
        said = {"account": self.account, "voice": self.voice}
        shown: dict[str, Json] = {name: fields.shown(value) for name, value in said.items() if value is not None}
        return {**self.extra, "name": self.name, "role": self.role, **shown}


@dataclass(frozen=True, slots=True)
class Original:
    """One recording as it came: its file's name and digest, and its marks."""

    object_id: Bytes32
    file: str
    sha256: Bytes32
    marks: Marks = UNMARKED
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, doc: Mapping[str, Json]) -> Self:
        """The original in one entry."""
        return cls(
            fields.word(doc, "objectId"),
            fields.text(doc, "file", max_chars=4_096),
            fields.word(doc, "sha256"),
            Marks.of(doc),
            fields.extra(doc, ("objectId", "file", "sha256", "iscc", "fingerprint")),
        )

    def document(self) -> dict[str, Json]:
        """Its entry."""
        return {
            **self.extra,
            "objectId": fields.shown(self.object_id),
            "file": self.file,
            "sha256": fields.shown(self.sha256),
            **self.marks.document(),
        }


@dataclass(frozen=True, slots=True)
class Private:
    """The part of a manifest that only the holder and the gateway read."""

    title: str
    uploader: Address
    contributors: tuple[Contributor, ...]
    words: Mapping[ConsentId, Words]
    """Of each consent whose scope has any, as far as the uploader has them."""
    recordings: tuple[Original, ...]
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The private part in these bytes.

        Raises:
            Invalid: not one; the field is named.
        """
        doc = canonical.parse(data, kind=KIND)
        consents = fields.objects({"consents": [], **doc}, "consents", most=CONTRIBUTORS)
        return cls(
            title=fields.text(doc, "title"),
            uploader=fields.address(doc, "uploader"),
            contributors=tuple(Contributor.of(one) for one in fields.items(doc, "contributors", most=CONTRIBUTORS)),
            words={fields.word(one, "id"): Words.of(one) for one in consents},
            recordings=tuple(Original.of(one) for one in fields.objects(doc, "recordings", most=_MOST)),
            extra=fields.extra(doc, _FIELDS),
        )

    def encode(self) -> bytes:
        """The canonical bytes."""
        document: dict[str, Json] = {
            **self.extra,
            "title": self.title,
            "uploader": fields.shown(self.uploader),
            "contributors": [one.document() for one in self.contributors],
            "consents": [{"id": fields.shown(one), **record.write(self.words[one])} for one in sorted(self.words)],
            "recordings": [one.document() for one in self.recordings],
        }
        return canonical.encode(KIND, 1, document)
