"""Blocks and logs as a node gives them, in our types.

The values that `rpc` fetches and checks, and that `follow` turns into rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from provenance.domain.hashes import keccak
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """One block's identity, its place in the chain and the filter over its logs."""

    number: BlockNumber
    hash: Bytes32
    parent: Bytes32
    time: UnixSeconds
    bloom: bytes


@dataclass(frozen=True, slots=True)
class RawLog:
    """One log of our contracts, undecoded."""

    block: BlockNumber
    block_hash: Bytes32
    log_index: int
    tx: Bytes32
    contract: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive blocks whose links, hashes and filters agree with their logs."""

    headers: tuple[BlockHeader, ...]
    logs: tuple[RawLog, ...]


BLOOM_BYTES = 256


def may_hold(bloom: bytes, entry: bytes) -> bool:
    """Whether a block's filter allows a log of this address or topic; never wrong when it says no.

    Source: Ethereum Yellow Paper §4.3.1, M3:2048.
    """
    digest = keccak(entry)
    bits = [int.from_bytes(digest[start : start + 2], "big") & 2047 for start in (0, 2, 4)]
    return all(bloom[BLOOM_BYTES - 1 - bit // 8] >> bit % 8 & 1 for bit in bits)
