"""Documents whose digest the chain keeps: read as what they are, and content for everybody before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.cli import files
from provenance.domain import canonical, cid
from provenance.domain.settlement.facts import RULING, Ruling

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.cli.context import Context
    from provenance.domain.cid import Cid

RULING_BYTES: Final = 1 << 20  # one block, whose sha-256 is what the chain keeps


def ruling(file: Path) -> bytes:
    """The bytes of a guardian's ruling, which settlements can read as one."""
    return files.document(file, _ruling, RULING_BYTES)


def publish(ctx: Context, document: bytes) -> Cid:
    """The document's address; it is content here and at the gateway, but for `--dry-run`."""
    address = cid.of_raw(document)
    if not ctx.dry_run:
        ctx.content().put(document)
        ctx.gateway(ctx.wallet()).put_content(address, document)
    return address


def _ruling(document: bytes) -> bytes:
    """The same bytes."""
    body = canonical.parse(document, kind=RULING)
    if any(name in body for name in ("clusters", "receipts", "licenses")):
        Ruling.parse(document)
    return document
