"""Each rule of ruleset 1, with sums worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED
from provenance.domain.settlement import carry as carried
from provenance.domain.settlement.carry import Hold
from provenance.domain.settlement.facts import Attributed, Ruling
from provenance.domain.splits import Split
from provenance.domain.usage import Outcome, Unit
from provenance.types import Bps, UnixMs, UnixSeconds
from tests.fakes.epochs import FEE_PAYEE, World, account, caused, name, paid, place

WHOLE = 1_000_000


def two(**more: object) -> tuple[World, bytes, bytes, bytes]:
    """A license at 100 a unit with two opened recordings."""
    world = World(**more)
    license_ = world.license("L")
    first, second = world.recording("r1"), world.recording("r2")
    world.open(license_, first, second)
    return world, license_, first, second


# --- rules 1 to 3


def test_every_signed_output_is_owed_and_delivered_ones_share_by_weight() -> None:
    world, license_, first, second = two()
    world.fund(license_, 1_000)
    world.used(license_, {first: 700_000, second: 300_000}, {first: WHOLE})
    world.used(license_, {second: WHOLE}, outcome=Outcome.REJECTED)
    decision = world.decide()
    [pot] = decision.pots
    # due 3 x 100; fee 5 % = 15; 285 by 1.7 : 0.3 = 242.25 and 42.75: the odd unit to the larger remainder
    assert (pot.due, pot.gross, pot.fee, pot.held, pot.pot, pot.owed) == (300, 300, 15, 0, 285, 0)
    assert paid(decision) == {account("r1"): 242, account("r2"): 43}
    assert decision.carry.cumulative[FEE_PAYEE] == 15
    assert decision.carry.spent[license_] == 300


def test_drafts_and_refunds_are_owed_and_score_nothing() -> None:
    world, license_, first, second = two()
    world.fund(license_, 10_000)
    world.used(license_, {first: WHOLE})
    world.used(license_, {second: WHOLE}, outcome=Outcome.DRAFT, units=50)
    world.used(license_, {second: WHOLE}, outcome=Outcome.REFUNDED, units=10)
    decision = world.decide()
    assert decision.pots[0].due == 6_100
    assert paid(decision) == {account("r1"): 5_795}


def test_use_that_is_free_is_counted_and_owes_nothing() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L", per_unit=0)
    first = world.recording("r1")
    world.open(license_, first)
    world.fund(license_, 700, at=4)
    world.used(license_, {first: WHOLE}, at=10)
    decision = world.decide()
    assert paid(decision) == {}
    assert (decision.pots[0].due, decision.pots[0].balance) == (0, 700)


def test_shares_follow_the_splits_of_each_dataset() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L")
    first = world.recording("r1", split={"singer": 7_000, "studio": 3_000})
    second = world.recording("r2", split={"studio": 10_000})
    world.open(license_, first, second)
    world.fund(license_, 1_000)
    world.used(license_, {first: 500_000, second: 500_000})
    assert paid(world.decide()) == {account("singer"): 35, account("studio"): 65}


def test_money_that_is_missing_stays_owed_to_the_same_payees_oldest_first() -> None:
    world, license_, first, second = two()
    world.fund(license_, 200)
    world.used(license_, {first: WHOLE}, {first: WHOLE}, {first: WHOLE})
    decision = world.decide()
    [pot] = decision.pots
    # 300 due, 200 there: two thirds of the fee of 15 and of the share of 285
    assert (pot.gross, pot.fee, pot.pot, pot.owed) == (200, 10, 190, 100)
    assert decision.carry.debts == (carried.Debt(license_, 1, 5, ((account("r1"), 95),)),)
    later = world.next(decision, cutoff=60)
    later.fund(license_, 150, at=55)
    later.used(license_, {second: WHOLE}, at=56)
    second_epoch = later.decide()
    [pot] = second_epoch.pots
    assert (pot.due, pot.arrears, pot.balance, pot.gross, pot.owed) == (100, 100, 150, 150, 50)
    # 100 of the old due in full (fee 5, r1 95), half of the new (fee 2 floored, r2 48)
    assert paid(second_epoch) == {account("r1"): 95, account("r2"): 48}
    assert second_epoch.carry.debts == (carried.Debt(license_, 2, 3, ((account("r2"), 47),)),)
    assert {credit.due_epoch for credit in second_epoch.credits if credit.payee == account("r1")} == {1}


def test_two_sessions_that_overdraw_share_exactly_what_was_funded() -> None:
    world, license_, first, second = two()
    world.fund(license_, 777)
    world.used(license_, *[{first: WHOLE}] * 6)
    world.used(license_, *[{second: WHOLE}] * 5)
    decision = world.decide()
    assert decision.pots[0].owed == 1_100 - 777
    assert sum(credit.amount for credit in decision.credits) == 777


def test_what_is_not_due_stays_and_goes_back_after_the_end_and_the_grace() -> None:
    world = World(grace_s=1_000)
    license_ = world.license("L", end=49)
    first = world.recording("r1")
    world.open(license_, first)
    world.fund(license_, 500)
    world.used(license_, {first: WHOLE})
    decision = world.decide()
    assert caused(decision, "refund") == 0  # 50,000 is the end + grace, not past it
    after = world.next(decision, cutoff=51).decide()
    [refund] = after.credits
    assert (refund.cause, refund.payee, refund.amount) == ("refund", account("licensee of L"), 400)
    assert world.next(after, cutoff=52).next(after, cutoff=53).decide().credits == ()


def test_money_under_a_memo_that_is_no_license_goes_back_once() -> None:
    world = World()
    world.fund(name("nothing"), 30, sender="a")
    world.fund(name("nothing"), 12, sender="b")
    decision = world.decide()
    assert {(credit.payee, credit.amount) for credit in decision.credits} == {(account("a"), 30), (account("b"), 12)}
    later = world.next(decision, cutoff=60)
    later.fund(name("nothing"), 5, at=55, sender="a")
    assert [credit.amount for credit in later.decide().credits] == [5]


# --- gates


def test_copies_of_one_holder_are_paid_once_by_the_first_registered() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L")
    late = world.recording("late", cluster=name("same"), registered=place(7))
    early = world.recording("early", cluster=name("same"), registered=place(5))
    world.open(license_, late, early, at=8)
    world.fund(license_, 100)
    world.used(license_, {late: WHOLE})
    assert paid(world.decide()) == {account("early"): 100}


def test_a_disputed_cluster_is_held_until_a_ruling_names_its_holder() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L")
    thief = world.recording("thief", cluster=name("same"), holder="thief", registered=place(5))
    victim = world.recording("victim", cluster=name("same"), holder="victim", registered=place(6))
    other = world.recording("other")
    world.open(license_, thief, victim, other, at=8)
    world.fund(license_, 1_000)
    world.used(license_, {thief: 600_000, other: 400_000})
    decision = world.decide()
    assert paid(decision) == {account("other"): 40}
    assert (decision.pots[0].held, decision.pots[0].gross) == (60, 100)
    assert decision.carry.holds == {Hold("cluster", name("same")): 60}
    later = replace(world.next(decision, cutoff=60), ruling=Ruling(clusters={name("same"): account("victim")}))
    later.used(license_, {thief: WHOLE}, at=55)
    ruled = later.decide()
    assert caused(ruled, "ruling") == 60
    assert paid(ruled) == {account("victim"): 100}
    assert ruled.carry.cumulative[account("victim")] == 160
    assert not ruled.carry.holds


def test_a_weight_on_a_recording_without_a_passing_report_is_charged_and_held() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L")
    good, bad = world.recording("good"), world.recording("bad", verdict=2)
    unjudged = world.recording("unjudged", verdict=None)
    world.open(license_, good, bad, unjudged)
    world.fund(license_, 1_000)
    world.used(license_, {good: WHOLE}, {good: 500_000, bad: 500_000}, {unjudged: WHOLE})
    decision = world.decide()
    assert paid(decision) == {account("good"): 100}
    assert decision.pots[0].held == 200
    assert [one.reason for one in decision.judged.accounts[license_].rejected] == ["no-passing-report"] * 2


# --- rule 4


def test_weights_that_the_terms_do_not_name_fall_back_to_all_opened_clusters_equally() -> None:
    world, license_, first, _second = two(fee_bps=0)
    world.fund(license_, 10_000)
    world.used(license_, {first: WHOLE}, attribution_method=7)
    world.used(license_, {first: WHOLE}, quality_ppm=499_999)
    world.used(license_, None)
    decision = world.decide()
    assert paid(decision) == {account("r1"): 150, account("r2"): 150}
    assert decision.pots[0].forced == {"method-not-named": 1, "quality-too-low": 1, "no-weights": 1}


def test_weights_without_a_method_are_no_weights() -> None:
    world, license_, first, _ = two()
    world.used(license_, {first: WHOLE}, attribution_method=0)
    assert world.decide().pots[0].forced == {"no-weights": 1}


def test_unattributed_goes_to_the_fallback_and_elsewhere_to_nobody_here() -> None:
    world, license_, first, _second = two(fee_bps=0)
    world.fund(license_, 10_000)
    world.used(license_, {first: 400_000, UNATTRIBUTED: 200_000, ELSEWHERE: 400_000})
    # r1: 0.4 + 0.1, r2: 0.1; elsewhere is scored by the other license's receipt
    assert paid(world.decide()) == {account("r1"): 83, account("r2"): 17}


def test_a_named_attributor_replaces_the_licensees_word() -> None:
    world = World(fee_bps=0)
    lab = account("lab")
    license_ = world.license("L", attributor=lab)
    first, second = world.recording("r1"), world.recording("r2")
    world.open(license_, first, second)
    world.fund(license_, 10_000)
    session = world.used(license_, {first: WHOLE}, {first: WHOLE})
    receipts = [use.receipt.receipt_id for use in world.segments[0].uses]
    world.attributed[receipts[0], lab] = Attributed(receipts[0], lab, 1, 600_000, ((second, WHOLE),))
    decision = world.decide()
    # one receipt by the lab's weights (r2), one without: equally
    assert paid(decision) == {account("r1"): 50, account("r2"): 150}
    assert decision.pots[0].forced == {"no-attribution": 1}
    world.attributed[receipts[1], lab] = Attributed(receipts[1], lab, 1, 600_000, ((name("foreign"), WHOLE),))
    assert world.decide().pots[0].forced == {"weights-do-not-hold": 1}
    del world.attributed[receipts[1], lab]
    friend = account("friend")
    world.attributed[receipts[1], friend] = Attributed(receipts[1], friend, 1, 600_000, ((first, WHOLE),))
    assert world.decide().pots[0].forced == {"no-attribution": 1}
    assert session in world.sessions


def test_nothing_to_share_by_is_held_and_a_ruling_on_the_license_releases_it() -> None:
    world = World(fee_bps=1_000)
    license_ = world.license("L")
    world.fund(license_, 1_000)
    world.used(license_, None)
    decision = world.decide()
    assert (decision.pots[0].held, decision.pots[0].pot, decision.pots[0].fee) == (90, 0, 10)
    ruling = Ruling(licenses={license_: (Split(account("a"), Bps(2_500)), Split(account("b"), Bps(7_500)))})
    after = replace(world.next(decision, cutoff=60), ruling=ruling).decide()
    # 22.5 and 67.5: the tie goes to the lower hash
    assert sorted(credit.amount for credit in after.credits) in ([22, 68], [23, 67])
    assert caused(after, "ruling") == 90


# --- rule 6


@pytest.mark.parametrize(("anchored", "reason"), [(20, None), (22, None), (23, "consent-withdrawn")])
def test_a_use_precedes_a_revocation_only_if_anchored_within_the_grace(anchored: int, reason: str | None) -> None:
    world = World(fee_bps=0, grace_s=2_000)
    license_ = world.license("L")
    hers = world.recording("hers", consents=(world.consent("her word", revoked=20),))
    his = world.recording("his", consents=(world.consent("his word"),))
    world.open(license_, hers, his)
    world.fund(license_, 1_000)
    world.used(license_, {hers: WHOLE}, {his: WHOLE}, at=anchored)
    decision = world.decide()
    rejected = decision.judged.accounts[license_].rejected
    assert [one.reason for one in rejected] == ([reason] if reason else [])
    assert [one.about for one in rejected] == ([name("her word")] if reason else [])
    assert decision.pots[0].due == 200
    assert decision.pots[0].held == (100 if reason else 0)
    assert paid(decision)[account("his")] == 100


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit": Unit.AUDIO_MS}, "wrong-unit"),
        ({"occurred_at_ms": UnixMs(3_999_999)}, "bad-time"),
        ({"occurred_at_ms": UnixMs(10_300_001)}, "bad-time"),
        ({"purpose": 4}, "purpose-not-licensed"),
        ({"purpose": 6}, "purpose-not-single"),
        ({"attribution_root": name("other")}, "bad-weights"),
        ({"corrects": name("nothing")}, "bad-correction"),
    ],
)
def test_telling_a_receipt_wrongly_never_costs_less(change: dict[str, object], reason: str) -> None:
    world, license_, first, _ = two(fee_bps=0)
    world.fund(license_, 1_000)
    world.used(license_, {first: WHOLE}, **change)
    decision = world.decide()
    [rejected] = decision.judged.accounts[license_].rejected
    assert (rejected.reason, rejected.units) == (reason, 1)
    assert (decision.pots[0].due, decision.pots[0].held, decision.pots[0].pot) == (100, 100, 0)


def test_weights_that_do_not_sum_and_recordings_never_opened_are_rejected() -> None:
    world, license_, first, _ = two(fee_bps=0)
    foreign = world.recording("foreign")
    late = world.recording("late")
    world.open(license_, late, at=11)
    world.fund(license_, 1_000)
    world.used(license_, {first: 999_999}, {foreign: WHOLE}, {late: WHOLE}, {first: WHOLE}, at=10)
    decision = world.decide()
    reasons = [one.reason for one in decision.judged.accounts[license_].rejected]
    assert reasons == ["bad-weights", "never-opened", "never-opened"]
    assert decision.pots[0].held == 300
    assert set(decision.carry.holds.values()) == {100}


def test_a_ruling_names_who_receives_a_rejected_receipts_money() -> None:
    world, license_, first, _ = two(fee_bps=0)
    world.fund(license_, 1_000)
    world.used(license_, {first: 999_999})
    decision = world.decide()
    [hold] = decision.carry.holds
    ruling = Ruling(receipts={hold.id: (Split(account("r2"), Bps(10_000)),)})
    after = replace(world.next(decision, cutoff=60), ruling=ruling).decide()
    assert {credit.payee: credit.amount for credit in after.credits} == {account("r2"): 100}


def test_a_territory_outside_the_terms_is_rejected() -> None:
    world = World()
    license_ = world.license("L", territories=("EU",))
    first = world.recording("r1")
    world.open(license_, first)
    world.used(license_, {first: WHOLE}, territory=b"US")
    assert [one.reason for one in world.decide().judged.accounts[license_].rejected] == ["territory-not-licensed"]


def test_past_max_units_nothing_is_due() -> None:
    world, license_, first, _ = two(fee_bps=0)
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=3)
    world.segment(session, *(world.use(session, seq, {first: WHOLE}, units=2) for seq in range(3)), last=True)
    decision = world.decide()
    # 2 counted, 1 of the next receipt's 2 within the limit and held, the third free
    assert (decision.pots[0].due, decision.pots[0].pot, decision.pots[0].held) == (300, 200, 100)
    assert [one.units for one in decision.judged.accounts[license_].rejected] == [1, 0]


def test_a_stolen_session_counts_up_to_its_revocation_and_the_grace() -> None:
    world, license_, first, _ = two(fee_bps=0, grace_s=1_000)
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=5)
    world.sessions[session] = replace(world.sessions[session], revoked_at=UnixSeconds(20_000), end=UnixSeconds(20_000))
    world.segment(session, world.use(session, 0, {first: WHOLE}), at=21)
    world.segment(session, world.use(session, 1, {first: WHOLE}, units=9), at=22)
    decision = world.decide()
    [rejected] = decision.judged.accounts[license_].rejected
    assert (rejected.reason, rejected.units) == ("session-revoked", 4)
    assert decision.pots[0].due == 500  # never more than maxUnits


def test_a_receipt_made_after_its_session_ended_is_rejected() -> None:
    world, license_, first, _ = two()
    session = world.session(license_, until=6)
    world.segment(
        session,
        world.use(session, 0, {first: WHOLE}, occurred_at_ms=UnixMs(6_000_999)),
        world.use(session, 1, {first: WHOLE}, occurred_at_ms=UnixMs(6_001_000)),
        last=True,
    )
    assert [one.reason for one in world.decide().judged.accounts[license_].rejected] == ["bad-time"]


def test_the_first_opening_of_a_recording_counts() -> None:
    world = World()
    license_ = world.license("L")
    first = world.recording("r1")
    for at in (20, 3, 15):
        world.open(license_, first, at=at)
    world.used(license_, {first: WHOLE}, at=10)
    assert world.decide().judged.accounts[license_].rejected == []


# --- sessions


def test_silence_is_charged_whole_and_the_unreported_part_is_shared_by_the_fallback() -> None:
    world, license_, first, _second = two()
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=10, until=40)
    world.segment(session, *(world.use(session, seq, {first: WHOLE}) for seq in range(4)))
    decision = world.decide()
    [pot] = decision.pots
    # 10 units due; fee 50; of 950 four tenths by score (380 to r1), six tenths equally (285 each)
    assert (pot.due, pot.fee, pot.account.unreported) == (1_000, 50, 6)
    assert paid(decision) == {account("r1"): 665, account("r2"): 285}
    assert decision.carry.cursors[session].closed == carried.CHARGED
    late = world.next(decision, cutoff=60)
    late.segment(session, world.use(session, 4, {first: WHOLE}), at=55, last=True)
    after = late.decide()
    assert after.credits == ()
    assert [one.reason for one in after.judged.accounts[license_].rejected] == ["session-closed"]


def test_a_session_is_not_charged_before_its_end_and_grace_are_past() -> None:
    world, license_, first, _ = two(grace_s=1_000)
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=10, until=49)
    world.segment(session, world.use(session, 0, {first: WHOLE}))
    decision = world.decide()
    assert decision.pots[0].due == 100
    assert world.next(decision, cutoff=51).decide().pots[0].due == 900


def test_a_gap_before_the_last_segment_is_listed_and_charged() -> None:
    world, license_, first, _ = two()
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=10, until=40)
    world.segment(session, world.use(session, 0, {first: WHOLE}))
    world.segment(session, world.use(session, 3, {first: WHOLE}), last=True)
    decision = world.decide()
    assert decision.carry.cursors[session].missing == ((1, 2),)
    assert (decision.pots[0].due, decision.pots[0].account.unreported) == (1_000, 8)


def test_a_gap_filled_in_time_costs_only_what_was_used() -> None:
    world, license_, first, _ = two()
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=10, until=40)
    world.segment(session, world.use(session, 0, {first: WHOLE}), at=10)
    world.segment(session, world.use(session, 2, {first: WHOLE}), at=11, last=True)
    world.segment(session, world.use(session, 1, {first: WHOLE}), at=12)
    decision = world.decide()
    assert decision.pots[0].due == 300
    assert decision.carry.cursors[session].closed == carried.COMPLETE


def test_the_same_segment_twice_counts_once_and_other_bytes_in_its_place_cost_everything() -> None:
    world, license_, first, second = two()
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=10)
    world.segment(session, world.use(session, 0, {first: WHOLE}), at=10)
    world.segments.append(replace(world.segments[0], at=place(11)))
    decision = world.decide()
    assert decision.pots[0].due == 100
    world.segment(session, world.use(session, 0, {second: WHOLE}), at=12)
    decision = world.decide()
    assert (decision.pots[0].due, decision.pots[0].account.unreported) == (1_000, 9)
    assert [one.reason for one in decision.judged.accounts[license_].rejected] == ["two-in-one-place"]


def test_a_session_that_never_reported_anything_is_charged_too() -> None:
    world, license_, _, _ = two(fee_bps=0)
    world.fund(license_, 10_000)
    world.session(license_, max_units=10, until=40)
    decision = world.decide()
    assert paid(decision) == {account("r1"): 500, account("r2"): 500}


def test_a_segment_that_cannot_be_read_is_charged_as_signed() -> None:
    world, license_, first, _ = two(fee_bps=0)
    world.fund(license_, 10_000)
    session = world.session(license_, max_units=10)
    world.segment(session, world.use(session, 0, {first: WHOLE}, units=3), last=True)
    world.segments[0] = replace(world.segments[0], uses=(), fault="wrong-root")
    decision = world.decide()
    assert (decision.pots[0].due, decision.pots[0].held) == (300, 300)


# --- rule 8


def test_a_correction_in_the_same_epoch_replaces_what_it_corrects() -> None:
    world, license_, first, second = two(fee_bps=0)
    world.fund(license_, 10_000)
    session = world.session(license_)
    wrong = world.use(session, 0, {first: WHOLE})
    right = world.use(
        session, 1, {second: WHOLE}, corrects=wrong.receipt.receipt_id, output_commit=wrong.receipt.output_commit
    )
    again = world.use(
        session, 2, {first: WHOLE}, corrects=wrong.receipt.receipt_id, output_commit=wrong.receipt.output_commit
    )
    world.segment(session, wrong, right, last=True)
    decision = world.decide()
    assert decision.pots[0].due == 100
    assert paid(decision) == {account("r2"): 100}
    world.segments.clear()
    world.last.clear()
    world.segment(session, wrong, right, again, last=True)
    decision = world.decide()
    assert [one.reason for one in decision.judged.accounts[license_].rejected] == ["bad-correction"]


def test_a_later_correction_gives_only_what_it_recovers_and_carries_the_rest() -> None:
    world, license_, first, second = two(fee_bps=0)
    third = world.recording("r3")
    world.open(license_, third)
    world.fund(license_, 100_000)
    session = world.session(license_)
    wrong = world.use(session, 0, {first: WHOLE}, units=10)
    world.segment(session, wrong)
    decision = world.decide()
    assert paid(decision) == {account("r1"): 1_000}
    later = replace(world.next(decision, cutoff=60), earlier={wrong.receipt.receipt_id: wrong})
    right = later.use(
        session,
        1,
        {second: WHOLE},
        units=10,
        corrects=wrong.receipt.receipt_id,
        output_commit=wrong.receipt.output_commit,
    )
    later.segment(session, right, later.use(session, 2, {first: 400_000, third: 600_000}, units=10), at=55)
    after = later.decide()
    # r1 earned 4 of 10 now and lost 10: the 4 go to r2, 6 are carried; r3 is untouched
    assert paid(after) == {account("r2"): 400, account("r3"): 600}
    [left] = after.carry.moves
    assert (left.loser, left.gainer, left.score) == (first, second, 6 * WHOLE)
    assert after.carry.cumulative[account("r1")] == 1_000
    third_epoch = later.next(after, cutoff=70)
    third_epoch.segment(session, third_epoch.use(session, 3, {first: WHOLE}, units=10), at=65, last=True)
    final = third_epoch.decide()
    assert paid(final) == {account("r1"): 400, account("r2"): 600}
    assert final.carry.moves == ()


def test_a_ruling_is_one_document_and_the_later_word_counts() -> None:
    first = Ruling({name("c"): account("a")}, {name("r"): (Split(account("b"), Bps(10_000)),)})
    assert Ruling.parse(first.encode()) == first
    later = Ruling({name("c"): account("z")}, {}, {name("L"): (Split(account("b"), Bps(10_000)),)})
    both = first.then(later)
    assert (both.clusters, both.receipts, both.licenses) == (later.clusters, first.receipts, later.licenses)


def test_a_third_attributors_word_is_corrected_within_its_epoch_only() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L", attributor=account("lab"))
    first = world.recording("r1")
    world.open(license_, first)
    world.fund(license_, 10_000)
    session = world.session(license_)
    wrong = world.use(session, 0, {first: WHOLE})
    how = {"corrects": wrong.receipt.receipt_id, "output_commit": wrong.receipt.output_commit}
    refund = world.use(session, 1, {first: WHOLE}, outcome=Outcome.REFUNDED, **how)
    world.segment(session, wrong)
    later = replace(world.next(world.decide(), cutoff=60), earlier={wrong.receipt.receipt_id: wrong})
    later.segment(session, refund, at=55, last=True)
    assert [one.reason for one in later.decide().judged.accounts[license_].rejected] == ["bad-correction"]
    world.segment(session, refund, last=True)
    assert world.decide().judged.accounts[license_].rejected == []


# --- empty


def test_an_empty_epoch_pays_nobody_and_divides_by_nothing() -> None:
    decision = World().decide()
    assert (decision.credits, decision.pots, decision.carry.total) == ((), (), 0)


def test_a_license_that_only_has_money_is_listed_and_keeps_it() -> None:
    world = World()
    license_ = world.license("L")
    world.fund(license_, 55)
    [pot] = world.decide().pots
    assert (pot.due, pot.balance, pot.gross) == (0, 55, 0)


def test_a_license_that_has_nothing_and_used_is_listed_with_what_it_owes() -> None:
    world, license_, first, _ = two()
    world.used(license_, {first: WHOLE})
    decision = world.decide()
    [pot] = decision.pots
    assert (pot.due, pot.gross, pot.owed, decision.credits) == (100, 0, 100, ())
