"""Ids and amounts as users type them, and values as people read them; dates are `dates`."""

from __future__ import annotations

import re

from provenance.app.ports import Chain
from provenance.domain import fields
from provenance.domain.fields import checksummed, dated, decimal
from provenance.errors import Invalid
from provenance.types import Address, Bytes32, UnixSeconds, Wei


def ID(text: str) -> Bytes32:  # noqa: N802 - a click type, spelled as click's own are
    """32 bytes in hex: the id of a dataset, license, consent, session or receipt."""
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{64}", text):
        raise Invalid(f"{text[:80]!r} is no id: 0x and 64 hex digits are expected", next="Copy the whole id.")
    return Bytes32(bytes.fromhex(text[2:]))


def amount(text: str, decimals: int, *, field: str = "amount") -> Wei:
    """Base units of a token amount such as `12.5`, exact.

    Raises:
        Invalid: not a plain decimal number, finer than the token's base unit, or more than 256 bits.
    """
    return Wei(fields.base_units(text, decimals, field))


def shown_amount(base_units: int, decimals: int) -> str:
    """`base_units` as people write tokens: exact, without trailing zeros."""
    return decimal(base_units, decimals)


def shown_tokens(base_units: int, decimals: int, symbol: str) -> str:
    """The same with the token's symbol."""
    return f"{shown_amount(base_units, decimals)} {symbol}"


def token(chain: Chain) -> tuple[int, str]:
    """(decimals, symbol) of the network's token."""
    return chain.deployment.token


def shown_time(time: UnixSeconds) -> str:
    """A moment in UTC, to the second."""
    return dated(time)


def shown_address(address: Address) -> str:
    """An address with its EIP-55 checksum."""
    return checksummed(address)
