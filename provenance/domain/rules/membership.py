"""Membership: whether a dataset is in a pool at a block, and by whose word.

- The members are those of the last list that the curator named. Being left out counts at once; being taken in only once
  it is final, unless the list before named the same.
- Who stands in a list without having signed, or after its join's last second, is no member, whatever the root says.
- Who joins holds the dataset when the list is named, or was in the list in force when it gave the dataset away: a sale
  changes nothing, and what was sold is taken into no pool by who sold it.
- Leaving counts from its second on; taking that back only once it is final.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.domain.fields import dated
from provenance.domain.pool import BadMembers, Member, Members
from provenance.domain.rules.reason import Reason
from provenance.errors import Invalid

if TYPE_CHECKING:
    from provenance.domain.events import DatasetTransferred, MembersSet
    from provenance.domain.ledger import ChainBlock, Fact, Ledger, RegisteredDataset
    from provenance.domain.typed import Domain
    from provenance.types import Address, BlockNumber, Bytes32, DatasetId, UnixSeconds


@dataclass(frozen=True, slots=True)
class Membership:
    """A dataset that a pool's license is asked to open.

    Attributes:
        reason: NOT_IN_POOL, LEFT_POOL or NOT_FINAL; ALLOWED if it is a member.
        detail: the same in words.
        holder: who joined; under the pool's license the consents must serve this account.
        until: when it leaves; None while it stays.
    """

    dataset_id: DatasetId
    reason: Reason
    detail: str = ""
    holder: Address | None = None
    until: UnixSeconds | None = None


def named(pool: RegisteredDataset, block: BlockNumber) -> Fact[MembersSet] | None:
    """The last list of a pool's members by the end of a block."""
    return next((fact for fact in reversed(pool.members) if fact.upto(block)), None)


def lists(
    pool: RegisteredDataset,
    dataset: RegisteredDataset,
    block: BlockNumber,
    final: BlockNumber,
    read: Callable[[Bytes32], Members],
) -> dict[Bytes32, Members]:
    """What `membership` reads: the last list, the last final one, and of who sold since then the one of that time.

    Args:
        pool: whose lists.
        dataset: the member.
        block: the newest block that counts.
        final: the newest final one.
        read: the document of a digest.
    """
    listed: dict[Bytes32, Members] = {}

    def members(fact: Fact[MembersSet] | None) -> tuple[Member, ...]:
        if fact is None or not any(fact.event.root):
            return ()
        with suppress(Invalid):  # a document that is no list names nobody
            return listed.setdefault(fact.event.digest, read(fact.event.digest)).members
        return ()

    for fact in filter(None, (named(pool, number) for number in (block, final))):
        for member in members(fact):
            sold = _sold(dataset, member.holder, fact) if member.dataset_id == dataset.id else None
            if sold is not None:
                members(_before(pool, sold))
    return listed


def joins(dataset: DatasetId, documents: Iterable[Members], domain: Domain) -> tuple[Bytes32, ...]:
    """What the dataset's holder signed in these lists: contract wallets approve it on chain."""
    return tuple(
        document.join(member).digest(domain)
        for document in documents
        for member in document.members
        if member.dataset_id == dataset
    )


def membership(
    dataset: DatasetId,
    pool: RegisteredDataset | None,
    list_by_digest: Mapping[Bytes32, Members],
    ledger: Ledger,
    domain: Domain,
    *,
    block: ChainBlock,
    final: BlockNumber,
) -> Membership:
    """Whether the dataset is a member, by the pool's lists of `lists`.

    Args:
        dataset: which.
        pool: what the license is of; None, or no pool, has no members.
        list_by_digest: the documents; one that is not there, or has another root, names nobody.
        ledger: what contract wallets approved.
        domain: the DatasetRegistry's.
        block: leaving and being left out count up to here.
        final: being taken in counts up to here.
    """
    if pool is None or not pool.pool:
        return Membership(dataset, Reason.NOT_IN_POOL, "the license is of another dataset, which is no pool")
    registered = ledger.datasets.get(dataset)

    def listed(fact: Fact[MembersSet] | None) -> Member | None:
        document = list_by_digest.get(fact.event.digest) if fact else None
        if fact is None or document is None or (document.pool_id, document.root()) != (pool.id, fact.event.root):
            return None
        member = next((member for member in document.members if member.dataset_id == dataset), None)
        return member if member and _signed(document, member, ledger, domain, fact.time, final) else None

    def joined(number: BlockNumber) -> Member | None:
        fact = named(pool, number)
        member = listed(fact)
        if fact is None or member is None or registered is None:
            return None
        if registered.holder_before(fact) == member.holder:
            return member
        sold = _sold(registered, member.holder, fact)
        before = listed(_before(pool, sold)) if sold else None
        return member if before and before.holder == member.holder else None

    member = joined(block.number)
    if member is None:
        return Membership(dataset, Reason.NOT_IN_POOL, "the dataset is no member of the license's pool")
    leaving = pool.leaves_at(dataset, block.number)
    kept_back = pool.leaves_at(dataset, final)
    passed = [moment for moment in (leaving, kept_back) if moment is not None and moment <= block.time]
    if passed:
        return Membership(dataset, Reason.LEFT_POOL, f"the dataset left the pool at {dated(passed[0])}", member.holder)
    before = joined(final)
    if before is None or before.holder != member.holder:
        return Membership(dataset, Reason.NOT_FINAL, "the dataset was taken into the pool")
    return Membership(dataset, Reason.ALLOWED, "", member.holder, leaving)


def _sold(dataset: RegisteredDataset, holder: Address, fact: Fact[MembersSet]) -> Fact[DatasetTransferred] | None:
    """The last time that the account gave the dataset away before a list; None if it held it then, or never did."""
    if dataset.holder_before(fact) == holder:
        return None
    given = (sale for sale in reversed(dataset.transfers) if sale.position < fact.position)
    return next((sale for sale in given if sale.event.from_ == holder), None)


def _before(pool: RegisteredDataset, sale: Fact[DatasetTransferred]) -> Fact[MembersSet] | None:
    """The list in force when a dataset changed hands."""
    return next((fact for fact in reversed(pool.members) if fact.position < sale.position), None)


def _signed(
    document: Members, member: Member, ledger: Ledger, domain: Domain, named_at: UnixSeconds, final: BlockNumber
) -> bool:
    """Its holder signed the join, by its key or on chain, and the curator named it in time."""
    signed = document.join(member)
    try:
        signed.check(domain, approved=ledger.approved(member.holder, signed.digest(domain), final))
    except BadMembers:
        return False
    return named_at <= member.deadline
