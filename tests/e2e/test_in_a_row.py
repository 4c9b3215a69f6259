"""A wrong root is stopped even if an earlier one was missed, or if nobody has an earlier one's documents.

An epoch whose window is over stands, wrong or not: the next one is decided again from what it published.
"""

from __future__ import annotations

from provenance.app import settle
from provenance.app.ports import Call
from tests.e2e.finished_demo import judged
from tests.e2e.forgery import Forger, one_more

WINDOW_S = 3_600
DENIED, FAILED, INCOMPLETE = 5, 10, 11
CHALLENGED = 2
WATCHER = ("--account", "holder-3")


def missed(forger: Forger) -> None:
    """A wrong root of epoch 2 outlived its window."""
    forger.anchor(forger.batch(forger.genuine()))
    one_more(forger)
    forger.later(WINDOW_S)


def forgotten(forger: Forger, epoch: int) -> None:
    """Nobody has the manifest of an epoch any more."""
    forger.content.remove(settle.latest(forger.chain, forger.content, epoch)[1].cid)


def status(forger: Forger, epoch: int) -> int:
    (found,) = forger.chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    assert isinstance(found, tuple)
    code: int = found[4]
    return code


def test_the_second_wrong_root_in_a_row_is_challenged(forger: Forger) -> None:
    missed(forger)
    one_more(forger)
    report = forger.audit(FAILED)
    assert judged(report)["statements"].startswith("epoch 2: ")
    printed = report["challenge"]
    assert (printed["epoch"], printed["reason"].partition(": ")[2].startswith("epoch 3: ")) == (3, True)
    assert forger.act("audit", "challenge", "3", *WATCHER)["reason"] == printed["reason"]
    assert status(forger, 3) == CHALLENGED


def test_a_right_root_after_a_wrong_one_that_stands_is_not_challenged(forger: Forger) -> None:
    missed(forger)
    forger.propose(forger.closed())
    report = forger.audit(FAILED)
    assert (judged(report)["settlements"].partition(":")[0], report["challenge"]) == ("epoch 2", None)
    told = forger.act("audit", "challenge", "3", *WATCHER, status=DENIED)
    assert told["type"].endswith("/nothing-wrong")


def test_a_wrong_root_is_challenged_though_nobody_has_the_documents_of_an_earlier_epoch(forger: Forger) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    one_more(forger)
    forgotten(forger, 1)
    report = forger.audit(FAILED)
    assert judged(report)["trees"].startswith("epoch 1: ")
    assert report["challenge"]["epoch"] == 2
    assert forger.act("audit", "challenge", "2", *WATCHER)["reason"] == report["challenge"]["reason"]
    assert status(forger, 2) == CHALLENGED


def test_an_epoch_that_could_not_be_judged_is_not_said_to_hold(forger: Forger) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    forger.propose(forger.closed())
    forgotten(forger, 2)
    forgotten(forger, 1)
    assert judged(forger.audit(INCOMPLETE))["trees"].startswith("epoch 1: ")
    told = forger.act("audit", "challenge", "2", *WATCHER, status=INCOMPLETE)
    assert (told["type"].endswith("/not-judged"), ": epoch 2: " in told["detail"]) == (True, True)
    assert forger.act("audit", "challenge", "2", "--unavailable", *WATCHER)["epoch"] == 2
    assert status(forger, 2) == CHALLENGED
