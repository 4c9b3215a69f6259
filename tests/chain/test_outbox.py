"""A transaction that was written down is sent once: waiting, overtaken, too cheap or failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provenance.adapters.chain import EvmNode, Outbox, Rpc
from provenance.adapters.chain.facts import Signed
from provenance.adapters.chain.node import CallFailed
from provenance.adapters.chain.rpc import RpcRefused
from provenance.adapters.journal import FileJournal
from provenance.types import Address
from tests.anvil import World, signer

SENDER = signer(8)
ANSWERS_ONE = bytes.fromhex(
    "600160005260206000f3"
)  # PUSH1 1, MSTORE, RETURN 32 bytes: creation code of a tiny contract


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[FileJournal]:
    with FileJournal(tmp_path / "outbox.jsonl") as opened:
        yield opened


def remembering(world: World, journal: FileJournal) -> EvmNode:
    """What a command has when it starts: it knows what the journal says."""
    return EvmNode(Rpc([world.url]), Outbox(journal))


def written(world: World, journal: FileJournal, **over: object):
    """Signed and written, as by a run that was killed before it was sent."""
    plain = EvmNode(Rpc([world.url]))
    signed = plain.sign(None, ANSWERS_ONE, SENDER, **over)
    outbox = Outbox(journal)
    key = Outbox.key(None, ANSWERS_ONE, SENDER.address)
    outbox.write(key, signed)
    return plain, signed


def test_what_was_mined_is_found_and_what_was_written_is_sent_as_it_is(
    chain_world: World, journal: FileJournal
) -> None:
    with chain_world.undone():
        plain, signed = written(chain_world, journal)
        first = remembering(chain_world, journal).transact(None, ANSWERS_ONE, SENDER)
        again = remembering(chain_world, journal).transact(None, ANSWERS_ONE, SENDER)
        assert first.tx == again.tx == signed.tx
        assert plain.nonce(SENDER.address) == signed.nonce + 1


def test_what_waits_in_the_pool_is_waited_for(chain_world: World, journal: FileJournal) -> None:
    with chain_world.undone():
        plain, signed = written(chain_world, journal)
        plain.rpc.call("evm_setAutomine", False)
        try:
            plain.broadcast(signed)
            plain.rpc.call("evm_setIntervalMining", 1)
            assert remembering(chain_world, journal).transact(None, ANSWERS_ONE, SENDER).tx == signed.tx
        finally:
            plain.rpc.call("evm_setIntervalMining", 0)
            plain.rpc.call("evm_setAutomine", True)


def test_what_another_transaction_overtook_is_signed_anew(chain_world: World, journal: FileJournal) -> None:
    with chain_world.undone():
        plain, signed = written(chain_world, journal)
        plain.transact(Address(b"\x01" * 20), b"", SENDER)
        receipt = remembering(chain_world, journal).transact(None, ANSWERS_ONE, SENDER)
        assert receipt.tx != signed.tx
        assert plain.nonce(SENDER.address) == signed.nonce + 2


class Hesitating(EvmNode):
    """A node on whose chain blocks come, one each second, once it has refused a transaction."""

    def broadcast(self, signed: Signed) -> None:
        try:
            super().broadcast(signed)
        except RpcRefused:
            self.rpc.call("evm_setIntervalMining", 1)
            raise


@contextmanager
def hesitating(world: World, journal: FileJournal) -> Iterator[EvmNode]:
    node = Hesitating(Rpc([world.url]), Outbox(journal))
    node.rpc.call("evm_setAutomine", False)
    try:
        yield node
    finally:
        node.rpc.call("evm_setIntervalMining", 0)
        node.rpc.call("evm_setAutomine", True)


@pytest.mark.parametrize("cheap", [False, True], ids=["at today's fees", "at less than is asked today"])
def test_a_nonce_that_anothers_transaction_holds_in_the_pool_is_left_to_it(
    chain_world: World, journal: FileJournal, *, cheap: bool
) -> None:
    with chain_world.undone():
        tip, most = EvmNode(Rpc([chain_world.url])).fees()
        fees = (1, (most - tip) // 2 + 1) if cheap else (tip, most)  # the base fee, or twice as much
        plain, signed = written(chain_world, journal, fees=fees)
        other = plain.sign(Address(b"\x01" * 20), b"", SENDER, nonce=signed.nonce, fees=fees)
        with hesitating(chain_world, journal) as node:
            plain.broadcast(other)
            receipt = node.transact(None, ANSWERS_ONE, SENDER)
        assert plain.receipt(other.tx) is not None
        assert (plain.receipt(signed.tx), plain.nonce(SENDER.address)) == (None, signed.nonce + 2)
        assert receipt.created is not None


def test_a_second_signature_that_was_only_written_down_waits_for_the_first_in_the_pool(
    chain_world: World, journal: FileJournal
) -> None:
    with chain_world.undone():
        plain, signed = written(chain_world, journal, fees=(10**8, 10**10))  # enough to be mined
        written(chain_world, journal, nonce=signed.nonce, fees=(10**8, 10**10 - 1))
        with hesitating(chain_world, journal) as node:
            plain.broadcast(signed)
            assert node.transact(None, ANSWERS_ONE, SENDER).tx == signed.tx
        assert plain.nonce(SENDER.address) == signed.nonce + 1


def test_what_has_become_too_cheap_is_offered_more_for_under_its_nonce(
    chain_world: World, journal: FileJournal
) -> None:
    with chain_world.undone():
        plain, signed = written(chain_world, journal, fees=(1, 1))
        receipt = remembering(chain_world, journal).transact(None, ANSWERS_ONE, SENDER)
        assert receipt.tx != signed.tx
        assert plain.nonce(SENDER.address) == signed.nonce + 1


def test_what_would_revert_is_neither_written_nor_sent(chain_world: World, journal: FileJournal) -> None:
    with chain_world.undone():
        before = EvmNode(Rpc([chain_world.url])).nonce(SENDER.address)
        with pytest.raises(CallFailed):
            remembering(chain_world, journal).transact(None, bytes.fromhex("60006000fd"), SENDER)
        assert list(journal.entries()) == []
        assert EvmNode(Rpc([chain_world.url])).nonce(SENDER.address) == before
