"""The port that makes contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from provenance.app.ports.world import ContractName, Cost, Signer, TokenUnit
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds


@dataclass(frozen=True, slots=True)
class Created:
    """A contract that was just made."""

    address: Address
    code_hash: Bytes32
    block: BlockNumber
    time: UnixSeconds
    """Of that block."""
    gas_used: int


class Creator(Protocol):
    """Makes contracts of this package on one chain."""

    def chain_id(self) -> int: ...

    def next_addresses(self, deployer: Address, count: int, waiting: int | None = None) -> tuple[Address, ...]:
        """Where the deployer's next contracts will be, if it sends nothing else; the first by the nonce that waits."""
        ...

    def cost(self, contract: ContractName, args: tuple[object, ...], deployer: Address) -> Cost: ...

    def price(self, gas: int) -> Cost:
        """What a transaction of so much gas would cost."""
        ...

    def found(self, address: Address) -> Created:
        """A contract that is there already."""
        ...

    def unit(self, token: Address) -> TokenUnit:
        """Decimals and symbol, as the token says them now."""
        ...

    def create(self, contract: ContractName, args: tuple[object, ...], signer: Signer) -> Created: ...
