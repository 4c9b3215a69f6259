"""The last second, the first of two and the second of two: where a rule of the settlement is easily off by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.domain.settlement.facts import Ruling
from provenance.domain.usage import Use
from provenance.types import UnixMs, UnixSeconds
from tests.fakes.epochs import World, account, caused, name, paid, place

WHOLE = 1_000_000


def rejected(world: World, license_: bytes) -> list[tuple[str, bytes]]:
    return [(one.reason, one.about) for one in world.decide().judged.accounts[license_].rejected]


# --- consents; the grace is 2 s, and block n stands at second 1,000 n


@pytest.mark.parametrize(("anchored", "counts"), [(20, True), (22, True), (23, False)])
def test_a_use_precedes_a_consents_end_only_if_anchored_within_the_grace(anchored: int, counts: bool) -> None:
    world = World(fee_bps=0, grace_s=2_000)
    license_ = world.license("L")
    over = replace(world.consent("her word"), not_after=UnixSeconds(20_000))
    hers = world.recording("hers", consents=(over,))
    world.open(license_, hers)
    world.fund(license_, 1_000)
    world.used(license_, {hers: WHOLE}, at=anchored)
    decision = world.decide()
    assert rejected(world, license_) == ([] if counts else [("consent-expired", name("her word"))])
    assert (decision.pots[0].due, decision.pots[0].held) == (100, 0 if counts else 100)


@pytest.mark.parametrize(("begins_s", "counts"), [(20_000, True), (20_001, False)])
def test_no_grace_lies_before_a_consent_begins(begins_s: int, counts: bool) -> None:
    world = World(grace_s=2_000)
    license_ = world.license("L")
    hers = world.recording("hers", consents=(replace(world.consent("her word"), not_before=UnixSeconds(begins_s)),))
    world.open(license_, hers)
    world.used(license_, {hers: WHOLE}, at=20)
    assert rejected(world, license_) == ([] if counts else [("consent-not-yet", name("her word"))])


@pytest.mark.parametrize(("cutoff", "shares"), [(22, True), (23, False)])
@pytest.mark.parametrize("end", ["expired", "withdrawn"])
def test_the_fallback_shares_with_a_consent_until_its_end_and_the_grace(end: str, cutoff: int, shares: bool) -> None:
    world = World(fee_bps=0, grace_s=2_000, cutoff=cutoff)
    license_ = world.license("L")
    over = world.consent("her word", revoked=20 if end == "withdrawn" else None)
    over = replace(over, not_after=UnixSeconds(20_000)) if end == "expired" else over
    hers, his = world.recording("hers", consents=(over,)), world.recording("his")
    world.open(license_, hers, his)
    world.fund(license_, 1_000)
    world.used(license_, None, at=10)
    assert paid(world.decide()) == ({account("hers"): 50, account("his"): 50} if shares else {account("his"): 100})


@pytest.mark.parametrize(("made_ms", "counts"), [(5_999, False), (6_000, True), (8_999, True), (9_000, False)])
def test_terms_count_from_their_first_to_their_last_second(made_ms: int, counts: bool) -> None:
    world = World(grace_s=2_000)
    license_ = world.license("L", not_before=UnixSeconds(4_006), not_after=UnixSeconds(4_008))
    first = world.recording("r1")
    world.open(license_, first)
    world.used(license_, {first: WHOLE}, occurred_at_ms=UnixMs(4_000_000 + made_ms))
    assert rejected(world, license_) == ([] if counts else [("terms-not-in-force", license_)])


# --- corrections


def correction(world: World, session: bytes, seq: int, of: Use, weights: dict[bytes, int], **more: object) -> Use:
    receipt = of.receipt
    told = {"corrects": receipt.receipt_id, "output_commit": receipt.output_commit} | more
    return world.use(session, seq, weights, **told)


def corrected(world: World) -> tuple[bytes, bytes, bytes, bytes, tuple[Use, Use]]:
    """(license, two recordings, session, a receipt and its correction)."""
    license_ = world.license("L")
    first, second = world.recording("r1"), world.recording("r2")
    world.open(license_, first, second)
    world.fund(license_, 10_000)
    session = world.session(license_)
    wrong = world.use(session, 0, {first: WHOLE})
    return license_, first, second, session, (wrong, correction(world, session, 1, wrong, {second: WHOLE}))


@pytest.mark.parametrize("epoch", ["the same", "the next"])
@pytest.mark.parametrize("of", ["the correction", "the receipt again"])
def test_neither_a_correction_nor_what_is_corrected_is_corrected_again(epoch: str, of: str) -> None:
    world = World(fee_bps=0)
    license_, first, _, session, (wrong, right) = corrected(world)
    target = right if of == "the correction" else wrong
    again = correction(world, session, 2, target, {first: WHOLE})
    if epoch == "the same":
        world.segment(session, wrong, right, again, last=True)
    else:
        world.segment(session, wrong, right)
        earlier = {one.receipt.receipt_id: one for one in (wrong, right)}
        world = replace(world.next(world.decide(), cutoff=60), earlier=earlier)
        world.segment(session, again, at=55, last=True)
    assert rejected(world, license_) == [("bad-correction", target.receipt.receipt_id)]
    assert paid(world.decide()).get(account("r1"), 0) == 0


@pytest.mark.parametrize("change", [{"units": 2}, {"output_commit": name("another output")}])
def test_a_correction_keeps_the_output_and_the_units_of_what_it_corrects(change: dict[str, object]) -> None:
    world = World()
    license_, _, second, session, (wrong, _) = corrected(world)
    told = correction(world, session, 1, wrong, {second: WHOLE}, **change)
    world.segment(session, wrong, told, last=True)
    assert rejected(world, license_) == [("bad-correction", wrong.receipt.receipt_id)]


def test_a_correction_before_what_it_corrects_is_rejected() -> None:
    world = World()
    license_, first, second, session, _ = corrected(world)
    later = world.use(session, 1, {first: WHOLE})
    sooner = correction(world, session, 0, later, {second: WHOLE})
    world.segment(session, sooner, later, last=True)
    assert rejected(world, license_) == [("bad-correction", later.receipt.receipt_id)]


# --- copies


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ({"registered": place(5), "index": 9}, {"registered": place(6), "index": 0}),
        ({"registered": place(5, 3), "index": 9}, {"registered": place(5, 4), "index": 0}),
        ({"registered": place(5), "index": 2}, {"registered": place(5), "index": 3}),
    ],
    ids=["block", "log", "index"],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_of_copies_the_first_registered_is_paid_and_of_one_dataset_the_lowest_index(
    early: dict[str, object], late: dict[str, object], swapped: bool
) -> None:
    world = World(fee_bps=0)
    license_ = world.license("L")
    copies = {"early": early, "late": late}
    for text in reversed(copies) if swapped else copies:
        world.recording(text, cluster=name("same"), **copies[text])
    world.open(license_, *world.recordings, at=8)
    world.fund(license_, 100)
    world.used(license_, {name("late"): WHOLE})
    assert paid(world.decide()) == {account("early"): 100}


def test_a_ruling_pays_the_first_that_the_named_holder_registered() -> None:
    world = World(fee_bps=0)
    license_ = world.license("L")
    for text, holder, at, index in (("theirs", "thief", 5, 0), ("late", "victim", 7, 1), ("early", "victim", 6, 8)):
        world.recording(text, cluster=name("same"), holder=holder, registered=place(at), index=index)
    world.open(license_, *world.recordings, at=8)
    world.fund(license_, 100)
    world.used(license_, {name("theirs"): WHOLE})
    decision = world.decide()
    ruled = replace(world.next(decision, cutoff=60), ruling=Ruling(clusters={name("same"): account("victim")}))
    assert caused(ruled.decide(), "ruling") == 100
    assert ruled.decide().carry.cumulative[account("early")] == 100
