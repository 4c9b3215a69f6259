"""The run of an audit: the order in which the evidence is judged, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.app.audit import licensed, metered, paid, registered
from provenance.domain.fields import shown
from provenance.domain.verdict import AuditReport

if TYPE_CHECKING:
    from provenance.app.audit.evidence import Evidence
    from provenance.app.settle import Engine


def run(evidence: Evidence, engine: Engine) -> AuditReport:
    """Every check, all pinned to the evidence's block.

    Args:
        evidence: what there is.
        engine: counts units times weights; its sums are checked against Python's integers.
    """
    checks = [
        *registered.checks(evidence),
        *licensed.checks(evidence),
        *metered.checks(evidence),
        *paid.checks(evidence, engine),
    ]
    return AuditReport(tuple(checks), evidence.head.number, shown(evidence.head.hash))
