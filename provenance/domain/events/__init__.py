"""What do the contracts emit, and which event is a given log?

One frozen class per Solidity event; `ABI` is its declaration, and the fields stand in its order, in
Python's spelling. Only the canonical encoding is an event. What an event means is left to `ledger`.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, get_args

from provenance.domain.events.datasets import (
    ConsentRevoked,
    ContentRotated,
    DatasetRegistered,
    DatasetStatusChanged,
    DatasetSuperseded,
    DatasetTransferred,
    DigestApproved,
    ErasureAttested,
    ErasureOrdered,
    SplitSet,
)
from provenance.domain.events.licenses import (
    AccessRecorded,
    ArtifactRegistered,
    ArtifactStatusChanged,
    LicenseGranted,
    LicenseTerminated,
    MeterAdmitted,
    MeterRemoved,
    OfferCancelled,
    SessionRevoked,
    UsageAnchored,
)
from provenance.domain.events.royalties import (
    ChallengeResolved,
    ClaimSkipped,
    Funded,
    PauseSet,
    RoleChanged,
    RoleOffered,
    RoyaltyClaimed,
    SettlementChallenged,
    SettlementProposed,
    SettlementVetoed,
)
from provenance.domain.hashes import keccak
from provenance.errors import Invalid
from provenance.types import Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Event: TypeAlias = (
    DatasetRegistered
    | DatasetStatusChanged
    | DatasetSuperseded
    | DatasetTransferred
    | SplitSet
    | ContentRotated
    | ConsentRevoked
    | ErasureOrdered
    | ErasureAttested
    | DigestApproved
    | LicenseGranted
    | LicenseTerminated
    | OfferCancelled
    | AccessRecorded
    | MeterAdmitted
    | MeterRemoved
    | UsageAnchored
    | SessionRevoked
    | ArtifactRegistered
    | ArtifactStatusChanged
    | Funded
    | SettlementProposed
    | SettlementVetoed
    | SettlementChallenged
    | ChallengeResolved
    | RoyaltyClaimed
    | ClaimSkipped
    | RoleOffered
    | RoleChanged
    | PauseSet
)
"""Everything that the six contracts say."""

EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)

_ARGUMENT = re.compile(r"(\w+) (indexed )?(\w+)[,)]")
_WORD: Final = 32


class BadLog(Invalid):
    """A log that claims to be one of our events and is not encoded like one."""

    code = "bad-log"
    next = "The node's answer is wrong; use another RPC endpoint."


def arguments(event: type[Event]) -> tuple[tuple[str, bool, str], ...]:
    """(Solidity type, indexed, camelCase name) of every argument, in order."""
    return tuple((kind, bool(indexed), name) for kind, indexed, name in _ARGUMENT.findall(event.ABI.partition("(")[2]))


def topic(event: type[Event]) -> Bytes32:
    """The event's first topic.

    Source: Contract ABI Specification, "Events".
    """
    kinds = ",".join(kind for kind, _, _ in arguments(event))
    return keccak(f"{event.__name__}({kinds})".encode())


TOPICS: Final[Mapping[Bytes32, type[Event]]] = MappingProxyType({topic(event): event for event in EVENTS})


def decode(contract: str, topics: Sequence[bytes], data: bytes) -> Event | None:
    """The event behind one log of `contract` (its name), or None if the contract has no such event.

    Raises:
        BadLog: the topic is ours and the rest is not its canonical encoding.
    """
    found = TOPICS.get(Bytes32(bytes(topics[0]))) if topics else None
    if found is None or contract not in found.CONTRACTS:
        return None
    declared = arguments(found)
    indexed = sum(is_indexed for _, is_indexed, _ in declared)
    if len(topics) != indexed + 1 or len(data) != _WORD * (len(declared) - indexed):
        raise BadLog(
            f"{found.__name__} has {len(topics)} topics and {len(data)} bytes",
            event=found.__name__,
        )
    of_topics = iter(topics[1:])
    of_data: Iterator[bytes] = (data[at : at + _WORD] for at in range(0, len(data), _WORD))
    make: Callable[..., Event] = found
    return make(
        *(
            _value(
                kind,
                next(of_topics if is_indexed else of_data),
                f"{found.__name__}.{name}",
            )
            for kind, is_indexed, name in declared
        )
    )


def _value(kind: str, encoded: bytes, name: str) -> bytes | int | bool:
    """The value of one word; padding that carries anything is refused."""
    if len(encoded) != _WORD:
        raise BadLog(f"{name} is not one word", field=name)
    if kind == "bytes32":
        return encoded
    bits = 160 if kind == "address" else 1 if kind == "bool" else int(kind.removeprefix("uint"))
    number = int.from_bytes(encoded, "big")
    if number >> bits:
        raise BadLog(f"{name} is not a canonical {kind}", field=name)
    if kind == "address":
        return encoded[12:]
    return bool(number) if kind == "bool" else number


__all__ = [
    "EVENTS",
    "TOPICS",
    "AccessRecorded",
    "ArtifactRegistered",
    "ArtifactStatusChanged",
    "BadLog",
    "ChallengeResolved",
    "ClaimSkipped",
    "ConsentRevoked",
    "ContentRotated",
    "DatasetRegistered",
    "DatasetStatusChanged",
    "DatasetSuperseded",
    "DatasetTransferred",
    "DigestApproved",
    "ErasureAttested",
    "ErasureOrdered",
    "Event",
    "Funded",
    "LicenseGranted",
    "LicenseTerminated",
    "MeterAdmitted",
    "MeterRemoved",
    "OfferCancelled",
    "PauseSet",
    "RoleChanged",
    "RoleOffered",
    "RoyaltyClaimed",
    "SessionRevoked",
    "SettlementChallenged",
    "SettlementProposed",
    "SettlementVetoed",
    "SplitSet",
    "UsageAnchored",
    "arguments",
    "decode",
    "encode",
    "topic",
]
