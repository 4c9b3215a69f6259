"""What every `Chain` promises: over the one in memory and over a real node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance.app.ports import Call, Chain, Signer
from provenance.domain import events
from provenance.errors import Missing, Reverted
from provenance.types import ZERO32, ZERO_ADDRESS, Address, BlockNumber
from tests import documents
from tests.anvil import world
from tests.fakes.chain import MemoryChain

pytestmark = pytest.mark.ports


@dataclass
class Side:
    """A chain and two who may send."""

    chain: Chain
    one: Signer
    other: Signer


@pytest.fixture(scope="module", params=["memory", "anvil"])
def side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    if request.param == "memory":
        yield Side(MemoryChain(), documents.Key("one"), documents.Key("other"))
        return
    folder: Path = tmp_path_factory.mktemp("anvil")
    with world(folder / "devnet") as made:
        yield Side(made.chain, made.signers[4], made.signers[5])


def approve(name: str) -> Call:
    return Call("ConsentRegistry", "approveDigest", (documents.word(name),))


def test_a_transaction_is_in_a_block_with_its_event(side: Side):
    before = side.chain.head()
    mined = side.chain.send(approve("a"), side.one)
    after = side.chain.head()
    assert after.number == before.number + 1 == mined.block.number
    assert (mined.block, mined.block.time >= before.time) == (side.chain.block(after.number), True)
    (logged,) = mined.logs
    assert logged.event == events.DigestApproved(side.one.address, documents.word("a"))
    assert (logged.tx, logged.block, logged.log_index) == (mined.tx, mined.block, 0)
    assert logged.contract == side.chain.deployment.contracts["ConsentRegistry"]
    assert mined.gas_used > 21_000
    assert len({mined.tx, before.hash, after.hash}) == 3


def test_what_was_sent_is_read(side: Side):
    question = Call("ConsentRegistry", "approvedAt", (side.one.address, documents.word("b")))
    assert side.chain.read(question) == (0,)
    side.chain.send(approve("b"), side.one)
    assert side.chain.read(question) != (0,)


def test_events_are_listed_by_range_in_chain_order(side: Side):
    first = side.chain.send(approve("c1"), side.one)
    second = side.chain.send(approve("c2"), side.other)
    listed = list(side.chain.events(first.block.number, second.block.number))
    assert listed == [*first.logs, *second.logs]
    assert list(side.chain.events(second.block.number, second.block.number)) == list(second.logs)
    assert list(side.chain.events(BlockNumber(second.block.number + 1), second.block.number)) == []


def test_events_are_listed_by_whom_they_name(side: Side):
    mined = side.chain.send(approve("d"), side.other)
    assert side.chain.about(documents.word("d")) == mined.logs
    assert mined.logs[0] in side.chain.about(side.other.address)
    assert mined.logs[0] not in side.chain.about(side.one.address)
    assert side.chain.about(documents.word("nobody")) == ()


def test_events_that_name_one_of_many_are_listed_once(side: Side):
    first, last = side.chain.send(approve("f1"), side.one), side.chain.send(approve("f2"), side.other)
    between = [documents.word(f"nobody {n}") for n in range(1_000)]
    asked = (documents.word("f2"), *between, documents.word("f1"), side.one.address)
    found = side.chain.about(*asked)
    assert [one for one in found if one in (*first.logs, *last.logs)] == [*first.logs, *last.logs]
    assert side.chain.about(documents.word("f2"), documents.word("f1")) == (*first.logs, *last.logs)


def test_what_a_transaction_called_is_read_from_its_bytes(side: Side):
    call = approve("g")
    mined = side.chain.send(call, side.one)
    assert side.chain.calls(mined.tx, "ConsentRegistry", "approveDigest", "revokeConsent") == (call,)
    assert side.chain.calls(mined.tx, "ConsentRegistry", "revokeConsent") == ()
    assert side.chain.calls(mined.tx, "DataAccess", "accept") == ()
    with pytest.raises(Missing):
        side.chain.calls(documents.word("no transaction"), "DataAccess", "accept")


def test_a_refusal_has_the_contracts_word_and_changes_nothing(side: Side):
    side.chain.send(approve("e"), side.one)
    before = side.chain.head()
    for attempt in (side.chain.send, lambda call, signer: side.chain.cost(call, signer.address)):
        with pytest.raises(Reverted) as caught:
            attempt(approve("e"), side.one)
        assert caught.value.code == "already-approved"
    assert side.chain.head() == before


def test_a_cost_is_told_and_nothing_is_sent(side: Side):
    before = side.chain.head()
    cost = side.chain.cost(approve("f"), side.one.address)
    assert (cost.gas > 21_000, cost.fee_wei > 0) == (True, True)
    assert side.chain.head() == before
    assert side.chain.read(Call("ConsentRegistry", "approvedAt", (side.one.address, documents.word("f")))) == (0,)


def test_who_sends_is_who_signed(side: Side):
    consent_id = documents.word("consent")
    side.chain.send(Call("ConsentRegistry", "revokeConsent", (consent_id, ZERO32)), side.other)
    assert side.chain.read(Call("ConsentRegistry", "revokedAt", (side.one.address, consent_id))) == (0,)
    assert side.chain.read(Call("ConsentRegistry", "revokedAt", (side.other.address, consent_id))) != (0,)


def test_a_dataset_has_one_registration(side: Side):
    words = (documents.word("root"), documents.word("digest"), documents.word("terms"), documents.word("split"), 3)
    mined = side.chain.send(Call("DatasetRegistry", "register", words), side.one)
    (event,) = [one.event for one in mined.logs]
    assert isinstance(event, events.DatasetRegistered)
    assert (event.holder, event.items) == (side.one.address, 3)
    assert side.chain.read(Call("DatasetRegistry", "standing", (event.dataset_id,))) == (side.one.address, 1, 0)
    assert side.chain.read(Call("DatasetRegistry", "standing", (ZERO32,))) == (ZERO_ADDRESS, 0, 0)
    with pytest.raises(Reverted) as caught:
        side.chain.send(Call("DatasetRegistry", "register", words), side.one)
    assert caught.value.code == "already-registered"


def test_contracts_have_code_and_people_have_none(side: Side):
    assert all(side.chain.has_code(address) for address in side.chain.deployment.contracts.values())
    assert not side.chain.has_code(side.one.address)
    assert not side.chain.has_code(Address(b"\x01" * 20))


def test_a_block_that_is_not_there_is_missing(side: Side):
    with pytest.raises(Missing):
        side.chain.block(BlockNumber(side.chain.head().number + 1))
