"""Refusals: the error of every reason why nobody may read or use a recording, and of refused takes.

A reason's error is named like its member of `Reason`, and has its code, meaning and next step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from provenance.domain.rules.access import AccessDecision
from provenance.domain.rules.reason import Reason
from provenance.errors import Conflict, ProvenanceError
from provenance.types import Json

LISTED: Final = 3_000  # refusals in one answer, some 300 bytes each: a wallet reads a problem of at most 1 MiB


def _error(reason: Reason) -> type[ProvenanceError]:
    name = reason.name.title().replace("_", "")
    members = {
        "__doc__": reason.meaning,
        "__module__": __name__,
        "code": reason.value,
        "next": reason.next_step,
    }
    return cast("type[ProvenanceError]", type(name, (reason.kind,), members))


REFUSAL_BY_REASON: Final[dict[Reason, type[ProvenanceError]]] = {
    reason: _error(reason) for reason in Reason if reason is not Reason.ALLOWED
}
(
    UnknownDataset,
    UnknownLicense,
    WrongLicensee,
    LicenseExpired,
    LicenseEnded,
    PurposeNotSingle,
    PurposeNotLicensed,
    DatasetHalted,
    NotInPool,
    LeftPool,
    OtherDistributor,
    NotFinal,
    PurposeOutsideTerms,
    TerritoryNotLicensed,
    TermsNotInForce,
    WrongUnit,
    CapReached,
    InArrears,
    UnknownRecording,
    ConsentMissing,
    ConsentOfAnotherHolder,
    ConsentNotSigned,
    ConsentWithdrawn,
    ConsentPurpose,
    ConsentNotYet,
    ConsentExpired,
    ConsentTerritory,
    ConsentNotCovering,
) = REFUSAL_BY_REASON.values()


class DuplicateOf(Conflict):
    """Another holder registered the same audio; `refused` names each index and the earlier dataset."""

    next = "Leave these recordings out; if they are yours, repeat with --dispute: both are held until a ruling."


class TakeRejected(Conflict):
    """The gateway judged takes unfit; `refused` names each index with its metric and limit."""

    next = "Leave these recordings out, or record them again."


def error(reason: Reason, detail: str, **facts: Json) -> ProvenanceError:
    """The error of a reason, ready to be raised."""
    return REFUSAL_BY_REASON[reason](detail, next="", **facts)


def refused(decisions: Iterable[AccessDecision]) -> ProvenanceError | None:
    """The error of the first refusal, naming the refused recordings; None if all are allowed."""
    refusals = [decision for decision in decisions if not decision.allowed]
    if not refusals:
        return None
    first, listed = refusals[0], [decision.document() for decision in refusals[:LISTED]]
    more: dict[str, Json] = {"refusedCount": len(refusals)} if len(refusals) > LISTED else {}
    return error(first.reason, first.detail, **first.facts(), refused=listed, **more)
