"""What does a manifest say about one recording, and about any sealed object?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from provenance.domain import cid, fields, merkle
from provenance.domain.consent import consents_hash
from provenance.domain.sealed import Header, KeyCommitment, PlaintextCommitment, Sealed
from provenance.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.domain.cid import Cid
    from provenance.domain.events import ContentRotated
    from provenance.types import (
        Bytes32,
        ConsentId,
        Json,
        VoiceId,
    )

VOICES: Final = 64
_RECORDING_FIELDS: Final = (
    "index",
    "name",
    "cid",
    "sealedBytes",
    "header",
    "keyCommitment",
    "plaintextCommitment",
    "durationMs",
    "sampleRate",
    "channels",
    "codec",
    "quality",
    "voiceIds",
    "consentIds",
)


class BadManifest(Invalid):
    """A manifest whose parts contradict each other."""

    code = "bad-manifest"
    next = "Upload the recordings again; a manifest is made by `upload`, not by hand."


@dataclass(frozen=True, slots=True)
class SealedObject:
    """A sealed object and its address."""

    cid: Cid
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Recording:
    """One take, as everybody may see it."""

    index: int
    name: str
    cid: Cid
    sealed: Sealed
    duration_ms: int
    sample_rate: int
    channels: int
    codec: str
    quality: Mapping[str, Json]
    """The uploader's own figures: hints; `verdict` and `gateVersion` are among them."""
    voice_ids: tuple[VoiceId, ...] = ()
    consent_ids: tuple[ConsentId, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def consents_hash(self) -> Bytes32:
        """Zero where no voice is heard."""
        return consents_hash(self.consent_ids)

    def words(self) -> tuple[int | bytes, ...]:
        """The members of its leaf, in order."""
        return (
            self.index,
            self.cid.digest,
            self.sealed.key_commitment,
            self.sealed.plaintext_commitment,
            self.consents_hash,
        )

    def leaf(self) -> Bytes32:
        """Its leaf under the manifest's root, as `Leaves.recording` makes it."""
        return merkle.leaf(*self.words())


def read_sealed(doc: Mapping[str, Json]) -> Sealed:
    """The header and commitments in one entry."""
    return Sealed(
        Header.decode(fields.octets(doc, "header")),
        KeyCommitment(fields.word(doc, "keyCommitment")),
        PlaintextCommitment(fields.word(doc, "plaintextCommitment")),
    )


def sealed_document(sealed: Sealed) -> dict[str, Json]:
    """The header and commitments of one sealed object."""
    return {
        "header": fields.shown(sealed.header.encode()),
        "keyCommitment": fields.shown(sealed.key_commitment),
        "plaintextCommitment": fields.shown(sealed.plaintext_commitment),
    }


def read_recording(doc: Mapping[str, Json]) -> Recording:
    """The recording in one entry of `recordings`.

    Raises:
        Invalid: a field is wrong, or the header contradicts it.
    """
    sealed = read_sealed(doc)
    if fields.integer(doc, "sealedBytes", bits=53) != sealed.header.sealed_bytes:
        raise BadManifest("sealedBytes: not what the header gives", field="sealedBytes")
    return Recording(
        index=fields.integer(doc, "index", bits=32),
        name=fields.text(doc, "name", max_chars=255),
        cid=cid.parse(fields.text(doc, "cid")),
        sealed=sealed,
        duration_ms=fields.integer(doc, "durationMs", bits=32),
        sample_rate=fields.integer(doc, "sampleRate", bits=32),
        channels=fields.integer(doc, "channels", bits=8),
        codec=fields.text(doc, "codec", max_chars=64),
        quality=fields.mapping(doc, "quality"),
        voice_ids=fields.words(doc, "voiceIds", most=VOICES),
        consent_ids=fields.words(doc, "consentIds", most=VOICES),
        extra=fields.extra(doc, _RECORDING_FIELDS),
    )


def recording_document(recording: Recording) -> dict[str, Json]:
    """The entry of one recording in `recordings`."""
    return {
        **recording.extra,
        "index": recording.index,
        "name": recording.name,
        "cid": str(recording.cid),
        "sealedBytes": recording.sealed.header.sealed_bytes,
        **sealed_document(recording.sealed),
        "durationMs": recording.duration_ms,
        "sampleRate": recording.sample_rate,
        "channels": recording.channels,
        "codec": recording.codec,
        "quality": recording.quality,
        "voiceIds": [fields.shown(voice) for voice in recording.voice_ids],
        "consentIds": [fields.shown(consent) for consent in recording.consent_ids],
    }


def serving(recording: Recording, rotations: Iterable[ContentRotated]) -> Recording:
    """The recording as it is served now: under the address and key of its last rotation, if there is one.

    Only what is read changes; its leaf under the registered root stays that of the manifest.
    """
    found = recording
    for event in rotations:
        header = found.sealed.header
        if event.index == recording.index and event.key_version > header.key_version:
            sealed = replace(
                found.sealed,
                header=replace(header, key_version=event.key_version),
                key_commitment=KeyCommitment(event.key_commitment),
            )
            found = replace(found, cid=cid.Cid(recording.cid.codec, event.cid_digest), sealed=sealed)
    return found
