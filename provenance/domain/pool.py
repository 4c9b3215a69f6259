"""Pools: the datasets of many holders under one license, and who joined one.

- A pool is a dataset without recordings, whose holder is its curator.
- Its members stand in one `provenance/members/1`, whose digest and root the curator put on chain; whoever is not in the
  last one is out.
- A member's holder signed a `Join` for it, and takes its dataset out by itself, after the pool's notice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Annotated, Final, Self

from provenance.domain import merkle, record, signature, typed
from provenance.domain.fields import checksummed, counted, shown
from provenance.domain.typed import Domain, Join
from provenance.errors import Invalid, Missing
from provenance.types import Address, Bps, Bytes32, DatasetId, Json, UnixSeconds

KIND: Final = "provenance/members"
JOIN_KIND: Final = "provenance/join"
MANIFEST: Final = "pool"
"""What a pool's manifest says of its kind."""
NOTICE_DAYS: Final = 90
"""The contract takes no longer notice."""
CURATOR_BPS: Final = 2_000
MEMBERS: Final = 1 << 14  # about 400 bytes each: the document stays below the 8 MiB that one batch carries

MEMBER: Final = "MEMBER"
LEAVING: Final = "LEAVING"
LEFT: Final = "LEFT"


class BadMembers(Invalid):
    """Members that cannot stand together, or one whose holder did not sign."""

    next = "Ask the member's holder for a fresh `pool join`."


class UnknownMember(Missing):
    """The pool has no such member."""

    next = "`pool show` lists the members; only the curator takes in others, with `pool set`."


@record.dataclass(frozen=True, slots=True)
class CuratorShare:
    """What a pool's manifest says of the curator: its basis points of what the members' holders get."""

    curator_bps: Bps

    def __post_init__(self) -> None:
        if self.curator_bps > CURATOR_BPS:
            raise Invalid(
                f"curatorBps: {self.curator_bps}, at most {CURATOR_BPS} are expected",
                next="Ask for a smaller share.",
                field="curatorBps",
            )


@record.dataclass(frozen=True, slots=True)
class SignedJoin:
    """A dataset's holder agrees that its recordings are licensed under a pool: what `pool join` writes."""

    join: Annotated[Join, record.INLINE]
    holder: Address
    signature: bytes
    extra: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """The `provenance/join/1` in these bytes; whether its holder signed it is `check`."""
        return record.parse(cls, document, JOIN_KIND)

    def encode(self) -> bytes:
        """Its canonical bytes."""
        return record.encode(self, JOIN_KIND)

    def digest(self, domain: Domain) -> Bytes32:
        """What its holder signed, or as a contract wallet approved on chain."""
        return typed.digest(domain, self.join)

    def check(self, domain: Domain, *, approved: bool = False) -> None:
        """Its holder stands by it, for this chain and registry.

        Raises:
            BadMembers: it does not.
        """
        if approved:
            return
        try:
            signature.check(self.digest(domain), self.signature, self.holder)
        except signature.BadSignature as error:
            raise BadMembers(
                f"{checksummed(self.holder)} did not sign the join of {shown(self.join.dataset_id)}",
                dataset=shown(self.join.dataset_id),
                holder=shown(self.holder),
            ) from error


@record.dataclass(frozen=True, slots=True, order=True)
class Member:
    """One dataset in a pool."""

    dataset_id: DatasetId
    holder: Address
    """Who joined; a transfer of the dataset changes nothing here."""
    deadline: UnixSeconds
    signature: bytes

    def leaf(self) -> Bytes32:
        """Its leaf under the pool's root, as `Leaves.member` makes it."""
        return merkle.leaf(self.dataset_id, self.holder)


@record.dataclass(frozen=True, slots=True)
class Members:
    """A pool's members by ascending dataset, each dataset once: the document that `setMembers` names."""

    pool_id: DatasetId
    members: Annotated[tuple[Member, ...], record.most(MEMBERS)]
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = [member.dataset_id for member in self.members]
        if len(ids) > MEMBERS:
            raise BadMembers(f"members: {counted(len(ids), 'dataset')}, at most {MEMBERS}", field="members")
        if ids != sorted(set(ids)):
            raise BadMembers("members: each dataset stands once, in ascending order", field="members")
        if self.pool_id in ids:
            raise BadMembers("members: a pool does not join itself", field="members")

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """The `provenance/members/1` in these bytes; the signatures in it are `check`'s."""
        return record.parse(cls, document, KIND)

    def encode(self) -> bytes:
        """Its canonical bytes."""
        return record.encode(self, KIND)

    def root(self) -> Bytes32:
        """What `setMembers` puts on chain; zero where there are none."""
        return self._tree().root

    def proof(self, dataset: DatasetId) -> tuple[Address, tuple[Bytes32, ...]]:
        """Who joined with the dataset, and the path to the root, as `checkAccess` takes a member.

        Raises:
            UnknownMember: nobody did.
        """
        member = self.find(dataset)
        return member.holder, self._tree().proof(member.leaf())

    def find(self, dataset: DatasetId) -> Member:
        """The member with that dataset.

        Raises:
            UnknownMember: there is none.
        """
        for member in self.members:
            if member.dataset_id == dataset:
                return member
        raise UnknownMember(
            f"dataset {shown(dataset)} is no member of pool {shown(self.pool_id)}",
            dataset=shown(dataset),
            pool=shown(self.pool_id),
        )

    def join(self, member: Member) -> SignedJoin:
        """What the member's holder signed."""
        return SignedJoin(Join(self.pool_id, member.dataset_id, member.deadline), member.holder, member.signature)

    def changed(self, joins: Collection[SignedJoin], without: Collection[DatasetId]) -> Self:
        """These members less some, and with those who joined; a second join of a dataset takes the first one's place.

        Raises:
            UnknownMember: what is to go is not there.
            BadMembers: a join is for another pool.
        """
        by_id = {member.dataset_id: member for member in self.members}
        for dataset in without:
            by_id.pop(self.find(dataset).dataset_id, None)
        for signed in joins:
            join = signed.join
            if join.pool_id != self.pool_id:
                raise BadMembers(
                    f"the join of {shown(join.dataset_id)} is for pool {shown(join.pool_id)}",
                    dataset=shown(join.dataset_id),
                    pool=shown(join.pool_id),
                )
            by_id[join.dataset_id] = Member(join.dataset_id, signed.holder, join.deadline, signed.signature)
        return type(self)(self.pool_id, tuple(sorted(by_id.values())), self.extra)

    def _tree(self) -> merkle.Tree:
        return merkle.Tree.build(member.leaf() for member in self.members)


def standing(leaves_at: UnixSeconds | None, now: UnixSeconds) -> str:
    """MEMBER, LEAVING or LEFT, by when it leaves.

    Source: `DataAccess.checkAccess`, which counts a member until that second.
    """
    if not leaves_at:
        return MEMBER
    return LEAVING if now < leaves_at else LEFT
