"""Fields of a JSON object, each read or refused by its name, and figures as people read them.

The canonical bytes are `canonical`; what a document means is its own module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from provenance.domain.hashes import keccak, sha256
from provenance.errors import Invalid
from provenance.types import Address, Bytes32, Json, UnixSeconds

UINT256: Final = (1 << 256) - 1
_HEX: Final = re.compile(r"0[xX]((?:[0-9a-fA-F]{2})*)\Z")
_DIGITS: Final = re.compile(r"(?:0|[1-9][0-9]{0,77})\Z")
_AMOUNT: Final = re.compile(r"([0-9]{1,78})(?:\.([0-9]{1,36}))?")


class BadField(Invalid):
    """A field that is missing, of another type or out of range."""


class WrongChecksum(BadField):
    """An address whose capitals are not its checksum: a digit of it is another one."""

    next = "Copy the whole address again from whoever gave it; do not correct it by hand."


def text(fields: Mapping[str, Json], name: str, *, max_chars: int = 200) -> str:
    """Text of one to `max_chars` characters on one line, as given."""
    given = fields.get(name)
    if not isinstance(given, str) or not 0 < len(given) <= max_chars:
        raise BadField(f"{name}: text of 1 to {max_chars} characters is expected", field=name)
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in given):
        raise BadField(f"{name}: control characters have no place in it", field=name)
    return given


def integer(fields: Mapping[str, Json], name: str, *, bits: int = 40) -> int:
    """A whole number below 2^bits, written as a number or as decimal digits."""
    given = fields.get(name)
    if isinstance(given, str) and _DIGITS.match(given):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise BadField(f"{name}: a whole number is expected, from 0 up", field=name)
    if not 0 <= given < 1 << bits:
        raise BadField(f"{name}: {given} is not between 0 and 2^{bits} - 1", field=name)
    return given


def flag(fields: Mapping[str, Json], name: str) -> bool:
    """True or false."""
    given = fields.get(name)
    if not isinstance(given, bool):
        raise BadField(f"{name}: true or false is expected", field=name)
    return given


def octets(fields: Mapping[str, Json], name: str, size: int | None = None) -> bytes:
    """The bytes of a 0x-hex string in any case, `size` of them where given."""
    given = fields.get(name)
    match = _HEX.match(given) if isinstance(given, str) else None
    raw = bytes.fromhex(match[1]) if match else None
    if raw is None or (size is not None and len(raw) != size):
        expected = f"the hex of {size} bytes" if size else "hex"
        raise BadField(f"{name}: 0x and {expected} is expected", field=name)
    return raw


def word(fields: Mapping[str, Json], name: str) -> Bytes32:
    """32 bytes."""
    return Bytes32(octets(fields, name, 32))


def address(fields: Mapping[str, Json], name: str) -> Address:
    """20 bytes; hex in capitals and small letters is believed only with its checksum.

    Source: EIP-55.

    Raises:
        WrongChecksum: the letters are mixed otherwise than the digits want.
    """
    read, digits = Address(octets(fields, name, 20)), str(fields[name])[2:]
    if digits not in (digits.lower(), digits.upper(), checksummed(read)[2:]):
        raise WrongChecksum(f"{name}: {fields[name]} has a wrong checksum: a digit of it is mistyped", field=name)
    return read


def mapping(fields: Mapping[str, Json], name: str) -> dict[str, Json]:
    """An object."""
    given = fields.get(name)
    if not isinstance(given, Mapping):
        raise BadField(f"{name}: an object is expected", field=name)
    return dict(given)


def items(fields: Mapping[str, Json], name: str, *, most: int) -> list[Json]:
    """A list of at most `most` things."""
    given = fields.get(name)
    if not isinstance(given, list | tuple) or len(given) > most:
        raise BadField(f"{name}: a list of at most {most} is expected", field=name)
    return list(given)


def texts(fields: Mapping[str, Json], name: str, *, most: int = 256, max_chars: int = 64) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(text({name: entry}, name, max_chars=max_chars) for entry in items(fields, name, most=most))


def words(fields: Mapping[str, Json], name: str, *, most: int) -> tuple[Bytes32, ...]:
    """A list of 32-byte values."""
    return tuple(word({name: entry}, name) for entry in items(fields, name, most=most))


def objects(fields: Mapping[str, Json], name: str, *, most: int) -> tuple[dict[str, Json], ...]:
    """A list of objects."""
    return tuple(mapping({name: entry}, name) for entry in items(fields, name, most=most))


def extra(fields: Mapping[str, Json], known: Iterable[str]) -> dict[str, Json]:
    """The fields we do not know, kept so that they survive a round trip."""
    left = dict(fields)
    for name in known:
        left.pop(name, None)
    return left


def shown(raw: bytes) -> str:
    """Bytes as documents write them."""
    return "0x" + raw.hex()


def checksummed(address: bytes) -> str:
    """An address as people read it.

    Source: EIP-55.
    """
    text = address.hex()
    marks = keccak(text.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) > 7 else c for c, m in zip(text, marks[:40], strict=True))


def base_units(text: str, decimals: int, name: str) -> int:
    """Base units of an amount such as `12.5`, exact: what `decimal` writes, and what people do.

    Raises:
        BadField: not a plain decimal number, finer than the base unit, or more than 256 bits.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise BadField(f"{name}: {text[:80]!r} is no amount", next="Write tokens as 12 or 12.5.", field=name)
    whole, fraction = match[1], (match[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise BadField(f"{name}: the token has {decimals} decimals only", next="Write fewer decimals.", field=name)
    units: int = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    if units > UINT256:
        raise BadField(f"{name}: more than 2^256-1 base units", next="Write a smaller amount.", field=name)
    return units


def decimal(base_units: int, decimals: int) -> str:
    """`base_units` as people write tokens: exact, without trailing zeros."""
    sign, units = ("-", -base_units) if base_units < 0 else ("", base_units)
    whole, rest = divmod(units, 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".") if decimals else f"{sign}{whole}"


def dated(moment: UnixSeconds) -> str:
    """A second as people read it, in UTC; of any year, also those beyond 9999.

    Source: Gregorian calendar, in eras of 400 years (146,097 days) that begin on 1 March.
    """
    days, second = divmod(moment, 86_400)
    era, day_of_era = divmod(days + 719_468, 146_097)  # days from 0000-03-01 to 1970-01-01
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    day, month = day_of_year - (153 * from_march + 2) // 5 + 1, (from_march + 2) % 12 + 1
    year = era * 400 + year_of_era + (month < 3)
    return f"{year:04d}-{month:02d}-{day:02d}T{second // 3_600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def ether(amount_wei: int) -> str:
    """`amount_wei` in ETH, exact, without trailing zeros."""
    return decimal(amount_wei, 18)


def gwei(amount_wei: int) -> str:
    """`amount_wei` in billionths of ETH, as fees per gas are told."""
    return decimal(amount_wei, 9)


def counted(number: int, noun: str) -> str:
    """So many of a noun whose plural ends in s: `1 recording`, `2 recordings`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def document_hash(raw: bytes, label: str, limit_bytes: int = 1 << 20) -> Bytes32:
    """The digest in a document's content address, for documents of one block.

    Raises:
        BadField: larger than one block, so that its digest would be another.
    """
    if len(raw) > limit_bytes:
        raise BadField(
            f"{label}: {len(raw)} bytes, more than {limit_bytes}",
            field=label,
            bytes=len(raw),
        )
    return sha256(raw)
