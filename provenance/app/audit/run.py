"""In which order is the evidence judged, and what is the verdict?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.app.audit import licensed, metered, paid, registered
from provenance.app.audit.evidence import Evidence, short
from provenance.domain.verdict import Report

if TYPE_CHECKING:
    from provenance.app.audit.evidence import SegmentReader
    from provenance.app.ports import Chain, Content
    from provenance.domain.ledger import Block


def run(chain: Chain, content: Content, read_uses: SegmentReader, at: Block) -> Report:
    """Every check, all pinned to one block.

    Args:
        chain: an RPC endpoint and a deployment; nothing else is asked.
        content: sources of content; every byte is hashed before it counts.
        read_uses: reads a segment's Parquet file.
        at: the last block that is looked at.
    """
    evidence = Evidence.gather(chain, content, read_uses, at)
    checks = [
        *registered.checks(evidence),
        *licensed.checks(evidence),
        *metered.checks(evidence),
        *paid.checks(evidence),
    ]
    return Report(tuple(checks), at.number, short(at.hash))
