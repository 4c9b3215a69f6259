"""A root is stopped by those who may stop it, in time and only then, with the wallet's own commands.

The whole story with an operator, told in the docs, is `test_played`.
"""

from __future__ import annotations

import io
from typing import Any

import pytest

from provenance.app import settle
from provenance.app.ports import Call
from provenance.app.settle import closing
from provenance.cli import main
from provenance.cli.context import Session
from provenance.domain import cid, typed
from provenance.errors import ProvenanceError
from tests.e2e.finished_demo import judged
from tests.e2e.forgery import Forger, one_more

DAY_S, WINDOW_S = 86_400, 3_600
INVALID, DENIED, MISSING, CONFLICT, REVERTED, FAILED, INCOMPLETE = 2, 5, 6, 7, 9, 10, 11
BOND, STAKE = 100_000_000, 1_000_000_000
PROPOSED, CHALLENGED, VETOED, REJECTED = 1, 2, 3, 4
WATCHER = ("--account", "holder-3")


def proposed(forger: Forger, *, wrong: bool) -> None:
    """Epoch 2 is proposed, on one more use than epoch 1."""
    forger.anchor(forger.batch(forger.genuine()))
    if wrong:
        one_more(forger)
    else:
        forger.propose(forger.closed())


def slot(forger: Forger, epoch: int = 2) -> tuple[int, int]:
    """(status, activeAt) of an epoch."""
    (found,) = forger.chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    assert isinstance(found, tuple)
    return found[4], found[2]


def root(forger: Forger, epoch: int = 2) -> bytes:
    (found,) = forger.chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    assert isinstance(found, tuple)
    return bytes(found[0])


def kept(forger: Forger, name: str) -> tuple[int, int, int]:
    """What is in of an account, owed to it, and waits."""
    address = forger.demo.wallet(name).signer.address
    (staked,) = forger.chain.read(Call("RoyaltyDistributor", "staked", (address,)))
    owed, waiting = forger.chain.read(Call("RoyaltyDistributor", "owed", (address,)))
    return int(str(staked)), int(str(owed)), int(str(waiting))


def refused(forger: Forger, *arguments: str, status: int) -> str:
    found: str = forger.act(*arguments, status=status)["type"]
    return found.removeprefix("/problems/")


def titles(answer: Any) -> list[str]:
    return [one["title"] for one in answer["transactions"]]


def test_a_challenge_is_judged_shown_approved_and_sent(forger: Forger) -> None:
    proposed(forger, wrong=True)
    printed = forger.audit(FAILED)["challenge"]
    before = forger.tokens("holder-3")
    told = forger.act("audit", "challenge", "2", *WATCHER, "--dry-run")
    assert (told["dryRun"], told["epoch"], told["bond"], told["reason"]) == (True, 2, str(BOND), printed["reason"])
    assert told["gas"] > 21_000
    assert (slot(forger)[0], forger.tokens("holder-3")) == (PROPOSED, before)
    done = forger.act("audit", "challenge", "2", *WATCHER)
    assert titles(done) == ["approve tokens", "challenge settlement"]
    assert {name: done[name] for name in printed} == printed
    assert (slot(forger)[0], before - forger.tokens("holder-3")) == (CHALLENGED, BOND)
    assert refused(forger, "audit", "challenge", "2", *WATCHER, status=CONFLICT) == "already-challenged"
    waiting = forger.act("role", "show")["settlement"]
    assert (waiting["epoch"], waiting["state"], waiting["challenger"].lower()) == (
        2,
        "CHALLENGED",
        "0x" + forger.demo.wallet("holder-3").signer.address.hex(),
    )


def test_a_challenge_that_was_killed_after_its_approval_goes_on(forger: Forger) -> None:
    proposed(forger, wrong=True)
    distributor = forger.chain.deployment.contracts["RoyaltyDistributor"]
    forger.chain.send(Call("Token", "approve", (distributor, BOND)), forger.demo.wallet("holder-3").signer)
    assert titles(forger.act("audit", "challenge", "2", *WATCHER)) == ["challenge settlement"]


def test_what_holds_is_over_or_is_not_there_is_not_challenged(forger: Forger) -> None:
    proposed(forger, wrong=False)
    before = forger.tokens("holder-3")
    assert refused(forger, "audit", "challenge", "2", *WATCHER, status=DENIED) == "nothing-wrong"
    assert refused(forger, "audit", "challenge", "1", *WATCHER, status=CONFLICT) == "window-over"
    assert refused(forger, "audit", "challenge", "3", *WATCHER, status=MISSING) == "not-proposed"
    forger.later(WINDOW_S)
    assert refused(forger, "audit", "challenge", "2", *WATCHER, status=CONFLICT) == "window-over"
    assert (slot(forger)[0], forger.tokens("holder-3")) == (PROPOSED, before)


def test_without_the_bond_nothing_is_sent(forger: Forger) -> None:
    proposed(forger, wrong=True)
    watcher = forger.demo.wallet("holder-3").signer
    forger.chain.send(
        Call("Token", "transfer", (forger.operator.address, forger.tokens("holder-3") - BOND + 1)), watcher
    )
    assert refused(forger, "audit", "challenge", "2", *WATCHER, status=CONFLICT) == "too-few-tokens"
    assert slot(forger)[0] == PROPOSED


def test_documents_that_nobody_has_are_challenged_only_if_that_is_said(forger: Forger) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    closed = forger.closed()
    forger.propose(closed)
    forger.content.remove(cid.of_raw(closed.manifest))
    assert refused(forger, "audit", "challenge", "2", *WATCHER, status=INCOMPLETE) == "not-judged"
    told = io.StringIO()
    line = ("audit", "challenge", "2", "--unavailable", *WATCHER, "--config", str(forger.demo.settings))
    assert main.run([*line, "--home", str(forger.home), "--yes"], Session(told, told)) == 0
    assert "Epoch 2 cannot be judged: nobody has its documents. " in told.getvalue()
    assert "does not hold" not in told.getvalue()
    assert slot(forger)[0] == CHALLENGED


def test_upheld_half_the_stake_is_the_challengers_and_the_epoch_is_proposed_again(forger: Forger) -> None:
    proposed(forger, wrong=True)
    before = forger.tokens("holder-3")
    forger.act("audit", "challenge", "2", *WATCHER)
    assert refused(forger, "role", "resolve", "2", "upheld", *WATCHER, status=DENIED) == "not-in-role"
    ruled = forger.act("role", "resolve", "2", "upheld", "--account", "arbiter")
    assert (ruled["upheld"], ruled["activeAt"], ruled["stakeLost"]) == (True, None, True)
    assert (slot(forger)[0], kept(forger, "holder-3")) == (REJECTED, (0, BOND + STAKE // 2, 0))
    assert forger.act("role", "unstake", *WATCHER)["amount"] == str(BOND + STAKE // 2)
    assert forger.tokens("holder-3") == before + STAKE // 2
    assert (
        refused(forger, "role", "resolve", "2", "upheld", "--account", "arbiter", status=CONFLICT) == "not-challenged"
    )
    assert kept(forger, "publisher") == (0, 0, 0)
    assert refused(forger, "role", "unstake", "--account", "publisher", status=CONFLICT) == "nothing-owed"
    with pytest.raises(ProvenanceError) as bare:
        forger.propose(forger.closed())
    assert bare.value.code == "not-staked"
    forger.act("role", "stake", "--account", "publisher")
    assert refused(forger, "role", "stake", "--account", "publisher", status=CONFLICT) == "stake-is-in"
    forger.propose(forger.closed())
    report = forger.audit()
    assert (report["verdict"], report["challenge"], judged(report)) == ("VERIFIED", None, {})


def test_a_dismissed_challenge_costs_its_bond_and_a_real_one_has_the_full_window_again(forger: Forger) -> None:
    proposed(forger, wrong=True)
    friend, publisher, watcher = (forger.tokens(name) for name in ("holder-8", "publisher", "holder-3"))
    distributor = forger.chain.deployment.contracts["RoyaltyDistributor"]
    accomplice = forger.demo.wallet("holder-8").signer
    forger.chain.send(Call("Token", "approve", (distributor, BOND)), accomplice)
    forger.chain.send(Call("RoyaltyDistributor", "challenge", (2, root(forger), b"\x07" * 32)), accomplice)
    forger.later(2 * WINDOW_S)  # the window that was running is over meanwhile
    ruled = forger.act("role", "resolve", "2", "dismissed", "--account", "arbiter")
    assert ruled["activeAt"] >= forger.chain.head().time + WINDOW_S - 5
    assert (friend - forger.tokens("holder-8"), kept(forger, "publisher")) == (BOND, (STAKE, BOND // 2, 0))
    assert forger.act("role", "unstake", "--account", "publisher")["amount"] == str(BOND // 2)  # the stake stays in
    assert forger.tokens("publisher") - publisher == BOND // 2
    forger.later(WINDOW_S - 60)
    assert forger.audit(FAILED)["challenge"]["before"] == ruled["activeAt"]
    forger.act("audit", "challenge", "2", *WATCHER)
    forger.act("role", "resolve", "2", "upheld", "--account", "arbiter")
    forger.act("role", "unstake", *WATCHER)
    assert (slot(forger)[0], forger.tokens("holder-3")) == (REJECTED, watcher + STAKE // 2)


def test_a_ruling_meant_for_one_challenge_decides_no_other(forger: Forger) -> None:
    """An arbiter who runs the same command twice must not dismiss a true challenge that came in between."""
    proposed(forger, wrong=True)
    friend = forger.demo.wallet("holder-8").signer
    distributor = forger.chain.deployment.contracts["RoyaltyDistributor"]
    forger.chain.send(Call("Token", "approve", (distributor, BOND)), friend)
    forger.chain.send(Call("RoyaltyDistributor", "challenge", (2, root(forger), b"\x07" * 32)), friend)
    line = ("role", "resolve", "2", "dismissed", "--challenger", "holder-8", "--account", "arbiter")
    told = forger.act(*line)
    assert told["challenger"].lower() == "0x" + friend.address.hex()
    forger.act("audit", "challenge", "2", *WATCHER)
    again = refused(forger, *line, status=CONFLICT)
    other = ("--root", "0x" + "07" * 32)
    elsewhere = refused(forger, "role", "resolve", "2", "upheld", *other, "--account", "arbiter", status=CONFLICT)
    assert (again, elsewhere, slot(forger)[0]) == ("other-root", "other-root", CHALLENGED)


def test_an_arbiter_who_is_silent_for_fourteen_days_costs_nobody(forger: Forger) -> None:
    proposed(forger, wrong=True)
    before = forger.tokens("holder-3")
    forger.act("audit", "challenge", "2", *WATCHER)
    forger.later(14 * DAY_S - 60)
    assert refused(forger, "role", "resolve", "2", "upheld", "--account", "voice-8", status=DENIED) == "not-in-role"
    forger.later(60)
    assert refused(forger, "role", "resolve", "2", "dismissed", "--account", "arbiter", status=DENIED) == "not-in-role"
    assert forger.act("role", "resolve", "2", "upheld", "--account", "voice-8")["stakeLost"] is False
    assert (slot(forger)[0], kept(forger, "publisher"), kept(forger, "holder-3")) == (
        REJECTED,
        (STAKE, 0, 0),
        (0, 0, BOND),
    )
    assert refused(forger, "role", "unstake", *WATCHER, status=CONFLICT) == "nothing-owed"
    watcher = "0x" + forger.demo.wallet("holder-3").signer.address.hex()
    rows = {one["account"].lower(): one for one in forger.act("role", "show", *WATCHER)["stakes"]}
    assert (rows[watcher]["staked"], rows[watcher]["owed"], rows[watcher]["waiting"]) == ("0", "0", str(BOND))
    forger.propose(forger.closed())
    forger.later(WINDOW_S)
    assert forger.act("role", "unstake", *WATCHER)["amount"] == str(BOND)
    assert forger.tokens("holder-3") == before


def test_what_is_owed_goes_where_its_owner_says_whatever_the_token_refused_meanwhile(forger: Forger) -> None:
    proposed(forger, wrong=True)
    before, other = forger.tokens("holder-3"), forger.tokens("holder-8")
    forger.act("audit", "challenge", "2", *WATCHER)
    token, rpc = "0x" + forger.chain.deployment.contracts["Token"].hex(), forger.chain.node.rpc
    code = rpc.call("eth_getCode", token, "latest")
    watcher, arbiter = (forger.demo.wallet(name).signer for name in ("holder-3", "arbiter"))
    rpc.call("anvil_setCode", token, "0x60006000fd")  # refuses everything, as one that was paused does
    forger.chain.send(Call("RoyaltyDistributor", "resolve", (2, root(forger), watcher.address, True)), arbiter)
    rpc.call("anvil_setCode", token, code)
    assert (slot(forger)[0], forger.tokens("holder-3")) == (REJECTED, before - BOND)
    assert refused(forger, "role", "unstake", "--account", "holder-8", status=CONFLICT) == "nothing-owed"
    assert forger.act("role", "unstake", *WATCHER, "--dry-run")["function"] == "RoyaltyDistributor.unstake"
    owed = BOND + STAKE // 2
    assert forger.act("role", "unstake", *WATCHER, "--to", "holder-8")["amount"] == str(owed)
    assert (forger.tokens("holder-3"), forger.tokens("holder-8")) == (before - BOND, other + owed)
    assert refused(forger, "role", "unstake", *WATCHER, status=CONFLICT) == "nothing-owed"


def test_a_veto_counts_within_the_window_and_the_epoch_keeps_its_number(forger: Forger) -> None:
    proposed(forger, wrong=True)
    line = ("role", "veto", "2", "--reason", "its tree differs")
    assert refused(forger, *line, *WATCHER, status=DENIED) == "not-in-role"
    assert refused(forger, *line[:-1], " ", "--account", "guardian", status=INVALID) == "invalid"
    other = ("role", "veto", "3", "--reason", "its tree differs", "--account", "guardian")
    assert refused(forger, *other, status=MISSING) == "not-proposed"
    elsewhere = (*line, "--root", "0x" + "07" * 32, "--account", "guardian")
    assert refused(forger, *elsewhere, status=CONFLICT) == "other-root"
    line = (*line, "--root", "0x" + root(forger).hex())
    told = forger.act(*line, "--account", "guardian", "--dry-run")
    assert (told["function"], slot(forger)[0]) == ("RoyaltyDistributor.veto", PROPOSED)
    forger.act(*line, "--account", "guardian")
    assert slot(forger)[0] == VETOED
    waiting = forger.act("role", "show")["settlement"]
    assert (waiting["state"], "activeAt" in waiting) == ("VETOED", False)
    forger.propose(forger.closed())
    forger.later(WINDOW_S)
    assert forger.chain.read(Call("RoyaltyDistributor", "activeEpoch", ())) == (2,)
    assert forger.audit()["verdict"] == "VERIFIED"


def test_a_veto_after_the_window_reverts(forger: Forger) -> None:
    proposed(forger, wrong=True)
    forger.later(WINDOW_S)
    assert refused(forger, "role", "veto", "2", "--reason", "late", "--account", "guardian", status=REVERTED) == (
        "window-closed"
    )
    assert slot(forger)[0] == PROPOSED


def test_a_signature_that_pays_somebody_else_pays_once(forger: Forger) -> None:
    proposed(forger, wrong=True)  # whoever stands first in the tree has one unit more
    forger.later(WINDOW_S)
    wallets = [forger.demo.wallet(name).signer for name in ("holder-1", "holder-2", "holder-3", "voice-2", "operator")]
    payee = min(wallets, key=lambda one: one.address)
    due = settle.due(forger.chain, forger.content, payee.address, 2)
    to, before = forger.demo.wallet("holder-7").signer.address, forger.tokens("holder-7")
    assert due.amount > 0
    asked = typed.Reassign(payee.address, to, due.cumulative, forger.chain.head().time + 600)
    signature = payee.sign(typed.digest(forger.chain.deployment.domains.distributor, asked))
    words = (2, due.cumulative, due.proof, (asked.payee, asked.to, asked.cumulative, asked.deadline), signature)
    call = Call("RoyaltyDistributor", "claimTo", words)
    forger.chain.send(call, forger.licensee)
    assert forger.tokens("holder-7") - before == due.amount
    with pytest.raises(ProvenanceError) as again:
        forger.chain.send(call, forger.licensee)
    assert again.value.code == "nothing-due"
    assert forger.tokens("holder-7") - before == due.amount


def test_a_publishers_stolen_key_is_replaced(forger: Forger) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    closed = forger.closed()
    call = closing.proposal(closed, closing.commit(closed, forger.content))
    heir = forger.demo.wallet("holder-8").signer
    assert refused(forger, "role", "offer", "publisher", "holder-8", *WATCHER, status=DENIED) == "not-in-role"
    forger.act("role", "offer", "publisher", "holder-8", "--account", "operator")
    again = refused(forger, "role", "offer", "publisher", "holder-8", "--account", "operator", status=CONFLICT)
    assert again == "role-unchanged"
    assert refused(forger, "role", "accept", "publisher", *WATCHER, status=DENIED) == "role-not-offered"
    assert refused(forger, "role", "accept", "publisher", "--account", "holder-8", status=CONFLICT) == "role-too-early"
    forger.later(2 * DAY_S)
    forger.act("role", "accept", "publisher", "--account", "holder-8")
    with pytest.raises(ProvenanceError) as old:
        forger.chain.send(call, forger.publisher)
    assert old.value.code == "not-role"
    assert kept(forger, "publisher") == (0, STAKE, 0)
    forger.act("role", "stake", "--account", "holder-8")
    forger.chain.send(call, heir)
    assert slot(forger)[0] == PROPOSED


def test_an_offer_to_the_present_holder_says_that_it_is_withdrawn(forger: Forger) -> None:
    owner = ("--account", "operator")
    nobody = "0x" + "00" * 20
    assert refused(forger, "role", "offer", "owner", nobody, *owner, status=INVALID) == "invalid"
    assert forger.act("role", "offer", "publisher", "holder-8", *owner)["to"] is not None
    told = forger.act("role", "offer", "publisher", "publisher", *owner)
    assert (told["to"], told["readyAt"], told["contracts"]) == (None, None, 1)
    assert {one["offeredTo"] for one in forger.act("role", "show")["roles"]} == {None}
    assert refused(forger, "role", "offer", "publisher", "publisher", *owner, status=CONFLICT) == "role-unchanged"
    admitted = forger.act("role", "admit", "operator", *owner, status=CONFLICT)
    assert admitted["next"] == "Nothing to do."


def test_an_offer_ends_fourteen_days_after_it_was_made(forger: Forger) -> None:
    owner = ("--account", "operator")
    forger.act("role", "offer", "arbiter", "holder-8", *owner)
    [offered] = [one for one in forger.act("role", "show")["roles"] if one["role"] == "arbiter"]
    assert offered["endsAt"] - offered["readyAt"] == 12 * DAY_S
    forger.later(14 * DAY_S)
    assert {one["offeredTo"] for one in forger.act("role", "show")["roles"]} == {None}
    assert refused(forger, "role", "accept", "arbiter", "--account", "holder-8", status=DENIED) == "role-not-offered"
    assert refused(forger, "role", "offer", "arbiter", "arbiter", *owner, status=CONFLICT) == "role-unchanged"


def test_a_guardian_is_replaced_on_every_contract_at_once(forger: Forger) -> None:
    told = forger.act("role", "offer", "guardian", "holder-8", "--account", "operator", "--dry-run")
    assert (told["transactions"], told["gas"] > 2 * 21_000) == (2, True)
    assert forger.act("role", "offer", "guardian", "holder-8", "--account", "operator")["contracts"] == 2
    forger.later(2 * DAY_S)
    forger.act("role", "accept", "guardian", "--account", "holder-8")
    held = {
        one["contract"]: one["holder"].lower()
        for one in forger.act("role", "show")["roles"]
        if one["role"] == "guardian"
    }
    assert set(held) == {"DatasetRegistry", "RoyaltyDistributor"}
    assert set(held.values()) == {"0x" + forger.demo.wallet("holder-8").signer.address.hex()}


def test_a_pause_stops_proposals_and_ends_by_itself(forger: Forger) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    closed = forger.closed()
    call = closing.proposal(closed, closing.commit(closed, forger.content))
    assert refused(forger, "role", "pause", "--until", "2d", *WATCHER, status=DENIED) == "not-in-role"
    assert refused(forger, "role", "pause", "--account", "guardian", status=INVALID) == "invalid"
    assert (
        refused(forger, "role", "pause", "--until", "8d", "--account", "guardian", status=REVERTED) == "pause-too-long"
    )
    forger.act("role", "pause", "--until", "2d", "--account", "guardian")
    assert forger.act("role", "show")["pausedUntil"] > forger.chain.head().time
    with pytest.raises(ProvenanceError) as paused:
        forger.chain.send(call, forger.publisher)
    assert paused.value.code == "paused-until"
    forger.later(2 * DAY_S)
    assert forger.act("role", "show")["pausedUntil"] is None
    forger.chain.send(call, forger.publisher)
    assert (
        refused(forger, "role", "pause", "--until", "1d", "--account", "guardian", status=REVERTED) == "pause-too-soon"
    )


def test_a_pause_that_runs_is_shortened_only(forger: Forger) -> None:
    line = ("role", "pause", "--until", "2d", "--account", "guardian")
    forger.act(*line)
    forger.later(5)
    again = forger.act(*line, status=CONFLICT)
    assert (again["type"], "shortened only" in again["next"]) == ("/problems/role-unchanged", True)
    assert titles(forger.act("role", "pause", "--until", "1d", "--account", "guardian")) == ["pause"]
    assert forger.act("role", "show")["pausedUntil"] <= forger.chain.head().time + DAY_S


def test_a_guardian_who_lifts_nothing_or_pauses_until_yesterday_can_pause_afterwards(forger: Forger) -> None:
    guardian = ("--account", "guardian")
    assert refused(forger, "role", "pause", "--lift", *guardian, status=CONFLICT) == "role-unchanged"
    assert refused(forger, "role", "pause", "--until", "2020-01-01", *guardian, status=INVALID) == "invalid"
    assert forger.chain.read(Call("RoyaltyDistributor", "pausedUntil", ())) == (0,)
    forger.act("role", "pause", "--until", "2d", *guardian)
    forger.act("role", "pause", "--lift", *guardian)
    assert forger.act("role", "show")["pausedUntil"] is None
    assert refused(forger, "role", "pause", "--lift", *guardian, status=CONFLICT) == "role-unchanged"


def test_a_meters_stolen_key_is_removed_for_good(forger: Forger) -> None:
    assert refused(forger, "role", "remove", "operator", *WATCHER, status=DENIED) == "not-in-role"
    assert refused(forger, "role", "admit", "operator", "--account", "operator", status=CONFLICT) == "role-unchanged"
    before = forger.act("role", "show", "--meters")["meters"]
    forger.act("role", "admit", "holder-8", "--account", "operator")
    forger.act("role", "remove", "operator", "--account", "operator")
    after = [one.lower() for one in forger.act("role", "show", "--meters")["meters"]]
    assert (len(before), after) == (1, ["0x" + forger.demo.wallet("holder-8").signer.address.hex()])
    with pytest.raises(ProvenanceError) as removed:
        forger.anchor(forger.batch(forger.genuine()))
    assert removed.value.code == "not-meter"
    assert refused(forger, "role", "admit", "operator", "--account", "operator", status=DENIED) == "denied"
    assert forger.audit()["verdict"] == "VERIFIED"
