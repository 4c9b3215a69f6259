"""Events in blocks, for tests of what decides from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.domain import cid, events as e
from provenance.domain.ledger import ChainBlock, Logged
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei
from tests import documents
from tests.documents import CHAIN, HOLDER, Key, word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.domain.manifest import Manifest

LICENSEE = Key("licensee")
NOW = 1_800_000_000
MANIFEST = documents.manifest()
REGISTRY = documents.domains().registry.contract


def manifest_digest(manifest: Manifest) -> Bytes32:
    """The digest in the address of a small manifest."""
    return cid.of_raw(manifest.encode()).digest


DATASET = MANIFEST.dataset_id(CHAIN, REGISTRY, manifest_digest(MANIFEST))
LICENSE = word("license")
EXPIRY = UnixSeconds(NOW + 1_000)


def block(number: int, time: int | None = None) -> ChainBlock:
    """The block of this number; ten seconds a block."""
    return ChainBlock(
        BlockNumber(number), word(f"block {number}"), UnixSeconds(NOW + 10 * number if time is None else time)
    )


def chain(events: Iterable[e.Event], start: int = 1) -> list[Logged]:
    """One event a block, from block `start`."""
    return [
        Logged(block(number), word(f"tx {number}"), 0, Address(b"\x01" * 20), event)
        for number, event in enumerate(events, start)
    ]


def registered(manifest: Manifest = MANIFEST) -> e.DatasetRegistered:
    """The registration of a manifest by its holder."""
    return e.DatasetRegistered(
        manifest.dataset_id(CHAIN, REGISTRY, manifest_digest(manifest)),
        manifest.holder,
        manifest.root(),
        manifest_digest(manifest),
        manifest.terms_hash,
        manifest.split_hash(),
        len(manifest.recordings),
    )


def granted(
    purposes: int = 0b110, expiry: int = EXPIRY, dataset: bytes = DATASET, holder: Address = HOLDER.address
) -> e.LicenseGranted:
    """A license of the dataset for the licensee."""
    return e.LicenseGranted(
        LICENSE,
        dataset,  # type: ignore[arg-type]
        LICENSEE.address,
        holder,
        MANIFEST.terms_hash,
        purposes,
        UnixSeconds(expiry),
        0,
        documents.DISTRIBUTOR,
        Wei(0),
    )
