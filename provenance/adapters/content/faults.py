"""In which ways may content not be what its address promises? The errors every store shares."""

from __future__ import annotations

from provenance.domain.cid import Cid
from provenance.errors import Failed, Invalid, Missing


class ContentMissing(Missing):
    """No store that was asked holds it."""

    next = "Name another store with --content (a folder or a URL), or ask the gateway's operator for it."


class ContentCorrupt(Failed):
    """Somebody holds other bytes under this address; none of them was used."""

    next = "Fetch it from another store (--content), which also repairs the local copy."


class ContentTooLarge(Invalid):
    """Larger than what the caller is ready to hold."""

    next = "Use a document of at most 64 MiB, or read the content as a stream."


def missing(cid: Cid) -> ContentMissing:
    """Nobody has this content."""
    return ContentMissing(f"no content under {cid}", cid=str(cid))


def corrupt(cid: Cid, why: str, leaf: int | None = None) -> ContentCorrupt:
    """The bytes under this address are others."""
    detail = f"the bytes under {cid} are not that content: {why}"
    if leaf is None:
        return ContentCorrupt(detail, cid=str(cid))
    return ContentCorrupt(detail, cid=str(cid), leaf=leaf)


def too_large(cid: Cid, size: int, limit: int) -> ContentTooLarge:
    """The content is larger than the reader's limit."""
    return ContentTooLarge(f"{cid} has {size} bytes, more than {limit}", cid=str(cid), bytes=size, limit=limit)
