"""The application that serves one gateway."""

from __future__ import annotations

import traceback

import structlog
from fastapi import FastAPI, Response

from indexer.gateway import GatewayNode, readiness
from indexer.http import bodies, content, problems, routes
from indexer.http.metrics import Metrics
from provenance.errors import ProvenanceError


def create_app(node: GatewayNode) -> FastAPI:
    """The gateway's routes, each failure a problem document, each answer counted."""
    app = FastAPI(title="Provenance gateway", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.node = node
    log, metrics = structlog.get_logger("gateway"), Metrics(node)
    app.add_middleware(metrics.middleware)
    problems.install(app, lambda error: log.error("failed", **log_fields(error)))

    @app.get("/health")
    def health() -> Response:
        return bodies.shown({"status": "alive"})

    @app.get("/ready")
    def ready() -> Response:
        return bodies.shown(readiness.ready(node))

    @app.get("/metrics")
    def measured() -> Response:
        return Response(metrics.text(), media_type=metrics.MEDIA_TYPE)

    app.include_router(content.routes(node))
    app.include_router(routes.routes(node))
    return app


def log_fields(error: Exception) -> dict[str, str]:
    """What the log says of a failure: of a bug where it was, and never a local variable, which may be a key."""
    if isinstance(error, ProvenanceError):
        return {"code": error.code, "detail": error.detail}
    return {"error": type(error).__name__, "trace": "".join(traceback.format_exception(error))}
