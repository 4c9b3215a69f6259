"""Purposes: what a recording may be used for, in words and in bits.

The code tree and its mask. Who may use what is `rules`; where is `territories`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from provenance.errors import Invalid

CODES: Final = (
    "train.asr",
    "train.tts",
    "train.voice-clone",
    "train.voice-conversion",
    "train.speaker-id",
    "train.music-gen",
    "train.other-gen",
    "train.non-gen",
    "finetune",
    "evaluate",
    "inference.reference",
    "inference.retrieve",
    "index.search",
    "data-mining",
    "research.noncommercial",
)
"""The code at each bit; bits above the last are reserved."""

KNOWN: Final = (1 << len(CODES)) - 1
_BIT_BY_CODE: Final = {code: 1 << bit for bit, code in enumerate(CODES)}


class UnknownPurpose(Invalid):
    """A code outside the tree."""

    next = f"Use one of: {', '.join(CODES)}."


class ReservedPurpose(Invalid):
    """A mask with a bit that has no meaning yet."""

    next = f"Clear the bits above {len(CODES) - 1}; they have no meaning yet."


class NotOnePurpose(Invalid):
    """No purpose, or several, where exactly one is meant."""

    next = "Name exactly one purpose; ask once per purpose."


def mask(codes: Iterable[str]) -> int:
    """The bits of these codes; none for no code."""
    bits = 0
    for code in codes:
        if code not in _BIT_BY_CODE:
            raise UnknownPurpose(f"unknown purpose {code[:64]!r}", field="purposes", purpose=code[:64])
        bits |= _BIT_BY_CODE[code]
    return bits


def check(bits: int) -> int:
    """The same bits, none of them reserved."""
    if bits & ~KNOWN:
        reserved = bits & ~KNOWN & 0xFFFFFFFF
        raise ReservedPurpose(f"purposes {bits:#x}: reserved bits {reserved:#x} are set", field="purposes")
    return bits


def codes(bits: int) -> tuple[str, ...]:
    """The codes of these bits, lowest first."""
    check(bits)
    return tuple(code for bit, code in enumerate(CODES) if bits >> bit & 1)


def is_single(bits: int) -> bool:
    """Whether exactly one bit is set, and has a meaning."""
    return not bits & ~KNOWN and bits.bit_count() == 1


def single(bits: int) -> int:
    """The same bits, exactly one of them set."""
    if check(bits).bit_count() != 1:
        raise NotOnePurpose(f"one purpose is meant, {bits.bit_count()} are given", field="purpose")
    return bits


def label(bits: int) -> str:
    """The codes as a person reads them; bits without a meaning are told as they are."""
    reserved = bits & ~KNOWN
    return ", ".join([*codes(bits & KNOWN), *([f"reserved {reserved:#x}"] if reserved else [])]) or "none"
