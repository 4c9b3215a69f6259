"""A curator names who signed, a holder comes and goes on its own word, and nobody acts for another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.adapters.journal import FileJournal
from provenance.app import pool as use
from provenance.app.dataset import NotHolder, UnknownDataset
from provenance.app.license import ForeignDistributor
from provenance.app.ports import Call
from provenance.app.publish import pool as making
from provenance.app.publish.pipeline import NotAMeter, TermsOver
from provenance.domain import pool
from provenance.domain.manifest import Manifest
from provenance.domain.pool import BadMembers, Members, SignedJoin, UnknownMember
from provenance.domain.terms import PerUnit
from provenance.errors import Invalid
from provenance.types import ZERO32, Address, Bps, Bytes32, DatasetId, UnixSeconds, Wei
from tests import documents
from tests.documents import HOLDER, word
from tests.fakes.content import MemoryContent
from tests.fakes.gateway import MemoryGateway
from tests.fakes.pools import DAY_S, PoolChain

pytestmark = pytest.mark.unit
CURATOR, OTHER, STRANGER = documents.Key("curator"), documents.Key("other holder"), documents.Key("stranger")
ONE, TWO = DatasetId(word("dataset one")), DatasetId(word("dataset two"))
NOTICE = 30


def free_terms():
    terms = documents.terms()
    return replace(terms, price=replace(terms.price, per_license=Wei(0), per_unit=PerUnit(1, Wei(1_000))))


def foreign_terms():
    terms = free_terms()
    return replace(terms, price=replace(terms.price, distributor=Address(b"\x99" * 20)))


class Collective:
    """A curator, two holders with a dataset each, and their chain, content and gateway."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.content, self.folder = PoolChain(), MemoryContent(), folder
        self.gateway = MemoryGateway(self.chain).seen_by(CURATOR.address)
        self.chain.meters.add(self.gateway.key().wallet)
        self.chain.datasets |= {ONE: (HOLDER.address, 1), TWO: (OTHER.address, 1)}
        self.asked: list[Call] = []

    @property
    def now(self) -> UnixSeconds:
        return self.chain.time

    def request(self, **changes: object) -> making.PoolRequest:
        made: dict[str, object] = {
            "title": "Голоса 声音",
            "language": "mul",
            "tags": ("north",),
            "terms": free_terms(),
            "curator": CURATOR.address,
            "curator_bps": Bps(500),
            "notice_days": NOTICE,
        }
        return making.PoolRequest(**{**made, **changes})  # type: ignore[arg-type]

    def create(self, now: UnixSeconds | None = None, **changes: object) -> making.CreatedPool:
        with FileJournal(self.folder / "pools.jsonl") as journal:
            ports = making.PoolPorts(
                self.chain,
                self.content,
                self.gateway,  # type: ignore[arg-type]
                journal,
                self.asked.append,
                lambda call, _: self.chain.send(call, CURATOR),
            )
            return making.create(self.request(**changes), ports, now or self.now)

    def join(self, dataset: DatasetId, key: documents.Key, pool_id: Bytes32) -> SignedJoin:
        return use.join(pool_id, dataset, key, self.chain, documents.END)

    def members(self, pool_id: Bytes32) -> Members:
        return use.members(pool_id, self.chain, self.content)

    def name(self, pool_id: Bytes32, *joins: SignedJoin, without: tuple[DatasetId, ...] = ()) -> Members:
        named = use.next_members(
            pool_id, self.members(pool_id), CURATOR.address, self.chain, self.now, joins=joins, without=without
        )
        self.chain.send(use.naming(named, self.content.put(named.encode())), CURATOR)
        return named


@pytest.fixture
def collective(tmp_path: Path) -> Collective:
    return Collective(tmp_path)


def test_a_pool_is_deposited_then_registered_without_recordings(collective: Collective) -> None:
    created = collective.create()
    assert created.mined is not None
    assert collective.asked == collective.chain.sent
    assert collective.chain.sent[0].args[0] == ZERO32
    assert collective.chain.sent[0].args[4] == NOTICE
    assert created.pool_id in collective.gateway.deposits
    manifest = Manifest.parse(collective.content.get(created.manifest_cid))
    assert (manifest.kind, manifest.pool, manifest.recordings) == ("pool", pool.CuratorShare(Bps(500)), ())
    assert manifest.gateway == collective.gateway.key().wallet


def test_the_same_words_said_later_are_the_same_pool_and_others_another(collective: Collective) -> None:
    created = collective.create()
    again = collective.create(now=UnixSeconds(collective.now + 5_000))
    assert (again.pool_id, again.manifest_cid, again.mined) == (created.pool_id, created.manifest_cid, None)
    for change in ({"title": "Other"}, {"curator_bps": Bps(0)}, {"notice_days": 0}, {"tags": ()}):
        assert collective.create(now=UnixSeconds(collective.now + 1), **change).pool_id != created.pool_id


def test_a_pool_whose_registration_was_not_sent_is_registered_by_the_next_run(collective: Collective) -> None:
    collective.chain.die_before_send = True
    with pytest.raises(BaseException):  # noqa: B017, PT011 - the process ends there
        collective.create()
    collective.chain.die_before_send = False
    created = collective.create(now=UnixSeconds(collective.now + 5_000))
    assert created.mined is not None
    assert [*collective.gateway.deposits] == [created.pool_id]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"notice_days": 91}, making.NoticeTooLong),
        ({"notice_days": -1}, making.NoticeTooLong),
        ({"curator_bps": Bps(2_001)}, Invalid),
        ({"terms": documents.terms()}, making.PricedPool),
        ({"terms": replace(free_terms(), not_after=UnixSeconds(documents.START + 1))}, TermsOver),
        ({"terms": foreign_terms()}, ForeignDistributor),
        ({"language": "no language"}, Invalid),
    ],
)
def test_what_the_contract_or_readers_would_not_take_is_refused_before_anything_is_public(
    collective: Collective, change: dict[str, object], refusal: type[Invalid]
) -> None:
    with pytest.raises(refusal):
        collective.create(**change)
    assert not collective.gateway.uploads
    assert not collective.asked


def test_the_meter_of_a_pools_sessions_must_be_admitted(collective: Collective) -> None:
    collective.chain.meters.clear()
    with pytest.raises(NotAMeter):
        collective.create()


def test_who_signed_is_in_by_one_root_and_the_others_stay(collective: Collective) -> None:
    pool_id = collective.create().pool_id
    assert collective.members(pool_id).members == ()
    collective.name(pool_id, collective.join(ONE, HOLDER, pool_id))
    named = collective.name(pool_id, collective.join(TWO, OTHER, pool_id))
    assert collective.members(pool_id) == named
    assert {member.dataset_id: member.holder for member in named.members} == {ONE: HOLDER.address, TWO: OTHER.address}
    assert collective.chain.members[pool_id] == named.root()
    collective.name(pool_id, without=(ONE, TWO))
    assert collective.members(pool_id).members == ()
    assert collective.chain.members[pool_id] == ZERO32


def test_only_a_datasets_holder_joins_and_only_a_dataset_joins_a_pool(collective: Collective) -> None:
    pool_id, other = collective.create().pool_id, collective.create(title="Other").pool_id
    with pytest.raises(NotHolder):
        collective.join(ONE, STRANGER, pool_id)
    with pytest.raises(use.PoolInPool):
        collective.join(other, CURATOR, pool_id)
    with pytest.raises(use.NotAPool):
        collective.join(ONE, HOLDER, TWO)
    with pytest.raises(UnknownDataset):
        collective.join(DatasetId(word("nothing")), HOLDER, pool_id)


def test_only_the_curator_names_members_and_only_those_who_signed_and_still_hold(collective: Collective) -> None:
    pool_id = collective.create().pool_id
    signed = collective.join(ONE, HOLDER, pool_id)

    def name(*joins: SignedJoin, account: documents.Key = CURATOR, now: UnixSeconds = collective.now) -> None:
        use.next_members(pool_id, Members(pool_id, ()), account.address, collective.chain, now, joins=joins)

    with pytest.raises(NotHolder):
        name(signed, account=STRANGER)
    with pytest.raises(BadMembers):
        name(replace(signed, holder=STRANGER.address))
    with pytest.raises(BadMembers):
        name(replace(signed, signature=bytes(65)))
    with pytest.raises(use.JoinOver):
        name(signed, now=UnixSeconds(documents.END + 1))
    with pytest.raises(use.MembersAsBefore):
        name()
    collective.chain.datasets[ONE] = (OTHER.address, 1)
    with pytest.raises(use.JoinOver):
        name(signed)


def test_a_contract_wallets_join_counts_by_its_approval_on_chain(collective: Collective) -> None:
    pool_id = collective.create().pool_id
    signed = replace(collective.join(ONE, HOLDER, pool_id), signature=b"")
    with pytest.raises(BadMembers):
        collective.name(pool_id, signed)
    collective.chain.approved.add((HOLDER.address, signed.digest(collective.chain.deployment.domains.registry)))
    assert len(collective.name(pool_id, signed).members) == 1


def test_a_member_whose_dataset_was_sold_stays_under_who_joined(collective: Collective) -> None:
    pool_id = collective.create().pool_id
    collective.name(pool_id, collective.join(ONE, HOLDER, pool_id))
    collective.chain.datasets[ONE] = (OTHER.address, 1)
    named = collective.name(pool_id, collective.join(TWO, OTHER, pool_id))
    assert named.find(ONE).holder == HOLDER.address


def test_who_is_no_member_cannot_be_left_out(collective: Collective) -> None:
    pool_id = collective.create().pool_id
    with pytest.raises(UnknownMember):
        collective.name(pool_id, without=(ONE,))


def test_a_holder_leaves_after_the_notice_and_takes_it_back(collective: Collective) -> None:
    chain, pool_id = collective.chain, collective.create().pool_id
    collective.name(pool_id, collective.join(ONE, HOLDER, pool_id))
    with pytest.raises(use.NotLeaving):
        use.leaving(pool_id, ONE, HOLDER.address, chain, stays=True)
    with pytest.raises(NotHolder):
        use.leaving(pool_id, ONE, CURATOR.address, chain, stays=False)
    chain.send(use.leaving(pool_id, ONE, HOLDER.address, chain, stays=False), HOLDER)
    (member,) = use.memberships(pool_id, chain, collective.content)
    assert member.leaves_at == collective.now + NOTICE * DAY_S
    assert [member.state(UnixSeconds(member.leaves_at + after)) for after in (-1, 0)] == [pool.LEAVING, pool.LEFT]
    with pytest.raises(use.LeavingAlready):
        use.leaving(pool_id, ONE, HOLDER.address, chain, stays=False)
    with pytest.raises(use.LeavingAlready):
        collective.join(ONE, HOLDER, pool_id)
    chain.send(use.leaving(pool_id, ONE, HOLDER.address, chain, stays=True), HOLDER)
    (member,) = use.memberships(pool_id, chain, collective.content)
    assert (member.leaves_at, member.state(collective.now)) == (None, pool.MEMBER)


def test_who_has_left_is_left_out_of_the_next_list_and_who_is_leaving_is_not(collective: Collective) -> None:
    chain, pool_id = collective.chain, collective.create().pool_id
    collective.name(pool_id, collective.join(ONE, HOLDER, pool_id))
    chain.send(use.leaving(pool_id, ONE, HOLDER.address, chain, stays=False), HOLDER)
    named = collective.name(pool_id, collective.join(TWO, OTHER, pool_id))
    assert {member.dataset_id for member in named.members} == {ONE, TWO}
    chain.time = UnixSeconds(chain.time + NOTICE * DAY_S)
    named = use.next_members(pool_id, named, CURATOR.address, chain, collective.now)
    assert {member.dataset_id for member in named.members} == {TWO}


def test_a_list_that_is_not_the_root_on_chain_is_refused(collective: Collective) -> None:
    pool_id = collective.create().pool_id
    named = Members(pool_id, ()).changed([collective.join(ONE, HOLDER, pool_id)], ())
    other = named.changed([collective.join(TWO, OTHER, pool_id)], ())
    call = use.naming(named, collective.content.put(other.encode()))
    collective.chain.send(call, CURATOR)
    with pytest.raises(use.MembersDiffer):
        collective.members(pool_id)
