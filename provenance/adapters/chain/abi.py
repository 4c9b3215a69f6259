"""Answers and refusals of our contracts, read by the ABIs in `provenance.abi`.

Bytes come out as bytes; an address is 20 of them. What is sent is encoded by the bindings (`provenance.abi.bound`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final, cast

from provenance.abi import Name, load
from provenance.app.ports import TokenUnit
from provenance.domain.fields import checksummed, dated
from provenance.domain.hashes import keccak
from provenance.errors import Invalid, Reverted, Unavailable
from provenance.types import Json, UnixSeconds

CONTRACTS: Final = (
    "DatasetRegistry",
    "ConsentRegistry",
    "DataAccess",
    "UsageLedger",
    "ArtifactRegistry",
    "RoyaltyDistributor",
)
NEXT: Final[Mapping[str, str]] = {
    "AlreadyRegistered": "Nothing to do: it is on chain already.",
    "BadSignature": "Ask the named account to sign again; the network and its contracts must be the same.",
    "ExpiryPassed": "Ask the rights holder for an offer with a later expiry.",
    "HeadMismatch": "Another batch was anchored meanwhile; run `provenance node anchor` again.",
    "LicenseInactive": "Ask the rights holder for a new offer; `provenance license show` says what became of this one.",
    "NothingDue": "Nothing to do: all of it was paid before.",
    "NotRole": "Use the account that holds the role; `provenance role show` names it.",
    "OfferExpired": "Ask the rights holder for a new offer.",
    "OfferUsed": "See `provenance license list`: it was accepted or cancelled already.",
    "PausedUntil": "Wait until the named time; claims and revocations go on meanwhile.",
    "PauseTooLong": "A pause lasts 7 days at most, and a running one can only be shortened.",
    "PauseTooSoon": "Wait until the named time: the next pause begins 7 days after the last one ended, or later.",
    "PurposeNotLicensed": "Use a purpose that the license names, or ask for another license.",
    "UnderChallenge": "Wait for the arbiter, or until 14 days have passed; `provenance role show` says until when.",
    "WindowClosed": "It counts since the named time and can be stopped no more; publish what the audit says.",
    "WindowOpen": "Wait until the named time; the settlement can be claimed from then on.",
    "WrongLicensee": "Use the named account with --account.",
}
MONEY: Final = frozenset(
    {
        "CumulativeDecreased",
        "ERC20InsufficientAllowance",
        "ERC20InsufficientBalance",
        "Insolvent",
        "Overpaid",
        "TokenShortfall",
        "TotalDecreased",
    }
)
"""Errors whose numbers are all amounts of the token."""
_PANIC: Final = {0x01: "an assertion failed", 0x11: "an arithmetic overflow", 0x12: "a division by zero"}
_ERROR_STRING: Final = bytes.fromhex("08c379a0")
_PANIC_CODE: Final = bytes.fromhex("4e487b71")
_JSON_INTEGER: Final = 1 << 53

Entry = Mapping[str, Any]


class AnswerUnreadable(Unavailable):
    """The node's bytes do not fit the contract's ABI."""

    next = "Use another RPC endpoint; if it repeats, the contract at that address is not ours."


def entries(name: str, sort: str) -> tuple[Entry, ...]:
    """The contract's ABI entries of one sort: `function`, `event`, `error` or `constructor`."""
    try:
        return tuple(entry for entry in load(cast("Name", name)).abi if entry["type"] == sort)
    except KeyError:
        raise Invalid(f"no contract {name} is in this package", contract=name) from None


def function(contract: str, name: str, arity: int) -> Entry:
    """The function of that name and number of arguments.

    Raises:
        Invalid: the contract has none.
    """
    for entry in entries(contract, "function"):
        if entry["name"] == name and len(entry["inputs"]) == arity:
            return entry
    raise Invalid(f"{contract} has no function {name} with {arity} arguments", contract=contract)


def kind(parameter: Mapping[str, Any]) -> str:
    """The canonical type, a struct as its tuple."""
    declared: str = parameter["type"]
    if declared.startswith("tuple"):
        return f"({','.join(map(kind, parameter['components']))}){declared.removeprefix('tuple')}"
    return declared


def signature(entry: Mapping[str, Any]) -> str:
    """Name and canonical types: what the selector hashes."""
    return f"{entry['name']}({','.join(map(kind, entry['inputs']))})"


def selector(entry: Mapping[str, Any]) -> bytes:
    """The first four bytes of a call or a custom error."""
    return keccak(signature(entry).encode())[:4]


def calls(contract: str, functions: Collection[str], carried: bytes) -> Iterator[tuple[str, tuple[object, ...]]]:
    """(name, arguments) of every call of these functions that stands anywhere in what a transaction carries."""
    for entry in entries(contract, "function"):
        if entry["name"] in functions:
            start, word = -1, selector(entry)
            while (start := carried.find(word, start + 1)) >= 0:
                with suppress(AnswerUnreadable):
                    yield entry["name"], decoded(entry["inputs"], carried[start + len(word) :])


def decoded(parameters: Sequence[Mapping[str, Any]], answer: bytes) -> tuple[object, ...]:
    """The values; addresses as bytes, structs and lists as tuples.

    Raises:
        AnswerUnreadable: the bytes are not such values.
    """
    from eth_abi.abi import decode  # noqa: PLC0415 - 0.3 s, only where a contract is called
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    try:
        values = decode([kind(parameter) for parameter in parameters], answer)
    except (DecodingError, ValueError, OverflowError) as error:
        raise AnswerUnreadable(f"the node's answer is not what the contract returns: {error}") from None
    return tuple(map(_plain, parameters, values))


def _plain(parameter: Mapping[str, Any], member: Any) -> object:
    if parameter["type"].endswith("]"):
        inner = {**parameter, "type": parameter["type"].rpartition("[")[0]}
        return tuple(_plain(inner, element) for element in member)
    if "components" in parameter:
        return tuple(map(_plain, parameter["components"], member))
    return bytes.fromhex(member[2:]) if parameter["type"] == "address" else member


@cache
def _errors() -> dict[bytes, Entry]:
    """Every custom error of our contracts and the token, by selector."""
    return {selector(entry): entry for name in (*CONTRACTS, "Token") for entry in entries(name, "error")}


@cache
def _leaf(code: str) -> type[Reverted]:
    name = "".join(part.capitalize() for part in code.split("-"))
    return type(name, (Reverted,), {"code": code, "__doc__": "A contract refused."})


def refusal(contract: str, revert: bytes, message: str = "", unit: TokenUnit | None = None) -> Reverted:
    """The contract's refusal in words, with the error's arguments as facts; money in tokens where they are known."""
    try:
        return _in_words(contract, revert, message, unit)
    except AnswerUnreadable:
        return Reverted(f"{contract} refused with revert that cannot be read", contract=contract)


def _in_words(contract: str, revert: bytes, message: str, unit: TokenUnit | None) -> Reverted:
    entry = _errors().get(revert[:4])
    if entry is not None:
        values = decoded(entry["inputs"], revert[4:])
        facts = {
            parameter["name"]: _fact(kind(parameter), argument)
            for parameter, argument in zip(entry["inputs"], values, strict=True)
        }
        phrase = words(entry["name"])
        arguments = ", ".join(
            f"{words(parameter['name'])} {_shown(parameter, facts[parameter['name']], unit if entry['name'] in MONEY else None)}"
            for parameter in entry["inputs"]
        )
        detail = f"{contract} refused: {phrase}" + (f" ({arguments})" if arguments else "")
        return _leaf(phrase.replace(" ", "-"))(detail, next=NEXT.get(entry["name"], ""), contract=contract, **facts)
    if revert[:4] == _ERROR_STRING:
        (reason,) = decoded([{"type": "string"}], revert[4:])
        return Reverted(f"{contract} refused: {reason}", contract=contract)
    if revert[:4] == _PANIC_CODE:
        number = int.from_bytes(revert[4:36], "big")
        return Reverted(f"{contract} refused: {_PANIC.get(number, f'panic {number:#x}')}", contract=contract)
    return Reverted(f"{contract} refused" + (f": {message}" if message else " without a reason"), contract=contract)


def words(camel: str) -> str:
    """`OfferExpired` → `offer expired`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", camel).lower()


def _shown(declared: Entry, fact: Json, unit: TokenUnit | None) -> Json:
    """An argument as people read it: a second as a date, a role by its name, an amount in tokens."""
    if unit and kind(declared).startswith("uint"):
        return unit.words(int(str(fact)))
    second = kind(declared) == "uint40" or declared["name"] == "deadline"  # of signatures and permits: uint64, uint256
    if second and declared["name"] != "window" and isinstance(fact, int):
        return dated(UnixSeconds(fact))
    if declared["name"] == "role" and isinstance(fact, str):
        return bytes.fromhex(fact[2:]).rstrip(b"\0").decode("ascii", "replace")
    return fact


def _fact(declared: str, argument: object) -> Json:
    if isinstance(argument, bytes):
        return checksummed(argument) if declared == "address" else "0x" + argument.hex()
    if isinstance(argument, bool):
        return argument
    if isinstance(argument, int):
        return argument if argument < _JSON_INTEGER else str(argument)
    return str(argument)
