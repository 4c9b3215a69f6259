"""For which reasons may nobody read or use a recording, in words a program can match?

One class per reason; `license.evaluate` gives the code, the edges raise the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.errors import Conflict, Denied, ProvenanceError

if TYPE_CHECKING:
    from provenance.types import Json

_RENEW = "Accept a new offer from the rights holder; `license list` shows what is in force."
_ASK_VOICE = "The voice owner decides: ask for a new consent, or open the other recordings."


class UnknownLicense(Denied):
    """The chain has no license of this id."""

    code = "unknown-license"
    next = "Check the id with `license list`, and that the network is the right one."


class NotFinal(Conflict):
    """The grant is on chain, and its block may still be undone."""

    code = "not-final"
    next = "Wait for a few blocks, then repeat the command."


class WrongLicensee(Denied):
    """The license is another account's."""

    code = "wrong-licensee"
    next = "Use the account that accepted the offer: `--account NAME`."


class LicenseExpired(Denied):
    """The license ended by time."""

    code = "license-expired"
    next = _RENEW


class LicenseEnded(Denied):
    """The license was terminated, and the notice is over."""

    code = "license-terminated"
    next = _RENEW


class PurposeNotSingle(Denied):
    """Not exactly one known purpose was asked for."""

    code = "purpose-not-single"
    next = "Name exactly one purpose that has a meaning."


class PurposeNotLicensed(Denied):
    """The license does not name the purpose."""

    code = "purpose-not-licensed"
    next = "Ask for a purpose that `license show` lists, or accept an offer that names this one."


class UnknownDataset(Denied):
    """The license's dataset is not registered as its manifest says."""

    code = "unknown-dataset"
    next = "Check the network; the dataset and its manifest must be of the same chain."


class DatasetHalted(Denied):
    """The guardian suspended the dataset under a published ruling."""

    code = "dataset-suspended"
    next = "Read the ruling (its digest is in `ruling`); only the guardian lifts a suspension."


class UnknownRecording(Denied):
    """The dataset has no recording of this number."""

    code = "unknown-recording"
    next = "Use a number that `dataset show` lists."


class PurposeOutsideTerms(Denied):
    """The terms do not allow the purpose, or prohibit it."""

    code = "purpose-outside-terms"
    next = "`terms check FILE` says what the terms allow; no license can allow more than they do."


class TerritoryNotLicensed(Denied):
    """The terms do not cover the country of the use."""

    code = "territory-not-licensed"
    next = "Use the audio in a country that the terms name, or ask the rights holder for other terms."


class TermsNotInForce(Denied):
    """The terms do not count yet, or count no more."""

    code = "terms-not-in-force"
    next = "Ask the rights holder for a dataset under present terms."


class CapReached(Denied):
    """The terms cap how much may be made, and that much was made."""

    code = "cap-reached"
    next = "Accept another offer; the terms cap what one license may produce."


class ConsentMissing(Denied):
    """A consent that the recording names, or one for a voice in it, is not there."""

    code = "consent-missing"
    next = _ASK_VOICE


class ConsentOfAnotherHolder(Denied):
    """The consent was given to somebody else."""

    code = "consent-of-another-holder"
    next = "Only the rights holder to whom a consent was given may use it."


class ConsentNotSigned(Denied):
    """The consent lacks the signature, or the approval on chain, of its subject."""

    code = "consent-not-signed"
    next = _ASK_VOICE


class ConsentWithdrawn(Denied):
    """The voice owner withdrew the consent."""

    code = "consent-withdrawn"
    next = "Stop using these recordings; open the others of the dataset."


class ConsentPurpose(Denied):
    """The consent does not name the purpose."""

    code = "consent-purpose"
    next = _ASK_VOICE


class ConsentNotYet(Denied):
    """The consent does not count yet."""

    code = "consent-not-yet"
    next = "Wait until the consent counts, or open the other recordings."


class ConsentExpired(Denied):
    """The consent counts no more."""

    code = "consent-expired"
    next = _ASK_VOICE


class ConsentTerritory(Denied):
    """The consent does not cover the country of the use."""

    code = "consent-territory"
    next = _ASK_VOICE


class ConsentNotCovering(Denied):
    """The consent's scope does not include the recording."""

    code = "consent-not-covering"
    next = _ASK_VOICE


class InArrears(Denied):
    """The license owes more than it was funded with."""

    code = "in-arrears"
    next = "Fund the license with `license fund LICENSE AMOUNT`, then repeat the command."


class DuplicateOf(Conflict):
    """Another holder registered the same audio; `refused` names each index and the earlier dataset."""

    code = "duplicate-of"
    next = "Leave these recordings out; if they are yours, repeat with --dispute: both are held until a ruling."


class TakeRejected(Conflict):
    """The gateway judged takes unfit; `refused` names each index with its metric and limit."""

    code = "take-rejected"
    next = "Leave these recordings out, or record them again."


ALLOWED: Final = "allowed"
REFUSAL_BY_CODE: Final[dict[str, type[ProvenanceError]]] = {
    refusal.code: refusal
    for refusal in (
        UnknownLicense,
        NotFinal,
        WrongLicensee,
        LicenseExpired,
        LicenseEnded,
        PurposeNotSingle,
        PurposeNotLicensed,
        UnknownDataset,
        DatasetHalted,
        UnknownRecording,
        PurposeOutsideTerms,
        TerritoryNotLicensed,
        TermsNotInForce,
        CapReached,
        ConsentMissing,
        ConsentOfAnotherHolder,
        ConsentNotSigned,
        ConsentWithdrawn,
        ConsentPurpose,
        ConsentNotYet,
        ConsentExpired,
        ConsentTerritory,
        ConsentNotCovering,
        InArrears,
    )
}


def error(code: str, detail: str, **facts: Json) -> ProvenanceError:
    """The error of a refusal's code, ready to be raised."""
    return REFUSAL_BY_CODE[code](detail, next="", **facts)
