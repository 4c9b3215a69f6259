"""Consents: what a voice owner allowed in a `provenance/consent/1`, to whom and for which recordings.

The signed grant, its scope and its words. Whether it stands at some block (revocation, time) is `rules.consent`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Final, Self

from provenance.domain import canonical, fields, purposes, record, signature, territories, typed
from provenance.domain.hashes import keccak, sha256
from provenance.domain.terms import Places
from provenance.domain.typed import Domain
from provenance.errors import Invalid
from provenance.types import ZERO32, Address, Bytes32, ConsentId, Json, VoiceId

KIND: Final = "provenance/consent"
SCOPE_KIND: Final = "provenance/scope"
ALL: Final = "all"
SCOPE_RECORDINGS: Final = 12_000  # 69 bytes each: the scope stays within one block of 1 MiB
SCOPE_CODES: Final = 64
EXTENSION_KIND: Final = "provenance/extension"
WORDS_KIND: Final = "provenance/words"
WORDS_CHARS: Final = 1 << 17
SALT_BYTES: Final = 32  # of one length, so that no two pairs of salt and words hash the same bytes


class BadConsent(Invalid):
    """A consent whose parts contradict each other."""

    next = "Ask the voice owner for a fresh `consent grant`; a consent cannot be edited."


def _ordered(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(codes)))


def _listed(document: Mapping[str, Json], name: str) -> frozenset[Bytes32] | None:
    return None if document.get(name) == ALL else frozenset(fields.words(document, name, most=SCOPE_RECORDINGS))


def _listing(recordings: frozenset[Bytes32] | None) -> Json:
    return ALL if recordings is None else [fields.shown(commitment) for commitment in sorted(recordings)]


@record.dataclass(frozen=True, slots=True)
class Scope:
    """Which recordings are meant: those listed, or all of this voice by this holder."""

    recordings: Annotated[
        frozenset[Bytes32] | None,
        record.Codec(_listed, _listing, f"list of 0x-hex or `{ALL}`", f"at most {SCOPE_RECORDINGS}, each 32 bytes"),
    ]
    """Plaintext commitments; `None`: all recordings of the voice by the holder."""
    codes: Annotated[tuple[str, ...], record.via(record.items(record.text(64), SCOPE_CODES), _ordered, tuple)] = ()
    """Roles, series or genres, in codes such as `role:narrator`."""
    words: Bytes32 | None = None
    """`words_hash` of the agreement in words, which stay private."""
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: Mapping[str, Json]) -> Self:
        """The scope in a parsed `provenance/scope/1` object."""
        return record.read(cls, canonical.body(SCOPE_KIND, document))

    def encode(self) -> bytes:
        """The canonical bytes; content of its own."""
        return record.encode(self, SCOPE_KIND)

    @property
    def scope_hash(self) -> Bytes32:
        """SHA-256 of the canonical bytes.

        Raises:
            BadField: more than one block of content.
        """
        return fields.document_hash(self.encode(), "scope")


def words_hash(words: str, salt: bytes) -> Bytes32:
    """What a public scope says of the words agreed: nothing without the salt."""
    return sha256(salt + unicodedata.normalize("NFC", words).encode())


def _agreed(document: Mapping[str, Json], name: str) -> str:
    words = document.get(name)
    if not isinstance(words, str):
        raise BadConsent(f"{name}: text is expected", field=name)
    return words


@record.dataclass(frozen=True, slots=True)
class Words:
    """What was agreed in words, with the salt that lets whoever has both compare them with a scope."""

    text: Annotated[str, record.at("words"), record.Codec(_agreed, str, "text", f"1 to {WORDS_CHARS} characters")]
    salt: Bytes32

    def __post_init__(self) -> None:
        if not self.text.strip() or len(self.text) > WORDS_CHARS:
            raise BadConsent(
                f"words: 1 to {WORDS_CHARS} characters are expected",
                field="words",
                next="Give the words themselves, or a text file of them.",
            )
        try:
            canonical.dumps(self.text)  # refused here, and not once a consent is signed over them
        except canonical.BadDocument as error:
            raise BadConsent(
                f"words{error.detail.removeprefix('$')}",
                field="words",
                next="Give them as plain text, such as a text file in UTF-8.",
            ) from error

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """The `provenance/words/1` document in these bytes."""
        return record.parse(cls, document, WORDS_KIND)

    @classmethod
    def of(cls, document: Mapping[str, Json]) -> Self:
        """The words among these fields."""
        return record.read(cls, document)

    def encode(self) -> bytes:
        """The document that lies beside a consent."""
        return record.encode(self, WORDS_KIND)

    @property
    def hash(self) -> Bytes32:
        """What the public scope says of them."""
        return words_hash(self.text, self.salt)

    def check(self, scope: Scope) -> None:
        """They are what the scope was signed with.

        Raises:
            BadConsent: other words, another salt, or none were signed.
        """
        if scope.words != self.hash:
            raise BadConsent(
                "words: not those that were signed",
                field="words",
                next="Use the words file that came with this consent, unchanged, or none.",
            )


def consents_hash(ids: Iterable[ConsentId]) -> Bytes32:
    """What a recording's leaf says of its consents: keccak(abi.encode(bytes32[])), ascending; zero for none."""
    ordered = sorted(set(ids))
    if not ordered:
        return ZERO32
    return keccak((32).to_bytes(32, "big") + len(ordered).to_bytes(32, "big") + b"".join(ordered))


def _signed(document: Mapping[str, Json], _name: str) -> typed.Consent:
    """The signed fields, with the digest of the territories that the document lists."""
    digest = territories.territories_hash(fields.texts(document, "territories", most=300))
    return record.read(typed.Consent, {**document, "territories": fields.shown(digest)})


_SIGNED: Final = record.Codec(
    _signed,
    record.write,
    "object",
    fields=tuple(row for row in record.table(typed.Consent) if row.path != "territories"),
)


@record.dataclass(frozen=True, slots=True)
class SignedConsent:
    """A voice owner's word to one rights holder, with what its digests stand for.

    In the document the typed fields stand beside `signature` and `scope`; `territories` are the codes
    themselves, whose digest was signed.
    """

    consent: Annotated[typed.Consent, record.INLINE, _SIGNED]
    signature: bytes
    territories: Places
    scope: Annotated[Scope, record.document(Scope, SCOPE_KIND)]
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        consent = self.consent
        purposes.check(consent.purposes)
        if not consent.purposes:
            raise BadConsent("purposes: none is allowed", field="purposes")
        if consent.not_before > consent.not_after:
            raise BadConsent(
                f"notBefore {fields.dated(consent.not_before)} is after notAfter {fields.dated(consent.not_after)}",
                field="notBefore",
            )
        if territories.territories_hash(self.territories) != consent.territories:
            raise BadConsent("territories: not those that were signed", field="territories")
        if self.scope.scope_hash != consent.scope_hash:
            raise BadConsent("scope: not the one that was signed", field="scopeHash")

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """The consent in these bytes; its signature is checked by `check`.

        Raises:
            Invalid: not a consent, or its parts contradict each other.
        """
        return record.parse(cls, document, KIND)

    @classmethod
    def of(cls, document: Json) -> Self:
        """The consent in an already parsed document, as manifests embed it."""
        return record.read(cls, canonical.body(KIND, document))

    def document(self) -> dict[str, Json]:
        """The document as a manifest embeds it."""
        return canonical.headed(KIND, record.write(self))

    def encode(self) -> bytes:
        """The canonical bytes."""
        return record.encode(self, KIND)

    def id(self, domain: Domain) -> ConsentId:
        """The EIP-712 digest at one ConsentRegistry: what is signed and what a revocation names."""
        return typed.digest(domain, self.consent)

    def check(self, domain: Domain, *, approved: bool = False) -> None:
        """The subject signed it, for this network.

        Args:
            domain: the ConsentRegistry's.
            approved: the chain holds `DigestApproved(subject, consentId)`: a contract wallet's word.

        Raises:
            BadSignature: somebody else did, or for another network.
        """
        if not approved:
            signature.check(self.id(domain), self.signature, self.consent.subject)

    def covers(self, voices: Iterable[VoiceId], plaintext_commitment: bytes) -> bool:
        """Whether a recording with these voices lies in the scope."""
        if self.consent.voice_id not in set(voices):
            return False
        return self.scope.recordings is None or plaintext_commitment in self.scope.recordings


@record.dataclass(frozen=True, slots=True)
class SignedExtension:
    """A voice owner lets a consent serve another holder too; anyone may send it: what `consent extend --out` writes."""

    extension: Annotated[typed.ExtendConsent, record.INLINE]
    subject: Address
    signature: bytes
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """The `provenance/extension/1` in these bytes; whether its subject signed it is the contract's check."""
        return record.parse(cls, document, EXTENSION_KIND)

    def encode(self) -> bytes:
        """Its canonical bytes."""
        return record.encode(self, EXTENSION_KIND)
