"""Reasons why a recording may not be read or used.

- The members stand in the order in which they are judged: the order of `DataAccess.checkAccess`, then
  what the chain cannot see.
- A reason's text is its code: the same in an error, a refusal on record and a published settlement.
- What each means for a case is `license` and `consent`; the errors made of them are `domain.refusal`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self

from provenance.errors import Conflict, Denied, ProvenanceError

_RENEW = "Accept a new offer from the rights holder; `license list` shows what is in force."
_ASK_VOICE = "The voice owner decides: ask for a new consent, or open the other recordings."


class Subject(StrEnum):
    """What a reason is about, and under which name an error carries its id."""

    DATASET = "dataset"
    LICENSE = "license"
    RECEIPT = "receipt"
    RECORDING = "recording"
    CONSENT = "consent"


class Reason(StrEnum):
    """Allowed, or why not.

    Attributes:
        number: what `DataAccess.checkAccess` answers; None where the contract does not know the fact.
        about: what the fact is of.
        meaning: in one sentence.
        next_step: what the user can do.
        kind: of the error that is raised for it.
    """

    number: int | None
    about: Subject
    meaning: str
    next_step: str
    kind: type[ProvenanceError]

    def __new__(
        cls,
        code: str,
        number: int | None,
        about: Subject,
        meaning: str,
        next_step: str,
        kind: type[ProvenanceError] = Denied,
    ) -> Self:
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.number, reason.about, reason.kind = number, about, kind
        reason.meaning, reason.next_step = meaning, next_step
        return reason

    ALLOWED = "allowed", 0, Subject.LICENSE, "Nothing stands against it.", ""
    UNKNOWN_DATASET = (
        "unknown-dataset",
        7,
        Subject.DATASET,
        "The license's dataset is not registered as its manifest says.",
        "Check the network; the dataset and its manifest must be of the same chain.",
    )
    UNKNOWN_LICENSE = (
        "unknown-license",
        1,
        Subject.LICENSE,
        "The chain has no license of this id.",
        "Check the id with `license list`, and that the network is the right one.",
    )
    WRONG_LICENSEE = (
        "wrong-licensee",
        2,
        Subject.LICENSE,
        "The license is another account's.",
        "Use the account that accepted the offer: `--account NAME`.",
    )
    LICENSE_EXPIRED = "license-expired", 3, Subject.LICENSE, "The license ended by time.", _RENEW
    LICENSE_ENDED = (
        "license-terminated",
        4,
        Subject.LICENSE,
        "The license was terminated, and the notice is over.",
        _RENEW,
    )
    PURPOSE_NOT_SINGLE = (
        "purpose-not-single",
        5,
        Subject.LICENSE,
        "Not exactly one known purpose was asked for.",
        "Name exactly one purpose that has a meaning.",
    )
    PURPOSE_NOT_LICENSED = (
        "purpose-not-licensed",
        6,
        Subject.LICENSE,
        "The license does not name the purpose.",
        "Ask for a purpose that `license show` lists, or accept an offer that names this one.",
    )
    DATASET_HALTED = (
        "dataset-suspended",
        8,
        Subject.DATASET,
        "The guardian suspended the dataset under a published ruling.",
        "Read the ruling (its digest is in `ruling`); only the guardian lifts a suspension.",
    )
    NOT_IN_POOL = (
        "not-in-pool",
        17,
        Subject.DATASET,
        "The license is of another dataset, or of a pool that does not hold this one.",
        "Name a dataset that `pool show` lists as a member, or a license of this one.",
    )
    LEFT_POOL = (
        "left-pool",
        18,
        Subject.DATASET,
        "The dataset has left the pool.",
        "Open what other members hold, or ask the dataset's holder for an offer.",
    )
    OTHER_DISTRIBUTOR = (
        "other-distributor",
        None,
        Subject.LICENSE,
        "The license pays into another distributor than its terms name, so that nobody would be paid for its use.",
        "Pay nothing into it; ask the rights holder for an offer that names the terms' distributor.",
    )
    NOT_FINAL = (
        "not-final",
        None,
        Subject.LICENSE,
        "The grant is on chain, and its block may still be undone.",
        "Wait for a few blocks, then repeat the command.",
        Conflict,
    )
    PURPOSE_OUTSIDE_TERMS = (
        "purpose-outside-terms",
        None,
        Subject.LICENSE,
        "The terms do not allow the purpose, or prohibit it.",
        "`terms check FILE` says what the terms allow; no license can allow more than they do.",
    )
    TERRITORY_NOT_LICENSED = (
        "territory-not-licensed",
        None,
        Subject.LICENSE,
        "The terms do not cover the country of the use.",
        "Use the audio in a country that the terms name, or ask the rights holder for other terms.",
    )
    TERMS_NOT_IN_FORCE = (
        "terms-not-in-force",
        None,
        Subject.LICENSE,
        "The terms do not count yet, or count no more.",
        "Ask the rights holder for a dataset under present terms.",
    )
    WRONG_UNIT = (
        "wrong-unit",
        None,
        Subject.RECEIPT,
        "The terms count in another unit.",
        "Leave `unit` out: the Meter takes the one of the license's terms.",
    )
    CAP_REACHED = (
        "cap-reached",
        None,
        Subject.LICENSE,
        "The terms cap how much may be made, and that much was made.",
        "Accept another offer; the terms cap what one license may produce.",
    )
    IN_ARREARS = (
        "in-arrears",
        None,
        Subject.LICENSE,
        "The license owes more than it was funded with.",
        "Fund the license with `license fund LICENSE AMOUNT`, then repeat the command.",
    )
    UNKNOWN_RECORDING = (
        "unknown-recording",
        9,
        Subject.RECORDING,
        "The dataset has no recording of this number.",
        "Use a number that `dataset show` lists.",
    )
    CONSENT_MISSING = (
        "consent-missing",
        10,
        Subject.CONSENT,
        "A consent that the recording names, or one for a voice in it, is not there.",
        _ASK_VOICE,
    )
    CONSENT_OF_ANOTHER_HOLDER = (
        "consent-of-another-holder",
        11,
        Subject.CONSENT,
        "The consent was given to another than who granted the license.",
        "The voice owner lets it serve that holder too by `consent extend ID HOLDER`.",
    )
    CONSENT_NOT_SIGNED = (
        "consent-not-signed",
        12,
        Subject.CONSENT,
        "The consent lacks the signature, or the approval on chain, of its subject.",
        _ASK_VOICE,
    )
    CONSENT_WITHDRAWN = (
        "consent-withdrawn",
        13,
        Subject.CONSENT,
        "The voice owner withdrew the consent.",
        "Stop using these recordings; open the others of the dataset.",
    )
    CONSENT_PURPOSE = (
        "consent-purpose",
        14,
        Subject.CONSENT,
        "The consent does not name the purpose.",
        _ASK_VOICE,
    )
    CONSENT_NOT_YET = (
        "consent-not-yet",
        15,
        Subject.CONSENT,
        "The consent does not count yet.",
        "Wait until the consent counts, or open the other recordings.",
    )
    CONSENT_EXPIRED = "consent-expired", 16, Subject.CONSENT, "The consent counts no more.", _ASK_VOICE
    CONSENT_TERRITORY = (
        "consent-territory",
        None,
        Subject.CONSENT,
        "The consent does not cover the country of the use.",
        _ASK_VOICE,
    )
    CONSENT_NOT_COVERING = (
        "consent-not-covering",
        None,
        Subject.CONSENT,
        "The consent's scope does not include the recording.",
        _ASK_VOICE,
    )


REASON_BY_NUMBER: Final = {reason.number: reason for reason in Reason if reason.number is not None}
"""What the answers of `DataAccess.checkAccess` mean."""

LAPSES: Final = frozenset(
    {
        Reason.LICENSE_EXPIRED,
        Reason.LICENSE_ENDED,
        Reason.DATASET_HALTED,
        Reason.NOT_IN_POOL,
        Reason.LEFT_POOL,
        Reason.CONSENT_WITHDRAWN,
        Reason.CONSENT_EXPIRED,
    }
)
"""What may have ended between the licensee's request and the record on chain; then no key was due."""
