"""The contract's verdict: what `DataAccess.checkAccess` says of one recording under the license of an offer.

Our own rules say the same, and more, before it is asked: `domain.rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

from provenance.app.ports import Call, Chain
from provenance.domain import typed
from provenance.domain.rules.reason import REASON_BY_NUMBER, Reason
from provenance.types import ZERO_ADDRESS, Address, BlockNumber, Bytes32

if TYPE_CHECKING:
    from provenance.app.license import DatasetRecord
    from provenance.app.offers import AcceptedOffer

Member: TypeAlias = tuple[Address, tuple[Bytes32, ...]]
"""Who joined a pool with the dataset, and its path to the members' root; empty under a license of the dataset itself."""
NO_MEMBER: Final[Member] = (ZERO_ADDRESS, ())


def contract_verdict(
    chain: Chain,
    dataset: DatasetRecord,
    accepted: AcceptedOffer,
    purpose: int,
    who: Address,
    index: int,
    *,
    member: Member = NO_MEMBER,
    block: BlockNumber | None = None,
) -> tuple[Reason, Bytes32]:
    """(reason, culprit) of `DataAccess.checkAccess` for one recording; ALLOWED and zero if it may be read."""
    question = check_call(chain, dataset, accepted, purpose, who, index, member=member)
    number, culprit = cast("tuple[int, bytes]", chain.read(question, at=block))
    return REASON_BY_NUMBER[number], Bytes32(culprit)


def check_call(
    chain: Chain,
    dataset: DatasetRecord,
    accepted: AcceptedOffer,
    purpose: int,
    who: Address,
    index: int,
    *,
    member: Member = NO_MEMBER,
) -> Call:
    """The question that `DataAccess.checkAccess` answers for one recording, under the license of an offer."""
    manifest, registered = dataset.manifest, dataset.registration
    recording, by_id = manifest.recordings[index], manifest.consents_by_id(chain.deployment.domains.consent)
    consents = [by_id[consent_id] for consent_id in sorted(recording.consent_ids)]
    parts = (registered.holder, registered.manifest_root, registered.manifest_digest, registered.terms_hash)
    query = (typed.words(accepted.offer), accepted.licensee, member, who, purpose, *parts, recording.words())
    path = manifest.tree().proof(recording.leaf())
    structs = tuple(typed.words(signed.consent) for signed in consents)
    return Call("DataAccess", "checkAccess", (query, path, structs, tuple(signed.signature for signed in consents)))
