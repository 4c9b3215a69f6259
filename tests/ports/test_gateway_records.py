"""What a gateway keeps and reads, in memory and in every database that an operator may use: the same answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from indexer import records
from indexer.follow import Follower
from indexer.ports import CustodyRecords, Earlier, LeaseRecords, MirroredEvents, SessionRecords
from indexer.rpc.source import ChainSource
from indexer.store.custody import CustodyStore
from indexer.store.database import Database
from indexer.store.history import History
from indexer.store.leases import LeaseStore
from indexer.store.mirror import ChainMirror
from indexer.store.usage import UsageStore
from provenance.adapters import codec
from provenance.domain import events
from provenance.domain.rules.case import Produced
from provenance.errors import Invalid
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds
from tests.documents import word
from tests.fakes import operator
from tests.fakes.clocks import Still
from tests.fakes.nodes import CHAIN_ID, CONTRACTS, FakeChain, FakeNode, logged
from tests.fakes.operator import MemoryCustody, MemoryFacts, MemoryLeases, MemorySessions
from tests.live_gateway import speech, wav

pytestmark = pytest.mark.ports
ANNA, BEN, CHRIS = (Address(bytes([n]) * 20) for n in (0x51, 0x52, 0x53))
DATASET, OTHER_DATASET, LICENSE = word("dataset"), word("other dataset"), word("license")
HISTORY: tuple[tuple[events.Event, ...], ...] = (
    (events.DatasetRegistered(DATASET, ANNA, *[word("w")] * 4, 1),),
    (events.DatasetRegistered(OTHER_DATASET, BEN, *[word("w")] * 4, 1), events.Funded(ANNA, LICENSE, 7)),
    (events.Funded(BEN, word("other"), 8),),
    (events.DatasetTransferred(DATASET, ANNA, CHRIS),),
)


@dataclass
class Side:
    events: MirroredEvents
    custody: CustodyRecords
    leases: LeaseRecords
    sessions: SessionRecords


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def side(request: pytest.FixtureRequest) -> Side:
    """The history above, mirrored, and no records."""
    if request.param == "memory":
        facts = MemoryFacts(Still())
        for mined in HISTORY:
            facts.mine(*mined)
        return Side(facts, MemoryCustody(facts), MemoryLeases(), MemorySessions())
    database: Database = request.getfixturevalue("database_of")(request.param)
    chain = FakeChain()
    for mined in ((), *HISTORY):
        chain.mine(*(logged(event) for event in mined))
    source = ChainSource([FakeNode(chain)], CONTRACTS.values(), CHAIN_ID)
    follower = Follower(
        source, ChainMirror(database), CONTRACTS, first_block=BlockNumber(1), finality="latest-0", clock=Still()
    )
    while follower.step().outcome != "current":
        pass
    return Side(History(database, CONTRACTS), CustodyStore(database), LeaseStore(database), UsageStore(database))


def test_events_are_found_by_what_they_name_and_by_kind_in_order_and_up_to_a_block(side: Side) -> None:
    head = side.events.head()
    assert (head.number, side.events.head(final=True)) == (5, head)
    about = side.events.events_about(DATASET, ANNA, last=head.number)
    assert [(log.block.number, log.log_index) for log in about] == [(2, 0), (3, 1), (5, 0)]
    assert about[-1].event == HISTORY[3][0]
    assert side.events.events_about(DATASET, ANNA, last=BlockNumber(3)) == about[:2]
    assert side.events.events_about(word("nothing"), last=head.number) == ()
    assert [log.event for log in side.events.events_of(events.Funded, last=head.number)] == [
        HISTORY[1][1],
        HISTORY[2][0],
    ]


def lease(name: str, **changes: object) -> records.LeaseRecord:
    return records.LeaseRecord(**{
        "access_id": word(name), "request_id": word("request " + name), "license_id": LICENSE, "dataset_id": DATASET,
        "licensee": ANNA, "request": "{}", "request_signature": b"s", "binding_nonce": 2**200, "envelopes_root": word("e"),
        "valid_until": 100, "signature": b"g", "at_s": 1, **changes,
    })  # fmt: skip


def envelope(name: str, index: int) -> records.EnvelopeRecord:
    return records.EnvelopeRecord(
        access_id=word(name), index=index, recording_id=word(str(index)), cid=f"cid {index}", envelope=b"k"
    )


def test_a_request_has_one_lease_with_its_envelopes_by_index(side: Side) -> None:
    first = lease("one")
    assert side.leases.add_lease(first, [envelope("one", 9), envelope("one", 3)]) == first
    again = side.leases.add_lease(lease("two", request_id=first.request_id), [envelope("two", 1)])
    assert again.access_id == first.access_id
    assert side.leases.lease(word("two")) is None
    assert side.leases.lease(word("one")).model_dump() == first.model_dump()
    assert side.leases.lease_of(first.request_id).access_id == first.access_id
    assert [row.index for row in side.leases.envelopes(word("one"))] == [3, 9]
    assert side.leases.envelopes(word("two")) == ()


def test_leases_over_content_are_the_accounts_own_and_running(side: Side) -> None:
    side.leases.add_lease(lease("one"), [envelope("one", 3)])
    running = side.leases.leases_over("cid 3", ANNA, UnixSeconds(100))
    assert [row.access_id for row in running] == [word("one")]
    assert side.leases.leases_over("cid 3", ANNA, UnixSeconds(101)) == ()
    assert side.leases.leases_over("cid 3", BEN, UnixSeconds(100)) == ()
    assert side.leases.leases_over("cid 4", ANNA, UnixSeconds(100)) == ()


def test_the_highest_binding_of_an_account_is_known(side: Side) -> None:
    assert side.leases.binding_nonce(ANNA) == -1
    for nonce in (2**200, 7):
        side.leases.add_lease(lease(f"lease {nonce}", binding_nonce=nonce), [envelope(f"lease {nonce}", 0)])
    assert side.leases.binding_nonce(ANNA) == 2**200
    assert side.leases.binding_nonce(BEN) == -1


def test_a_nonce_counts_once_an_account_until_its_deadline(side: Side) -> None:
    def use(account: Address, now: int) -> bool:
        return side.leases.use_nonce(account, 2**255, UnixSeconds(10), UnixSeconds(now))

    assert use(ANNA, 5)
    assert use(BEN, 5)
    assert not use(ANNA, 6)
    assert use(ANNA, 11)  # nobody can use a request past its deadline


def deposit(side: Side, dataset: Bytes32, holder: Address, *indexes: int) -> None:
    side.custody.add_deposit(
        records.Deposit(
            dataset_id=dataset, manifest_cid="m", holder=holder, manifest_root=word("r"), terms_cid="", private_cid="p",
            title="", kind="voice", language="en", tags="", words="", items=1, duration_ms=1, at_s=0,
        ),
        recordings=[
            records.DepositedRecording(
                recording_id=word(f"{dataset.hex()} {index}"), dataset_id=dataset, index=index, name="", cid="sealed",
                object_id=word("o"), duration_ms=1, voice_ids="", consent_ids="", verdict=0, metrics_digest=word("m"),
                cluster=word("same"), gate_version=1, signature=b"",
            )
            for index in indexes
        ],
        consents=[
            records.DepositedConsent(
                dataset_id=dataset, consent_id=word("consent"), subject=CHRIS, holder=holder, voice_id=word("v"), document=""
            )
        ],
        custody=[records.Custody(object_id=word("o"), key_version=1, envelope=b"first")],
    )  # fmt: skip


def test_a_deposit_is_kept_once_and_its_keys_are_never_replaced(side: Side) -> None:
    deposit(side, DATASET, ANNA, 4, 2)
    deposit(side, DATASET, BEN, 5)
    assert side.custody.deposit(DATASET).holder == ANNA
    assert side.custody.deposit(OTHER_DATASET) is None
    assert [row.index for row in side.custody.recordings(DATASET)] == [2, 4]
    side.custody.add_key(records.Custody(object_id=word("o"), key_version=1, envelope=b"second"))
    side.custody.add_key(records.Custody(object_id=word("o"), key_version=2, envelope=b"rotated"))
    kept = {(word("o"), 1): b"first", (word("o"), 2): b"rotated"}
    assert side.custody.envelopes([word("o")]) == kept
    assert side.custody.consents([word("consent")])[word("consent")].subject == CHRIS
    assert side.custody.deposits_of("sealed") == 1
    deposit(side, OTHER_DATASET, BEN, 1)
    assert side.custody.deposits_of("sealed") == 2


def test_audio_is_earlier_if_another_holder_registered_it_first(side: Side) -> None:
    deposit(side, OTHER_DATASET, BEN, 0)
    deposit(side, DATASET, ANNA, 9, 3)
    deposit(side, word("never registered"), CHRIS, 0)
    same = word("same")
    assert side.custody.earlier([same], CHRIS) == {same: Earlier(same, DATASET, 3, ANNA)}
    assert side.custody.earlier([same], ANNA) == {same: Earlier(same, OTHER_DATASET, 0, BEN)}
    assert side.custody.earlier([word("else")], ANNA) == {}


def test_a_report_is_by_object_and_address(side: Side) -> None:
    judged = records.JudgedObject(
        object_id=word("o"), cid="a", cluster=word("c"), verdict=0, quality="{}", metrics_digest=word("m"), gate_version=1
    )  # fmt: skip
    side.custody.add_judged(judged)
    assert set(side.custody.judged([word("o")])) == {(word("o"), "a")}
    assert side.custody.judged([word("else")]) == {}


def test_content_is_closed_until_it_is_known_to_be_a_document(side: Side) -> None:
    for name, is_document in (("doc", True), ("blob", False)):
        side.custody.add_upload(name, CHRIS, UnixSeconds(1), document=is_document, size=1)
    assert [side.custody.sealed(name) for name in ("doc", "blob", "nothing")] == [False, True, False]
    assert side.custody.senders("blob") == {CHRIS}
    deposit(side, DATASET, ANNA, 1)
    assert side.custody.sealed("sealed")
    assert side.custody.sealed("p")
    assert side.custody.senders("sealed") == {ANNA}


def test_only_what_no_registered_dataset_names_counts_and_small_content_counts_as_more(side: Side) -> None:
    for name, size in (("big", 10_000), ("small", 1), ("was here", 0), ("other", 700)):
        side.custody.add_upload(name, CHRIS, UnixSeconds(1), document=False, size=size)
    side.custody.add_upload("big", BEN, UnixSeconds(2), document=False, size=99_999)
    assert side.custody.unregistered_bytes(500) == 10_000 + 500 + 700
    side.custody.name_uploads(DATASET, ["big", "nobody sent this"])
    side.custody.name_uploads(word("never registered"), ["small"])
    assert side.custody.unregistered_bytes(500) == 10_000 + 500 + 700
    side.custody.settle_uploads()
    assert side.custody.unregistered_bytes(500) == 500 + 700
    side.custody.name_uploads(word("never registered"), ["big"])
    side.custody.settle_uploads()
    assert side.custody.unregistered_bytes(500) == 500 + 700


def session(side: Side) -> None:
    side.sessions.add_session(
        records.SessionRecord(
            session_id=word("s"), license_id=LICENSE, licensee=ANNA, session="{}", signature=b"s", at_s=1
        )
    )


def segment(name: str, first: int, **changes: int) -> records.ReceivedSegment:
    return records.ReceivedSegment(**{
        "segment_hash": word(name), "session_id": word("s"), "license_id": LICENSE, "first_seq": first, "count": 1,
        "units": 1, "outputs": 2, "output_ms": 1_500, "last": False, "cid": name, "segment": "{}", "signature": b"",
        "received_at_ms": 1, "ack_signature": b"", **changes,
    })  # fmt: skip


def test_a_place_has_one_segment_and_segments_come_by_their_place(side: Side) -> None:
    assert side.sessions.session(word("s")) is None
    session(side)
    session(side)
    assert side.sessions.session(word("s")).licensee == ANNA
    later, first = segment("later", 2**63), segment("first", 0)
    assert side.sessions.add_segment(later) == later
    assert side.sessions.add_segment(first) == first
    assert side.sessions.add_segment(segment("other", 0)).segment_hash == first.segment_hash
    assert [row.cid for row in side.sessions.segments(word("s"))] == ["first", "later"]
    assert side.sessions.produced(LICENSE) == Produced(outputs=4, seconds=3)
    assert side.sessions.produced(word("else")) == Produced()


def test_one_equivocation_is_kept_and_no_file_is_made_for_another(side: Side) -> None:
    session(side)
    made: list[str] = []

    def evidence(name: str) -> Callable[[], records.Equivocation]:
        def make() -> records.Equivocation:
            made.append(name)
            return records.Equivocation(
                segment_hash=word(name), session_id=word("s"), cid=name, segment="{}", signature=b"",
                received_at_ms=1, ack_signature=b"",
            )  # fmt: skip

        return make

    assert not side.sessions.suspended(word("s"))
    for name in ("second", "third", "fourth"):
        side.sessions.add_equivocation(word("s"), evidence(name))
    assert side.sessions.suspended(word("s"))
    assert made == ["second"]


@pytest.mark.parametrize("examine", [operator.examine, codec.examine], ids=["memory", "real"])
def test_the_gate_tells_takes_apart_and_says_what_is_none(examine: Callable[[bytes], operator.Heard]) -> None:
    first, again, other = (examine(speech(seed)) for seed in (1, 1, 2))
    assert first.report.verdict == other.report.verdict == "pass"
    assert first.pcm_digest == again.pcm_digest != other.pcm_digest
    assert examine(wav(np.zeros(16_000))).report.verdict == "reject"
    for wrong in (b"", b"PK\x03\x04" + bytes(2_000), speech(1)[:400]):
        with pytest.raises(Invalid):
            examine(wrong)
