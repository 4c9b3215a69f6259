"""Which transactions pay these payees with the least gas, and how are they written down?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from indexer.store.outbox import Line
from provenance.app.ports import Call
from provenance.domain import canonical
from provenance.errors import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.app.settle.reading import Leaves
    from provenance.types import Address, Json, Wei

SUBTREE: Final = 256  # leaves of one claimSubtree; the contract takes no more
MANY: Final = 100  # claims of one claimMany, each with its own proof


@dataclass(frozen=True, slots=True)
class PayoutBatch:
    """One transaction and whom it pays."""

    call: Call
    lines: tuple[Line, ...]


def batches(epoch: int, leaves: Leaves, due: Mapping[Address, Wei]) -> tuple[PayoutBatch, ...]:
    """Transactions that together pay everybody in `due`, each payee once.

    A sub-tree goes as one where at least half of its payees are due; the others are gathered, each with
    its own proof.
    """
    found: list[PayoutBatch] = []
    single: list[tuple[Address, Wei]] = []
    for payments, proof in leaves.subtrees(SUBTREE) if due else ():
        owed = [(payee, cumulative) for payee, cumulative in payments if payee in due]
        if len(owed) > 1 and 2 * len(owed) >= len(payments):
            call = Call("RoyaltyDistributor", "claimSubtree", (epoch, payments, proof))
            found.append(PayoutBatch(call, tuple(Line(*one) for one in owed)))
        else:
            single += owed
    for start in range(0, len(single), MANY):
        part = single[start : start + MANY]
        claims = tuple((payee, cumulative, leaves.proof(payee)) for payee, cumulative in part)
        call = Call("RoyaltyDistributor", "claimMany", (epoch, claims))
        found.append(PayoutBatch(call, tuple(Line(*one) for one in part)))
    return tuple(found)


def encode(call: Call) -> bytes:
    """The call as it is kept in the outbox."""
    return canonical.dumps({"contract": call.contract, "function": call.function, "args": _shown(call.args)})


def decode(data: bytes) -> Call:
    """The call that was kept."""
    found = canonical.loads(data)
    if not isinstance(found, dict):
        raise Broken("the outbox holds no call")
    args = _read(found["args"])
    if not isinstance(args, tuple) or found["contract"] != "RoyaltyDistributor":
        raise Broken("the outbox holds another call")
    return Call("RoyaltyDistributor", str(found["function"]), args)


def _shown(value: object) -> Json:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    raise Broken(f"a call with {type(value).__name__}")


def _read(value: Json) -> object:
    if isinstance(value, list):
        return tuple(_read(one) for one in value)
    text = str(value)
    return bytes.fromhex(text[2:]) if text.startswith("0x") else int(text)
