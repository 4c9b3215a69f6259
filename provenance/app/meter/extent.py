"""Extents: what a settlement would not reject, asked before a use is on record and owed.

By the settlement's own rules of a license and its terms. What depends on the chain when the use is
anchored (leases, consents, gate reports) only the settlement knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from provenance.domain import refusal
from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED
from provenance.domain.events import LicenseGranted
from provenance.domain.fields import shown
from provenance.domain.manifest import recording_ids
from provenance.domain.rules.case import Extent, LicenseCase, UseFacts, first_broken
from provenance.domain.rules.license import LICENSE, receipt_facts
from provenance.domain.terms import Terms
from provenance.domain.usage import Use
from provenance.errors import Invalid
from provenance.types import DatasetId, LicenseId, RecordingId


class ForeignRecording(Invalid):
    """A weight on a recording that the license's dataset does not have: the use would earn nobody anything."""

    next = "Copy the id from `access download --json`; what came from other licenses is `elsewhere`."


@dataclass(frozen=True, slots=True)
class MeterExtent:
    """What one license, its terms and its dataset allow of any use."""

    license_id: LicenseId
    extent: Extent
    dataset_id: DatasetId
    recordings: frozenset[RecordingId] = field(repr=False)

    @classmethod
    def of(cls, granted: LicenseGranted, terms: Terms, items: int) -> Self:
        """The extent of a license under its terms, for a dataset of so many recordings."""
        return cls(
            granted.license_id,
            Extent.of(granted.purposes, granted.distributor, terms),
            granted.dataset_id,
            frozenset(recording_ids(granted.dataset_id, items)),
        )

    def check(self, use: Use) -> None:
        """A settlement would not reject the use for what license, terms and dataset say.

        Raises:
            PurposeNotSingle, PurposeNotLicensed, PurposeOutsideTerms, TerritoryNotLicensed, TermsNotInForce,
            WrongUnit: it would.
            ForeignRecording: a weight is on a recording of no such license.
        """
        self.check_kind(receipt_facts(use.receipt))
        for recording, _ in use.weights:
            if recording not in self.recordings and recording not in (UNATTRIBUTED, ELSEWHERE):
                raise ForeignRecording(
                    f"recording {shown(recording)} is not of dataset {shown(self.dataset_id)}", field="weights"
                )

    def check_kind(self, use: UseFacts) -> None:
        """The same of a kind of use, whatever it draws on."""
        case = LicenseCase(use, self.extent)
        broken = first_broken(LICENSE, case)
        if broken:
            raise refusal.error(broken.reason, broken.detail(case), license=shown(self.license_id))
