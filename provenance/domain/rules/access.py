"""Access: which recordings an account may read now, each with the reason and the consent behind it.

- Never looser than `DataAccess.checkAccess` at the same block, and the same on what the chain knows.
- Withdrawals, suspensions and terminations count up to the block that is asked at; grants and
  approvals only once they are final.
- What each reason tells the user is `domain.refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provenance.domain.consent import SignedConsent
from provenance.domain.fields import shown
from provenance.domain.ledger import ChainBlock, GrantedLicense, Ledger, RegisteredDataset
from provenance.domain.manifest import Manifest
from provenance.domain.pool import MANIFEST as POOL
from provenance.domain.rules import consent, license  # noqa: A004 - the trade's word
from provenance.domain.rules.case import (
    NOTHING_PRODUCED,
    ConsentCase,
    Extent,
    LicenseCase,
    Produced,
    Standing,
    UseFacts,
    first_broken,
)
from provenance.domain.rules.membership import Membership
from provenance.domain.rules.reason import Reason
from provenance.domain.terms import Terms
from provenance.types import ZERO_ADDRESS, Address, BlockNumber, ConsentId, Json, LicenseId

REQUEST_LIFE_S: Final = 3_600  # how far ahead a request's deadline may lie; so it was asked at most so long before it


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What an account wants to read, for one purpose, in one country."""

    license_id: LicenseId
    licensee: Address
    purpose: int
    territory: bytes
    recordings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """Allowed, or the first reason why not, with the license and consent behind it."""

    reason: Reason
    license_id: LicenseId
    consent_id: ConsentId | None = None
    recording: int | None = None
    detail: str = ""

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against it."""
        return self.reason is Reason.ALLOWED

    def facts(self) -> dict[str, Json]:
        """The decision as a problem document or a refusal record names it."""
        named: dict[str, Json] = {} if self.recording is None else {"recording": self.recording}
        named["license"] = shown(self.license_id)
        return named | ({"consent": shown(self.consent_id)} if self.consent_id else {})

    def document(self) -> dict[str, Json]:
        """A refusal in a list of them."""
        return {"code": self.reason.value, "detail": self.detail, **self.facts()}


@dataclass(frozen=True, slots=True)
class DatasetState:
    """A dataset's documents, and what the chain says of it at one block.

    Attributes:
        ledger: facts up to `block` at least.
        manifest: the registered one, its root checked against the registration.
        terms: those of the registration, by their hash.
        consents: by the digest of their fields (`Manifest.consents_by_id`).
        block: withdrawals, suspensions and terminations count up to here.
        final: grants and approvals count up to here only.
        membership: under a pool's license, of the dataset that is read; its terms are then the pool's.
    """

    ledger: Ledger
    manifest: Manifest
    terms: Terms
    consents: Mapping[ConsentId, SignedConsent]
    block: ChainBlock
    final: BlockNumber
    membership: Membership | None = None

    def fits(self, dataset: RegisteredDataset) -> bool:
        """The documents are the dataset's, as far as they say so themselves; the root is the caller's check."""
        says = self.manifest.holder, self.manifest.terms_hash, self.manifest.kind == POOL
        counted = dataset.pool or len(self.manifest.recordings) == dataset.items
        return counted and says == (dataset.registrant, dataset.terms_hash, dataset.pool)


def evaluate(
    state: DatasetState, request: AccessRequest, produced: Produced = NOTHING_PRODUCED
) -> tuple[AccessDecision, ...]:
    """One decision per recording: allowed, or the first reason in the rules' order.

    Args:
        state: of the license's dataset.
        request: what is asked.
        produced: what was made under the license so far.
    """
    use = UseFacts(state.block.time, request.purpose, request.territory)
    license_ = state.ledger.licenses.get(request.license_id)
    holder = (state.membership and state.membership.holder) or (license_.holder if license_ else ZERO_ADDRESS)
    case = LicenseCase(use, _extent(state, license_), _standing(state, request.license_id, request.licensee), produced)
    broken = first_broken(license.LICENSE, case)
    whole = (broken.reason, None, broken.detail(case)) if broken else None
    decisions = []
    for index in request.recordings:
        reason, consent_id, detail = whole or _judge(state, use, index, holder)
        decisions.append(AccessDecision(reason, request.license_id, consent_id, index, detail))
    return tuple(decisions)


def check_standing(state: DatasetState, license_id: LicenseId, licensee: Address) -> AccessDecision:
    """Whether a license stands at all, whatever it is used for: what opens a session."""
    extent = _extent(state, state.ledger.licenses.get(license_id))
    case = LicenseCase(UseFacts(state.block.time), extent, _standing(state, license_id, licensee))
    broken = first_broken(license.STANDING, case)
    if broken:
        return AccessDecision(broken.reason, license_id, detail=broken.detail(case))
    return AccessDecision(Reason.ALLOWED, license_id)


def _extent(state: DatasetState, license_: GrantedLicense | None) -> Extent:
    """What the license allows by itself; nothing if there is none."""
    if license_ is None:
        return Extent.of(0, None, state.terms)
    return Extent.of(license_.purposes, license_.granted.event.distributor, state.terms)


def _standing(state: DatasetState, license_id: LicenseId, account: Address) -> Standing:
    """The license and its dataset at the state's block."""
    number = state.block.number
    license_ = state.ledger.licenses.get(license_id)
    if license_ is None or not license_.granted.upto(number):
        return Standing(known=False)
    membership = state.membership
    licensed = state.ledger.datasets.get(license_.dataset_id)
    dataset = state.ledger.datasets.get(membership.dataset_id) if membership else licensed
    if dataset is None or licensed is None or not dataset.registered.upto(number) or not state.fits(dataset):
        return Standing(registered=False)
    halt = dataset.halt(number, state.final) or licensed.halt(number, state.final)
    waiting = [
        f"the {words} in block {fact.number}"
        for fact, words in ((license_.granted, "license was granted"), (dataset.registered, "dataset was registered"))
        if not fact.upto(state.final)
    ]
    if membership and membership.reason is Reason.NOT_FINAL:
        waiting.append(membership.detail)
    return Standing(
        account=account,
        licensee=license_.licensee,
        end=license_.end(number),
        terminated=license_.termination(number) is not None,
        ruling=halt.event.reason if halt else None,
        membership=membership,
        pending=waiting[0] if waiting else "",
    )


def _judge(state: DatasetState, use: UseFacts, index: int, holder: Address) -> tuple[Reason, ConsentId | None, str]:
    """One recording, under a license of this holder that allows the use: reason, consent behind it and what is said."""
    recordings, given = state.manifest.recordings, state.consents
    if not 0 <= index < len(recordings):
        return Reason.UNKNOWN_RECORDING, None, f"there is no recording {index}"
    recording = recordings[index]
    ids = sorted(recording.consent_ids)
    missing = next((consent_id for consent_id in ids if consent_id not in given), None)
    if missing:
        return Reason.CONSENT_MISSING, missing, "the consent is not in the manifest"
    for consent_id in ids:
        facts = consent.facts(consent_id, given[consent_id], recording, state.ledger, state.block.number, state.final)
        case = ConsentCase(facts, holder, use)
        broken = first_broken(consent.CONSENT, case)
        if broken:
            return broken.reason, consent_id, broken.detail(case)
    if not {given[consent_id].consent.voice_id for consent_id in ids}.issuperset(recording.voice_ids):
        return Reason.CONSENT_MISSING, None, "a voice in it is covered by no consent"
    return Reason.ALLOWED, None, ""
