"""Would a settlement reject this use, whoever made it? Asked before the use is on record, and owed.

By the settlement's own rule for what is outside license and terms. What depends on the chain when the
use is anchored (leases, consents, gate reports) only the settlement knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.domain import purposes, refusal
from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED
from provenance.domain.fields import dated, shown
from provenance.domain.manifest import recording_ids
from provenance.domain.settlement.judging import unlicensed
from provenance.domain.usage import Unit, unit_label
from provenance.errors import Denied, Invalid
from provenance.types import UnixSeconds

if TYPE_CHECKING:
    from provenance.domain.events import LicenseGranted
    from provenance.domain.terms import Terms
    from provenance.domain.usage import Use
    from provenance.types import DatasetId, LicenseId, RecordingId


class WrongUnit(Denied):
    """The terms count in another unit."""

    code = "wrong-unit"
    next = "Leave `unit` out: the Meter takes the one of the license's terms."


class ForeignRecording(Invalid):
    """A weight on a recording that the license's dataset does not have: the use would earn nobody anything."""

    code = "foreign-recording"
    next = "Copy the id from `access download --json`; what came from other licenses is `elsewhere`."


@dataclass(frozen=True, slots=True)
class Extent:
    """What one license and its terms allow of any use: the settlement's `judging.Extent`."""

    license_id: LicenseId
    unit: int
    purposes: int
    territories: tuple[str, ...]
    not_before: UnixSeconds
    not_after: UnixSeconds
    dataset_id: DatasetId
    recordings: frozenset[RecordingId] = field(repr=False)

    @classmethod
    def of(cls, granted: LicenseGranted, terms: Terms, items: int) -> Self:
        """The extent of a license under its terms, for a dataset of so many recordings."""
        per_unit = terms.price.per_unit
        return cls(
            unit=per_unit.unit if per_unit else Unit.OUTPUT,
            license_id=granted.license_id,
            purposes=granted.purposes & terms.allowed,
            territories=terms.territories,
            not_before=terms.not_before,
            not_after=terms.not_after,
            dataset_id=granted.dataset_id,
            recordings=frozenset(recording_ids(granted.dataset_id, items)),
        )

    def check(self, use: Use) -> None:
        """A settlement would not reject the use for what license, terms and dataset say.

        Raises:
            PurposeNotLicensed, TerritoryNotLicensed, TermsNotInForce, WrongUnit: it would.
            ForeignRecording: a weight is on a recording of no such license.
        """
        receipt = use.receipt
        self.check_kind(receipt.unit, receipt.purpose, receipt.territory, UnixSeconds(receipt.occurred_at_ms // 1_000))
        for recording, _ in use.weights:
            if recording not in self.recordings and recording not in (UNATTRIBUTED, ELSEWHERE):
                raise ForeignRecording(
                    f"recording {shown(recording)} is not of dataset {shown(self.dataset_id)}", field="weights"
                )

    def check_kind(self, unit: int, purpose: int, territory: bytes, at: UnixSeconds) -> None:
        """The same of a kind of use, whatever it draws on."""
        code, of = unlicensed(self, unit, purpose, territory, at), shown(self.license_id)
        if code == WrongUnit.code:
            raise WrongUnit(f"the terms count {unit_label(self.unit)}, not {unit_label(unit)}", license=of)
        if code:
            raise refusal.error(code, self._words(purpose, territory)[code], license=of)

    def _words(self, purpose: int, territory: bytes) -> dict[str, str]:
        asked, country = purposes.label(purpose), territory.decode("ascii", "replace")
        return {
            "purpose-not-licensed": f"{asked} is not licensed; license and terms allow {purposes.label(self.purposes)}",
            "territory-not-licensed": f"the terms cover {', '.join(self.territories)}, not {country}",
            "terms-not-in-force": f"the terms count from {dated(self.not_before)} to {dated(self.not_after)}",
        }
