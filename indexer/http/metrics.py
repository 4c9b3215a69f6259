"""Metrics: how many requests, how long they took, and how full the records are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from indexer.gateway import GatewayNode


class Metrics:
    """One gateway's numbers, in a registry of their own."""

    MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, node: GatewayNode) -> None:
        self._node, self._registry = node, CollectorRegistry()
        self._requests = Counter(
            "provenance_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram("provenance_request_seconds", "Time to answer.", ("route",), registry=self._registry)
        self._rows = Gauge("provenance_records", "Records kept.", ("kind",), registry=self._registry)
        self._block = Gauge("provenance_mirror_block", "Newest mirrored block.", registry=self._registry)

    def text(self) -> bytes:
        """The numbers as Prometheus reads them."""
        for kind, count in self._node.usage.counts().items():
            self._rows.labels(kind).set(count)
        position = self._node.mirror.position()
        self._block.set(position.number if position else 0)
        return generate_latest(self._registry)

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """The application, with every answer counted under its route."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            started, status = time.monotonic(), 500

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noted)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(scope["method"], route, str(status)).inc()
                self._seconds.labels(route).observe(time.monotonic() - started)

        return counted
