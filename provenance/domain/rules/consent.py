"""Consents: when one stands behind a use of a recording.

The rules in the contract's order, then what the chain cannot see: places and scope, which the
document's hashes prove. Here, and in `DataAccess`, is the only comparison of a consent's end.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Protocol

from provenance.domain import purposes, signature, territories
from provenance.domain.consent import SignedConsent
from provenance.domain.fields import checksummed, dated
from provenance.domain.ledger import Ledger
from provenance.domain.recording import Recording
from provenance.domain.rules.case import ConsentCase, ConsentFacts, Rule
from provenance.domain.rules.reason import Reason
from provenance.types import Address, BlockNumber, Bytes32, ConsentId, UnixSeconds

GIVEN, WITHDRAWN, EXPIRED = "GIVEN", "WITHDRAWN", "EXPIRED"


class Ending(Protocol):
    """A consent, or one about to be given."""

    @property
    def not_after(self) -> UnixSeconds: ...


def over(consent: Ending, time: UnixSeconds, grace_s: int = 0) -> bool:
    """Whether a consent counts no more at a time."""
    return time > consent.not_after + grace_s


def state(document: SignedConsent, revoked_at: UnixSeconds | None, time: UnixSeconds) -> str:
    """GIVEN, WITHDRAWN or EXPIRED."""
    if revoked_at is not None:
        return WITHDRAWN
    return EXPIRED if over(document.consent, time) else GIVEN


def _withdrawn(case: ConsentCase) -> bool:
    """A withdrawal on record stops what is still to come at once.

    Source: ruleset 1, rule 6: a use precedes a revocation only if it is anchored at most the grace after it.
    """
    revoked_at, grace_s = case.consent.revoked_at, case.grace_s
    return revoked_at is not None and (grace_s is None or case.use.time > revoked_at + grace_s)


CONSENT: Final[tuple[Rule[ConsentCase], ...]] = (
    Rule(
        Reason.CONSENT_OF_ANOTHER_HOLDER,
        lambda case: not case.consent.serves(case.holder, case.use.time),
        lambda case: (
            f"the consent was given to {checksummed(case.consent.holder)}, not to {checksummed(case.holder)},"
            " who granted the license"
        ),
    ),
    Rule(
        Reason.CONSENT_NOT_SIGNED,
        lambda case: not case.consent.signed,
        lambda case: f"{checksummed(case.consent.subject)} did not sign the consent",
    ),
    Rule(
        Reason.CONSENT_WITHDRAWN,
        _withdrawn,
        lambda case: f"the voice owner withdrew it in block {case.consent.revoked_block}",
    ),
    Rule(
        Reason.CONSENT_PURPOSE,
        lambda case: not case.consent.purposes & case.use.purpose,
        lambda case: f"the consent does not name {purposes.label(case.use.purpose)}",
    ),
    Rule(
        Reason.CONSENT_NOT_YET,
        lambda case: case.use.time < case.consent.not_before,
        lambda case: f"the consent counts from {dated(case.consent.not_before)}",
    ),
    Rule(
        Reason.CONSENT_EXPIRED,
        lambda case: over(case.consent, case.use.time, case.grace_s or 0),
        lambda case: f"the consent ended at {dated(case.consent.not_after)}",
    ),
    Rule(
        Reason.CONSENT_TERRITORY,
        lambda case: not territories.covers(case.consent.territories, case.use.territory),
        lambda case: (
            f"the consent covers {', '.join(case.consent.territories)}, not {territories.label(case.use.territory)}"
        ),
    ),
    Rule(
        Reason.CONSENT_NOT_COVERING,
        lambda case: not case.consent.covers,
        lambda _: "the consent's scope does not include the recording",
    ),
)
"""Every rule of a consent, in order."""

_OF_USE: Final = {Reason.CONSENT_PURPOSE, Reason.CONSENT_NOT_YET, Reason.CONSENT_TERRITORY}
STANDING: Final = tuple(rule for rule in CONSENT if rule.reason not in _OF_USE)
"""Those that a consent can break for good, whatever the use."""

_LATER: Final = {Reason.CONSENT_OF_ANOTHER_HOLDER, Reason.CONSENT_WITHDRAWN, Reason.CONSENT_EXPIRED}
GIVING: Final = tuple(rule for rule in STANDING if rule.reason not in _LATER)
"""Those that it broke when it was given, whatever came after and whoever licenses under it."""


def facts(
    consent_id: ConsentId,
    document: SignedConsent,
    recording: Recording,
    ledger: Ledger,
    last: BlockNumber,
    final: BlockNumber,
) -> ConsentFacts:
    """A consent behind a recording.

    Args:
        consent_id: its digest.
        document: its fields, scope and signature.
        recording: one that names it.
        ledger: facts up to `last` at least.
        last: a withdrawal counts up to here.
        final: an approval and an extension count up to here only.
    """
    subject = document.consent.subject
    revoked = ledger.revoked(subject, consent_id, last)
    return ConsentFacts.of(
        consent_id,
        document,
        revoked.time if revoked else None,
        revoked.number if revoked else None,
        signed=ledger.approved(subject, consent_id, final) or _recovered(consent_id, document.signature) == subject,
        covers=document.covers(recording.voice_ids, recording.sealed.plaintext_commitment),
        extended=ledger.extended(subject, consent_id, final),
    )


@lru_cache(maxsize=65_536)
def _recovered(digest: Bytes32, signed: bytes) -> Address | None:
    """The signer, None for bytes that no key gives; kept, since one consent backs many uses (57 µs each)."""
    try:
        return signature.recover(digest, signed)
    except signature.BadSignature:
        return None
