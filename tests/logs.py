"""Logs as a contract writes them, and the bloom filters that a node makes over them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from indexer.blocks import BLOOM_BYTES
from provenance.domain import events
from provenance.domain.hashes import keccak
from provenance.types import Bytes32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.domain.events import Event


def encode(event: Event) -> tuple[tuple[Bytes32, ...], bytes]:
    """(topics, data) as the contract logs them."""
    topics, data, tail = [events.topic(type(event))], b"", b""
    arguments = events.arguments(type(event))
    head = 32 * sum(not indexed for _, indexed, _ in arguments)
    for (kind, indexed, _), field in zip(arguments, dataclasses.fields(event), strict=True):
        value = getattr(event, field.name)
        if indexed:
            topics.append(Bytes32(_word(kind, value)))
        elif kind == "bytes":
            data += (head + len(tail)).to_bytes(32, "big")
            tail += len(value).to_bytes(32, "big") + value + bytes(-len(value) % 32)
        else:
            data += _word(kind, value)
    return tuple(topics), data + tail


def _word(kind: str, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    return value.rjust(32, b"\0") if kind == "address" else value.ljust(32, b"\0")


def bloom(values: Iterable[bytes]) -> bytes:
    """The filter over these addresses and topics. Source: Ethereum Yellow Paper §4.3.1, M3:2048."""
    bits = 0
    for value in values:
        digest = keccak(value)
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits.to_bytes(BLOOM_BYTES, "big")
