"""Manifests: the public document of a dataset, as `provenance/manifest/1`.

With the ids that it gives and the tree over its recordings. Sealing, storing and judging are elsewhere;
whether its consents and terms allow a use is `license`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import field
from typing import Annotated, Final, Self

from provenance.domain import fields, merkle, record, splits
from provenance.domain.cid import Cid
from provenance.domain.consent import KIND as CONSENT, SignedConsent
from provenance.domain.hashes import abi_words, keccak
from provenance.domain.pool import MANIFEST as POOL, CuratorShare
from provenance.domain.recording import (
    VOICES,
    BadManifest,
    Recording,
    SealedObject,
)
from provenance.domain.splits import Split
from provenance.domain.typed import Domain
from provenance.errors import Invalid
from provenance.types import (
    Address,
    Bytes32,
    ConsentId,
    DatasetId,
    Json,
    RecordingId,
    UnixSeconds,
)

KIND: Final = "provenance/manifest"
KINDS: Final = ("voice", "music", "sound", POOL)
VERDICTS: Final = ("pass", "review", "reject")
RECORDINGS: Final = 1 << 17  # a recording proves its place in 17 hashes
CONSENTS: Final = 4_096
TAGS: Final = 64
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")


class ConsentNeeded(Invalid):
    """A voice without a consent that covers the recording."""

    next = "Ask the voice owner: `consent grant --recordings FILE`, then repeat with `--consent`."


class ForeignConsent(Invalid):
    """A consent that was given to another rights holder."""

    next = "Only the rights holder whom a consent names can use it; ask the voice owner for one of your own."


@record.dataclass(frozen=True, slots=True)
class Manifest:
    """A dataset: recordings under one root, with their terms, consents and shares.

    Or a pool, which has no recordings, no consents and no private part, but the curator's share.
    """

    title: str
    kind: str
    language: str
    tags: Annotated[tuple[str, ...], record.items(record.text(64), TAGS)]
    created_at: UnixSeconds
    holder: Address
    gateway: Address
    splits: Annotated[tuple[Split, ...], splits.SHARES]
    terms_cid: Annotated[Cid, record.at("terms.cid")]
    terms_hash: Annotated[Bytes32, record.at("terms.termsHash")]
    consents: Annotated[tuple[SignedConsent, ...], record.items(record.document(SignedConsent, CONSENT), CONSENTS)]
    recordings: Annotated[tuple[Recording, ...], record.most(RECORDINGS)]
    private: Annotated[SealedObject | None, record.OMITTED] = None
    pool: Annotated[CuratorShare | None, record.OMITTED] = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadManifest(f"kind: {self.kind!r} is none of {', '.join(KINDS)}", field="kind")
        check_language(self.language)
        if self.terms_cid.digest != self.terms_hash:
            raise BadManifest("terms: cid and termsHash differ", field="terms")
        splits.check(self.splits)
        self._check_kind()
        objects = [sealed_object.sealed.header for sealed_object in self.objects()]
        if len({header.object_id for header in objects}) != len(objects):
            raise BadManifest("recordings: an objectId stands twice", field="recordings")
        if any(header.holder != self.holder for header in objects):
            raise BadManifest("recordings: sealed for another holder", field="header")
        for index, recording in enumerate(self.recordings):
            _check_recording(recording, index, needs_voice=self.kind == "voice")

    def _check_kind(self) -> None:
        """A pool has nothing to hear, and a dataset has."""
        if self.kind == POOL:
            if self.pool is None:
                raise BadManifest("pool: the curator's share is expected", field="pool")
            for name in ("recordings", "consents", "private"):
                if getattr(self, name):
                    raise BadManifest(f"{name}: a pool has none of its own", field=name)
            return
        if self.pool is not None:
            raise BadManifest(f"pool: not of kind {self.kind}", field="pool")
        if self.private is None:
            raise BadManifest("private: an object is expected", field="private")
        if not 0 < len(self.recordings) <= RECORDINGS:
            raise BadManifest(f"recordings: 1 to {RECORDINGS} are expected", field="recordings")

    def objects(self) -> tuple[Recording | SealedObject, ...]:
        """Everything that is sealed: the recordings in their order, then the private part."""
        return (*self.recordings, self.private) if self.private else self.recordings

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The manifest in these bytes; `check` looks at its consents.

        Raises:
            Invalid: not a manifest; the field is named.
        """
        return record.parse(cls, encoded, KIND)

    def encode(self) -> bytes:
        """The canonical bytes."""
        return record.encode(self, KIND)

    def tree(self) -> merkle.Tree:
        """The tree over the recordings' leaves."""
        return merkle.Tree.build(recording.leaf() for recording in self.recordings)

    def root(self) -> Bytes32:
        """`manifestRoot`."""
        return self.tree().root

    def split_hash(self) -> Bytes32:
        """The digest of its shares as the chain packs them."""
        return splits.split_hash(self.splits)

    def dataset_id(self, chain_id: int, registry: Address, digest: Bytes32) -> DatasetId:
        """The id that registering it at this contract gives.

        Args:
            chain_id: of the chain.
            registry: the contract.
            digest: `manifestDigest`, the one in the address of its bytes.
        """
        return dataset_id(chain_id, registry, self.holder, self.root(), digest, self.terms_hash)

    def consents_by_id(self, domain: Domain) -> dict[ConsentId, SignedConsent]:
        """Its consents under the ids that recordings and revocations name."""
        return {consent.id(domain): consent for consent in self.consents}

    def check(self, domain: Domain, approved: Container[ConsentId] = ()) -> None:
        """Every voice heard is covered by a consent to this holder, signed by its owner.

        Args:
            domain: the ConsentRegistry's.
            approved: consents whose subject put the digest on chain (contract wallets).

        Raises:
            ForeignConsent: a consent to somebody else.
            ConsentNeeded: a voice or recording that no named consent covers.
            BadSignature: a consent that its subject did not sign.
        """
        by_id = self.consents_by_id(domain)
        for consent_id, consent in by_id.items():
            if consent.consent.holder != self.holder:
                raise ForeignConsent(
                    f"the consent names {fields.checksummed(consent.consent.holder)} as its holder",
                    consent=fields.shown(consent_id),
                    holder=fields.shown(consent.consent.holder),
                )
            consent.check(domain, approved=consent_id in approved)
        for recording in self.recordings:
            _check_consents(recording, by_id)


def check_language(tag: str) -> None:
    """The tag is one of RFC 5646's shape, such as `en` or `pt-BR`.

    Raises:
        BadManifest: it is not.
    """
    if not _LANGUAGE.match(tag) or len(tag) > 35:
        raise BadManifest(
            f"language: {tag[:40]!r} is no language tag",
            field="language",
            next="Write a tag such as en or pt-BR; zxx where no words are heard.",
        )


def dataset_id(
    chain_id: int,
    registry: Address,
    registrant: Address,
    manifest_root: Bytes32,
    manifest_digest: Bytes32,
    terms_hash: Bytes32,
) -> DatasetId:
    """For ever the id of what this registrant registers by this manifest under these terms."""
    return keccak(abi_words(chain_id, registry, registrant, manifest_root, manifest_digest, terms_hash))


def recording_id(dataset: DatasetId, index: int) -> RecordingId:
    """One recording of one dataset."""
    return keccak(abi_words(dataset, index))


def recording_ids(dataset: DatasetId, items: int) -> Iterator[RecordingId]:
    """The ids of a dataset's recordings, in order; none where no manifest could list so many."""
    return (recording_id(dataset, index) for index in range(items if items <= RECORDINGS else 0))


def _check_recording(recording: Recording, index: int, *, needs_voice: bool) -> None:
    if recording.index != index:
        raise BadManifest(
            f"recordings: number {index} says index {recording.index}",
            field="index",
            recording=index,
        )
    if needs_voice and not recording.voice_ids:
        raise ConsentNeeded(f"recording {index} names no voice", field="voiceIds", recording=index)
    if recording.consent_ids and not recording.voice_ids:
        raise BadManifest(
            f"recording {index}: a consent without a voice",
            field="consentIds",
            recording=index,
        )
    for name, ids in (
        ("voiceIds", recording.voice_ids),
        ("consentIds", recording.consent_ids),
    ):
        if len(set(ids)) != len(ids):
            raise BadManifest(
                f"recording {index}: {name} holds one twice",
                field=name,
                recording=index,
            )
    if recording.quality.get("verdict") not in VERDICTS:
        raise BadManifest(f"recording {index}: no verdict", field="verdict", recording=index)
    fields.integer(recording.quality, "gateVersion", bits=16)


def _check_consents(recording: Recording, by_id: Mapping[ConsentId, SignedConsent]) -> None:
    """Each consent named is there and covers the recording, and each voice has one."""
    heard = set(recording.voice_ids)
    for consent_id in recording.consent_ids:
        consent = by_id.get(consent_id)
        if consent is None or not consent.covers(recording.voice_ids, recording.sealed.plaintext_commitment):
            raise ConsentNeeded(
                f"recording {recording.index}: the consent is not in the manifest or does not cover it",
                recording=recording.index,
                consent=fields.shown(consent_id),
            )
        heard.discard(consent.consent.voice_id)
    if heard:
        raise ConsentNeeded(
            f"recording {recording.index}: a voice without consent",
            recording=recording.index,
            voice=fields.shown(min(heard)),
        )


__all__ = [
    "CONSENTS",
    "KIND",
    "KINDS",
    "RECORDINGS",
    "TAGS",
    "VERDICTS",
    "VOICES",
    "BadManifest",
    "ConsentNeeded",
    "ForeignConsent",
    "Manifest",
    "Recording",
    "SealedObject",
    "dataset_id",
    "recording_id",
]
