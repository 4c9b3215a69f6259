"""A claim that paid too much, twice, or on no standing epoch is named."""

from __future__ import annotations

from typing import cast

import pytest

from provenance.app.audit.evidence import Evidence
from provenance.app.audit.paid import claims
from provenance.app.ports import Chain
from provenance.domain import cid, events
from provenance.domain.ledger import Ledger
from provenance.domain.verdict import Verdict
from provenance.types import Address, Bytes32, Wei
from tests.facts import block, chain
from tests.fakes.content import MemoryContent
from tests.fakes.epochs import World, account

PAYEE = account("r1")
OWED = Wei(95)  # one output at 100, less the fee of 5 %


def judged(*paid: tuple[int, int], epoch: int = 1, veto: bool = False) -> tuple[Verdict, str]:
    """What the check says of claims (amount, cumulative) of one payee on an epoch that owes it `OWED`."""
    world = World()
    license_, first = world.license("L"), world.recording("r1")
    world.fund(license_, 1_000)
    world.open(license_, first)
    world.used(license_, {first: 1_000_000})
    settled, content = world.publish(), MemoryContent()
    for data in (settled.manifest, *settled.documents.values()):
        content.put(data)
    said: list[events.Event] = [
        events.SettlementProposed(
            1, settled.root, settled.usage_head, cid.of_raw(settled.manifest).digest, settled.total, block(9).time
        )
    ]
    said += [events.SettlementVetoed(1, settled.root, PAYEE, Bytes32(bytes(32)))] if veto else []
    said += [events.RoyaltyClaimed(PAYEE, epoch, Address(PAYEE), Wei(part), Wei(upto)) for part, upto in paid]
    logs = tuple(chain(said))
    nothing = lambda data, expected_sha256=None: ()  # noqa: E731 - no segment is read here
    check = claims(Evidence(cast("Chain", None), content, nothing, block(20), Ledger.fold(logs), logs))
    return check.verdict, check.detail


@pytest.mark.parametrize("paid", [(), ((OWED, OWED),), ((40, 40), (55, 95))])
def test_claims_up_to_the_leaf_verify(paid: tuple[tuple[int, int], ...]) -> None:
    assert judged(*paid)[0] is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("paid", "says"),
    [
        (((OWED + 1, OWED + 1),), "paid up to 96, its leaf is 95"),
        (((40, 40), (95, 95)), "paid 95 after 40, but its cumulative is 95"),
        (((40, 95),), "paid 40 after 0, but its cumulative is 95"),
    ],
)
def test_a_claim_that_pays_what_is_not_due_is_named(paid: tuple[tuple[int, int], ...], says: str) -> None:
    verdict, detail = judged(*paid)
    assert (verdict, says in detail) == (Verdict.FAILED, True), detail


def test_a_claim_on_an_epoch_that_does_not_stand_is_named() -> None:
    for verdict, detail in (judged((OWED, OWED), veto=True), judged((OWED, OWED), epoch=2)):
        assert (verdict, "does not stand" in detail) == (Verdict.FAILED, True)
