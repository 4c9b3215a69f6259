"""A real chain with the contracts on it, for tests that need one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.adapters import wire
from provenance.adapters.anvil import MNEMONIC, Devnet
from provenance.adapters.chain import EvmCreator, EvmNode, Rpc
from provenance.adapters.keys.keystore import KeySigner
from provenance.adapters.keys.mnemonic import keys
from provenance.app.deploy import Plan, Roles, deploy, mint, ruleset_1
from provenance.app.ports import Call
from provenance.app.stake import staking
from provenance.types import Wei
from tests.fakes.content import MemoryContent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.adapters.anvil import Backend
    from provenance.adapters.chain import EvmChain
    from provenance.app.deploy import Record

TOKENS = Wei(10**12)


def signer(at: int) -> KeySigner:
    """The funded account at that place of the mnemonic; 0 is owner and meter, 1 the publisher, 2 the guardian, 3 the arbiter."""
    return KeySigner(keys(MNEMONIC, at + 1)[at])


@dataclass(frozen=True, slots=True)
class World:
    """One chain, the contracts on it and who signs there."""

    url: str
    devnet: Devnet
    record: Record
    chain: EvmChain
    signers: tuple[KeySigner, ...]

    def connect(self) -> EvmChain:
        """Another connection to the same contracts."""
        return wire.connect(EvmNode(Rpc([self.url])), self.record)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside has not happened afterwards: `evm_snapshot` and `evm_revert`."""
        rpc = self.chain.node.rpc
        mark = rpc.call("evm_snapshot")
        try:
            yield
        finally:
            rpc.call("evm_revert", mark)


@contextmanager
def world(folder: Path, backend: Backend = "anvil") -> Iterator[World]:
    """A new chain in `folder`, gone afterwards."""
    devnet = Devnet(folder)
    running = devnet.start(backend)
    try:
        node, signers = EvmNode(Rpc([running.url])), tuple(signer(at) for at in range(10))
        owner, publisher, guardian, arbiter = (one.address for one in signers[:4])
        plan = Plan(Roles(owner, guardian, arbiter, publisher, (owner,)), ruleset_1(owner))
        connect = lambda record: wire.connect(node, record)  # noqa: E731 - one line, used once
        record, chain = deploy(EvmCreator(node), connect, MemoryContent(), plan, signers[0])
        mint(chain, signers[0], tuple(one.address for one in signers), TOKENS)
        if backend == "ganache":  # which mines an account's very first transaction again as often as it is sent
            for one in signers[1:]:
                chain.send(Call("Token", "approve", (owner, 0)), one)
        for call in staking(chain, publisher):
            chain.send(call, signers[1])
        yield World(running.url, devnet, record, chain, signers)
    finally:
        devnet.stop()
