"""The events that the contracts emit, and how a log is read as one.

- An event is one frozen class: `ABI` is its Solidity declaration, `CONTRACTS` names who emits it, and the
  fields are the arguments in their order, in Python's spelling. It stands in the union below its class.
- Only the canonical encoding is an event; padding that carries anything is refused.
- What an event means is left to `ledger`; the operator's tables follow from `ABI`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final, TypeAlias, get_args

from provenance.domain.events.datasets import *  # noqa: F403 - every event, so that none is listed a second time
from provenance.domain.events.datasets import ConsentEvent, DatasetEvent
from provenance.domain.events.licenses import *  # noqa: F403 - the same
from provenance.domain.events.licenses import ArtifactEvent, LicenseEvent, UsageEvent
from provenance.domain.events.royalties import *  # noqa: F403 - the same
from provenance.domain.events.royalties import RoleEvent, RoyaltyEvent
from provenance.domain.hashes import keccak
from provenance.errors import Invalid
from provenance.types import Bytes32

Event: TypeAlias = DatasetEvent | ConsentEvent | LicenseEvent | UsageEvent | ArtifactEvent | RoyaltyEvent | RoleEvent
"""Everything that the six contracts say."""

EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)

_ARGUMENT = re.compile(r"(\w+) (indexed )?(\w+)[,)]")
_WORD: Final = 32


class BadLog(Invalid):
    """A log that claims to be one of our events and is not encoded like one."""

    next = "The node's answer is wrong; use another RPC endpoint."


def arguments(event: type[Event]) -> tuple[tuple[str, bool, str], ...]:
    """(Solidity type, indexed, camelCase name) of every argument, in order."""
    return _declared(event.ABI)


@cache
def _declared(signature: str) -> tuple[tuple[str, bool, str], ...]:
    declared = _ARGUMENT.findall(signature.partition("(")[2])
    return tuple((kind, bool(indexed), name) for kind, indexed, name in declared)


def topic(event: type[Event]) -> Bytes32:
    """The event's first topic.

    Source: Contract ABI Specification, "Events".
    """
    kinds = ",".join(kind for kind, _, _ in arguments(event))
    return keccak(f"{event.__name__}({kinds})".encode())


TOPICS: Final[Mapping[Bytes32, type[Event]]] = MappingProxyType({topic(event): event for event in EVENTS})


def values(event: Event) -> tuple[bytes | int | bool, ...]:
    """The event's arguments in order."""
    return tuple(getattr(event, field.name) for field in dataclasses.fields(event))


def decode(contract: str, topics: Sequence[bytes], data: bytes) -> Event | None:
    """The event behind one log of `contract` (its name), or None if the contract has no such event.

    Raises:
        BadLog: the topic is ours and the rest is not its canonical encoding.
    """
    kind = TOPICS.get(Bytes32(bytes(topics[0]))) if topics else None
    if kind is None or contract not in kind.CONTRACTS:
        return None
    declared = arguments(kind)
    indexed = sum(is_indexed for _, is_indexed, _ in declared)
    tail = _WORD * (len(declared) - indexed)
    if len(topics) != indexed + 1 or len(data) < tail:
        raise BadLog(f"{kind.__name__} has {len(topics)} topics and {len(data)} bytes", event=kind.__name__)
    topic_words = iter(topics[1:])
    data_words = (data[start : start + _WORD] for start in range(0, tail, _WORD))
    given: list[bytes | int | bool] = []
    for solidity, is_indexed, name in declared:
        word = next(topic_words if is_indexed else data_words)
        if solidity == "bytes":
            content, tail = _content(word, data, tail, f"{kind.__name__}.{name}")
            given.append(content)
        else:
            given.append(_value(solidity, word, f"{kind.__name__}.{name}"))
    if len(data) != tail:
        raise BadLog(f"{kind.__name__} has {len(data)} bytes, not {tail}", event=kind.__name__)
    make: Callable[..., Event] = kind
    return make(*given)


def _content(place: bytes, data: bytes, tail: int, name: str) -> tuple[bytes, int]:
    """The bytes that begin at `tail`, where `place` has to say that they do, and where they end.

    Source: Contract ABI Specification, "Use of Dynamic Types".
    """
    start = tail + _WORD
    length = int.from_bytes(data[tail:start], "big")
    end = start + -(-length // _WORD) * _WORD
    content, padding = data[start : start + length], data[start + length : end]
    if int.from_bytes(place, "big") != tail or len(data) < end or any(padding):
        raise BadLog(f"{name} is not encoded as canonical bytes", field=name)
    return content, end


def _value(kind: str, word: bytes, name: str) -> bytes | int | bool:
    """The argument that one word encodes; padding that carries anything is refused."""
    if len(word) != _WORD:
        raise BadLog(f"{name} is not one word", field=name)
    if kind == "bytes32":
        return word
    bits = 160 if kind == "address" else 1 if kind == "bool" else int(kind.removeprefix("uint"))
    number = int.from_bytes(word, "big")
    if number >> bits:
        raise BadLog(f"{name} is not a canonical {kind}", field=name)
    if kind == "address":
        return word[12:]
    return bool(number) if kind == "bool" else number
