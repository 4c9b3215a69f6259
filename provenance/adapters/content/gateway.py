"""What does somebody else's HTTP server hold under an address?

Two readers: `Trustless` asks any IPFS gateway for single blocks and matches each; `Served` streams
whole objects from a gateway of this network, to be matched where they land (`mirror`). Neither
follows a redirect, reads past its cap or waits past its deadline.

Source: IPFS Trustless Gateway specification, `?format=raw`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

from provenance.adapters import transport
from provenance.adapters.content import unixfs
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing, missing
from provenance.domain.cid import Cid
from provenance.errors import Denied, Invalid, Unavailable

DEADLINE_S: Final = 30.0
SLOWEST_BYTES_PER_S: Final = 128 << 10  # a source slower than this is not worth waiting for
OBJECT_BYTES: Final = 64 << 30
UNDECLARED_BYTES: Final = 64 << 20  # what an answer without Content-Length may have
_OK, _PART, _BEYOND = 200, 206, 416


class SourceUnusable(Unavailable):
    """A content source is silent, too slow, or answers something else than content."""

    next = "Check the URL given with --content, or name another source."


class ContentClosed(Denied):
    """The gateway holds it, but not for everyone: sealed audio needs a lease."""

    next = "Open a lease with `provenance access open` first."


class Trustless:
    """Blocks of any IPFS gateway, each hashed and matched before it is used."""

    def __init__(self, base: str, *, deadline_s: float = DEADLINE_S) -> None:
        self.name = _base(base)
        self._ask = _Ask(_client(base, deadline_s), deadline_s)

    def block(self, cid: Cid) -> bytes:
        """One block.

        Raises:
            ContentMissing, ContentCorrupt, SourceUnusable: not there, other bytes, no proper answer in time.
        """
        headers = {"Accept": "application/vnd.ipld.raw"}
        url = f"{self.name}/ipfs/{cid}?format=raw"
        return unixfs.verified(cid, b"".join(self._ask.parts(cid, url, headers, cap_bytes=unixfs.BLOCK_BYTES)))

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start`, a verified leaf at a time."""
        return unixfs.read(cid, self.block, start=start)

    def has(self, cid: Cid) -> bool:
        """Whether it answers a good root block."""
        try:
            self.block(cid)
        except (ContentMissing, ContentCorrupt, SourceUnusable):
            return False
        return True


class Served:
    """Objects of a gateway of this network: `GET /v1/content/{cid}`.

    Args:
        authorize: (method, path) → headers that say who asks, where sealed audio is wanted.
    """

    def __init__(
        self,
        base: str,
        *,
        authorize: Callable[[str, str], Mapping[str, str]] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.name = _base(base)
        self._authorize = authorize
        self._client = _client(base, deadline_s)
        self._ask = _Ask(self._client, deadline_s)

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start`, not yet matched: whoever lands them must."""
        path = f"/v1/content/{cid}"
        headers = dict(self._authorize("GET", path)) if self._authorize else {}
        if start:
            headers["Range"] = f"bytes={start}-"
        return self._ask.parts(cid, self.name + path, headers, cap_bytes=OBJECT_BYTES, partial=start > 0)

    def has(self, cid: Cid) -> bool:
        """Whether it says so."""
        try:
            return (
                self._client.head(
                    f"{self.name}/v1/content/{cid}", timeout=transport.Deadline(self._ask.deadline_s)
                ).status_code
                == _OK
            )
        except httpx2.HTTPError:
            return False


@dataclass(frozen=True, slots=True)
class _Ask:
    client: httpx2.Client
    deadline_s: float

    def parts(
        self, cid: Cid, url: str, headers: Mapping[str, str], *, cap_bytes: int, partial: bool = False
    ) -> Iterator[bytes]:
        """The body of one answer, within its cap and its deadline."""
        got, deadline = 0, transport.Deadline(self.deadline_s, bytes_per_s=SLOWEST_BYTES_PER_S)
        plain = {"Accept-Encoding": "identity", **headers}
        try:
            with self.client.stream("GET", url, headers=plain, timeout=deadline) as answer:
                if partial and answer.status_code == _BEYOND:
                    return
                cap = min(cap_bytes, _accepted(answer, cid, url, partial=partial))
                for part in answer.iter_raw():
                    got += len(part)
                    if got > cap:
                        raise SourceUnusable(f"{url} answers more than {cap} bytes", source=url)
                    deadline.prolong(len(part))
                    deadline.left()
                    yield part
        except httpx2.TimeoutException as error:
            raise SourceUnusable(f"{url} is too slow: {got} bytes so far", source=url) from error
        except httpx2.HTTPError as error:
            raise SourceUnusable(f"{url}: {type(error).__name__} {error}".rstrip(), source=url) from error


def _accepted(answer: httpx2.Response, cid: Cid, url: str, *, partial: bool) -> int:
    """How many bytes this answer may have; anything but content is refused here."""
    status = answer.status_code
    if status in (404, 410):
        raise missing(cid)
    if status in (401, 403):
        raise ContentClosed(f"{url} asks for a lease", cid=str(cid))
    if answer.is_redirect:
        raise SourceUnusable(f"{url} redirects, which is not followed", source=url)
    if status != (_PART if partial else _OK):
        raise SourceUnusable(f"{url} answers {status}", source=url, status=status)
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise SourceUnusable(f"{url} answers a web page", source=url)
    declared = answer.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else UNDECLARED_BYTES


def _base(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise Invalid(f"not an http(s) URL: {url[:200]!r}")
    return url.rstrip("/")


def _client(base: str, deadline_s: float) -> httpx2.Client:
    return transport.client(min(10.0, deadline_s), base)
