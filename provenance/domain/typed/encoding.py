"""Encoding of typed data (EIP-712): a struct's digest for one contract, and how documents spell its members."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Protocol

from provenance.domain import fields
from provenance.domain.hashes import abi_words, keccak
from provenance.errors import Invalid
from provenance.types import Address, Bytes32, Json


class Struct(Protocol):
    """An EIP-712 struct: a frozen dataclass whose fields stand in the order of `TYPE`."""

    TYPE: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]


@dataclass(frozen=True, slots=True)
class Domain:
    """One contract's signing domain, version 1."""

    name: str
    chain_id: int
    contract: Address

    def separator(self) -> Bytes32:
        """Source: EIP-712 §Definition of domainSeparator."""
        return keccak(
            abi_words(
                keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak(self.name.encode()),
                keccak(b"1"),
                self.chain_id,
                self.contract,
            )
        )

    def message(self, struct: Struct) -> tuple[dict[str, object], dict[str, list[dict[str, str]]], dict[str, object]]:
        """Domain, types and values of what wallets are asked to sign. Source: EIP-712 §Specification of eth_signTypedData."""
        return (
            {"name": self.name, "version": "1", "chainId": self.chain_id, "verifyingContract": self.contract},
            {type(struct).__name__: [{"name": name, "type": kind} for kind, name in members(struct.TYPE)]},
            {name: member for _, name, member in _values(struct)},
        )


@dataclass(frozen=True, slots=True)
class Domains:
    """The signing domains of one deployment."""

    consent: Domain
    registry: Domain
    access: Domain
    usage: Domain
    distributor: Domain


_MEMBER = re.compile(r"(\w+) (\w+)[,)]")
_DIGITS = 78  # of 2^256 - 1; Python refuses to read more than 4,300 in another way
_JSON_NUMBER_BITS = 40  # wider integers are strings: a JSON number is exact to 53 bits only


@cache
def members(type_string: str) -> tuple[tuple[str, str], ...]:
    """(solidity type, camelCase name) of every member, in order."""
    return tuple(_MEMBER.findall(type_string.partition("(")[2]))


@cache
def _type_hash(type_string: str) -> Bytes32:
    return keccak(type_string.encode())


def _values(struct: Struct) -> tuple[tuple[str, str, object], ...]:
    declared = dataclasses.fields(struct)
    return tuple(
        (kind, name, getattr(struct, field.name))
        for (kind, name), field in zip(members(struct.TYPE), declared, strict=True)
    )


@cache
def _range(kind: str) -> range:
    """The integers of an ABI type."""
    bits = int(kind.lstrip("uint"))
    return range(1 << bits) if kind.startswith("uint") else range(-(1 << bits - 1), 1 << bits - 1)


def _encoded(kind: str, name: str, given: object) -> bytes | int | bool:
    if kind == "string" and isinstance(given, str):
        return keccak(given.encode())
    if kind == "bool" and isinstance(given, bool):
        return given
    if kind.startswith(("uint", "int")) and isinstance(given, int) and given in _range(kind):
        return given
    size = 20 if kind == "address" else int(kind[5:] or 0) if kind.startswith("bytes") else -1
    if isinstance(given, bytes) and len(given) == size:
        return given
    raise Invalid(f"{name}: not a {kind}", field=name)


def struct_hash(struct: Struct) -> Bytes32:
    """Source: EIP-712 §Definition of hashStruct."""
    return keccak(
        abi_words(_type_hash(struct.TYPE), *(_encoded(kind, name, given) for kind, name, given in _values(struct)))
    )


def digest(domain: Domain, struct: Struct) -> Bytes32:
    """The 32 bytes that are signed. For `Consent`, `MeterSession` and `Access` it is also the id.

    Source: EIP-712 §Specification of the eth_signTypedData JSON RPC.
    """
    return keccak(b"\x19\x01" + domain.separator() + struct_hash(struct))


def spelled(kind: str, given: object) -> Json:
    """A member as documents carry it: bytes as 0x-hex, integers wider than 40 bits as decimal strings."""
    if isinstance(given, bytes):
        return "0x" + given.hex()
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given) if _range(kind).stop > 1 << _JSON_NUMBER_BITS else given
    return given if isinstance(given, bool | str) else str(given)


def parsed(kind: str, document: Mapping[str, Json], name: str) -> bytes | int | bool | str:
    """The member that `spelled` wrote.

    Raises:
        Invalid: it is missing, of another type or out of range.
    """
    given = document.get(name)
    if kind == "address":
        return fields.address(document, name)
    if kind in ("string", "bool") and isinstance(given, str if kind == "string" else bool):
        return given
    member: bytes | int | None = None
    if isinstance(given, str) and kind.startswith("uint") and len(given) <= _DIGITS and re.fullmatch("[0-9]+", given):
        member = int(given)
    elif isinstance(given, str) and re.fullmatch(r"0x([0-9a-fA-F]{2})*", given):
        member = bytes.fromhex(given[2:])
    elif isinstance(given, int) and not isinstance(given, bool):
        member = given
    if member is None:
        raise Invalid(f"{name}: not a {kind}", field=name)
    _encoded(kind, name, member)
    return member


def words(struct: Struct) -> tuple[object, ...]:
    """A struct as contracts take it: its values, in the order of its type."""
    return tuple(getattr(struct, field.name) for field in dataclasses.fields(struct))
