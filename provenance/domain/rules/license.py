"""Licenses: when one, with its dataset and terms, allows a use.

The rules in the contract's order, then finality and the terms, which only narrow what it allows.
"""

from __future__ import annotations

from typing import Final

from provenance.domain import purposes, territories
from provenance.domain.fields import checksummed, dated
from provenance.domain.rules.case import NOTHING_PRODUCED, LicenseCase, Rule, UseFacts
from provenance.domain.rules.reason import Reason
from provenance.domain.typed import UsageReceipt
from provenance.domain.usage import unit_label
from provenance.types import UnixSeconds


def _member(case: LicenseCase, reason: Reason) -> str | None:
    """What is said of a membership that has this reason; None of any other."""
    membership = case.standing.membership
    return membership.detail if membership and membership.reason is reason else None


_LICENSE: Final[tuple[Rule[LicenseCase], ...]] = (
    Rule(
        Reason.UNKNOWN_DATASET,
        lambda case: not case.standing.registered,
        lambda _: "the license's dataset is not registered, or not under this manifest",
    ),
    Rule(
        Reason.UNKNOWN_LICENSE,
        lambda case: not case.standing.known,
        lambda _: "no license of this id is on chain",
    ),
    Rule(
        Reason.WRONG_LICENSEE,
        lambda case: case.standing.account != case.standing.licensee,
        lambda case: f"the license is that of {checksummed(case.standing.licensee or b'')}",
    ),
    Rule(
        Reason.LICENSE_EXPIRED,
        lambda case: case.use.time >= case.standing.end and not case.standing.terminated,
        lambda case: f"the license ended at {dated(case.standing.end)}",
    ),
    Rule(
        Reason.LICENSE_ENDED,
        lambda case: case.use.time >= case.standing.end,
        lambda case: f"the license was terminated and ended at {dated(case.standing.end)}",
    ),
)
_PURPOSE: Final[tuple[Rule[LicenseCase], ...]] = (
    Rule(
        Reason.PURPOSE_NOT_SINGLE,
        lambda case: not purposes.is_single(case.use.purpose),
        lambda _: "exactly one known purpose is meant",
    ),
    Rule(
        Reason.PURPOSE_NOT_LICENSED,
        lambda case: not case.use.purpose & case.extent.purposes,
        lambda case: (
            f"{purposes.label(case.use.purpose)} is not licensed; the license names {purposes.label(case.extent.purposes)}"
        ),
    ),
)
_DATASET: Final[tuple[Rule[LicenseCase], ...]] = (
    Rule(
        Reason.DATASET_HALTED,
        lambda case: case.standing.ruling is not None,
        lambda case: f"the guardian suspended the dataset; ruling 0x{(case.standing.ruling or b'').hex()}",
    ),
    Rule(
        Reason.NOT_IN_POOL,
        lambda case: _member(case, Reason.NOT_IN_POOL) is not None,
        lambda case: _member(case, Reason.NOT_IN_POOL) or "",
    ),
    Rule(
        Reason.LEFT_POOL,
        lambda case: _member(case, Reason.LEFT_POOL) is not None,
        lambda case: _member(case, Reason.LEFT_POOL) or "",
    ),
    Rule(
        Reason.OTHER_DISTRIBUTOR,
        lambda case: case.extent.astray,
        lambda _: "the license pays into another distributor than its terms name",
    ),
    Rule(
        Reason.NOT_FINAL,
        lambda case: bool(case.standing.pending),
        lambda case: f"{case.standing.pending}, which is not final yet",
    ),
)
_TERMS: Final[tuple[Rule[LicenseCase], ...]] = (
    Rule(
        Reason.PURPOSE_OUTSIDE_TERMS,
        lambda case: not case.use.purpose & case.extent.allowed,
        lambda case: f"the terms do not allow {purposes.label(case.use.purpose)}",
    ),
    Rule(
        Reason.TERRITORY_NOT_LICENSED,
        lambda case: not territories.covers(case.extent.territories, case.use.territory),
        lambda case: (
            f"the terms cover {', '.join(case.extent.territories)}, not {territories.label(case.use.territory)}"
        ),
    ),
    Rule(
        Reason.TERMS_NOT_IN_FORCE,
        lambda case: not case.extent.not_before <= case.use.time <= case.extent.not_after,
        lambda case: f"the terms count from {dated(case.extent.not_before)} to {dated(case.extent.not_after)}",
    ),
    Rule(
        Reason.WRONG_UNIT,
        lambda case: case.use.unit not in (None, case.extent.unit),
        lambda case: f"the terms count {unit_label(case.extent.unit)}, not {unit_label(case.use.unit or 0)}",
    ),
    Rule(
        Reason.CAP_REACHED,
        lambda case: case.produced is not None and _reached(case.produced.outputs, case.extent.caps.outputs),
        lambda case: (
            f"the terms cap outputs at {case.extent.caps.outputs}, and {(case.produced or NOTHING_PRODUCED).outputs} were made"
        ),
    ),
    Rule(
        Reason.CAP_REACHED,
        lambda case: case.produced is not None and _reached(case.produced.seconds, case.extent.caps.seconds),
        lambda case: (
            f"the terms cap output at {case.extent.caps.seconds} s, and {(case.produced or NOTHING_PRODUCED).seconds} s were made"
        ),
    ),
)


def receipt_facts(receipt: UsageReceipt) -> UseFacts:
    """The use in a receipt. When it was is the receipt's word: its session bounds it, and it costs the same."""
    return UseFacts(UnixSeconds(receipt.occurred_at_ms // 1_000), receipt.purpose, receipt.territory, receipt.unit)


def _reached(produced: int, cap: int | None) -> bool:
    return cap is not None and produced >= cap


LICENSE: Final = (*_LICENSE, *_PURPOSE, *_DATASET, *_TERMS)
"""Every rule of a license, in order."""

STANDING: Final = (*_LICENSE, *_DATASET)
"""Those of the license itself, whatever it is used for."""
