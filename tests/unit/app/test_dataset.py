"""Each party gets exactly the transaction it may send, and a reason where it may not."""

from __future__ import annotations

import pytest

from provenance.app import dataset as use
from provenance.app.payee import NoPayee
from provenance.app.ports import Call
from provenance.domain import splits
from provenance.domain.fields import checksummed
from provenance.domain.splits import BadSplits, Split
from provenance.errors import Invalid
from provenance.types import ZERO32, ZERO_ADDRESS, Bps
from tests import documents
from tests.documents import HOLDER, VOICE, word
from tests.fakes.chain import MemoryChain

pytestmark = pytest.mark.unit
ONE, TWO = word("dataset one"), word("dataset two")
STRANGER = documents.Key("stranger")


@pytest.fixture
def chain() -> MemoryChain:
    made = MemoryChain()
    made.datasets = {ONE: (HOLDER.address, 1), TWO: (HOLDER.address, 1)}
    return made


def test_what_is_not_registered_is_named(chain: MemoryChain) -> None:
    with pytest.raises(use.UnknownDataset) as caught:
        use.standing(word("nothing"), chain)
    assert caught.value.facts["dataset"] == "0x" + word("nothing").hex()


@pytest.mark.parametrize(("wanted", "status"), [(2, 2), (3, 3)])
def test_a_holder_suspends_and_revokes(chain: MemoryChain, wanted: int, status: int) -> None:
    call = use.suspension(ONE, HOLDER.address, chain, wanted=wanted)
    assert call == Call("DatasetRegistry", "setStatus", (ONE, status, ZERO32))


@pytest.mark.parametrize(("now", "wanted"), [(1, 1), (2, 2), (3, 1), (3, 2)])
def test_a_status_that_is_there_or_for_good_is_not_sent_again(chain: MemoryChain, now: int, wanted: int) -> None:
    chain.datasets[ONE] = (HOLDER.address, now)
    with pytest.raises(use.NothingToChange):
        use.suspension(ONE, HOLDER.address, chain, wanted=wanted)


def test_a_stranger_is_told_who_holds_it(chain: MemoryChain) -> None:
    for decide in (
        lambda: use.suspension(ONE, STRANGER.address, chain, wanted=2),
        lambda: use.superseding(ONE, TWO, STRANGER.address, chain),
        lambda: use.transfer(ONE, VOICE.address, STRANGER.address, chain),
    ):
        with pytest.raises(use.NotHolder) as caught:
            decide()
        assert caught.value.facts["holder"] == "0x" + HOLDER.address.hex()
        assert caught.value.detail.endswith(f" is held by {checksummed(HOLDER.address)}")


def test_a_guardian_needs_a_ruling_and_nobody_else_has_one(chain: MemoryChain) -> None:
    with pytest.raises(use.RulingNeeded):
        use.suspension(ONE, chain.guardian, chain, wanted=2)
    with pytest.raises(use.NotHolder):
        use.suspension(ONE, HOLDER.address, chain, wanted=2, ruling=word("ruling"))
    with pytest.raises(Invalid):
        use.suspension(ONE, chain.guardian, chain, wanted=3, ruling=word("ruling"))
    halt = use.suspension(ONE, chain.guardian, chain, wanted=2, ruling=word("ruling"))
    assert halt.args == (ONE, 4, word("ruling"))


def test_a_lift_returns_to_what_the_holder_chose(chain: MemoryChain) -> None:
    chain.datasets[ONE] = (HOLDER.address, 2)
    chain.halted.add(ONE)
    lift = use.suspension(ONE, chain.guardian, chain, wanted=1, ruling=word("ruling"))
    assert lift.args == (ONE, 2, word("ruling"))
    with pytest.raises(use.NothingToChange):
        use.suspension(ONE, HOLDER.address, chain, wanted=1)


def test_a_dataset_names_another_as_its_next_version_never_itself(chain: MemoryChain) -> None:
    assert use.superseding(ONE, TWO, HOLDER.address, chain).args == (ONE, TWO)
    with pytest.raises(Invalid):
        use.superseding(ONE, ONE, HOLDER.address, chain)


def test_a_transfer_is_offered_and_taken_by_who_it_was_offered_to(chain: MemoryChain) -> None:
    chain.send(use.transfer(ONE, VOICE.address, HOLDER.address, chain), HOLDER)
    with pytest.raises(use.NotHolder):
        use.acceptance(ONE, STRANGER.address, chain)
    chain.send(use.acceptance(ONE, VOICE.address, chain), VOICE)
    assert use.standing(ONE, chain) == (VOICE.address, 1)
    with pytest.raises(use.NotHolder, match="nobody"):
        use.acceptance(ONE, STRANGER.address, chain)


def test_an_offer_to_the_holder_itself_changes_nothing_and_zero_withdraws(chain: MemoryChain) -> None:
    with pytest.raises(use.NothingToChange):
        use.transfer(ONE, HOLDER.address, HOLDER.address, chain)
    assert use.transfer(ONE, ZERO_ADDRESS, HOLDER.address, chain).args == (ONE, ZERO_ADDRESS)


def test_new_shares_stand_in_their_transaction(chain: MemoryChain) -> None:
    shares = (Split(HOLDER.address, Bps(6_000)), Split(VOICE.address, Bps(4_000)))
    assert use.resharing(ONE, shares, HOLDER.address, chain).args == (ONE, splits.pack(shares))
    with pytest.raises(BadSplits):
        use.resharing(ONE, shares[:1], HOLDER.address, chain)


def test_a_dispute_is_its_holders_own_word(chain: MemoryChain) -> None:
    assert use.dispute(ONE, word("evidence"), HOLDER.address, chain).args == (ONE, word("evidence"))
    with pytest.raises(use.NotHolder):
        use.dispute(ONE, word("evidence"), STRANGER.address, chain)


@pytest.mark.parametrize("contract", ["Token", "RoyaltyDistributor", "DatasetRegistry"])
def test_a_contract_of_the_network_is_nobody_to_pay_or_to_give_a_dataset(chain: MemoryChain, contract: str) -> None:
    lost = chain.deployment.contracts[contract]
    with pytest.raises(NoPayee, match=contract) as refused:
        use.resharing(ONE, (Split(HOLDER.address, Bps(1)), Split(lost, Bps(9_999))), HOLDER.address, chain)
    assert refused.value.facts["account"] == "0x" + lost.hex()
    with pytest.raises(NoPayee, match=contract):
        use.transfer(ONE, lost, HOLDER.address, chain)
