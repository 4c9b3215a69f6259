"""Pools on the real contracts: what the commands send is taken, and what they refuse the contracts refuse too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance.adapters.journal import FileJournal
from provenance.adapters.keys.keystore import SystemRandom
from provenance.app import consent as consents, dataset as datasets, license as licenses, offers, pool as use
from provenance.app.ports import Call, Mined
from provenance.app.publish import pool as making
from provenance.app.verdicts import NO_MEMBER, Member as Proof, contract_verdict
from provenance.domain import merkle, pool
from provenance.domain.events import ConsentExtended, DatasetDisputed, DatasetRegistered, SplitSet
from provenance.domain.ledger import Ledger
from provenance.domain.pool import Members, SignedJoin
from provenance.domain.rules.access import AccessRequest, evaluate
from provenance.domain.rules.membership import membership
from provenance.domain.rules.reason import Reason
from provenance.domain.splits import Split, unpack
from provenance.domain.terms import PerUnit
from provenance.errors import Reverted
from provenance.types import ZERO32, Bps, Bytes32, DatasetId, UnixSeconds, Wei
from tests import documents
from tests.chain.datasets import consent, registered
from tests.documents import word
from tests.fakes.chain import MemoryChain
from tests.fakes.clocks import Still
from tests.fakes.content import MemoryContent
from tests.fakes.gateway import MemoryGateway

if TYPE_CHECKING:
    from provenance.adapters.keys.keystore import KeySigner
    from tests.anvil import World

CURATOR, ONE, TWO, VOICE = 4, 5, 6, 7
NOTICE = 3
READ = 0b10
DAY_S = 86_400


@dataclass
class Collective:
    """A curator, two holders and a voice, on one chain."""

    world: World
    content: MemoryContent
    gateway: MemoryGateway
    folder: Path

    def signer(self, who: int) -> KeySigner:
        return self.world.signers[who]

    @property
    def now(self) -> UnixSeconds:
        return self.world.chain.head().time

    def create(self, title: str, notice_days: int = NOTICE) -> making.CreatedPool:
        terms = documents.terms()
        distributor = self.world.chain.deployment.contracts["RoyaltyDistributor"]
        price = replace(terms.price, distributor=distributor, per_license=Wei(0), per_unit=PerUnit(1, Wei(1_000)))
        request = making.PoolRequest(
            title=title,
            language="mul",
            tags=(),
            terms=replace(terms, price=price),
            curator=self.signer(CURATOR).address,
            curator_bps=Bps(500),
            notice_days=notice_days,
        )
        with FileJournal(self.folder / "pools.jsonl") as journal:
            ports = making.PoolPorts(
                self.world.chain,
                self.content,
                self.gateway,  # type: ignore[arg-type]
                journal,
                lambda call: self.world.chain.cost(call, request.curator),
                lambda call, _: self.send(call, CURATOR),
            )
            return making.create(request, ports, self.now)

    def send(self, call: Call, who: int):
        return self.world.chain.send(call, self.signer(who))

    def dataset(self, who: int, title: str) -> DatasetId:
        given = consent(self.world, self.signer(VOICE), self.signer(who).address, title)
        return DatasetId(registered(self.world, self.content, self.signer(who), (given,), title)[1])

    def join(self, pool_id: DatasetId, dataset: DatasetId, who: int) -> SignedJoin:
        return use.join(pool_id, dataset, self.signer(who), self.world.chain, UnixSeconds(self.now + 10**7))

    def name(self, pool_id: DatasetId, *joins: SignedJoin, without: tuple[DatasetId, ...] = ()) -> Members:
        curator, chain = self.signer(CURATOR).address, self.world.chain
        before = use.members(pool_id, chain, self.content)
        named = use.next_members(pool_id, before, curator, chain, self.now, joins=joins, without=without)
        self.send(use.naming(named, self.content.put(named.encode())), CURATOR)
        return named

    def root(self, pool_id: DatasetId) -> object:
        return self.world.chain.read(Call("DatasetRegistry", "membersRoot", (pool_id,)))[0]


@pytest.fixture(scope="module")
def collective(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Collective:
    gateway = MemoryGateway(MemoryChain(made=chain_world.chain.deployment))
    gateway.sender = chain_world.signers[CURATOR].address
    chain_world.chain.send(Call("UsageLedger", "admitMeter", (gateway.key().wallet,)), chain_world.signers[0])
    return Collective(chain_world, MemoryContent(), gateway, tmp_path_factory.mktemp("pools"))


def refused(collective: Collective, call: Call, who: int) -> str:
    with pytest.raises(Reverted) as caught:
        collective.send(call, who)
    return caught.value.code


def test_a_pool_is_registered_under_the_id_that_its_manifest_gives(collective: Collective) -> None:
    created = collective.create("registered")
    assert created.mined is not None
    [event] = [log.event for log in created.mined.logs if isinstance(log.event, DatasetRegistered)]
    assert (event.dataset_id, event.manifest_root, event.items) == (created.pool_id, ZERO32, NOTICE)
    assert use.check_pool(created.pool_id, collective.world.chain).items == NOTICE
    assert collective.create("registered").mined is None
    read = use.read(created.pool_id, collective.world.chain, collective.content)
    assert (read.manifest.kind, read.manifest.pool) == (pool.MANIFEST, pool.CuratorShare(Bps(500)))


def test_members_are_one_root_under_which_each_proves_its_place(collective: Collective) -> None:
    pool_id = collective.create("members").pool_id
    one, two = collective.dataset(ONE, "members one"), collective.dataset(TWO, "members two")
    named = collective.name(pool_id, collective.join(pool_id, one, ONE), collective.join(pool_id, two, TWO))
    assert collective.root(pool_id) == named.root()
    holder, path = named.proof(two)
    climbed = merkle.leaf(two, holder)
    for sibling in path:
        climbed = merkle.node(climbed, sibling)
    assert (holder, climbed) == (collective.signer(TWO).address, collective.root(pool_id))
    assert [member.holder for member in use.memberships(pool_id, collective.world.chain, collective.content)] == [
        member.holder for member in named.members
    ]
    collective.name(pool_id, without=(one, two))
    assert collective.root(pool_id) == ZERO32


def test_a_member_leaves_after_the_notice_and_takes_it_back(collective: Collective) -> None:
    chain, pool_id = collective.world.chain, collective.create("leaving").pool_id
    one, account = collective.dataset(ONE, "leaving one"), collective.signer(ONE).address
    collective.name(pool_id, collective.join(pool_id, one, ONE))
    mined = collective.send(use.leaving(pool_id, one, account, chain, stays=False), ONE)
    assert use.leaves_at(pool_id, one, chain) == mined.block.time + NOTICE * DAY_S
    [member] = use.memberships(pool_id, chain, collective.content)
    assert member.state(mined.block.time) == pool.LEAVING
    with pytest.raises(use.LeavingAlready):
        use.leaving(pool_id, one, account, chain, stays=False)
    assert refused(collective, Call("DatasetRegistry", "leavePool", (pool_id, one, False)), ONE) == "already-leaving"
    collective.send(use.leaving(pool_id, one, account, chain, stays=True), ONE)
    assert use.leaves_at(pool_id, one, chain) is None
    with pytest.raises(use.NotLeaving):
        use.leaving(pool_id, one, account, chain, stays=True)
    assert refused(collective, Call("DatasetRegistry", "leavePool", (pool_id, one, True)), ONE) == "not-leaving"


def test_what_the_commands_refuse_the_contract_refuses_too(collective: Collective) -> None:
    pool_id, other = collective.create("refused").pool_id, collective.create("refused other").pool_id
    one = collective.dataset(ONE, "refused one")
    named = Call("DatasetRegistry", "setMembers", (pool_id, word("root"), word("digest")))
    assert refused(collective, named, ONE) == "not-holder"
    assert refused(collective, Call("DatasetRegistry", "setMembers", (one, word("r"), word("d"))), ONE) == "not-pool"
    assert refused(collective, Call("DatasetRegistry", "leavePool", (pool_id, one, False)), TWO) == "not-holder"
    assert refused(collective, Call("DatasetRegistry", "leavePool", (one, one, False)), ONE) == "not-in-pool"
    assert refused(collective, Call("DatasetRegistry", "leavePool", (pool_id, other, False)), CURATOR) == "not-in-pool"
    words = (ZERO32, word("manifest"), word("terms"), word("split"), pool.NOTICE_DAYS + 1)
    assert refused(collective, Call("DatasetRegistry", "register", words), CURATOR) == "notice-too-long"


def test_a_consent_serves_a_further_holder_by_its_voices_transaction_or_signature(collective: Collective) -> None:
    chain, voice, domain = collective.world.chain, collective.signer(VOICE), collective.world.chain.deployment.domains
    buyers = [collective.signer(who).address for who in (TWO, CURATOR)]
    given = consent(collective.world, voice, collective.signer(ONE).address, "extended")
    consent_id = given.id(domain.consent)
    consents.check_extendable(consent_id, given, buyers[0], voice.address, chain)
    mined = collective.send(consents.extension(consent_id, buyers[0]), VOICE)
    [event] = [log.event for log in mined.logs if isinstance(log.event, ConsentExtended)]
    assert event == ConsentExtended(consent_id, voice.address, buyers[0])
    signed = consents.sign_extension(consent_id, buyers[1], voice, chain, UnixSeconds(collective.now + 1_000))
    collective.send(consents.relayed_extension(signed, chain, collective.now), ONE)
    for buyer in buyers:
        assert consents.extended_at(consent_id, voice.address, buyer, chain)
        with pytest.raises(consents.ServesAlready):
            consents.check_extendable(consent_id, given, buyer, voice.address, chain)
    again = (voice.address, consent_id, buyers[1], signed.extension.deadline, signed.signature)
    assert refused(collective, Call("ConsentRegistry", "extendConsentFor", again), ONE) == "already-extended"
    forged = (voice.address, consent_id, collective.signer(3).address, signed.extension.deadline, signed.signature)
    assert refused(collective, Call("ConsentRegistry", "extendConsentFor", forged), ONE) == "bad-signature"


def test_a_dispute_and_up_to_a_hundred_shares_stand_in_their_events(collective: Collective) -> None:
    chain, account = collective.world.chain, collective.signer(ONE).address
    one = collective.dataset(ONE, "shared")
    mined = collective.send(datasets.dispute(one, word("evidence"), account, chain), ONE)
    assert [log.event for log in mined.logs] == [DatasetDisputed(one, account, word("evidence"))]
    shares = tuple(Split(documents.Key(f"payee {n}").address, Bps(100)) for n in range(100))
    mined = collective.send(datasets.resharing(one, shares, account, chain), ONE)
    [event] = [log.event for log in mined.logs if isinstance(log.event, SplitSet)]
    assert unpack(event.shares) == tuple(sorted(shares))
    assert event.effective_at == mined.block.time + 7 * DAY_S
    shuffled = b"".join(share.account + share.bps.to_bytes(2, "big") for share in sorted(shares, reverse=True))
    call = Call("DatasetRegistry", "setSplit", (one, shuffled))
    assert refused(collective, call, ONE) == "shares-disordered"
    assert refused(collective, Call("DatasetRegistry", "setSplit", (one, shuffled[:22])), ONE) == "shares-partial"
    assert refused(collective, Call("DatasetRegistry", "dispute", (one, Bytes32(word("e")))), TWO) == "not-holder"


def verdict(collective: Collective, licensed: licenses.LicenseRecord, member: DatasetId, proof: Proof) -> Reason:
    """What the contract says of the member's only recording under the pool's license."""
    chain, licensee = collective.world.chain, licensed.grant.licensee
    dataset = licenses.dataset(chain, collective.content, member)
    accepted = offers.accepted(chain, licensed)
    return contract_verdict(chain, dataset, accepted, READ, licensee, 0, member=proof)[0]


def ours(collective: Collective, licensed: licenses.LicenseRecord, member: DatasetId) -> Reason:
    """What our own rules say of it."""
    chain, dataset = collective.world.chain, licenses.dataset(collective.world.chain, collective.content, member)
    state = use.state(licensed, dataset, member, chain, collective.content)
    [decision] = evaluate(state, AccessRequest(licensed.id, licensed.grant.licensee, READ, b"DE", (0,)))
    return decision.reason


def test_contract_and_rules_say_the_same_of_a_member_until_it_has_left(collective: Collective) -> None:
    chain, pool_id = collective.world.chain, collective.create("licensed").pool_id
    one, two = collective.dataset(ONE, "licensed one"), collective.dataset(TWO, "licensed two")
    joins = collective.join(pool_id, one, ONE), collective.join(pool_id, two, TWO)
    named = collective.name(pool_id, *joins)
    record, curator = licenses.dataset(chain, collective.content, pool_id), collective.signer(CURATOR)
    expiry = UnixSeconds(collective.now + 10**7)
    clock = Still(collective.now)
    signed = licenses.offer(chain, record, curator, clock, SystemRandom(), purposes=READ, expiry=expiry)
    licensee = collective.signer(3)

    def send(call: Call, _title: str) -> Mined:
        return chain.send(call, licensee)

    accepted = licenses.accept(chain, collective.content, signed, licensee.address, clock, send, pytest.fail)
    licensed = licenses.find(chain, accepted)

    assert verdict(collective, licensed, two, named.proof(two)) is ours(collective, licensed, two) is Reason.ALLOWED
    for proof in (NO_MEMBER, named.proof(one), (collective.signer(ONE).address, named.proof(two)[1])):
        assert verdict(collective, licensed, two, proof) is Reason.NOT_IN_POOL

    account = collective.signer(TWO).address
    collective.send(use.leaving(pool_id, two, account, chain, stays=False), TWO)
    assert verdict(collective, licensed, two, named.proof(two)) is ours(collective, licensed, two) is Reason.ALLOWED
    collective.world.devnet.advance(NOTICE * DAY_S)
    assert verdict(collective, licensed, two, named.proof(two)) is ours(collective, licensed, two) is Reason.LEFT_POOL
    collective.send(use.leaving(pool_id, two, account, chain, stays=True), TWO)
    assert verdict(collective, licensed, two, named.proof(two)) is ours(collective, licensed, two) is Reason.ALLOWED

    without = collective.name(pool_id, without=(two,))
    assert verdict(collective, licensed, two, named.proof(two)) is ours(collective, licensed, two) is Reason.NOT_IN_POOL
    assert verdict(collective, licensed, one, without.proof(one)) is ours(collective, licensed, one) is Reason.ALLOWED


def test_a_curator_that_names_who_did_not_sign_opens_nothing_at_a_gateway(collective: Collective) -> None:
    chain, pool_id = collective.world.chain, collective.create("unsigned").pool_id
    one = collective.dataset(ONE, "unsigned one")
    forged = replace(collective.join(pool_id, one, ONE), signature=bytes(65))
    named = Members(pool_id, ()).changed([forged], ())
    collective.send(use.naming(named, collective.content.put(named.encode())), CURATOR)
    pool_facts = Ledger.fold(chain.about(pool_id))
    block = chain.head()
    listed = {pool_facts.datasets[pool_id].members[0].event.digest: named}
    domain = chain.deployment.domains.registry
    judged = membership(one, pool_facts.datasets[pool_id], listed, pool_facts, domain, block=block, final=block.number)
    assert judged.reason is Reason.NOT_IN_POOL
