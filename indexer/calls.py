"""The transactions that pay payees with the least gas, and their calls as bytes for the outbox."""

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
    planned: list[PayoutBatch] = []
    single: list[tuple[Address, Wei]] = []
    for payments, proof in leaves.subtrees(SUBTREE) if due else ():
        owed = [(payee, cumulative) for payee, cumulative in payments if payee in due]
        if len(owed) > 1 and 2 * len(owed) >= len(payments):
            call = Call("RoyaltyDistributor", "claimSubtree", (epoch, payments, proof))
            planned.append(PayoutBatch(call, tuple(Line(*payment) for payment in owed)))
        else:
            single += owed
    for start in range(0, len(single), MANY):
        part = single[start : start + MANY]
        claims = tuple((payee, cumulative, leaves.proof(payee)) for payee, cumulative in part)
        call = Call("RoyaltyDistributor", "claimMany", (epoch, claims))
        planned.append(PayoutBatch(call, tuple(Line(*payment) for payment in part)))
    return tuple(planned)


def encode(call: Call) -> bytes:
    """The call as it is kept in the outbox."""
    return canonical.dumps({"contract": call.contract, "function": call.function, "args": _shown(call.args)})


def decode(encoded: bytes) -> Call:
    """The call that was kept."""
    document = canonical.loads(encoded)
    if not isinstance(document, dict):
        raise Broken("the outbox holds no call")
    args = _read(document["args"])
    if not isinstance(args, tuple) or document["contract"] != "RoyaltyDistributor":
        raise Broken("the outbox holds another call")
    return Call("RoyaltyDistributor", str(document["function"]), args)


def _shown(argument: object) -> Json:
    if isinstance(argument, bytes):
        return "0x" + argument.hex()
    if isinstance(argument, int):
        return str(argument)
    if isinstance(argument, tuple):
        return [_shown(part) for part in argument]
    raise Broken(f"a call with {type(argument).__name__}")


def _read(argument: Json) -> object:
    if isinstance(argument, list):
        return tuple(_read(part) for part in argument)
    text = str(argument)
    return bytes.fromhex(text[2:]) if text.startswith("0x") else int(text)
