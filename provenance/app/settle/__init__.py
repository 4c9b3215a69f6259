"""How does an epoch come about? Gather facts, decide, put and propose; then anybody reads it back.

`gather` reads chain events and content under digests that the chain names, and nothing else, so that
operator and auditor share it; `decide` is pure; `commit` puts the documents and proposes the root.
"""

from __future__ import annotations

from provenance.app.settle.closing import Engine, NothingToSettle, Proposed, StillOpen, commit, decide, epoch
from provenance.app.settle.earning import Due, claimable, due, latest
from provenance.app.settle.gathering import gather, standing
from provenance.app.settle.reading import Leaves, Published, carry, document, leaves, published, statement, statements

__all__ = [
    "Due",
    "Engine",
    "Leaves",
    "NothingToSettle",
    "Proposed",
    "Published",
    "StillOpen",
    "carry",
    "claimable",
    "commit",
    "decide",
    "document",
    "due",
    "epoch",
    "gather",
    "latest",
    "leaves",
    "published",
    "standing",
    "statement",
    "statements",
]
