"""Offers that may stand in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from indexer import records
from indexer.gateway import leases
from provenance.domain import canonical, fields, typed
from provenance.domain.ledger import DATASET_ACTIVE, Ledger
from provenance.domain.offer import SignedOffer
from provenance.domain.rules.terms import narrow
from provenance.errors import Denied, Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.gateway.node import GatewayNode
    from provenance.domain.ledger import ChainBlock
    from provenance.types import Bytes32, Json

OPEN: Final = "OPEN"


class OfferNotCurrent(Denied):
    """The offer is past its deadline, cancelled, of before a transfer, or not the dataset's present holder's."""

    next = "Sign a new offer with `license offer`, with the account that holds the dataset now."


def publish(node: GatewayNode, document: Mapping[str, Json]) -> Bytes32:
    """The offer stands in the catalogue: signed by the holder, within terms and consents; twice is once.

    Returns:
        Its digest.
    """
    canonical_bytes = canonical.dumps(document)
    signed = SignedOffer.parse(canonical_bytes)
    offer, domain = signed.offer, node.deployment.domains.access
    digest = typed.digest(domain, offer)
    node.check_signed(digest, signed.signature, offer.holder)
    head, _ = node.present()
    ledger = Ledger.fold(node.facts(head, offer.dataset_id, digest))
    dataset, deposit = ledger.datasets.get(offer.dataset_id), node.custody.deposit(offer.dataset_id)
    if dataset is None or deposit is None:
        raise Missing(
            "the offer's dataset is not registered, or not in custody here", dataset=fields.shown(offer.dataset_id)
        )
    current = dataset.holder(head.number) == offer.holder and dataset.status(head.number) == DATASET_ACTIVE
    if not current or state(offer, digest, ledger, head) != OPEN:
        raise OfferNotCurrent("the offer cannot be accepted any more", offer=fields.shown(digest))
    manifest, terms = leases.documents(node.content, deposit.manifest_cid)
    narrow(offer, terms, manifest.consents)
    node.leases.add_offer(
        records.PublishedOffer(
            digest=digest,
            dataset_id=offer.dataset_id,
            holder=offer.holder,
            licensee=offer.licensee,
            document=canonical_bytes.decode(),
            at_s=node.clock.now(),
        )
    )
    return digest


def state(offer: typed.Offer, digest: Bytes32, ledger: Ledger, block: ChainBlock) -> str:
    """OPEN, or why nobody can accept it any more at a block: CANCELLED, TRANSFERRED or EXPIRED."""
    dataset = ledger.datasets.get(offer.dataset_id)
    if (offer.holder, digest) in ledger.cancelled:
        return "CANCELLED"
    if dataset is None or dataset.transfer_count(block.number) != offer.transfers:
        return "TRANSFERRED"
    return "EXPIRED" if offer.deadline < block.time else OPEN
