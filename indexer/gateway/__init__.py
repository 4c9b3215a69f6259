"""The gateway: what the operator does for holders and licensees. Custody of keys, judging, leases, usage, catalogue.

`http` drives it; nothing here knows a route.
"""

from __future__ import annotations

from indexer.gateway.node import GatewayNode

__all__ = ["GatewayNode"]
