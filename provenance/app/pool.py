"""Pools: what a curator and the members' holders do with one on chain, and what the chain says of it.

Each function reads, decides, and answers a document or the one transaction that does it. Making a pool is `publish.pool`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from provenance.app import license as licenses
from provenance.app.dataset import UnknownDataset, held
from provenance.app.ports import Call, Chain, Content, Signer
from provenance.app.verdicts import NO_MEMBER
from provenance.domain import pool as pools, refusal
from provenance.domain.events import MembersSet, PoolLeft
from provenance.domain.fields import checksummed, dated, shown
from provenance.domain.ledger import Ledger
from provenance.domain.pool import Members, SignedJoin, standing
from provenance.domain.rules import membership as rules
from provenance.domain.rules.access import DatasetState
from provenance.domain.terms import Terms
from provenance.domain.typed import Join
from provenance.errors import Conflict, Failed, Invalid
from provenance.types import ZERO32, Address, DatasetId, UnixSeconds

if TYPE_CHECKING:
    from provenance.app.license import DatasetRecord, LicenseRecord
    from provenance.app.verdicts import Member as Proof
    from provenance.domain.cid import Cid


class NotAPool(Invalid):
    """The id is that of a dataset with recordings."""

    next = "Name the pool's id; `pool create` printed it, and `dataset list` shows its kind."


class PoolInPool(Invalid):
    """A pool was to join a pool."""

    next = "Name a dataset with recordings; a pool joins no pool."


class LeavingAlready(Conflict):
    """The dataset is leaving the pool, or has left it."""

    next = "Take it back with `pool leave --stay`, or wait."


class NotLeaving(Conflict):
    """The dataset is not leaving the pool."""

    next = "`pool show` says who is leaving and when."


class JoinOver(Invalid):
    """A join whose time is over, or whose holder is not the dataset's any more."""

    next = "Ask the dataset's holder for a fresh `pool join`, or leave it out with --without."


class MembersDiffer(Failed):
    """The members under the digest on chain are not those of the root on chain."""

    next = "Ask the curator for `pool set` with a true list; until then nobody can prove to be a member."


class MembersAsBefore(Conflict):
    """The members are those on chain already."""

    next = "Give the file of a new join, or --without DATASET."


class MemberNeeded(Invalid):
    """A pool's license opens its members' recordings, and none was named."""

    next = "Repeat with --member DATASET; `pool show` lists them."


@dataclass(frozen=True, slots=True)
class ListedMember:
    """One member, and whether it stays."""

    dataset_id: DatasetId
    holder: Address
    deadline: UnixSeconds
    leaves_at: UnixSeconds | None

    def state(self, now: UnixSeconds) -> str:
        """MEMBER, LEAVING or LEFT."""
        return standing(self.leaves_at, now)


@dataclass(frozen=True, slots=True)
class PoolSlot:
    """What the registry keeps of a dataset, as far as pools ask.

    Attributes:
        items: number of recordings; of a pool its notice in days.
    """

    holder: Address
    items: int
    is_pool: bool


def slot(dataset: DatasetId, chain: Chain) -> PoolSlot:
    """The registry's slot.

    Raises:
        UnknownDataset: it is not registered.
    """
    (words,) = chain.read(Call("DatasetRegistry", "dataset", (dataset,)))
    holder, _, items, status, _, is_pool, _ = cast("tuple[bytes, int, int, int, bool, bool, int]", words)
    if not status:
        raise UnknownDataset(f"no dataset {shown(dataset)} on this chain", dataset=shown(dataset))
    return PoolSlot(Address(holder), items, is_pool)


def check_pool(pool: DatasetId, chain: Chain) -> PoolSlot:
    """The slot of what is a pool.

    Raises:
        NotAPool: it has recordings.
    """
    known = slot(pool, chain)
    if not known.is_pool:
        raise NotAPool(f"{shown(pool)} is no pool but a dataset with recordings", dataset=shown(pool))
    return known


def check_dataset(dataset: DatasetId, chain: Chain) -> PoolSlot:
    """The slot of what can be a member.

    Raises:
        PoolInPool: it is a pool itself.
    """
    known = slot(dataset, chain)
    if known.is_pool:
        raise PoolInPool(f"{shown(dataset)} is a pool itself", dataset=shown(dataset))
    return known


def leaves_at(pool: DatasetId, dataset: DatasetId, chain: Chain) -> UnixSeconds | None:
    """When the dataset leaves the pool; None if it stays."""
    (second,) = chain.read(Call("DatasetRegistry", "leavesAt", (pool, dataset)))
    return UnixSeconds(second) if isinstance(second, int) and second else None


def members(pool: DatasetId, chain: Chain, content: Content) -> Members:
    """The members whom the chain names now; none before the first `pool set`.

    Raises:
        MembersDiffer: the document has another root, or is another pool's.
        Missing: nobody has the document.
    """
    latest = next((log.event for log in reversed(chain.about(pool)) if isinstance(log.event, MembersSet)), None)
    if latest is None or latest.root == ZERO32:
        return Members(pool, ())
    document = Members.parse(content.get_digest(latest.digest)[1])
    if document.pool_id != pool or document.root() != latest.root:
        raise MembersDiffer("the list of members has another root than the chain names", pool=shown(pool))
    return document


def memberships(pool: DatasetId, chain: Chain, content: Content) -> tuple[ListedMember, ...]:
    """Every member by its dataset's id, with when it leaves."""
    leaving = {
        log.event.dataset_id: log.event.leaves_at for log in chain.about(pool) if isinstance(log.event, PoolLeft)
    }
    return tuple(
        ListedMember(member.dataset_id, member.holder, member.deadline, leaving.get(member.dataset_id) or None)
        for member in members(pool, chain, content).members
    )


def read(pool: DatasetId, chain: Chain, content: Content) -> DatasetRecord:
    """The pool with its documents.

    Raises:
        NotAPool: it has recordings.
    """
    check_pool(pool, chain)
    return licenses.dataset(chain, content, pool)


def reading(
    license_: LicenseRecord, member: DatasetId | None, chain: Chain, content: Content
) -> tuple[DatasetRecord, Proof]:
    """The dataset that is read under a license, and its proof in the license's pool.

    Raises:
        MemberNeeded: the license is a pool's, and no member is named.
        NotInPool: it is not, or the dataset is no member.
    """
    licensed = license_.grant.dataset_id
    if member is None or member == licensed:
        dataset = licenses.dataset(chain, content, licensed)
        if dataset.manifest.pool:
            raise MemberNeeded("the license is a pool's", pool=shown(licensed))
        return dataset, NO_MEMBER
    try:
        check_pool(licensed, chain)
        proof = members(licensed, chain, content).proof(member)
    except (NotAPool, pools.UnknownMember) as error:
        facts = {"dataset": shown(member), "license": shown(license_.id)}
        raise refusal.NotInPool(error.detail, next="", **facts) from error
    return licenses.dataset(chain, content, member), proof


def state(
    license_: LicenseRecord, dataset: DatasetRecord, member: DatasetId | None, chain: Chain, content: Content
) -> DatasetState:
    """What decides about reading the dataset under the license, as far as the chain and its documents say."""
    domains, head, final = chain.deployment.domains, chain.head(), chain.head(final=True).number
    consents = dataset.manifest.consents_by_id(domains.consent)
    pool_id, terms = license_.grant.dataset_id, dataset.terms
    if member is None:
        ledger = licenses.facts(chain, dataset, license_.id)
        return DatasetState(ledger, dataset.manifest, terms, consents, head, final)
    known = Ledger.fold(chain.about(pool_id, member)).datasets
    listed = rules.lists(
        known[pool_id],
        known[member],
        head.number,
        final,
        lambda digest: Members.parse(content.get_digest(digest)[1]),
    )
    signed = rules.joins(member, listed.values(), domains.registry)
    ledger = licenses.facts(chain, dataset, license_.id, pool_id, *signed)
    pool = ledger.datasets.get(pool_id)
    membership = rules.membership(member, pool, listed, ledger, domains.registry, block=head, final=final)
    terms = Terms.parse(content.get_digest(license_.grant.terms_hash)[1])
    return DatasetState(ledger, dataset.manifest, terms, consents, head, final, membership)


def join(pool: DatasetId, dataset: DatasetId, signer: Signer, chain: Chain, deadline: UnixSeconds) -> SignedJoin:
    """The dataset's holder agrees to the pool, for the curator to take in up to the deadline.

    Raises:
        NotAPool, PoolInPool: the ids are not those of a pool and a dataset.
        NotHolder: somebody else holds the dataset.
        LeavingAlready: it left, or is leaving.
    """
    check_join(pool, dataset, signer.address, chain)
    words = Join(pool, dataset, deadline)
    return SignedJoin(words, signer.address, signer.sign_typed(chain.deployment.domains.registry, words))


def check_join(pool: DatasetId, dataset: DatasetId, account: Address, chain: Chain) -> None:
    """The account can let the dataset join; what it may raise is `join`'s."""
    check_pool(pool, chain)
    check_dataset(dataset, chain)
    held(dataset, account, chain)
    _check_stays(pool, dataset, chain)


def next_members(
    pool: DatasetId,
    now_in: Members,
    account: Address,
    chain: Chain,
    now: UnixSeconds,
    *,
    joins: Collection[SignedJoin] = (),
    without: Collection[DatasetId] = (),
) -> Members:
    """The members that the curator may name next; who has left is not among them.

    Args:
        pool: which.
        now_in: `members`.
        account: the curator's.
        chain: where.
        now: a join whose deadline has passed counts no more.
        joins: who joins.
        without: who goes.

    Raises:
        NotHolder: the account does not hold the pool.
        BadMembers, JoinOver, PoolInPool, LeavingAlready: a join that does not count.
        UnknownMember: who is to go is not in.
        MembersAsBefore: nothing would change.
    """
    check_pool(pool, chain)
    held(pool, account, chain)
    for signed in joins:
        _check_join(pool, signed, chain)
    left = {
        member.dataset_id
        for member in now_in.members
        if standing(leaves_at(pool, member.dataset_id, chain), now) == pools.LEFT
    }
    named = now_in.changed(joins, {*without, *left})
    over = next((member for member in named.members if member.deadline < now), None)
    if over is not None:
        raise JoinOver(
            f"the join of {shown(over.dataset_id)} counted until {dated(over.deadline)}",
            dataset=shown(over.dataset_id),
            deadline=over.deadline,
        )
    if named == now_in:
        raise MembersAsBefore("the members are the same as before", pool=shown(pool))
    return named


def naming(named: Members, cid: Cid) -> Call:
    """The transaction that names these members, whose document is content under this address before it is sent."""
    return Call("DatasetRegistry", "setMembers", (named.pool_id, named.root(), cid.digest))


def leaving(pool: DatasetId, dataset: DatasetId, account: Address, chain: Chain, *, stays: bool) -> Call:
    """The dataset leaves the pool once its notice is over, or stays after all.

    Raises:
        NotAPool, PoolInPool: the ids are not those of a pool and a dataset.
        NotHolder: the account does not hold the dataset.
        LeavingAlready, NotLeaving: it is so already.
    """
    check_pool(pool, chain)
    check_dataset(dataset, chain)
    held(dataset, account, chain)
    if not stays:
        _check_stays(pool, dataset, chain)
    elif leaves_at(pool, dataset, chain) is None:
        raise NotLeaving(f"dataset {shown(dataset)} is not leaving the pool", dataset=shown(dataset), pool=shown(pool))
    return Call("DatasetRegistry", "leavePool", (pool, dataset, stays))


def _check_stays(pool: DatasetId, dataset: DatasetId, chain: Chain) -> None:
    moment = leaves_at(pool, dataset, chain)
    if moment is not None:
        raise LeavingAlready(
            f"dataset {shown(dataset)} leaves the pool at {dated(moment)}",
            dataset=shown(dataset),
            pool=shown(pool),
            leavesAt=moment,
        )


def _check_join(pool: DatasetId, signed: SignedJoin, chain: Chain) -> None:
    """A dataset's present holder signed it, and it does not leave."""
    domain, dataset = chain.deployment.domains.registry, signed.join.dataset_id
    approved = chain.read(Call("ConsentRegistry", "approvedAt", (signed.holder, signed.digest(domain))))[0]
    signed.check(domain, approved=bool(approved))
    holder = check_dataset(dataset, chain).holder
    if holder != signed.holder:
        raise JoinOver(
            f"dataset {shown(dataset)} is held by {checksummed(holder)} now, not by {checksummed(signed.holder)}",
            dataset=shown(dataset),
            holder=shown(holder),
        )
    _check_stays(pool, dataset, chain)
