"""The state at a block is the same, whatever came after it; who may change what."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from provenance.domain import events as e
from provenance.domain.ledger import DATASET_ACTIVE, DATASET_HALTED, DATASET_SUSPENDED, BrokenHistory, Ledger, Logged
from provenance.types import BlockNumber, DatasetId, UnixSeconds, Wei
from tests.documents import HOLDER, VOICE, word
from tests.facts import DATASET, LICENSE, LICENSEE, block, chain, granted, registered

ID, STRANGER = word("consent"), word("stranger")[:20]


def status(value: int, by: bytes = b"\x01" * 20) -> e.DatasetStatusChanged:
    return e.DatasetStatusChanged(DATASET, by, value, word("ruling"), UnixSeconds(0))


def ended(at: int) -> e.LicenseTerminated:
    return e.LicenseTerminated(LICENSE, LICENSEE.address, word("why"), UnixSeconds(at))


HISTORY = st.lists(
    st.sampled_from(
        [
            status(DATASET_ACTIVE),
            status(DATASET_SUSPENDED),
            status(DATASET_HALTED),
            e.DatasetTransferred(DATASET, HOLDER.address, VOICE.address),
            e.SplitSet(DATASET, word("split"), UnixSeconds(1_800_000_500)),
            e.ConsentRevoked(ID, VOICE.address, word("r"), UnixSeconds(0)),
            e.ConsentRevoked(ID, STRANGER, word("r"), UnixSeconds(0)),
            e.DigestApproved(VOICE.address, ID),
            ended(1_800_000_300),
            ended(1_800_000_200),
            e.Funded(LICENSEE.address, LICENSE, Wei(7)),
            e.Funded(LICENSEE.address, word("other"), Wei(5)),
            e.MeterAdmitted(STRANGER),
            e.MeterRemoved(STRANGER),
            e.SessionRevoked(ID, LICENSEE.address, UnixSeconds(0)),
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
        dataset.splits_set(UnixSeconds(1_800_000_600), at),
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


def test_a_veto_means_the_latest_proposal_of_its_epoch() -> None:
    proposal = e.SettlementProposed(1, word("root"), word("head"), word("manifest"), Wei(5), UnixSeconds(9))
    said = [proposal, e.SettlementVetoed(1, STRANGER, word("why")), proposal]
    first, second = Ledger.fold(chain(said)).settlements
    assert (first.rejected, second.rejected) == (True, False)
    upheld = [*said, e.SettlementChallenged(1, STRANGER, word("why")), e.ChallengeResolved(1, True, STRANGER)]
    assert Ledger.fold(chain(upheld)).settlements[1].rejected
    dismissed = [*said, e.SettlementChallenged(1, STRANGER, word("why")), e.ChallengeResolved(1, False, STRANGER)]
    assert not Ledger.fold(chain(dismissed)).settlements[1].rejected


def test_a_dismissed_challenge_starts_the_whole_window_anew() -> None:
    window = 3_600
    first = UnixSeconds(block(1).time + window)
    proposal = e.SettlementProposed(1, word("root"), word("head"), word("manifest"), Wei(5), first)
    rounds = [e.SettlementChallenged(1, STRANGER, word("why")), e.ChallengeResolved(1, False, STRANGER)]
    standing = [
        (one.active_at - block(number).time, one.disputed)
        for number in range(1, 6)
        for [one] in [Ledger.fold(chain([proposal, *rounds, *rounds][:number])).settlements]
    ]
    assert standing == [(window, False), (window - 10, True), (window, False), (window - 10, True), (window, False)]


@pytest.mark.parametrize("event", [status(2), ended(1), e.SettlementVetoed(1, STRANGER, word("why"))])
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
    return 1 if kind.startswith("uint") else bytes(20 if kind == "address" else 32)
