"""ERC-20 tokens as they answer, and whether the contracts can be paid in one.

- `decimals` is a word up to 24; `symbol` is text, or 32 bytes as older tokens have it (MKR).
- A transfer moves exactly what it says, and answers true or nothing (USDT).

The rest of a token is left to its issuer: who may be frozen, what is paused, whether balances change by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from provenance.adapters.chain.node import CallFailed, EvmNode, hexed
from provenance.adapters.chain.rpc import NodeSilent, RpcRefused
from provenance.app.ports import TokenUnit
from provenance.domain.fields import checksummed
from provenance.domain.hashes import abi_words, keccak
from provenance.domain.printable import escaped
from provenance.errors import Invalid
from provenance.types import Address, Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DECIMALS_MOST: Final = 24  # documents hold amounts of 128 bits: 340 trillion whole tokens
SYMBOL_CHARS: Final = 32
BLOCKS_BACK: Final = 5_000  # in which somebody received the token, unless nobody uses it
HOLDERS_TRIED: Final = 20
TRANSFER: Final = keccak(b"Transfer(address,address,uint256)")
SPENDER: Final = Address(keccak(b"a contract that takes what was approved")[12:])
PAYEE: Final = Address(keccak(b"a payee who had nothing before")[12:])


class OddToken(Invalid):
    """A token that the contracts could not be paid in, or whose amounts nobody could write."""

    next = "Choose an ERC-20 that has decimals and a symbol and takes no fee on transfers."


def unit(node: EvmNode, token: Address) -> TokenUnit:
    """What one whole token is and how it is called, by its own word.

    Raises:
        OddToken: it does not say, or nothing that could be used.
    """
    word = _answer(node, token, "decimals()")
    decimals = int.from_bytes(word, "big") if len(word) == 32 else None
    if decimals is None or decimals > DECIMALS_MOST:
        fault = (
            "is no ERC-20 with decimals" if decimals is None else f"has {decimals} decimals, more than {DECIMALS_MOST}"
        )
        raise OddToken(f"{checksummed(token)} {fault}", field="token")
    symbol = _text(_answer(node, token, "symbol()"))
    if not 0 < len(symbol) <= SYMBOL_CHARS or not symbol == symbol.strip() == escaped(symbol):
        raise OddToken(f"{checksummed(token)} has no symbol of 1 to {SYMBOL_CHARS} printable characters", field="token")
    return TokenUnit(decimals, symbol)


def tried(node: EvmNode, token: Address, near: Iterable[Address], warn: Callable[[str], None]) -> TokenUnit:
    """The same, after a payment was tried without being sent: approved, taken and paid on, to the last unit.

    Args:
        node: where to ask; it simulates (`eth_simulateV1`).
        token: which.
        near: accounts that may hold some; else one is sought that received some lately.
        warn: told if it could not be tried.

    Raises:
        OddToken: it cannot be used, and why.
    """
    if not node.code(token):
        raise OddToken(f"{checksummed(token)} is no ERC-20: no contract is there", field="token")
    known = unit(node, token)
    holder = next((account for account in (*near, *_receivers(node, token)) if _balance(node, token, account)), None)
    try:
        outcome = None if holder is None else _paid(node, token, known, holder)
    except RpcRefused:
        outcome = None
    if outcome is None:
        why = "nobody was seen to hold any" if holder is None else f"{node.rpc.url} does not simulate transactions"
        warn(f"Whether {known.symbol} takes a fee on transfers was not tried: {why}. Funding in such a token reverts.")
    elif outcome:
        raise OddToken(f"{known.symbol} at {checksummed(token)}: {outcome}", field="token")
    return known


def _paid(node: EvmNode, token: Address, known: TokenUnit, holder: Address) -> str:
    """What is wrong with a payment of all that the holder has; empty if nothing is."""
    amount = _balance(node, token, holder)
    steps = (
        ("approve", holder, "approve(address,uint256)", (SPENDER, amount)),
        ("transferFrom", SPENDER, "transferFrom(address,address,uint256)", (holder, SPENDER, amount)),
        ("", SPENDER, "balanceOf(address)", (SPENDER,)),
        ("transfer", SPENDER, "transfer(address,uint256)", (PAYEE, amount)),
        ("", PAYEE, "balanceOf(address)", (PAYEE,)),
    )
    calls = [
        {"from": hexed(sender), "to": hexed(token), "data": hexed(_data(signature, *args))}
        for _, sender, signature, args in steps
    ]
    answer: Any = node.rpc.call("eth_simulateV1", {"blockStateCalls": [{"calls": calls}]}, "latest")
    try:
        results = [(int(call["status"], 16), bytes.fromhex(call["returnData"][2:])) for call in answer[0]["calls"]]
    except (LookupError, TypeError, ValueError):
        raise NodeSilent(f"the answer of {node.rpc.url} to eth_simulateV1 cannot be read") from None
    for (name, *_), (status, returned) in zip(steps, results, strict=True):
        if name and (not status or (returned and not any(returned))):
            return f"its {name} {'answers false' if status else 'reverts'}"
        if not name and int.from_bytes(returned, "big") != amount:
            return (
                f"of {known.words(amount)} that are transferred {known.words(int.from_bytes(returned, 'big'))} arrive"
            )
    return ""


def _receivers(node: EvmNode, token: Address) -> tuple[Address, ...]:
    """Who received some in the last blocks, the latest first."""
    last = node.block("latest").number
    try:
        logs = node.logs(max(0, last - BLOCKS_BACK), last, (token,), ((TRANSFER,),))
    except RpcRefused:
        return ()
    receivers = (Address(log.topics[2][12:]) for log in reversed(logs) if len(log.topics) > 2)
    return tuple(dict.fromkeys(receivers))[:HOLDERS_TRIED]


def _balance(node: EvmNode, token: Address, account: Address) -> int:
    return int.from_bytes(_answer(node, token, "balanceOf(address)", account)[:32], "big")


def _answer(node: EvmNode, token: Address, signature: str, *args: Address) -> bytes:
    try:
        return node.call(token, _data(signature, *args))
    except CallFailed:
        return b""


def _data(signature: str, *args: Address | int) -> bytes:
    return keccak(signature.encode())[:4] + (abi_words(*args) if args else b"")


def _text(answer: bytes) -> str:
    """The text in an answer of the type `string`, or of the type `bytes32`; empty if it is neither."""
    if len(answer) == 32:
        raw = answer.rstrip(b"\0")
    else:
        size = int.from_bytes(answer[32:64], "big")
        raw = answer[64 : 64 + size] if answer[:32] == Bytes32((32).to_bytes(32, "big")) and size < len(answer) else b""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return ""
