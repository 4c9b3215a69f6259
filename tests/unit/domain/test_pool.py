"""A pool's members are one list of signed joins under one root, and its manifest has nothing to hear."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from provenance.domain import canonical, merkle, pool, typed
from provenance.domain.manifest import BadManifest, Manifest
from provenance.domain.pool import BadMembers, CuratorShare, Member, Members, SignedJoin
from provenance.errors import Invalid
from provenance.types import ZERO32, Bps, DatasetId, UnixSeconds
from tests import documents
from tests.documents import HOLDER, VOICE, word

pytestmark = pytest.mark.unit
POOL = DatasetId(word("pool"))
DOMAIN = documents.domains().registry


def joined(name: str, key: documents.Key = HOLDER, pool_id: DatasetId = POOL) -> SignedJoin:
    words = typed.Join(pool_id, DatasetId(word(name)), documents.END)
    return SignedJoin(words, key.address, key.sign_typed(DOMAIN, words))


def members(*names: str) -> Members:
    return Members(POOL, ()).changed([joined(name) for name in names], ())


@given(st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=24))
def test_every_member_proves_its_place_under_the_root(names: set[str]) -> None:
    listed = members(*names)
    for name in names:
        holder, path = listed.proof(DatasetId(word(name)))
        climbed = merkle.leaf(word(name), holder)
        for sibling in path:
            climbed = merkle.node(climbed, sibling)
        assert (holder, climbed) == (HOLDER.address, listed.root())


def test_no_members_have_the_root_zero_to_which_no_path_leads() -> None:
    assert Members(POOL, ()).root() == ZERO32


def test_the_list_survives_its_bytes_with_fields_that_are_not_known() -> None:
    listed = replace(members("a", "b"), extra={"note": "für alle"})
    assert Members.parse(listed.encode()) == listed
    signed = joined("a")
    assert SignedJoin.parse(signed.encode()) == signed


def test_a_list_out_of_order_or_with_a_dataset_twice_is_refused() -> None:
    one, two = members("a", "b").members
    for listed in ((two, one), (one, one), (one, replace(one, holder=VOICE.address))):
        with pytest.raises(BadMembers):
            Members(POOL, listed)


def test_a_pool_does_not_join_itself() -> None:
    with pytest.raises(BadMembers):
        Members(POOL, (Member(POOL, HOLDER.address, documents.END, b""),))


def test_who_did_not_sign_has_not_joined() -> None:
    signed = joined("a")
    signed.check(DOMAIN)
    elsewhere = replace(DOMAIN, chain_id=1)
    for forged, domain in (
        (replace(signed, holder=VOICE.address), DOMAIN),
        (replace(signed, signature=b""), DOMAIN),
        (replace(signed, join=replace(signed.join, pool_id=word("other"))), DOMAIN),
        (replace(signed, join=replace(signed.join, deadline=UnixSeconds(documents.END + 1))), DOMAIN),
        (signed, elsewhere),
    ):
        with pytest.raises(BadMembers):
            forged.check(domain)
    replace(signed, signature=b"").check(DOMAIN, approved=True)  # a contract wallet's word stands on chain


def test_joins_take_the_place_of_earlier_ones_and_others_stay() -> None:
    before = members("a", "b", "c")
    after = before.changed([joined("a", VOICE), joined("d")], [DatasetId(word("b"))])
    assert {member.dataset_id: member.holder for member in after.members} == {
        word("a"): VOICE.address,
        word("c"): HOLDER.address,
        word("d"): HOLDER.address,
    }
    assert after.join(after.find(DatasetId(word("d")))) == joined("d")


def test_only_who_is_in_can_be_left_out_and_only_who_joined_this_pool_is_taken_in() -> None:
    with pytest.raises(pool.UnknownMember):
        members("a").changed((), [DatasetId(word("b"))])
    with pytest.raises(BadMembers):
        members("a").changed([joined("b", pool_id=DatasetId(word("other pool")))], ())


@pytest.mark.parametrize(
    ("leaves_at", "state"),
    [(None, pool.MEMBER), (0, pool.MEMBER), (101, pool.LEAVING), (100, pool.LEFT), (1, pool.LEFT)],
)
def test_a_member_serves_until_the_second_it_leaves(leaves_at: int | None, state: str) -> None:
    assert pool.standing(None if leaves_at is None else UnixSeconds(leaves_at), UnixSeconds(100)) == state


def test_a_pools_manifest_has_root_zero_and_survives_its_bytes() -> None:
    made = documents.pool_manifest()
    assert Manifest.parse(made.encode()) == made
    assert (made.root(), made.objects()) == (ZERO32, ())
    assert canonical.loads(made.encode())["pool"] == {"curatorBps": 500}  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    "change",
    [
        {"pool": None},
        {"recordings": documents.manifest().recordings},
        {"consents": documents.manifest().consents},
        {"private": documents.manifest().private},
        {"kind": "music"},
    ],
)
def test_a_pool_has_a_share_and_nothing_to_hear(change: dict[str, object]) -> None:
    with pytest.raises(BadManifest):
        documents.pool_manifest(**change)


def test_a_dataset_has_recordings_and_a_private_part_and_no_curator() -> None:
    for change in ({"recordings": ()}, {"private": None}, {"pool": CuratorShare(Bps(0))}):
        with pytest.raises(BadManifest):
            documents.manifest(**change)


def test_a_curator_takes_a_fifth_at_most() -> None:
    CuratorShare(Bps(pool.CURATOR_BPS))
    with pytest.raises(Invalid):
        CuratorShare(Bps(pool.CURATOR_BPS + 1))
