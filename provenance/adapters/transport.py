"""How do we speak HTTP to anybody? Without redirects, within a deadline, with one TLS context a process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    import ssl


def client(timeout: float | httpx2.Timeout) -> httpx2.Client:
    """A client that follows no redirect.

    Args:
        timeout: seconds for each of connect, read, write and pool, or each by itself.
    """
    return httpx2.Client(follow_redirects=False, timeout=timeout, verify=_tls())


@cache
def _tls() -> ssl.SSLContext:
    """The system's roots of trust; read once, because reading them takes 40-100 ms."""
    return httpx2.create_ssl_context()
