"""HTTP clients of nodes, gateways and content: without redirects, with one TLS context a process.

Laws: a `Deadline` holds for a whole exchange, from the connection over each header to the last byte of the body, however
slowly they come; a body is unpacked piece by piece, from the only coding that is asked for, and whoever reads it counts
what it becomes; a proxy of the environment gets nothing that is meant for this machine.
"""

from __future__ import annotations

import ssl
import time
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import httpx2

from provenance.domain.printable import brief
from provenance.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

CODING: Final = "gzip"
_LOOPBACK: Final = ("all://127.0.0.0/8", "all://[::1]", "all://localhost", "all://*.localhost")
_WRITTEN_BYTES: Final = 64 << 10  # between two looks at the deadline


class ProxyUnusable(Invalid):
    """The environment names a proxy through which nothing can be asked."""

    next = "Correct or unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; a SOCKS proxy needs `pip install 'httpx2[socks]'`."


class Deadline(float):
    """The seconds that an exchange may take in all, given as the timeout of its request; a body may prolong it."""

    _until: float
    _bytes_per_s: float

    def __new__(cls, seconds: float, *, bytes_per_s: float = 0) -> Self:
        """It begins now.

        Args:
            seconds: until it is over.
            bytes_per_s: each byte of a body prolongs it by so much that a peer of this speed may go on; 0: by nothing.
        """
        self = super().__new__(cls, seconds)
        self._until, self._bytes_per_s = time.monotonic() + seconds, bytes_per_s
        return self

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            httpx2.ReadTimeout: none.
        """
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise httpx2.ReadTimeout(f"not complete within {self:.0f} s")
        return seconds

    def prolong(self, size_bytes: int) -> None:
        """So many more bytes of a body are to be sent, or came."""
        if self._bytes_per_s:
            self._until += size_bytes / self._bytes_per_s


def client(timeout: float | httpx2.Timeout, *urls: str) -> httpx2.Client:
    """A client that follows no redirect.

    Args:
        timeout: seconds for each of connect, read, write and pool, or each by itself, where a request names no `Deadline`.
        urls: what it will ask; where all are http, no roots of trust are read and an https address would be refused.

    Raises:
        ProxyUnusable: one of them is elsewhere, and the environment's proxy is of a kind that is not supported.
    """
    plain = all(url.startswith("http:") for url in urls)
    try:
        built = httpx2.Client(
            follow_redirects=False,
            timeout=timeout,
            verify=_plain() if plain else _tls(),
            headers={"accept-encoding": CODING},
            trust_env=not (urls and all(map(_is_here, urls))),
            mounts=dict.fromkeys(_LOOPBACK),  # None: directly
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise ProxyUnusable(f"the proxy of the environment cannot be used: {error}") from None
    for way in (built._transport, *built._mounts.values()):  # noqa: SLF001 - httpx2 has no argument for it
        if isinstance(way, httpx2.HTTPTransport):
            pool: Any = way._pool  # noqa: SLF001
            pool._network_backend = _Network(pool._network_backend)  # noqa: SLF001
    return built


def parts(answer: httpx2.Response, deadline: Deadline) -> Iterator[bytes]:
    """The body, unpacked, in pieces of at most 1 MiB.

    Raises:
        httpx2.DecodingError: in a coding that was not asked for, or none of it.
        httpx2.ReadTimeout: the deadline is over.
    """
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", CODING):
        raise httpx2.DecodingError(f"answers in the coding {brief(coding, 40)!r}, which was not asked for")
    received = answer.num_bytes_downloaded
    for part in answer.iter_bytes():
        deadline.prolong(answer.num_bytes_downloaded - received)
        received = answer.num_bytes_downloaded
        deadline.left()
        yield part


class _Network:
    """httpcore's network, where a timeout that is a `Deadline` counts down."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(host, port, _left(timeout), **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Stream:
    """One connection on it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        octets: bytes = self._inner.read(max_bytes, _left(timeout))
        return octets

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN_BYTES):
            self._inner.write(buffer[start : start + _WRITTEN_BYTES], _left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _left(timeout: float | None) -> float | None:
    return timeout.left() if isinstance(timeout, Deadline) else timeout


def _is_here(url: str) -> bool:
    """Whether the address is one of this machine alone. Source: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, RFC 6761 §6.3."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return f".{host}".endswith(".localhost")


@cache
def _plain() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody


@cache
def _tls() -> ssl.SSLContext:
    """The system's roots of trust; read once, because reading them takes 40-100 ms."""
    return httpx2.create_ssl_context()
