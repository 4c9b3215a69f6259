"""Whatever happens: nothing is created or lost, and whoever has the facts has the bytes."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

from provenance.domain import cid, merkle
from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED, quantize
from provenance.domain.canonical import BadDocument, parse
from provenance.domain.hashes import abi_words, keccak, sha256
from provenance.domain.settlement import deciding, documents, dues, snapshots, tables
from provenance.domain.settlement.carry import CHARGED, Carry, Cursor, Debt, Hold, Move, Settled
from provenance.domain.settlement.facts import Ruleset
from provenance.domain.settlement.rounding import NotExact, apportion, tie
from provenance.domain.usage import Outcome
from provenance.types import Address, Wei
from tests.fakes.epochs import World, account, name, place, python_count

WHOLE = 1_000_000
weights = st.dictionaries(st.binary(min_size=20, max_size=20), st.integers(0, 2**80), max_size=30)
amounts = st.integers(0, 2**100)


def _ties(given: dict[bytes, int]) -> dict[bytes, bytes]:
    return {key: tie(sha256(b"cutoff"), key) for key in given}


@given(amounts, weights)
def test_a_sum_is_shared_to_the_last_unit_and_nobody_is_off_by_one(amount: int, given_: dict[bytes, int]) -> None:
    total = sum(given_.values())
    if amount and not total:
        with pytest.raises(NotExact):
            apportion(amount, given_, _ties(given_))
        return
    shares = apportion(amount, given_, _ties(given_))
    assert sum(shares.values()) == amount
    for key, weight in given_.items():
        exact = Fraction(amount * weight, total) if total else 0
        assert abs(shares.get(key, 0) - exact) < 1
        assert weight or not shares.get(key)


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 5), st.integers(1, 5))
def test_many_small_accounts_gain_at_most_one_unit_each(amount: int, pieces: int, mine: int, others: int) -> None:
    whole = {b"me": mine * pieces, b"other": others}
    parts = {b"me%d" % i: mine for i in range(pieces)} | {b"other": others}
    gained = sum(share for key, share in apportion(amount, parts, _ties(parts)).items() if key != b"other")
    assert abs(gained - apportion(amount, whole, _ties(whole)).get(b"me", 0)) <= pieces


def test_equal_remainders_go_to_the_lowest_hash_of_cutoff_and_payee() -> None:
    payees = [account(f"p{i}") for i in range(5)]
    cutoff = sha256(b"cutoff")
    shares = apportion(7, dict.fromkeys(payees, 1), {payee: tie(cutoff, payee) for payee in payees})
    lucky = sorted(payees, key=lambda payee: keccak(cutoff + bytes(12) + payee))[:2]
    assert {payee for payee, share in shares.items() if share == 2} == set(lucky)
    assert tie(cutoff, payees[0]) == keccak(abi_words(cutoff, payees[0]))


@given(st.integers(0, 10**9), st.integers(0, 10_000), weights, st.lists(st.integers(0, 10**9), max_size=6))
def test_a_due_paid_in_parts_ends_as_if_it_were_paid_at_once(
    amount: int, fee_bps: int, given_: dict[bytes, int], parts: list[int]
) -> None:
    if not any(given_.values()):
        return
    debt = dues.due(
        name("L"),
        1,
        amount,
        fee_bps=fee_bps,
        weights={Address(key): weight for key, weight in given_.items()},
        cutoff=name("c"),
    )
    assert debt.total == amount
    assert debt.fee == amount * fee_bps // 10_000
    received: dict[object, int] = {}
    fee, owed = 0, [debt]
    for i, part in enumerate([*parts, amount]):
        before = sum(one.total for one in owed)
        paid, owed = dues.pay(owed, min(part, before), name(f"cutoff {i}"))
        assert sum(one.gross for one in paid) == min(part, before) == before - sum(one.total for one in owed)
        fee += sum(one.fee for one in paid)
        for one in paid:
            for key, share in one.shares.items():
                received[key] = received.get(key, 0) + share
    assert owed == []
    assert (fee, received) == (debt.fee, dict(debt.shares))


# --- whole epochs


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Licenses, recordings, copies, disputes, drafts, silences, foreign weights, too little money."""
    world = World(fee_bps=draw(st.integers(0, 3_000)), grace_s=draw(st.sampled_from([0, 1_000])))
    payees = [f"p{i}" for i in range(5)]
    recordings = []
    for i in range(draw(st.integers(1, 6))):
        cut = draw(st.integers(1, 9_999))
        split = dict(zip(draw(st.permutations(payees))[:2], (cut, 10_000 - cut), strict=True))
        revoked = draw(st.sampled_from([None, None, 9]))
        recordings.append(
            world.recording(
                f"r{i}",
                split=split,
                holder=draw(st.sampled_from(["h1", "h2"])),
                verdict=draw(st.sampled_from([0, 0, 0, 2])),
                cluster=name(f"c{draw(st.integers(0, 3))}"),
                registered=place(2, i),
                consents=(world.consent(f"word {i}", revoked=revoked),),
            )
        )
    for i in range(draw(st.integers(1, 3))):
        license_ = world.license(
            f"L{i}", per_unit=draw(st.sampled_from([0, 1, 7, 1_000_003])), end=draw(st.sampled_from([40, 900]))
        )
        world.open(license_, *draw(st.lists(st.sampled_from(recordings), max_size=6)))
        world.fund(license_, draw(st.integers(0, 10**7)))
        for nonce in range(draw(st.integers(0, 2))):
            session = world.session(
                license_,
                max_units=draw(st.integers(1, 40)),
                until=draw(st.sampled_from([30, 900])),
                nonce=100 * i + nonce,
            )
            uses = []
            for seq in range(draw(st.integers(0, 5))):
                sources = [*recordings, UNATTRIBUTED, ELSEWHERE]
                scores = draw(st.dictionaries(st.sampled_from(sources), st.integers(1, 9), max_size=3))
                uses.append(
                    world.use(
                        session,
                        seq,
                        dict(quantize(scores)) if scores else None,
                        units=draw(st.integers(0, 12)),
                        outcome=draw(st.sampled_from(Outcome)),
                    )
                )
            if uses:
                world.segment(session, *uses, last=draw(st.booleans()))
    if draw(st.booleans()):
        world.fund(name("no license"), draw(st.integers(1, 1_000)))
    return world


def _conserved(world: World, decision: deciding.Decision) -> None:
    funded = sum(one.received for one in world.fundings)
    carry = decision.carry
    assert carry.total + sum(carry.holds.values()) + (funded - sum(carry.spent.values())) == funded
    assert all(world_sum >= 0 for world_sum in carry.cumulative.values())
    for pot in decision.pots:
        assert pot.gross == min(pot.due + pot.arrears, pot.balance) == pot.fee + pot.held + pot.pot
        assert pot.owed == pot.due + pot.arrears - pot.gross
        assert pot.owed == sum(debt.total for debt in carry.debts if debt.license_id == pot.license.id)
    adjusting = sum(one.amount for one in decision.credits if one.cause in ("refund", "returned", "ruling"))
    assert decision.grown == sum(pot.pot + pot.fee for pot in decision.pots) + adjusting


@settings(max_examples=30, deadline=None)
@given(worlds(), worlds())
def test_nothing_is_created_or_lost_over_two_epochs(world: World, more: World) -> None:
    decision = world.decide()
    _conserved(world, decision)
    later = world.next(decision, cutoff=90)
    for funding in more.fundings:
        later.fundings.append(replace(funding, at=place(60)))
    after = later.decide()
    _conserved(later, after)
    for payee, before in decision.carry.cumulative.items():
        assert after.carry.cumulative[payee] >= before


@settings(max_examples=30, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_bytes(world: World, shuffler: random.Random) -> None:
    first = world.publish()
    for listed in (world.opened, world.fundings):
        shuffler.shuffle(listed)
    for mapped in ("licenses", "recordings", "sessions", "splits"):
        entries = list(getattr(world, mapped).items())
        shuffler.shuffle(entries)
        setattr(world, mapped, dict(entries))
    second = world.publish()
    assert (second.root, second.manifest, second.documents) == (first.root, first.manifest, first.documents)


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_what_is_published_is_enough_for_the_next_epoch(world: World) -> None:
    epoch = world.publish()
    assert snapshots.carry(epoch.documents) == epoch.decision.carry
    assert documents.publish(world.decide(), cid.of_raw, "python") == epoch


@settings(max_examples=40)  # slow to draw
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_how_receipts_are_cut_into_segments_changes_no_amount(cuts: list[int]) -> None:
    def world_of(sizes: list[int]) -> deciding.Decision:
        world = World()
        license_ = world.license("L", per_unit=997)
        recordings = [world.recording(f"r{i}") for i in range(3)]
        world.open(license_, *recordings)
        world.fund(license_, 5_000)
        session, seq = world.session(license_), 0
        for i, size in enumerate(sizes):
            uses = [world.use(session, seq + j, {recordings[(seq + j) % 3]: WHOLE}) for j in range(size)]
            seq += size
            world.segment(session, *uses, at=10 + i, last=i == len(sizes) - 1)
        return world.decide()

    assert world_of(cuts).credits == world_of([sum(cuts)]).credits


# --- the engine


def test_an_engine_that_loses_a_unit_makes_no_epoch() -> None:
    world = World()
    license_ = world.license("L")
    first = world.recording("r1")
    world.open(license_, first)
    world.used(license_, {first: WHOLE})

    def careless(rows: object) -> dict[tuple[bytes, bytes], int]:
        return {key: sum_ - 1 for key, sum_ in python_count(rows).items()}

    with pytest.raises(NotExact):
        deciding.decide(world.inputs(), careless)


# --- documents


def _world() -> World:
    world = World()
    license_ = world.license("L")
    first, second = world.recording("r1"), world.recording("r2")
    world.open(license_, first, second)
    world.fund(license_, 10_000)
    world.used(license_, {first: 750_000, second: 250_000}, {first: 999_999})
    return world


def test_every_payee_has_a_leaf_that_leads_to_the_root() -> None:
    epoch = _world().publish()
    _, rows = tables.parse(epoch.documents["tree"], "provenance/tree")
    leaves = [
        merkle.leaf(31337, b"\xd1" * 20, bytes.fromhex(str(row["payee"])[2:]), int(str(row["cumulative"])))
        for row in rows
    ]
    assert merkle.root(leaves) == epoch.root
    assert sum(int(str(row["cumulative"])) for row in rows) == epoch.total


def test_a_statement_says_what_was_earned_and_why() -> None:
    epoch = _world().publish()
    _, rows = tables.parse(epoch.documents["statements"], "provenance/statements")
    by_payee = {row["payee"]: row for row in rows}
    assert list(by_payee) == sorted(by_payee)
    # 200 due, fee 10, held 95, pot 95: 71.25 and 23.75
    row = by_payee["0x" + account("r1").hex()]
    assert (row["gross"], row["fee"], row["adjustments"], row["net"]) == ("71", "0", "0", "71")
    [share] = row["shares"]
    assert share["recordings"] == [{"recordingId": "0x" + name("r1").hex(), "score": "750000", "bps": 10_000}]
    assert share["dueEpoch"] == "1"
    assert (share["score"], share["scoreOfAll"]) == ("750000", "1000000")
    assert row["why"][0].startswith("71: 750000 of 1000000 points of score under license 0x")
    assert "weights by its licensee, method 1" in row["why"][0]
    assert sum(int(row["net"]) for row in rows) == int(parse(epoch.manifest, kind="provenance/epoch")["totalEpoch"])


def test_a_statement_does_not_call_a_draft_a_use_without_weights() -> None:
    world = World()
    license_, first = world.license("L"), world.recording("r1")
    world.fund(license_, 1_000)
    world.open(license_, first)
    world.used(license_, {first: 1_000_000}, outcome=Outcome.DRAFT, units=3)
    world.used(license_, {first: 1_000_000})
    _, rows = tables.parse(world.publish().documents["statements"], "provenance/statements")
    why = " ".join(line for row in rows for line in row["why"])
    assert "3 units were not delivered: owed, and nobody's score" in why
    assert "without weights" not in why


def test_the_manifest_names_every_document_by_address_and_root() -> None:
    epoch = _world().publish()
    manifest = parse(epoch.manifest, kind="provenance/epoch")
    for name_ in ("statements", "debts", "rejected"):
        data = epoch.documents[name_]
        assert manifest[name_]["cid"] == str(cid.of_raw(data))
        assert manifest[name_]["root"] == "0x" + tables.root(data).hex()
    for name_ in snapshots.NAMES:
        assert manifest["snapshots"][name_]["cid"] == str(cid.of_raw(epoch.documents[name_]))
    assert manifest["rejected"]["byReason"] == {"bad-weights": 1}
    assert manifest["tree"] == {
        "cid": str(cid.of_raw(epoch.documents["tree"])),
        "root": "0x" + epoch.root.hex(),
        "payees": 3,
        "format": "openzeppelin-standard-merkle-tree-v1",
    }
    assert manifest["bounds"]["bits"] == (2 * 750_000).bit_length()
    [pot] = manifest["pots"]
    assert {key: pot[key] for key in ("due", "arrears", "balance", "gross", "fee", "held", "pot")} == {
        "due": "200",
        "arrears": "0",
        "balance": "10000",
        "gross": "200",
        "fee": "10",
        "held": "95",
        "pot": "95",
    }


def test_bounds_gates_and_silence_are_published() -> None:
    world = World()
    license_ = world.license("L")
    first = world.recording("r1", cluster=None)
    world.open(license_, first)
    world.used(license_, {first: WHOLE}, units=2)
    world.used(license_, {first: WHOLE}, units=9)
    session = world.session(license_, until=40, nonce=77)
    world.segment(session, world.use(session, 1, {first: WHOLE}), first=1)
    epoch = world.publish()
    manifest = parse(epoch.manifest, kind="provenance/epoch")
    assert (manifest["bounds"]["maxUnits"], manifest["bounds"]["rows"]) == ("9", 3)
    shown = "0x" + session.hex()
    assert manifest["missing"] == [
        {"sessionId": shown, "firstSeq": "0", "lastSeq": "0"},
        {"sessionId": shown, "firstSeq": "2", "lastSeq": None},
    ]
    _, [row] = tables.parse(epoch.documents["gates"], "provenance/snapshot")
    assert (row["verdict"], row["cluster"]) == (0, None)


def test_a_state_of_every_kind_survives_its_documents() -> None:
    carry = Carry(
        cumulative={account("a"): Wei(2**250)},
        cursors={name("s"): Cursor(name("s"), (Settled(0, 3, 2**63, name("h")),), 2**127, 9, CHARGED)},
        debts=(Debt(name("L"), 3, Wei(1), ((account("a"), Wei(5)), (Hold("cluster", name("c")), Wei(6)))),),
        holds={Hold("license", name("L")): Wei(8)},
        spent={name("memo"): Wei(9)},
        corrected=frozenset([name("corrected")]),
        moves=(Move(name("L"), name("r"), name("x"), name("y"), 10**30),),
    )
    decision = replace(_world().decide(), carry=carry, credits=())
    assert snapshots.carry(documents.publish(decision, cid.of_raw).documents) == carry


def test_a_changed_amount_changes_the_tables_root_and_a_loose_line_is_refused() -> None:
    data = _world().publish().documents["statements"]
    assert tables.root(data.replace(b'"71"', b'"72"')) != tables.root(data)
    with pytest.raises(BadDocument, match="line 2"):
        tables.parse(data.replace(b'{"adjustments"', b'{ "adjustments"', 1), "provenance/statements")
    with pytest.raises(BadDocument):
        tables.parse(data[:-1], "provenance/statements")


def test_a_ruleset_is_one_document() -> None:
    ruleset = World().inputs().ruleset
    assert Ruleset.parse(ruleset.encode()) == ruleset
    assert ruleset.hash == sha256(ruleset.encode())
