"""The gateway over HTTP: routes, problem documents, request signatures; nothing is decided here."""

from __future__ import annotations

from indexer.http.app import create_app

__all__ = ["create_app"]
