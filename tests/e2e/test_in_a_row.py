"""Can a wrong root be stopped if an earlier one was missed, or if nobody has an earlier one's documents?

An epoch whose window is over stands, wrong or not: the next one is decided again from what it published.
"""

from __future__ import annotations

from provenance.app import settle
from provenance.app.ports import Call
from tests.e2e.kept import judged
from tests.e2e.lies import Liar, one_more

WINDOW_S = 3_600
DENIED, FAILED, INCOMPLETE = 5, 10, 11
CHALLENGED = 2
WATCHER = ("--account", "holder-3")


def missed(liar: Liar) -> None:
    """A wrong root of epoch 2 outlived its window."""
    liar.anchor(liar.batch(liar.genuine()))
    one_more(liar)
    liar.later(WINDOW_S)


def forgotten(liar: Liar, epoch: int) -> None:
    """Nobody has the manifest of an epoch any more."""
    liar.content.remove(settle.latest(liar.chain, liar.content, epoch)[1].cid)


def status(liar: Liar, epoch: int) -> int:
    (found,) = liar.chain.read(Call("RoyaltyDistributor", "settlement", (epoch,)))
    assert isinstance(found, tuple)
    code: int = found[4]
    return code


def test_the_second_wrong_root_in_a_row_is_challenged(liar: Liar) -> None:
    missed(liar)
    one_more(liar)
    report = liar.audit(FAILED)
    assert judged(report)["statements"].startswith("epoch 2: ")
    printed = report["challenge"]
    assert (printed["epoch"], printed["reason"].partition(": ")[2].startswith("epoch 3: ")) == (3, True)
    assert liar.act("audit", "challenge", "3", *WATCHER)["reason"] == printed["reason"]
    assert status(liar, 3) == CHALLENGED


def test_a_right_root_after_a_wrong_one_that_stands_is_not_challenged(liar: Liar) -> None:
    missed(liar)
    liar.propose(liar.closed())
    report = liar.audit(FAILED)
    assert (judged(report)["settlements"].partition(":")[0], report["challenge"]) == ("epoch 2", None)
    told = liar.act("audit", "challenge", "3", *WATCHER, status=DENIED)
    assert told["type"].endswith("/nothing-wrong")


def test_a_wrong_root_is_challenged_though_nobody_has_the_documents_of_an_earlier_epoch(liar: Liar) -> None:
    liar.anchor(liar.batch(liar.genuine()))
    one_more(liar)
    forgotten(liar, 1)
    report = liar.audit(FAILED)
    assert judged(report)["trees"].startswith("epoch 1: ")
    assert report["challenge"]["epoch"] == 2
    assert liar.act("audit", "challenge", "2", *WATCHER)["reason"] == report["challenge"]["reason"]
    assert status(liar, 2) == CHALLENGED


def test_an_epoch_that_could_not_be_judged_is_not_said_to_hold(liar: Liar) -> None:
    liar.anchor(liar.batch(liar.genuine()))
    liar.propose(liar.closed())
    forgotten(liar, 2)
    forgotten(liar, 1)
    assert judged(liar.audit(INCOMPLETE))["trees"].startswith("epoch 1: ")
    told = liar.act("audit", "challenge", "2", *WATCHER, status=INCOMPLETE)
    assert (told["type"].endswith("/not-judged"), ": epoch 2: " in told["detail"]) == (True, True)
    assert liar.act("audit", "challenge", "2", "--unavailable", *WATCHER)["epoch"] == 2
    assert status(liar, 2) == CHALLENGED
