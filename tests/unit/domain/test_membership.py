"""A dataset is in a pool by its holder's word, in the last list of the curator, until it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from provenance.domain import cid, events as e, typed
from provenance.domain.ledger import Ledger
from provenance.domain.pool import Members, SignedJoin
from provenance.domain.rules.access import AccessRequest, DatasetState, evaluate
from provenance.domain.rules.membership import Membership, lists, membership
from provenance.domain.rules.reason import Reason
from provenance.types import ZERO32, Address, BlockNumber, Bytes32, DatasetId, UnixSeconds
from tests import documents
from tests.documents import HOLDER, VOICE, word
from tests.facts import DATASET, LICENSE, LICENSEE, MANIFEST, NOW, block, chain, granted, registered

pytestmark = pytest.mark.unit
POOL, ONE, TWO = (DatasetId(word(name)) for name in ("pool", "one", "two"))
DOMAIN = documents.domains().registry
CURATOR = documents.Key("curator")


def joined(dataset: DatasetId = ONE, key: documents.Key = HOLDER, until: int = documents.END) -> SignedJoin:
    words = typed.Join(POOL, dataset, UnixSeconds(until))
    return SignedJoin(words, key.address, key.sign_typed(DOMAIN, words))


def listed(*joins: SignedJoin) -> Members:
    return Members(POOL, ()).changed(joins, ())


@dataclass
class History:
    """Events of the pool, one a block; block 1 registered it."""

    events: list[e.Event] = field(
        default_factory=lambda: [
            e.DatasetRegistered(POOL, CURATOR.address, ZERO32, word("m"), word("t"), word("s"), 30)
        ]
    )
    documents: dict[Bytes32, Members] = field(default_factory=dict)
    second: documents.Key = HOLDER
    """Who registered TWO."""

    def named(self, members: Members, root: Bytes32 | None = None) -> History:
        digest = cid.of_raw(members.encode()).digest
        self.documents[digest] = members
        self.events.append(e.MembersSet(POOL, members.root() if root is None else root, digest))
        return self

    def left(self, at: int, dataset: DatasetId = ONE) -> History:
        self.events.append(e.PoolLeft(POOL, dataset, UnixSeconds(at)))
        return self

    def sold(self, to: Address, by: Address = HOLDER.address, dataset: DatasetId = ONE) -> History:
        self.events.append(e.DatasetTransferred(dataset, by, to))
        return self

    def judged(self, dataset: DatasetId = ONE, *, final: int | None = None, time: int | None = None) -> Membership:
        ledger, last = Ledger(), len(self.events)
        for one, holder in ((ONE, HOLDER), (TWO, self.second)):
            own = e.DatasetRegistered(one, holder.address, word("r"), word("m"), word("t"), word("s"), 3)
            ledger.add(chain([own])[0])
        for logged in chain(self.events):
            ledger.add(logged)
        pool, number = ledger.datasets[POOL], BlockNumber(last if final is None else final)
        read = lists(pool, ledger.datasets[dataset], BlockNumber(last), number, self.documents.__getitem__)
        return membership(dataset, pool, read, ledger, DOMAIN, block=block(last, time), final=number)


def test_who_joined_and_is_named_is_a_member_by_its_own_account() -> None:
    judged = History(second=VOICE).named(listed(joined(), joined(TWO, VOICE))).judged(TWO)
    assert judged == Membership(TWO, Reason.ALLOWED, "", VOICE.address, None)


def test_nobody_joins_with_a_dataset_that_another_holds() -> None:
    assert History().named(listed(joined(key=CURATOR))).judged().reason is Reason.NOT_IN_POOL
    assert History(second=VOICE).named(listed(joined(TWO))).judged(TWO).reason is Reason.NOT_IN_POOL


def test_a_seller_takes_what_it_sold_into_no_pool() -> None:
    assert History().sold(VOICE.address).named(listed(joined())).judged().reason is Reason.NOT_IN_POOL
    empty = History().named(listed(joined(TWO))).sold(VOICE.address).named(listed(joined(), joined(TWO)))
    assert empty.judged().reason is Reason.NOT_IN_POOL
    again = History().named(listed(joined())).named(listed(), ZERO32).sold(VOICE.address).named(listed(joined()))
    assert again.judged().reason is Reason.NOT_IN_POOL


def test_what_is_sold_stays_in_its_pool_by_the_join_of_who_sold_it() -> None:
    history = History().named(listed(joined())).sold(VOICE.address)
    assert history.judged() == Membership(ONE, Reason.ALLOWED, "", HOLDER.address, None)
    history.named(listed(joined(), joined(TWO)))
    assert history.judged() == Membership(ONE, Reason.ALLOWED, "", HOLDER.address, None)
    history.sold(CURATOR.address, VOICE.address).named(listed(joined()))
    assert history.judged() == Membership(ONE, Reason.ALLOWED, "", HOLDER.address, None)


def test_a_buyer_joins_in_its_own_name_and_not_once_it_sold_on() -> None:
    bought = History().sold(VOICE.address).named(listed(joined(key=VOICE)))
    assert bought.judged().holder == VOICE.address
    sold_on = History().sold(VOICE.address).sold(CURATOR.address, VOICE.address).named(listed(joined(key=VOICE)))
    assert sold_on.judged().reason is Reason.NOT_IN_POOL
    back = History().sold(VOICE.address).sold(HOLDER.address, VOICE.address).named(listed(joined()))
    assert back.judged().reason is Reason.ALLOWED


def test_nobody_is_in_a_pool_before_its_first_list_and_none_in_an_empty_one() -> None:
    assert History().judged().reason is Reason.NOT_IN_POOL
    assert History().named(listed(joined())).named(listed(), ZERO32).judged().reason is Reason.NOT_IN_POOL


def test_whoever_the_curator_leaves_out_is_out_at_once() -> None:
    history = History().named(listed(joined(), joined(TWO))).named(listed(joined(TWO)))
    assert history.judged(final=2).reason is Reason.NOT_IN_POOL
    assert history.judged(TWO, final=2).reason is Reason.ALLOWED


def test_whoever_is_taken_in_waits_until_that_is_final_and_nobody_else_does() -> None:
    history = History().named(listed(joined())).named(listed(joined(), joined(TWO)))
    assert [history.judged(one, final=2).reason for one in (ONE, TWO)] == [Reason.ALLOWED, Reason.NOT_FINAL]
    assert history.judged(TWO, final=3).reason is Reason.ALLOWED


@pytest.mark.parametrize(
    "forged",
    [
        replace(joined(), signature=bytes(65)),
        replace(joined(), holder=VOICE.address),
        replace(joined(), join=replace(joined().join, deadline=UnixSeconds(documents.END + 5))),
    ],
)
def test_a_curator_names_nobody_who_did_not_sign(forged: SignedJoin) -> None:
    assert History().named(listed(forged)).judged().reason is Reason.NOT_IN_POOL


def test_a_join_counts_in_lists_up_to_its_last_second() -> None:
    at = NOW + 20  # the second block's time
    assert History().named(listed(joined(until=at))).judged(time=at + 10**6).reason is Reason.ALLOWED
    assert History().named(listed(joined(until=at - 1))).judged().reason is Reason.NOT_IN_POOL


def test_a_contract_wallets_approval_is_its_signature() -> None:
    signed = replace(joined(), signature=b"")
    history = History().named(listed(signed))
    assert history.judged().reason is Reason.NOT_IN_POOL
    history.events.append(e.DigestApproved(HOLDER.address, signed.digest(DOMAIN)))
    assert history.judged().reason is Reason.ALLOWED


def test_a_list_that_is_not_the_root_on_chain_names_nobody() -> None:
    assert History().named(listed(joined()), word("another root")).judged().reason is Reason.NOT_IN_POOL


def test_a_document_that_is_no_list_names_nobody() -> None:
    history = History().named(listed(joined()))
    ledger = Ledger.fold(chain([registered(), *history.events]))
    datasets, last = ledger.datasets, BlockNumber(3)
    assert lists(datasets[POOL], datasets[DATASET], last, last, lambda _: Members.parse(b"{}")) == {}


def test_a_member_serves_until_the_second_it_leaves_and_again_once_its_return_is_final() -> None:
    leaves = NOW + 1_000
    history = History().named(listed(joined())).left(leaves)
    assert history.judged(time=leaves - 1) == Membership(ONE, Reason.ALLOWED, "", HOLDER.address, UnixSeconds(leaves))
    assert history.judged(time=leaves).reason is Reason.LEFT_POOL
    history.left(0)
    assert history.judged(time=leaves, final=3).reason is Reason.LEFT_POOL
    assert history.judged(time=leaves, final=4).reason is Reason.ALLOWED


def test_what_leaves_is_one_dataset_and_not_its_neighbor() -> None:
    assert History().named(listed(joined(), joined(TWO))).left(NOW, TWO).judged(time=NOW + 50).reason is Reason.ALLOWED


def test_a_license_of_no_pool_has_no_members() -> None:
    ledger = Ledger.fold(
        chain([e.DatasetRegistered(POOL, CURATOR.address, word("r"), word("m"), word("t"), word("s"), 3)])
    )
    for pool in (None, ledger.datasets[POOL]):
        judged = membership(ONE, pool, {}, ledger, DOMAIN, block=block(1), final=BlockNumber(1))
        assert judged.reason is Reason.NOT_IN_POOL


# --- a member's recordings under the pool's license

MEMBER = DATASET
TERMS = documents.terms()


def judged(
    joined_by: bytes, *, reason: Reason = Reason.ALLOWED, pool_halted: bool = False, consents: bool = True
) -> Reason:
    """Why the member's first recording may not be read under the pool's license; ALLOWED if it may."""
    events: list[e.Event] = [
        registered(),
        e.DatasetRegistered(POOL, CURATOR.address, ZERO32, word("m"), TERMS.terms_hash, word("s"), 30),
        replace(granted(dataset=POOL), holder=CURATOR.address, distributor=TERMS.price.distributor),
    ]
    if pool_halted:
        events.append(e.DatasetStatusChanged(POOL, word("guardian")[:20], 4, word("ruling")))  # type: ignore[arg-type]
    ledger, now = Ledger.fold(chain(events)), block(len(events), NOW + 100)
    by_id = MANIFEST.consents_by_id(documents.domains().consent) if consents else {}
    joined_ = Membership(MEMBER, reason, "said so", joined_by)  # type: ignore[arg-type]
    state = DatasetState(ledger, MANIFEST, TERMS, by_id, now, now.number, joined_)
    [decision] = evaluate(state, AccessRequest(LICENSE, LICENSEE.address, 0b10, b"DE", (0,)))
    return decision.reason


def test_a_pools_license_opens_a_members_recording_by_consents_to_who_joined() -> None:
    assert judged(HOLDER.address) is Reason.ALLOWED
    assert judged(CURATOR.address) is Reason.CONSENT_OF_ANOTHER_HOLDER
    assert judged(HOLDER.address, consents=False) is Reason.CONSENT_MISSING


@pytest.mark.parametrize("reason", [Reason.NOT_IN_POOL, Reason.LEFT_POOL, Reason.NOT_FINAL])
def test_what_is_said_of_the_membership_stands_before_the_consents(reason: Reason) -> None:
    assert judged(HOLDER.address, reason=reason, consents=False) is reason


def test_a_pool_that_the_guardian_suspended_opens_nothing_whoever_is_in() -> None:
    for reason in (Reason.ALLOWED, Reason.NOT_IN_POOL):
        assert judged(HOLDER.address, reason=reason, pool_halted=True) is Reason.DATASET_HALTED


def test_a_pool_by_itself_has_no_recording() -> None:
    pool_manifest = documents.pool_manifest()
    digest = cid.of_raw(pool_manifest.encode()).digest
    own = e.DatasetRegistered(POOL, HOLDER.address, ZERO32, digest, pool_manifest.terms_hash, word("s"), 30)
    ledger = Ledger.fold(chain([own, granted(dataset=POOL)]))
    state = DatasetState(ledger, pool_manifest, TERMS, {}, block(2), BlockNumber(2))
    [decision] = evaluate(state, AccessRequest(LICENSE, LICENSEE.address, 0b10, b"DE", (0,)))
    assert decision.reason is Reason.UNKNOWN_RECORDING
