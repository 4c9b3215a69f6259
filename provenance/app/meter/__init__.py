"""How does use become a receipt that nobody can take back?

`Recorder` is the licensee's side: a durable queue, signed segments, the gateway's acknowledgements.
`anchor` is the operator's: everything acknowledged in one batch on chain.
"""

from __future__ import annotations

from provenance.app.meter.anchoring import Anchored, Outbox, anchor
from provenance.app.meter.opening import OpenSession, open_session, revoke
from provenance.app.meter.recorder import RECEIPTS, KeyGone, Output, Recorder, SegmentFiles, SessionClosed, SessionSpent

__all__ = [
    "RECEIPTS",
    "Anchored",
    "KeyGone",
    "OpenSession",
    "Outbox",
    "Output",
    "Recorder",
    "SegmentFiles",
    "SessionClosed",
    "SessionSpent",
    "anchor",
    "open_session",
    "revoke",
]
