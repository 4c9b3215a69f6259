"""Recordings: what a manifest says of each, and of any sealed object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Annotated, Final

from provenance.domain import cid, fields, merkle, record
from provenance.domain.cid import Cid
from provenance.domain.consent import consents_hash
from provenance.domain.events import ContentRotated
from provenance.domain.record import integer, most, text
from provenance.domain.sealed import KeyCommitment, Sealed
from provenance.errors import Invalid
from provenance.types import Bytes32, ConsentId, Json, VoiceId

VOICES: Final = 64


class BadManifest(Invalid):
    """A manifest whose parts contradict each other."""

    next = "Upload the recordings again; a manifest is made by `upload`, not by hand."


@record.dataclass(frozen=True, slots=True)
class SealedObject:
    """A sealed object and its address."""

    cid: Cid
    sealed: Annotated[Sealed, record.INLINE]


def _sized(document: Mapping[str, Json], _name: str) -> Sealed:
    """The sealed object in an entry that also says its size."""
    sealed = record.read(Sealed, document)
    if fields.integer(document, "sealedBytes", bits=53) != sealed.header.sealed_bytes:
        raise BadManifest("sealedBytes: not what the header gives", field="sealedBytes")
    return sealed


_SIZED: Final = record.Codec(
    _sized,
    lambda sealed: {"sealedBytes": sealed.header.sealed_bytes, **record.write(sealed)},
    "object",
    fields=(record.Field("sealedBytes", "integer", "below 2^53", optional=False), *record.table(Sealed)),
)


@record.dataclass(frozen=True, slots=True)
class Recording:
    """One take, as everybody may see it."""

    index: Annotated[int, integer(32)]
    name: Annotated[str, text(255)]
    cid: Cid
    sealed: Annotated[Sealed, record.INLINE, _SIZED]
    duration_ms: Annotated[int, integer(32)]
    sample_rate: Annotated[int, integer(32)]
    channels: Annotated[int, integer(8)]
    codec: Annotated[str, text(64)]
    quality: Annotated[Mapping[str, Json], record.OBJECT]
    """The uploader's own figures: hints; `verdict` and `gateVersion` are among them."""
    voice_ids: Annotated[tuple[VoiceId, ...], most(VOICES)] = ()
    consent_ids: Annotated[tuple[ConsentId, ...], most(VOICES)] = ()
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


def serving(recording: Recording, rotations: Iterable[ContentRotated]) -> Recording:
    """The recording as it is served now: under the address and key of its last rotation, if there is one.

    Only what is read changes; its leaf under the registered root stays that of the manifest.
    """
    served = recording
    for event in rotations:
        header = served.sealed.header
        if event.index == recording.index and event.key_version > header.key_version:
            sealed = replace(
                served.sealed,
                header=replace(header, key_version=event.key_version),
                key_commitment=KeyCommitment(event.key_commitment),
            )
            served = replace(served, cid=cid.Cid(recording.cid.codec, event.cid_digest), sealed=sealed)
    return served
