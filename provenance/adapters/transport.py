"""HTTP clients: without redirects, within a deadline, with one TLS context a process."""

from __future__ import annotations

import ssl
from functools import cache

import httpx2


def client(timeout: float | httpx2.Timeout, *urls: str) -> httpx2.Client:
    """A client that follows no redirect.

    Args:
        timeout: seconds for each of connect, read, write and pool, or each by itself.
        urls: what it will ask; where all are http, no roots of trust are read and an https address would be refused.
    """
    plain = all(url.startswith("http:") for url in urls)
    return httpx2.Client(follow_redirects=False, timeout=timeout, verify=_plain() if plain else _tls())


@cache
def _plain() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody


@cache
def _tls() -> ssl.SSLContext:
    """The system's roots of trust; read once, because reading them takes 40-100 ms."""
    return httpx2.create_ssl_context()
