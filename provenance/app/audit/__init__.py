"""The audit: that what was registered, licensed, used and paid follows from chain and content alone.

No SQL and no operator's code: the same pure rules that the operator ran, run again over an RPC
endpoint and content addresses.
"""

from __future__ import annotations

from provenance.app.audit.evidence import Evidence
from provenance.app.audit.objection import Challenge, challenge, ready
from provenance.app.audit.run import run
from provenance.app.audit.trace import Trace, trace

__all__ = ["Challenge", "Evidence", "Trace", "challenge", "ready", "run", "trace"]
