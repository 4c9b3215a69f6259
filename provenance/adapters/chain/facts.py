"""Transactions, their receipts and logs, in bytes: before anybody knows the contracts."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.types import Address, BlockNumber, Bytes32


@dataclass(frozen=True, slots=True)
class Log:
    """One raw log."""

    address: Address
    topics: tuple[Bytes32, ...]
    data: bytes
    block_number: BlockNumber
    block_hash: Bytes32
    tx: Bytes32
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction."""

    tx: Bytes32
    succeeded: bool
    gas_used: int
    block_number: BlockNumber
    block_hash: Bytes32
    created: Address | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction that any node may broadcast, and broadcast again."""

    tx: Bytes32
    raw: bytes
    nonce: int
