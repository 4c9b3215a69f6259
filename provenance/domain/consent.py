"""What did a voice owner allow in a `provenance/consent/1`, to whom, and does it cover this recording?

The signed grant and its scope. Whether it stands at some block (revocation, time) is `license`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from provenance.domain import canonical, fields, purposes, signature, territories, typed
from provenance.domain.hashes import keccak, sha256
from provenance.errors import Invalid
from provenance.types import ZERO32, Bytes32, ConsentId, Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.domain.typed import Consent, Domain
    from provenance.types import VoiceId

KIND: Final = "provenance/consent"
SCOPE_KIND: Final = "provenance/scope"
ALL: Final = "all"
SCOPE_RECORDINGS: Final = 12_000  # 69 bytes each: the scope stays within one block of 1 MiB
SCOPE_CODES: Final = 64
WORDS_KIND: Final = "provenance/words"
WORDS_CHARS: Final = 1 << 17
SALT_BYTES: Final = 32  # of one length, so that no two pairs of salt and words hash the same bytes


class BadConsent(Invalid):
    """A consent whose parts contradict each other."""

    code = "bad-consent"
    next = "Ask the voice owner for a fresh `consent grant`; a consent cannot be edited."


@dataclass(frozen=True, slots=True)
class Scope:
    """Which recordings are meant: those listed, or all of this voice by this holder."""

    recordings: frozenset[Bytes32] | None
    """Plaintext commitments; `None`: all recordings of the voice by the holder."""
    codes: tuple[str, ...] = ()
    """Roles, series or genres, in codes such as `role:narrator`."""
    words: Bytes32 | None = None
    """`words_hash` of the agreement in words, which stay private."""
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: Mapping[str, Json]) -> Self:
        """The scope in a parsed `provenance/scope/1` object."""
        doc = canonical.parse(canonical.dumps(document), kind=SCOPE_KIND)
        listed = doc.get("recordings")
        return cls(
            None if listed == ALL else frozenset(fields.words(doc, "recordings", most=SCOPE_RECORDINGS)),
            tuple(sorted(set(fields.texts(doc, "codes", most=SCOPE_CODES)))),
            None if doc.get("words") is None else fields.word(doc, "words"),
            fields.extra(doc, ("recordings", "codes", "words")),
        )

    def encode(self) -> bytes:
        """The canonical bytes; content of its own."""
        listed: Json = ALL if self.recordings is None else [fields.shown(item) for item in sorted(self.recordings)]
        words = None if self.words is None else fields.shown(self.words)
        return canonical.encode(
            SCOPE_KIND,
            1,
            {**self.extra, "recordings": listed, "codes": self.codes, "words": words},
        )

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


@dataclass(frozen=True, slots=True)
class Words:
    """What was agreed in words, with the salt that lets whoever has both compare them with a scope."""

    text: str
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
    def parse(cls, data: bytes) -> Self:
        """The `provenance/words/1` document in these bytes."""
        return cls.of(canonical.parse(data, kind=WORDS_KIND))

    @classmethod
    def of(cls, doc: Mapping[str, Json]) -> Self:
        """The words among these fields."""
        text = doc.get("words")
        if not isinstance(text, str):
            raise BadConsent("words: text is expected", field="words")
        return cls(text, Bytes32(fields.octets(doc, "salt", SALT_BYTES)))

    def document(self) -> dict[str, Json]:
        """Both, as a private part names them."""
        return {"words": self.text, "salt": fields.shown(self.salt)}

    def encode(self) -> bytes:
        """The document that lies beside a consent."""
        return canonical.encode(WORDS_KIND, 1, self.document())

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


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """A voice owner's word to one rights holder, with what its digests stand for.

    In the document the typed fields stand beside `signature` and `scope`; `territories` are the codes
    themselves, whose digest was signed.
    """

    consent: Consent
    signature: bytes
    territories: tuple[str, ...]
    scope: Scope
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
    def parse(cls, data: bytes) -> Self:
        """The consent in these bytes; its signature is checked by `check`.

        Raises:
            Invalid: not a consent, or its parts contradict each other.
        """
        return cls.of(canonical.loads(data))

    @classmethod
    def of(cls, document: Json) -> Self:
        """The consent in an already parsed document, as manifests embed it."""
        doc = canonical.parse(canonical.dumps(document), kind=KIND)
        places = territories.parse(fields.texts(doc, "territories", most=300))
        signed = {**doc, "territories": fields.shown(territories.territories_hash(places))}
        known = {name for _, name in typed.members(typed.Consent.TYPE)} | {"signature", "scope"}
        return cls(
            typed.from_json(typed.Consent, signed),
            fields.octets(doc, "signature"),
            places,
            Scope.parse(fields.mapping(doc, "scope")),
            fields.extra(doc, known),
        )

    def document(self) -> dict[str, Json]:
        """The document as a manifest embeds it."""
        value = canonical.loads(self.encode())
        if not isinstance(value, dict):  # pragma: no cover - encode writes objects only
            raise BadConsent("not an object")
        return value

    def encode(self) -> bytes:
        """The canonical bytes."""
        return canonical.encode(
            KIND,
            1,
            {
                **self.extra,
                **typed.to_json(self.consent),
                "signature": fields.shown(self.signature),
                "territories": self.territories,
                "scope": canonical.loads(self.scope.encode()),
            },
        )

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
