"""The state at a block is the same, whatever came after it; who may change what."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from provenance.domain import events as e
from provenance.domain.ledger import DATASET_ACTIVE, DATASET_HALTED, DATASET_SUSPENDED, BrokenHistory, Ledger, Logged
from provenance.types import Address, BlockNumber, DatasetId, UnixSeconds, Wei
from tests.documents import HOLDER, VOICE, word
from tests.facts import DATASET, LICENSE, LICENSEE, NOW, block, chain, granted, registered

ID, STRANGER = word("consent"), word("stranger")[:20]


def status(value: int, by: bytes = b"\x01" * 20) -> e.DatasetStatusChanged:
    return e.DatasetStatusChanged(DATASET, by, value, word("ruling"))


def ended(at: int) -> e.LicenseTerminated:
    return e.LicenseTerminated(LICENSE, LICENSEE.address, word("why"), UnixSeconds(at))


HISTORY = st.lists(
    st.sampled_from(
        [
            status(DATASET_ACTIVE),
            status(DATASET_SUSPENDED),
            status(DATASET_HALTED),
            e.DatasetTransferred(DATASET, HOLDER.address, VOICE.address),
            e.SplitSet(DATASET, word("split"), UnixSeconds(1_800_000_100)),
            e.ConsentRevoked(ID, VOICE.address, word("r")),
            e.ConsentRevoked(ID, STRANGER, word("r")),
            e.DigestApproved(VOICE.address, ID),
            ended(1_800_000_300),
            ended(1_800_000_200),
            e.Funded(LICENSEE.address, LICENSE, Wei(7)),
            e.Funded(LICENSEE.address, word("other"), Wei(5)),
            e.MeterAdmitted(STRANGER),
            e.MeterRemoved(STRANGER),
            e.SessionRevoked(ID, LICENSEE.address),
            e.ConsentExtended(ID, VOICE.address, HOLDER.address),
            e.ConsentExtended(ID, STRANGER, LICENSEE.address),
            e.PoolLeft(DATASET, ID, UnixSeconds(1_800_000_400)),
        ]
    ),
    max_size=30,
)


def answers(ledger: Ledger, number: int) -> tuple[object, ...]:
    """Everything that a decision may ask, at one block."""
    at = BlockNumber(number)
    dataset, license_ = ledger.datasets[DATASET], ledger.licenses[LICENSE]
    return (
        dataset.holder(at),
        dataset.status(at),
        dataset.halt(at, at),
        dataset.shares(UnixSeconds(1_800_000_600), at),
        dataset.transfer_count(at),
        dataset.leaves_at(ID, at),
        ledger.extended(VOICE.address, ID, at),
        license_.end(at),
        license_.state(block(number)),
        ledger.funded(LICENSE, at),
        ledger.revoked(VOICE.address, ID, at),
        ledger.approved(VOICE.address, ID, at),
        ledger.admitted(STRANGER, at),
        ledger.session_revoked(LICENSEE.address, ID, at),
    )


@given(HISTORY, st.integers(2, 40))
def test_what_came_later_changes_no_answer_about_a_block(history: list[e.Event], number: int) -> None:
    logs = chain([registered(), granted(), *history])
    upto = [logged for logged in logs if logged.block.number <= number]
    assert answers(Ledger.fold(logs), number) == answers(Ledger.fold(upto), number)


@given(HISTORY)
def test_only_the_consents_own_subject_withdraws_it(history: list[e.Event]) -> None:
    ledger = Ledger.fold(chain([registered(), granted(), *history]))
    hers = any(isinstance(one, e.ConsentRevoked) and one.subject == VOICE.address for one in history)
    assert (ledger.revoked(VOICE.address, ID, BlockNumber(99)) is not None) == hers


@given(HISTORY, st.integers(0, 40), st.integers(0, 40))
def test_a_suspension_counts_at_once_and_its_end_only_when_final(history: list[e.Event], at: int, behind: int) -> None:
    dataset = Ledger.fold(chain([registered(), granted(), *history])).datasets[DATASET]
    number, final = BlockNumber(at), BlockNumber(max(0, at - behind))
    if dataset.status(number) == DATASET_HALTED:
        assert dataset.halt(number, final) is not None
    if dataset.halt(number, final) is None:
        assert dataset.status(number) != DATASET_HALTED
    assert (dataset.halt(number, number) is not None) == (dataset.status(number) == DATASET_HALTED)


def test_a_holder_who_gives_a_dataset_away_in_the_same_block_makes_no_ruling() -> None:
    events = [
        status(DATASET_SUSPENDED, by=HOLDER.address),
        e.DatasetTransferred(DATASET, HOLDER.address, VOICE.address),
        status(DATASET_ACTIVE, by=VOICE.address),
        status(DATASET_HALTED, by=STRANGER),
    ]
    same_block = [Logged(block(2), word("tx"), index, HOLDER.address, event) for index, event in enumerate(events)]
    dataset = Ledger.fold([*chain([registered()]), *same_block]).datasets[DATASET]
    assert [fact.event.by for fact in dataset.rulings(BlockNumber(2))] == [STRANGER]
    assert dataset.rulings(BlockNumber(1)) == ()


@given(HISTORY)
def test_a_license_never_lives_longer_by_what_happens(history: list[e.Event]) -> None:
    license_ = Ledger.fold(chain([registered(), granted(), *history])).licenses[LICENSE]
    ends = [license_.end(BlockNumber(number)) for number in range(40)]
    assert ends == sorted(ends, reverse=True)


def test_a_removed_meter_is_never_admitted_again() -> None:
    ledger = Ledger.fold(chain([e.MeterAdmitted(STRANGER), e.MeterRemoved(STRANGER), e.MeterAdmitted(STRANGER)]))
    assert [ledger.admitted(STRANGER, BlockNumber(at)) for at in range(4)] == [False, True, False, False]


WINDOW = 3_600


def proposed(root: str = "root", epoch: int = 1) -> e.SettlementProposed:
    at = UnixSeconds(block(1).time + WINDOW)
    return e.SettlementProposed(epoch, word(root), word("head"), word("manifest"), Wei(5), at)


def vetoed(root: str = "root") -> e.SettlementVetoed:
    return e.SettlementVetoed(1, word(root), STRANGER, word("why"))


def challenged(root: str = "root") -> e.SettlementChallenged:
    return e.SettlementChallenged(1, word(root), STRANGER, word("why"))


def resolved(root: str = "root", *, upheld: bool = False, active_at: int = 0) -> e.ChallengeResolved:
    return e.ChallengeResolved(1, word(root), upheld, STRANGER, UnixSeconds(active_at))


def test_a_veto_means_the_latest_proposal_of_its_root() -> None:
    said = [proposed(), vetoed(), proposed()]
    first, second = Ledger.fold(chain(said)).settlements
    assert (first.rejected, second.rejected) == (True, False)
    assert Ledger.fold(chain([*said, challenged(), resolved(upheld=True)])).settlements[1].rejected
    assert not Ledger.fold(chain([*said, challenged(), resolved(active_at=9)])).settlements[1].rejected


def test_an_objection_against_one_root_leaves_every_other_alone() -> None:
    """A publisher slips a good root in between a veto and an honest challenge of the bad one."""
    for objection in (vetoed("bad"), challenged("bad")):
        bad, good = Ledger.fold(chain([proposed("bad"), proposed("good"), objection])).settlements
        assert (good.vetoed, good.disputed, good.rejected) == (None, False, False)
        assert bad.vetoed is not None or bad.disputed
    with pytest.raises(BrokenHistory):
        Ledger.fold(chain([proposed("good"), vetoed("bad")]))


def test_a_publishers_proposal_takes_the_place_of_one_by_the_exit() -> None:
    by_exit, publishers = Ledger.fold(chain([proposed("junk"), proposed("good")])).settlements
    assert by_exit.rejected
    assert by_exit.replaced is not None
    assert (by_exit.replaced.event.root, publishers.rejected) == (word("good"), False)
    assert not any(one.rejected for one in Ledger.fold(chain([proposed("one"), proposed("two", epoch=2)])).settlements)


ROUNDS = st.lists(st.sampled_from(("a", "b", "veto a", "veto b", "challenge a", "challenge b")), max_size=12)


@given(ROUNDS)
def test_of_an_epoch_only_its_latest_proposal_ever_stands(rounds: list[str]) -> None:
    said: list[e.Event] = []
    for turn in rounds:
        verb, _, root = turn.rpartition(" ")
        if not verb:
            said.append(proposed(root))
        elif any(isinstance(one, e.SettlementProposed) and one.root == word(root) for one in said):
            said.append(vetoed(root) if verb == "veto" else challenged(root))
    settlements = Ledger.fold(chain(said)).settlements
    assert all(one.rejected for one in settlements[:-1])


def test_a_dismissed_challenge_starts_the_window_that_its_ruling_names() -> None:
    rounds = [proposed(), challenged(), resolved(active_at=77), challenged(), resolved(active_at=99)]
    standing = [
        (one.active_at, one.disputed)
        for number in range(1, 6)
        for [one] in [Ledger.fold(chain(rounds[:number])).settlements]
    ]
    first = block(1).time + WINDOW
    assert standing == [(first, False), (first, True), (77, False), (77, True), (99, False)]


def shared(at: int, payee: bytes = STRANGER) -> e.SplitSet:
    return e.SplitSet(DATASET, payee + (10_000).to_bytes(2, "big"), UnixSeconds(NOW + at))


def moved(to: bytes = VOICE.address) -> e.DatasetTransferred:
    return e.DatasetTransferred(DATASET, HOLDER.address, Address(to))


def in_force(*said: e.Event, at: int = 500) -> bytes | None:
    """The payee of the shares in force `at` seconds later; the registration stands in block 1, ten seconds a block."""
    dataset = Ledger.fold(chain([registered(), *said])).datasets[DATASET]
    shares = dataset.shares(UnixSeconds(NOW + at), BlockNumber(99))
    return shares[:20] if shares else None


def test_shares_are_in_force_from_their_time_and_the_last_ones_count() -> None:
    other = word("other")[:20]
    assert in_force(shared(100), at=99) is None
    assert in_force(shared(100), at=100) == STRANGER
    assert in_force(shared(100), shared(200, other), at=199) == STRANGER
    assert in_force(shared(100), shared(200, other), at=200) == other


def test_shares_that_a_transfer_outruns_bind_nobody() -> None:
    """A seller's last list, in the block of the sale, would take the buyer's earnings for good."""
    assert in_force(shared(100), moved()) is None
    assert in_force(moved(), shared(100)) == STRANGER  # the new holder's own
    assert in_force(shared(25), moved()) == STRANGER  # in force at 25, sold at 30: what was in force stays
    assert in_force(shared(30), moved()) == STRANGER
    assert in_force(shared(31), moved()) is None
    assert in_force(shared(25), shared(100, word("late")[:20]), moved()) == STRANGER


def test_a_transfer_later_in_the_same_block_outruns_shares_and_one_before_does_not() -> None:
    def same_block(*said: e.Event) -> bytes | None:
        logs = [Logged(block(2), word("tx"), index, HOLDER.address, event) for index, event in enumerate(said)]
        dataset = Ledger.fold([*chain([registered()]), *logs]).datasets[DATASET]
        return dataset.shares(UnixSeconds(NOW + 500), BlockNumber(99))

    assert same_block(shared(100), moved()) is None
    assert same_block(moved(), shared(100)) == shared(100).shares


@given(st.lists(st.sampled_from((0, 1, 2)), max_size=8))
def test_shares_in_force_are_those_that_their_own_holder_set(turns: list[int]) -> None:
    """Whoever holds a dataset when shares come into force had set them, or nobody had."""
    said = [
        shared(1_000, bytes([n + 1]) * 20) if turn == 0 else moved(bytes([turn]) * 20) for n, turn in enumerate(turns)
    ]
    last_transfer = max((n for n, turn in enumerate(turns) if turn), default=-1)
    own = [one.shares[:20] for one in said[last_transfer + 1 :] if isinstance(one, e.SplitSet)]
    assert in_force(*said, at=2_000) == (own[-1] if own else None)


def test_only_the_subject_extends_its_consent_and_to_whom_it_says() -> None:
    ledger = Ledger.fold(chain([e.ConsentExtended(ID, VOICE.address, HOLDER.address)]))
    assert [ledger.extended(VOICE.address, ID, BlockNumber(at)) for at in (0, 1)] == [
        (),
        ((HOLDER.address, block(1).time),),
    ]
    assert not ledger.extended(STRANGER, ID, BlockNumber(1))


def test_a_member_leaves_when_its_holder_said_last_and_stays_when_it_took_that_back() -> None:
    member = word("member")
    said = [registered(), e.PoolLeft(DATASET, member, UnixSeconds(77)), e.PoolLeft(DATASET, member, UnixSeconds(0))]
    pool = Ledger.fold(chain(said)).datasets[DATASET]
    assert [pool.leaves_at(member, BlockNumber(at)) for at in (1, 2, 3)] == [None, 77, None]
    assert pool.leaves_at(word("another"), BlockNumber(3)) is None


def test_a_selection_about_a_member_needs_no_history_of_its_pool() -> None:
    left = e.PoolLeft(DatasetId(word("pool")), DATASET, UnixSeconds(1))
    assert Ledger.fold(chain([registered(), left])).datasets == Ledger.fold(chain([registered()])).datasets
    with pytest.raises(BrokenHistory):
        Ledger.fold(chain([left]))


@pytest.mark.parametrize("event", [status(2), ended(1), vetoed(), e.MembersSet(DATASET, word("m"), word("m"))])
def test_a_history_without_its_beginning_is_refused(event: e.Event) -> None:
    with pytest.raises(BrokenHistory):
        Ledger.fold(chain([event]))


def test_a_selection_about_the_newer_version_needs_no_history_of_the_older() -> None:
    older = e.DatasetSuperseded(DatasetId(word("older")), DATASET)
    assert Ledger.fold(chain([registered(), older])).datasets == Ledger.fold(chain([registered()])).datasets
    with pytest.raises(BrokenHistory):
        Ledger.fold(chain([older]))


def test_every_event_has_its_place() -> None:
    import dataclasses

    for kind in e.EVENTS:
        values = [_plain(argument) for argument, _, _ in e.arguments(kind)]
        event = kind(*values)
        assert len(dataclasses.fields(event)) == len(values)
        start: list[e.Event] = [
            e.DatasetRegistered(*(_plain(one) for one, _, _ in e.arguments(e.DatasetRegistered))),
            e.LicenseGranted(*(_plain(one) for one, _, _ in e.arguments(e.LicenseGranted))),
            e.SettlementProposed(*(_plain(one) for one, _, _ in e.arguments(e.SettlementProposed))),
        ]
        Ledger.fold(chain([*start, event]))


def _plain(kind: str) -> object:
    if kind == "bool":
        return True
    return 1 if kind.startswith("uint") else bytes({"address": 20, "bytes": 22}.get(kind, 32))
