"""The manifest that takes, consents and shares make. Pure: the same inputs, the same answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from provenance.domain import canonical, cid, fields, splits
from provenance.domain.hashes import sha256
from provenance.domain.manifest import ConsentNeeded, Manifest, SealedObject
from provenance.domain.private import Original, Private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.app.publish.memory import Take
    from provenance.app.publish.request import Request
    from provenance.domain.cid import Cid
    from provenance.domain.consent import SignedConsent, Words
    from provenance.domain.recording import Recording
    from provenance.domain.sealed import Sealed
    from provenance.domain.typed import Domain
    from provenance.types import Address, Bytes32, ConsentId, Json, UnixSeconds, VoiceId

RECORDINGS_KIND: Final = "provenance/recordings"


@dataclass(frozen=True, slots=True)
class Cast:
    """Which consents stand behind each take, by object id; and the takes whose voice has none."""

    consents: Mapping[Bytes32, tuple[SignedConsent, ...]]
    silent: tuple[Take, ...]

    def needed(self) -> tuple[SignedConsent, ...]:
        """Every consent that some take rests on, once."""
        return tuple({consent.signature: consent for given in self.consents.values() for consent in given}.values())


def cast(request: Request, takes: Iterable[Take]) -> Cast:
    """Every take with the consents of the voices heard in it, one for each voice.

    A consent that lists recordings speaks for those; one for all recordings of a voice speaks for
    every file that its pattern names.
    """
    consents: dict[Bytes32, tuple[SignedConsent, ...]] = {}
    silent: list[Take] = []
    for take in takes:
        voices: dict[VoiceId, SignedConsent] = {}
        unheard = False
        commitment = take.recording.sealed.plaintext_commitment
        for given in request.consents:
            if not given.names(take.recording.name):
                continue
            voice = given.consent.consent.voice_id
            if given.consent.covers((voice,), commitment):
                voices.setdefault(voice, given.consent)
            else:
                unheard = unheard or given.pattern is not None
        if unheard or (request.kind == "voice" and not voices):
            silent.append(take)
        consents[take.object_id] = tuple(voices.values())
    return Cast(consents, tuple(silent))


def wanted(request: Request, takes: Iterable[Take]) -> bytes:
    """What a voice owner needs to grant a consent: the plaintext commitments, with names to know them by."""
    rows: list[Json] = [
        {
            "name": take.recording.name,
            "durationMs": take.recording.duration_ms,
            "plaintextCommitment": fields.shown(take.recording.sealed.plaintext_commitment),
        }
        for take in takes
    ]
    document: dict[str, Json] = {
        "title": request.title,
        "holder": fields.shown(request.holder),
        "recordings": rows,
    }
    return canonical.encode(RECORDINGS_KIND, 1, document)


def consent_needed(request: Request, silent: tuple[Take, ...], file: str) -> ConsentNeeded:
    """The error that tells the uploader what to do about voices without consent."""
    holder = fields.shown(request.holder)
    names = [take.recording.name for take in silent]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return ConsentNeeded(
        f"a voice owner's consent is missing for {fields.counted(len(names), 'recording')}: {shown}",
        next=f"The voice owner runs `provenance consent grant --recordings {file} --voice NAME --holder {holder}"
        " --purpose P --territory T --until DATE --out F`; then repeat this command with --consent F.",
        recordings=list(names),
        file=file,
    )


def inputs_digest(request: Request, takes: Iterable[Take], chosen: Cast, gateway: Address) -> Bytes32:
    """What the manifest is made from: the same digest needs no second manifest.

    Marks are left out: they are a take's own, and a machine that hears them makes no other dataset.
    """
    digests = {consent.signature: fields.shown(sha256(consent.encode())) for consent in chosen.needed()}
    rows: list[Json] = [
        {
            "objectId": fields.shown(take.object_id),
            "consents": [digests[consent.signature] for consent in chosen.consents[take.object_id]],
        }
        for take in takes
    ]
    return sha256(
        canonical.dumps(
            {
                **_people_and_words(request, chosen),
                "title": request.title,
                "kind": request.kind,
                "language": request.language,
                "tags": request.tags,
                "holder": fields.shown(request.holder),
                "gateway": fields.shown(gateway),
                "terms": fields.shown(request.terms.terms_hash),
                "splits": fields.shown(splits.split_hash(request.splits)),
                "publishNames": request.publish_names,
                "takes": rows,
            }
        )
    )


def _people_and_words(request: Request, chosen: Cast) -> dict[str, Json]:
    """Who contributed and what was agreed in words; nothing where nobody said so."""
    words = [fields.shown(agreed.hash) for _, agreed in _words(request, chosen)]
    contributors = [person.document() for person in request.contributors]
    return {name: listed for name, listed in (("contributors", contributors), ("words", words)) if listed}


def _words(request: Request, chosen: Cast) -> list[tuple[SignedConsent, Words]]:
    """The words that came with consents on which some take rests."""
    given = {consent.consent.signature: consent.words for consent in request.consents if consent.words}
    needed = sorted(chosen.needed(), key=lambda consent: consent.signature)
    return [(consent, given[consent.signature]) for consent in needed if consent.signature in given]


def private(request: Request, takes: Iterable[Take], chosen: Cast, *, domain: Domain, uploader: Address) -> Private:
    """The part of a manifest that only the holder and the gateway read."""
    return Private(
        title=request.title,
        uploader=uploader,
        contributors=request.contributors,
        words={consent.id(domain): words for consent, words in _words(request, chosen)},
        recordings=tuple(Original(take.object_id, take.recording.name, take.sha256, take.marks) for take in takes),
    )


def recordings(request: Request, takes: Iterable[Take], chosen: Cast, domain: Domain) -> tuple[Recording, ...]:
    """These takes in their order, as a manifest lists them; numbered names, unless the holder asks for file names."""
    ids: dict[bytes, ConsentId] = {consent.signature: consent.id(domain) for consent in chosen.needed()}
    listed = []
    for index, take in enumerate(takes):
        consents = chosen.consents[take.object_id]
        suffix = PurePosixPath(take.recording.name).suffix.lower()
        listed.append(
            replace(
                take.recording,
                index=index,
                name=take.recording.name if request.publish_names else f"{index + 1:04}{suffix}",
                voice_ids=tuple(sorted({consent.consent.voice_id for consent in consents})),
                consent_ids=tuple(sorted({ids[consent.signature] for consent in consents})),
            )
        )
    return tuple(listed)


def manifest(
    request: Request,
    listed: tuple[Recording, ...],
    chosen: Cast,
    *,
    gateway: Address,
    domain: Domain,
    sealed_private: tuple[Cid, Sealed],
    now: UnixSeconds,
) -> Manifest:
    """The manifest of these recordings."""
    return Manifest(
        title=request.title,
        kind=request.kind,
        language=request.language,
        tags=request.tags,
        created_at=now,
        holder=request.holder,
        gateway=gateway,
        splits=splits.check(request.splits),
        terms_cid=cid.of_raw(request.terms.encode()),
        terms_hash=request.terms.terms_hash,
        consents=tuple(sorted(chosen.needed(), key=lambda consent: consent.id(domain))),
        recordings=listed,
        private=SealedObject(*sealed_private),
    )
