"""What does the operator do for holders and licensees? Custody of keys, judging, leases, usage, catalogue.

`http` drives it; nothing here knows a route.
"""

from __future__ import annotations

from indexer.gateway.node import Node

__all__ = ["Node"]
