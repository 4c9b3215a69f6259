"""Can a root be stopped by those who may stop it, in time and only then, with the wallet's own commands?

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
from tests.e2e.kept import judged
from tests.e2e.lies import Liar, one_more

DAY_S, WINDOW_S = 86_400, 3_600
INVALID, DENIED, MISSING, CONFLICT, REVERTED, FAILED, INCOMPLETE = 2, 5, 6, 7, 9, 10, 11
BOND = 100_000_000
PROPOSED, CHALLENGED, VETOED, REJECTED = 1, 2, 3, 4
WATCHER = ("--account", "holder-3")


def proposed(liar: Liar, *, wrong: bool) -> None:
    """Epoch 2 is proposed, on one more use than epoch 1."""
    liar.anchor(liar.batch(liar.genuine()))
    if wrong:
        one_more(liar)
    else:
        liar.propose(liar.closed())


def slot(liar: Liar, epoch: int = 2) -> tuple[int, int]:
    """(status, activeAt) of an epoch."""
    (found,) = liar.chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    assert isinstance(found, tuple)
    return found[4], found[2]


def refused(liar: Liar, *arguments: str, status: int) -> str:
    found: str = liar.act(*arguments, status=status)["type"]
    return found.removeprefix("/problems/")


def titles(answer: Any) -> list[str]:
    return [one["title"] for one in answer["transactions"]]


def test_a_challenge_is_judged_shown_approved_and_sent(liar: Liar) -> None:
    proposed(liar, wrong=True)
    printed = liar.audit(FAILED)["challenge"]
    before = liar.tokens("holder-3")
    told = liar.act("audit", "challenge", "2", *WATCHER, "--dry-run")
    assert (told["dryRun"], told["epoch"], told["bond"], told["reason"]) == (True, 2, str(BOND), printed["reason"])
    assert told["gas"] > 21_000
    assert (slot(liar)[0], liar.tokens("holder-3")) == (PROPOSED, before)
    done = liar.act("audit", "challenge", "2", *WATCHER)
    assert titles(done) == ["approve tokens", "challenge settlement"]
    assert {name: done[name] for name in printed} == printed
    assert (slot(liar)[0], before - liar.tokens("holder-3")) == (CHALLENGED, BOND)
    assert refused(liar, "audit", "challenge", "2", *WATCHER, status=CONFLICT) == "already-challenged"
    waiting = liar.act("role", "show")["settlement"]
    assert (waiting["epoch"], waiting["state"], waiting["challenger"].lower()) == (
        2,
        "CHALLENGED",
        "0x" + liar.demo.wallet("holder-3").signer.address.hex(),
    )


def test_a_challenge_that_was_killed_after_its_approval_goes_on(liar: Liar) -> None:
    proposed(liar, wrong=True)
    distributor = liar.chain.deployment.contracts["RoyaltyDistributor"]
    liar.chain.send(Call("Token", "approve", (distributor, BOND)), liar.demo.wallet("holder-3").signer)
    assert titles(liar.act("audit", "challenge", "2", *WATCHER)) == ["challenge settlement"]


def test_what_holds_is_over_or_is_not_there_is_not_challenged(liar: Liar) -> None:
    proposed(liar, wrong=False)
    before = liar.tokens("holder-3")
    assert refused(liar, "audit", "challenge", "2", *WATCHER, status=DENIED) == "nothing-wrong"
    assert refused(liar, "audit", "challenge", "1", *WATCHER, status=CONFLICT) == "window-over"
    assert refused(liar, "audit", "challenge", "3", *WATCHER, status=MISSING) == "not-proposed"
    liar.later(WINDOW_S)
    assert refused(liar, "audit", "challenge", "2", *WATCHER, status=CONFLICT) == "window-over"
    assert (slot(liar)[0], liar.tokens("holder-3")) == (PROPOSED, before)


def test_without_the_bond_nothing_is_sent(liar: Liar) -> None:
    proposed(liar, wrong=True)
    watcher = liar.demo.wallet("holder-3").signer
    liar.chain.send(Call("Token", "transfer", (liar.operator.address, liar.tokens("holder-3") - BOND + 1)), watcher)
    assert refused(liar, "audit", "challenge", "2", *WATCHER, status=CONFLICT) == "too-few-tokens"
    assert slot(liar)[0] == PROPOSED


def test_documents_that_nobody_has_are_challenged_only_if_that_is_said(liar: Liar) -> None:
    liar.anchor(liar.batch(liar.genuine()))
    closed = liar.closed()
    liar.propose(closed)
    liar.content.remove(cid.of_raw(closed.manifest))
    assert refused(liar, "audit", "challenge", "2", *WATCHER, status=INCOMPLETE) == "not-judged"
    told = io.StringIO()
    line = ("audit", "challenge", "2", "--unavailable", *WATCHER, "--config", str(liar.demo.settings))
    assert main.run([*line, "--home", str(liar.home), "--yes"], Session(told, told)) == 0
    assert "Epoch 2 cannot be judged: nobody has its documents. " in told.getvalue()
    assert "does not hold" not in told.getvalue()
    assert slot(liar)[0] == CHALLENGED


def test_upheld_the_bond_returns_and_the_epoch_is_proposed_again(liar: Liar) -> None:
    proposed(liar, wrong=True)
    before = liar.tokens("holder-3")
    liar.act("audit", "challenge", "2", *WATCHER)
    assert refused(liar, "role", "resolve", "2", "upheld", *WATCHER, status=DENIED) == "not-in-role"
    ruled = liar.act("role", "resolve", "2", "upheld", "--account", "arbiter")
    assert (ruled["upheld"], ruled["activeAt"]) == (True, None)
    assert (slot(liar)[0], liar.tokens("holder-3")) == (REJECTED, before)
    assert refused(liar, "role", "resolve", "2", "upheld", "--account", "arbiter", status=CONFLICT) == "not-challenged"
    liar.propose(liar.closed())
    report = liar.audit()
    assert (report["verdict"], report["challenge"], judged(report)) == ("VERIFIED", None, {})


def test_a_dismissed_challenge_costs_its_bond_and_a_real_one_has_the_full_window_again(liar: Liar) -> None:
    proposed(liar, wrong=True)
    friend, publisher, watcher = (liar.tokens(name) for name in ("holder-8", "publisher", "holder-3"))
    distributor = liar.chain.deployment.contracts["RoyaltyDistributor"]
    accomplice = liar.demo.wallet("holder-8").signer
    liar.chain.send(Call("Token", "approve", (distributor, BOND)), accomplice)
    liar.chain.send(Call("RoyaltyDistributor", "challenge", (2, b"\x07" * 32)), accomplice)
    liar.later(2 * WINDOW_S)  # the window that was running is over meanwhile
    ruled = liar.act("role", "resolve", "2", "dismissed", "--account", "arbiter")
    assert ruled["activeAt"] >= liar.chain.head().time + WINDOW_S - 5
    assert (friend - liar.tokens("holder-8"), liar.tokens("publisher") - publisher) == (BOND, BOND)
    liar.later(WINDOW_S - 60)
    assert liar.audit(FAILED)["challenge"]["before"] == ruled["activeAt"]
    liar.act("audit", "challenge", "2", *WATCHER)
    liar.act("role", "resolve", "2", "upheld", "--account", "arbiter")
    assert (slot(liar)[0], liar.tokens("holder-3")) == (REJECTED, watcher)


def test_an_arbiter_who_is_silent_for_fourteen_days_upholds(liar: Liar) -> None:
    proposed(liar, wrong=True)
    before = liar.tokens("holder-3")
    liar.act("audit", "challenge", "2", *WATCHER)
    liar.later(14 * DAY_S - 60)
    assert refused(liar, "role", "resolve", "2", "upheld", "--account", "voice-8", status=DENIED) == "not-in-role"
    liar.later(60)
    assert refused(liar, "role", "resolve", "2", "dismissed", "--account", "arbiter", status=DENIED) == "not-in-role"
    liar.act("role", "resolve", "2", "upheld", "--account", "voice-8")
    assert (slot(liar)[0], liar.tokens("holder-3")) == (REJECTED, before)


def test_a_bond_that_the_token_refused_waits_for_its_owner(liar: Liar) -> None:
    proposed(liar, wrong=True)
    before, other = liar.tokens("holder-3"), liar.tokens("holder-8")
    liar.act("audit", "challenge", "2", *WATCHER)
    token, rpc = "0x" + liar.chain.deployment.contracts["Token"].hex(), liar.chain.node.rpc
    code = rpc.call("eth_getCode", token, "latest")
    rpc.call("anvil_setCode", token, "0x60006000fd")  # refuses everything, as one that was paused does
    liar.act("role", "resolve", "2", "upheld", "--account", "arbiter")
    rpc.call("anvil_setCode", token, code)
    assert (slot(liar)[0], liar.tokens("holder-3")) == (REJECTED, before - BOND)
    assert refused(liar, "audit", "bond", "--account", "holder-8", status=CONFLICT) == "no-bond-owed"
    assert liar.act("audit", "bond", *WATCHER, "--dry-run")["function"] == "RoyaltyDistributor.withdrawBond"
    assert liar.act("audit", "bond", *WATCHER, "--to", "holder-8")["amount"] == str(BOND)
    assert (liar.tokens("holder-3"), liar.tokens("holder-8")) == (before - BOND, other + BOND)
    assert refused(liar, "audit", "bond", *WATCHER, status=CONFLICT) == "no-bond-owed"


def test_a_veto_counts_within_the_window_and_the_epoch_keeps_its_number(liar: Liar) -> None:
    proposed(liar, wrong=True)
    line = ("role", "veto", "2", "--reason", "its tree differs")
    assert refused(liar, *line, *WATCHER, status=DENIED) == "not-in-role"
    assert refused(liar, *line[:-1], " ", "--account", "guardian", status=INVALID) == "invalid"
    other = ("role", "veto", "3", "--reason", "its tree differs", "--account", "guardian")
    assert refused(liar, *other, status=MISSING) == "not-proposed"
    told = liar.act(*line, "--account", "guardian", "--dry-run")
    assert (told["function"], slot(liar)[0]) == ("RoyaltyDistributor.veto", PROPOSED)
    liar.act(*line, "--account", "guardian")
    assert slot(liar)[0] == VETOED
    waiting = liar.act("role", "show")["settlement"]
    assert (waiting["state"], "activeAt" in waiting) == ("VETOED", False)
    liar.propose(liar.closed())
    liar.later(WINDOW_S)
    assert liar.chain.read(Call("RoyaltyDistributor", "activeEpoch", ())) == (2,)
    assert liar.audit()["verdict"] == "VERIFIED"


def test_a_veto_after_the_window_reverts(liar: Liar) -> None:
    proposed(liar, wrong=True)
    liar.later(WINDOW_S)
    assert refused(liar, "role", "veto", "2", "--reason", "late", "--account", "guardian", status=REVERTED) == (
        "window-closed"
    )
    assert slot(liar)[0] == PROPOSED


def test_a_signature_that_pays_somebody_else_pays_once(liar: Liar) -> None:
    proposed(liar, wrong=True)  # whoever stands first in the tree has one unit more
    liar.later(WINDOW_S)
    wallets = [liar.demo.wallet(name).signer for name in ("holder-1", "holder-2", "holder-3", "voice-2", "operator")]
    payee = min(wallets, key=lambda one: one.address)
    due = settle.due(liar.chain, liar.content, payee.address, 2)
    to, before = liar.demo.wallet("holder-7").signer.address, liar.tokens("holder-7")
    assert due.amount > 0
    asked = typed.Reassign(payee.address, to, due.cumulative, liar.chain.head().time + 600)
    signature = payee.sign(typed.digest(liar.chain.deployment.domains.distributor, asked))
    words = (2, due.cumulative, due.proof, (asked.payee, asked.to, asked.cumulative, asked.deadline), signature)
    call = Call("RoyaltyDistributor", "claimTo", words)
    liar.chain.send(call, liar.licensee)
    assert liar.tokens("holder-7") - before == due.amount
    with pytest.raises(ProvenanceError) as again:
        liar.chain.send(call, liar.licensee)
    assert again.value.code == "nothing-due"
    assert liar.tokens("holder-7") - before == due.amount


def test_a_publishers_stolen_key_is_replaced(liar: Liar) -> None:
    liar.anchor(liar.batch(liar.genuine()))
    closed = liar.closed()
    call = closing.proposal(closed, closing.commit(closed, liar.content))
    heir = liar.demo.wallet("holder-8").signer
    assert refused(liar, "role", "offer", "publisher", "holder-8", *WATCHER, status=DENIED) == "not-in-role"
    liar.act("role", "offer", "publisher", "holder-8", "--account", "operator")
    again = refused(liar, "role", "offer", "publisher", "holder-8", "--account", "operator", status=CONFLICT)
    assert again == "role-unchanged"
    assert refused(liar, "role", "accept", "publisher", *WATCHER, status=DENIED) == "role-not-offered"
    assert refused(liar, "role", "accept", "publisher", "--account", "holder-8", status=CONFLICT) == "role-too-early"
    liar.later(2 * DAY_S)
    liar.act("role", "accept", "publisher", "--account", "holder-8")
    with pytest.raises(ProvenanceError) as old:
        liar.chain.send(call, liar.publisher)
    assert old.value.code == "not-role"
    liar.chain.send(call, heir)
    assert slot(liar)[0] == PROPOSED


def test_an_offer_to_the_present_holder_says_that_it_is_withdrawn(liar: Liar) -> None:
    owner = ("--account", "operator")
    nobody = "0x" + "00" * 20
    assert refused(liar, "role", "offer", "owner", nobody, *owner, status=INVALID) == "invalid"
    assert liar.act("role", "offer", "publisher", "holder-8", *owner)["to"] is not None
    told = liar.act("role", "offer", "publisher", "publisher", *owner)
    assert (told["to"], told["readyAt"], told["contracts"]) == (None, None, 1)
    assert {one["offeredTo"] for one in liar.act("role", "show")["roles"]} == {None}
    admitted = liar.act("role", "admit", "operator", *owner, status=CONFLICT)
    assert admitted["next"] == "Nothing to do."


def test_a_guardian_is_replaced_on_every_contract_at_once(liar: Liar) -> None:
    told = liar.act("role", "offer", "guardian", "holder-8", "--account", "operator", "--dry-run")
    assert (told["transactions"], told["gas"] > 3 * 21_000) == (3, True)
    assert liar.act("role", "offer", "guardian", "holder-8", "--account", "operator")["contracts"] == 3
    liar.later(2 * DAY_S)
    liar.act("role", "accept", "guardian", "--account", "holder-8")
    held = {
        one["contract"]: one["holder"].lower() for one in liar.act("role", "show")["roles"] if one["role"] == "guardian"
    }
    assert set(held) == {"DatasetRegistry", "DataAccess", "RoyaltyDistributor"}
    assert set(held.values()) == {"0x" + liar.demo.wallet("holder-8").signer.address.hex()}


def test_a_pause_stops_proposals_and_ends_by_itself(liar: Liar) -> None:
    liar.anchor(liar.batch(liar.genuine()))
    closed = liar.closed()
    call = closing.proposal(closed, closing.commit(closed, liar.content))
    assert refused(liar, "role", "pause", "--until", "2d", *WATCHER, status=DENIED) == "not-in-role"
    assert refused(liar, "role", "pause", "--account", "guardian", status=INVALID) == "invalid"
    assert refused(liar, "role", "pause", "--until", "8d", "--account", "guardian", status=REVERTED) == "pause-too-long"
    liar.act("role", "pause", "--until", "2d", "--account", "guardian")
    assert set(liar.act("role", "show")["paused"].values()) != {None}
    with pytest.raises(ProvenanceError) as paused:
        liar.chain.send(call, liar.publisher)
    assert paused.value.code == "paused-until"
    liar.later(2 * DAY_S)
    assert set(liar.act("role", "show")["paused"].values()) == {None}
    liar.chain.send(call, liar.publisher)
    assert refused(liar, "role", "pause", "--until", "1d", "--account", "guardian", status=REVERTED) == "pause-too-soon"


def test_a_pause_that_stopped_half_way_is_finished_by_the_same_command(liar: Liar) -> None:
    line = ("role", "pause", "--until", "2d", "--account", "guardian")
    half = Call("DataAccess", "pause", (liar.chain.head().time + 2 * DAY_S,))
    liar.chain.send(half, liar.demo.wallet("guardian").signer)
    liar.later(5)
    assert titles(liar.act(*line)) == ["pause"]
    paused = liar.act("role", "show")["paused"]
    assert paused["DataAccess"] == half.args[0]
    assert paused["RoyaltyDistributor"] > half.args[0]
    again = liar.act(*line, status=CONFLICT)
    assert (again["type"], "shortened only" in again["next"]) == ("/problems/role-unchanged", True)
    assert titles(liar.act("role", "pause", "--until", "1d", "--account", "guardian")) == ["pause", "pause"]


def test_a_guardian_who_lifts_nothing_or_pauses_until_yesterday_can_pause_afterwards(liar: Liar) -> None:
    guardian = ("--account", "guardian")
    assert refused(liar, "role", "pause", "--lift", *guardian, status=CONFLICT) == "role-unchanged"
    assert refused(liar, "role", "pause", "--until", "2020-01-01", *guardian, status=INVALID) == "invalid"
    assert liar.chain.read(Call("RoyaltyDistributor", "pausedUntil", ())) == (0,)
    liar.act("role", "pause", "--until", "2d", *guardian)
    liar.act("role", "pause", "--lift", *guardian)
    assert set(liar.act("role", "show")["paused"].values()) == {None}
    assert refused(liar, "role", "pause", "--lift", *guardian, status=CONFLICT) == "role-unchanged"


def test_a_meters_stolen_key_is_removed_for_good(liar: Liar) -> None:
    assert refused(liar, "role", "remove", "operator", *WATCHER, status=DENIED) == "not-in-role"
    assert refused(liar, "role", "admit", "operator", "--account", "operator", status=CONFLICT) == "role-unchanged"
    before = liar.act("role", "show", "--meters")["meters"]
    liar.act("role", "admit", "holder-8", "--account", "operator")
    liar.act("role", "remove", "operator", "--account", "operator")
    after = [one.lower() for one in liar.act("role", "show", "--meters")["meters"]]
    assert (len(before), after) == (1, ["0x" + liar.demo.wallet("holder-8").signer.address.hex()])
    with pytest.raises(ProvenanceError) as removed:
        liar.anchor(liar.batch(liar.genuine()))
    assert removed.value.code == "not-meter"
    assert refused(liar, "role", "admit", "operator", "--account", "operator", status=DENIED) == "denied"
    assert liar.audit()["verdict"] == "VERIFIED"
