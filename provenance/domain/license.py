"""May this licensee read or use these recordings, and because of which license and consents?

Offers, the ids they make, and one decision per recording, the same for gateway, settlement and
audit. What the chain said is `ledger`; what each reason tells the user is `refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final

from provenance.domain import fields, purposes, record, refusal, signature, territories, typed
from provenance.domain.hashes import abi_words, keccak
from provenance.domain.refusal import ALLOWED
from provenance.errors import Invalid
from provenance.types import Json, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.domain.consent import SignedConsent
    from provenance.domain.ledger import Block, Dataset, Ledger, License
    from provenance.domain.manifest import Manifest, Recording
    from provenance.domain.terms import Terms
    from provenance.domain.typed import Domain, Offer
    from provenance.errors import ProvenanceError
    from provenance.types import Address, BlockNumber, Bytes32, ConsentId, LicenseId

KIND: Final = "provenance/offer"
REQUEST_LIFE_S: Final = 3_600  # how far ahead a request's deadline may lie; so it was asked at most so long before it


class BroaderThanTerms(Invalid):
    """An offer that allows what the terms or consents do not."""

    code = "broader-than-terms"
    next = "Offer only what the terms allow and every consent covers; `terms check` and `consent show` list it."


@record.dataclass(frozen=True, slots=True)
class SignedOffer:
    """An offer and its holder's signature: what `license offer` writes and `license accept` reads."""

    offer: Annotated[typed.Offer, record.INLINE]
    signature: bytes
    extra: Mapping[str, Json] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Canonical bytes of `provenance/offer/1`."""
        return record.encode(self, KIND)

    @classmethod
    def parse(cls, data: bytes) -> SignedOffer:
        """The offer in a document; whether its holder signed it is `check_signature`."""
        return record.parse(cls, data, KIND)

    def check_signature(self, domain: Domain) -> None:
        """The holder's key signed the offer for this chain and contract, or `BadSignature`."""
        signature.check(typed.digest(domain, self.offer), self.signature, self.offer.holder)


def license_id(offer_digest: Bytes32, licensee: Address) -> LicenseId:
    """The license that a licensee's acceptance of an offer makes."""
    return keccak(abi_words(offer_digest, licensee))


def ends(end: UnixSeconds, terms: Terms) -> UnixSeconds:
    """The first second at which a license that the chain ends then is over: it never outlives its terms."""
    return min(end, UnixSeconds(terms.not_after + 1))


def session_ends(end: UnixSeconds, terms: Terms) -> UnixSeconds:
    """The last second that a session may record in: the terms' last, or when the chain ends the license.

    Use in a later second would be owed by the licensee and paid to nobody.
    """
    return min(end, terms.not_after)


def narrow(offer: Offer, terms: Terms, consents: Iterable[SignedConsent]) -> Offer:
    """The same offer, which allows nothing beyond the terms and no purpose that a consent lacks.

    Raises:
        BroaderThanTerms: naming the purposes or the time that go beyond.
    """
    purposes.check(offer.purposes)
    if not offer.purposes:
        raise BroaderThanTerms("an offer names at least one purpose", field="purposes")
    beyond = offer.purposes & ~terms.allowed
    if beyond:
        raise BroaderThanTerms(f"the terms do not allow {purposes.label(beyond)}", field="purposes")
    if offer.terms_hash != terms.terms_hash:
        raise BroaderThanTerms("the offer names other terms than the dataset's", field="termsHash")
    if offer.expiry > ends(offer.expiry, terms):
        raise BroaderThanTerms(
            f"the terms end at {fields.dated(terms.not_after)}, before the offer's expiry", field="expiry"
        )
    if offer.price < terms.price.per_license:
        raise BroaderThanTerms(
            f"the terms ask for {terms.price.per_license}, the offer for {offer.price}", field="price"
        )
    if offer.price and offer.token != terms.price.token:
        raise BroaderThanTerms("the terms name another token", field="token")
    for consent in consents:
        lacking = offer.purposes & ~consent.consent.purposes
        if lacking:
            raise BroaderThanTerms(f"a consent does not cover {purposes.label(lacking)}", field="purposes")
    return offer


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do: which recordings, for one purpose, in one country."""

    license_id: LicenseId
    licensee: Address
    purpose: int
    territory: bytes
    recordings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made under a license so far, against the terms' caps."""

    outputs: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes, or the first reason why not, with the license and consent behind it."""

    allowed: bool
    code: str
    license_id: LicenseId | None
    consent_id: ConsentId | None = None
    recording: int | None = None
    detail: str = ""

    def facts(self) -> dict[str, Json]:
        """The decision as a problem document or a refusal record names it."""
        named: dict[str, Json] = {"recording": self.recording}
        named |= {"license": fields.shown(self.license_id) if self.license_id else None}
        named |= {"consent": fields.shown(self.consent_id) if self.consent_id else None}
        return {name: value for name, value in named.items() if value is not None}


def refuse(decisions: Iterable[Decision]) -> ProvenanceError | None:
    """The error of the first refusal, naming every refused recording; None if all are allowed."""
    refused = [decision for decision in decisions if not decision.allowed]
    if not refused:
        return None
    listed = [{"code": one.code, "detail": one.detail, **one.facts()} for one in refused]
    return refusal.error(refused[0].code, refused[0].detail, **refused[0].facts(), refused=listed)


def evaluate(
    ledger: Ledger,
    manifest: Manifest,
    terms: Terms,
    consents: Mapping[ConsentId, SignedConsent],
    use: Use,
    at: Block,
    final: BlockNumber,
    *,
    made: Made | None = None,
) -> tuple[Decision, ...]:
    """One decision per recording: allowed, or the first failing reason in the contract's order.

    Never looser than `DataAccess.checkAccess` at the same block, and the same on what the chain
    knows; terms, territories, caps and scopes only narrow it.

    Args:
        ledger: facts up to `at` at least.
        manifest: the registered one, its root checked against the registration.
        terms: those of the registration, by their hash.
        consents: by the digest of their fields (`Manifest.consents_by_id`).
        use: what is asked.
        at: withdrawals, suspensions and terminations count up to here.
        final: grants and approvals count up to here only.
        made: what was made under the license so far.
    """
    reason = _license_reason(ledger, use, at, final) or _dataset_reason(ledger, manifest, use, at, final)
    reason = reason or _terms_reason(terms, use, at, made or Made())
    if reason:
        code, detail = reason
        return tuple(_refused(use, index, code, detail) for index in use.recordings)
    known = manifest.recordings  # each at its index
    return tuple(
        _recording_decision(
            ledger, manifest, known[index] if 0 <= index < len(known) else None, consents, use, at, final, index
        )
        for index in use.recordings
    )


def _refused(use: Use, index: int, code: str, detail: str, consent_id: ConsentId | None = None) -> Decision:
    return Decision(
        allowed=False, code=code, license_id=use.license_id, consent_id=consent_id, recording=index, detail=detail
    )


def standing(
    ledger: Ledger, manifest: Manifest, license_id: LicenseId, licensee: Address, at: Block, final: BlockNumber
) -> Decision:
    """Whether a license stands at all, whatever it is used for: what opens a session."""
    use = Use(license_id, licensee, 0, b"", ())
    reason = _grant_reason(ledger, use, at) or _final_reason(ledger, use, final)
    reason = reason or _dataset_reason(ledger, manifest, use, at, final)
    if reason:
        return Decision(allowed=False, code=reason[0], license_id=license_id, detail=reason[1])
    return Decision(allowed=True, code=ALLOWED, license_id=license_id)


def _license_reason(ledger: Ledger, use: Use, at: Block, final: BlockNumber) -> tuple[str, str] | None:
    reason = _grant_reason(ledger, use, at)
    if reason:
        return reason
    if use.purpose & ~purposes.KNOWN or use.purpose.bit_count() != 1:
        return "purpose-not-single", "exactly one known purpose is meant"
    granted = ledger.licenses[use.license_id].purposes & purposes.KNOWN
    if not use.purpose & granted:
        return (
            "purpose-not-licensed",
            f"{purposes.label(use.purpose)} is not licensed; the license names {purposes.label(granted)}",
        )
    return _final_reason(ledger, use, final)


def _grant_reason(ledger: Ledger, use: Use, at: Block) -> tuple[str, str] | None:
    license_ = ledger.licenses.get(use.license_id)
    if license_ is None or not license_.granted.upto(at.number):
        return "unknown-license", "no license of this id is on chain"
    if use.licensee != license_.licensee:
        return "wrong-licensee", f"the license is that of {fields.checksummed(license_.licensee)}"
    return _over(license_, at)


def _final_reason(ledger: Ledger, use: Use, final: BlockNumber) -> tuple[str, str] | None:
    granted = ledger.licenses[use.license_id].granted
    if granted.upto(final):
        return None
    return "not-final", f"the license was granted in block {granted.number}, which is not final yet"


def _over(license_: License, at: Block) -> tuple[str, str] | None:
    if at.time < license_.end(at.number):
        return None
    if license_.termination(at.number):
        return "license-terminated", f"the license was terminated and ended at {fields.dated(license_.end(at.number))}"
    return "license-expired", f"the license ended at {fields.dated(license_.end(at.number))}"


def _dataset_reason(
    ledger: Ledger, manifest: Manifest, use: Use, at: Block, final: BlockNumber
) -> tuple[str, str] | None:
    license_ = ledger.licenses[use.license_id]
    dataset = ledger.datasets.get(license_.dataset_id)
    if dataset is None or not dataset.registered.upto(at.number):
        return "unknown-dataset", "the license's dataset is not registered"
    if not _same(dataset, manifest):
        return "unknown-dataset", "the manifest is not that of the dataset"
    halt = dataset.halt(at.number, final)
    if halt is not None:
        return "dataset-suspended", f"the guardian suspended the dataset; ruling 0x{halt.event.reason.hex()}"
    if not dataset.registered.upto(final):
        return "not-final", f"the dataset was registered in block {dataset.registered.number}, not final yet"
    return None


def _same(dataset: Dataset, manifest: Manifest) -> bool:
    """The documents are the dataset's, as far as they say so themselves; the root is the caller's check."""
    return (
        manifest.holder == dataset.registrant
        and manifest.terms_hash == dataset.terms_hash
        and len(manifest.recordings) == dataset.items
    )


def _terms_reason(terms: Terms, use: Use, at: Block, made: Made) -> tuple[str, str] | None:
    if not use.purpose & terms.allowed:
        return "purpose-outside-terms", f"the terms do not allow {purposes.label(use.purpose)}"
    if not territories.covers(terms.territories, use.territory):
        place = use.territory.decode("ascii", "replace")
        return "territory-not-licensed", f"the terms cover {', '.join(terms.territories)}, not {place}"
    if not terms.not_before <= at.time <= terms.not_after:
        since, until = fields.dated(terms.not_before), fields.dated(terms.not_after)
        return "terms-not-in-force", f"the terms count from {since} to {until}"
    caps = terms.caps
    if caps.outputs is not None and made.outputs >= caps.outputs:
        return "cap-reached", f"the terms cap outputs at {caps.outputs}, and {made.outputs} were made"
    if caps.seconds is not None and made.seconds >= caps.seconds:
        return "cap-reached", f"the terms cap output at {caps.seconds} s, and {made.seconds} s were made"
    return None


def _recording_decision(
    ledger: Ledger,
    manifest: Manifest,
    recording: Recording | None,
    consents: Mapping[ConsentId, SignedConsent],
    use: Use,
    at: Block,
    final: BlockNumber,
    index: int,
) -> Decision:
    if recording is None:
        return _refused(use, index, "unknown-recording", f"there is no recording {index}")
    for consent_id in sorted(recording.consent_ids):
        consent = consents.get(consent_id)
        reason = (
            ("consent-missing", "the consent is not in the manifest")
            if consent is None
            else _consent_reason(ledger, manifest, recording, consent, consent_id, use, at, final)
        )
        if reason:
            return _refused(use, index, *reason, consent_id)
    heard = {consents[consent_id].consent.voice_id for consent_id in recording.consent_ids}
    if not set(recording.voice_ids) <= heard:
        return _refused(use, index, "consent-missing", "a voice in it is covered by no consent")
    return Decision(allowed=True, code=ALLOWED, license_id=use.license_id, recording=index)


def _consent_reason(
    ledger: Ledger,
    manifest: Manifest,
    recording: Recording,
    signed: SignedConsent,
    consent_id: ConsentId,
    use: Use,
    at: Block,
    final: BlockNumber,
) -> tuple[str, str] | None:
    consent = signed.consent
    if consent.holder != manifest.holder:
        return "consent-of-another-holder", f"the consent was given to {fields.checksummed(consent.holder)}"
    if not _stands(ledger, consent_id, signed, final):
        return "consent-not-signed", f"{fields.checksummed(consent.subject)} did not sign the consent"
    revoked = ledger.revoked(consent.subject, consent_id, at.number)
    if revoked is not None:
        return "consent-withdrawn", f"the voice owner withdrew it in block {revoked.number}"
    if not consent.purposes & use.purpose:
        return "consent-purpose", f"the consent does not name {purposes.label(use.purpose)}"
    if at.time < consent.not_before:
        return "consent-not-yet", f"the consent counts from {fields.dated(consent.not_before)}"
    if at.time > consent.not_after:
        return "consent-expired", f"the consent ended at {fields.dated(consent.not_after)}"
    return _reach_reason(recording, signed, use)


def _reach_reason(recording: Recording, signed: SignedConsent, use: Use) -> tuple[str, str] | None:
    """What the chain cannot see of a consent: places and scope; the document's hashes prove both."""
    if not territories.covers(signed.territories, use.territory):
        place = use.territory.decode("ascii", "replace")
        return "consent-territory", f"the consent covers {', '.join(signed.territories)}, not {place}"
    if not signed.covers(recording.voice_ids, recording.sealed.plaintext_commitment):
        return "consent-not-covering", "the consent's scope does not include the recording"
    return None


def _stands(ledger: Ledger, consent_id: ConsentId, signed: SignedConsent, final: BlockNumber) -> bool:
    """The subject's key signed it, or the subject put it on record."""
    subject = signed.consent.subject
    return ledger.approved(subject, consent_id, final) or _recovered(consent_id, signed.signature) == subject


@lru_cache(maxsize=65_536)
def _recovered(digest: Bytes32, signed: bytes) -> Address | None:
    """The signer, None for bytes that no key gives; kept, since one consent backs many uses (57 µs each)."""
    try:
        return signature.recover(digest, signed)
    except signature.BadSignature:
        return None


__all__ = [
    "ALLOWED",
    "BroaderThanTerms",
    "Decision",
    "Made",
    "SignedOffer",
    "Use",
    "ends",
    "evaluate",
    "license_id",
    "narrow",
    "refuse",
    "standing",
]
