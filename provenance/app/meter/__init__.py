"""The Meter: how use becomes a receipt that nobody can take back.

`Recorder` keeps a durable queue, signs segments and holds the gateway's acknowledgements.
"""

from __future__ import annotations

from provenance.app.meter.extent import ForeignRecording, MeterExtent
from provenance.app.meter.opening import OpenSession, open_session
from provenance.app.meter.recorder import (
    RECEIPTS,
    KeyGone,
    MeterClosed,
    MeteredOutput,
    Recorder,
    SegmentFiles,
    SessionSpent,
)

__all__ = [
    "RECEIPTS",
    "ForeignRecording",
    "KeyGone",
    "MeterClosed",
    "MeterExtent",
    "MeteredOutput",
    "OpenSession",
    "Recorder",
    "SegmentFiles",
    "SessionSpent",
    "open_session",
]
