"""Verdicts of an audit, and what no audit proves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provenance.errors import Failed, Incomplete, ProvenanceError
from provenance.types import Json


class Verdict(StrEnum):
    """FAILED outweighs INCOMPLETE, INCOMPLETE outweighs VERIFIED."""

    VERIFIED = "VERIFIED"
    INCOMPLETE = "INCOMPLETE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    """One question that was asked of the evidence.

    Attributes:
        name: the question, the same in every run.
        verdict: its answer.
        detail: what was counted, or the first difference.
    """

    name: str
    verdict: Verdict
    detail: str

    def document(self) -> dict[str, Json]:
        """As `--json` prints it."""
        return {"name": self.name, "verdict": str(self.verdict), "detail": self.detail}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All checks of one run, and the block they were pinned to."""

    checks: tuple[Check, ...]
    block: int
    block_hash: str

    @property
    def verdict(self) -> Verdict:
        """The weightiest verdict of all checks."""
        return overall(self.checks)

    def error(self) -> ProvenanceError | None:
        """Nothing if VERIFIED, else the error whose exit status says it, the first such check named."""
        first = next((check for check in self.checks if check.verdict is self.verdict), None)
        if first is None or self.verdict is Verdict.VERIFIED:
            return None
        kind = Failed if self.verdict is Verdict.FAILED else Incomplete
        return kind(f"{first.name}: {first.detail}", check=first.name)


def overall(checks: Iterable[Check]) -> Verdict:
    """FAILED if any failed, else INCOMPLETE if any is (or nothing was asked), else VERIFIED."""
    verdicts = {check.verdict for check in checks}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.VERIFIED if verdicts == {Verdict.VERIFIED} else Verdict.INCOMPLETE


NOT_PROVED: Final = (
    "use that was never metered",
    "that the subject of a consent is the speaker",
    "the truth of weights and gate reports: they are their signers' word",
    "deletion by others",
    "delivery of a paid key",
    "silence of gateway and licensee in collusion",
    "a window without a watcher, or publisher, guardian and arbiter in one hand",
    "that the node's logs are complete: its headers and receipts are not proved in this run",
)
