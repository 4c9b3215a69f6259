"""Typed data (EIP-712): what each party signs, and its digest.

One frozen class per EIP-712 type; `TYPE` is the type string that the contracts hash, and the fields
stand in its order, in Python's spelling. Who may sign what is asked elsewhere.
"""

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
from provenance.types import Address, Bytes32, Json, UnixMs, UnixSeconds, Wei


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


@dataclass(frozen=True, slots=True)
class Consent:
    """A voice owner's grant to one rights holder."""

    TYPE: ClassVar[str] = (
        "Consent(address subject,address holder,bytes32 voiceId,bytes32 scopeHash,uint32 purposes,"
        "bytes32 territories,uint64 notBefore,uint64 notAfter,uint256 nonce)"
    )
    subject: Address
    holder: Address
    voice_id: Bytes32
    scope_hash: Bytes32
    purposes: int
    territories: Bytes32
    not_before: UnixSeconds
    not_after: UnixSeconds
    nonce: int


@dataclass(frozen=True, slots=True)
class RevokeConsent:
    """A revocation that anyone may relay."""

    TYPE: ClassVar[str] = "RevokeConsent(bytes32 consentId,uint64 deadline)"
    consent_id: Bytes32
    deadline: UnixSeconds


@dataclass(frozen=True, slots=True)
class Register:
    """A registration that a relayer sends for the holder."""

    TYPE: ClassVar[str] = (
        "Register(address holder,bytes32 manifestRoot,bytes32 manifestDigest,bytes32 termsHash,"
        "bytes32 splitHash,uint32 items,uint64 deadline)"
    )
    holder: Address
    manifest_root: Bytes32
    manifest_digest: Bytes32
    terms_hash: Bytes32
    split_hash: Bytes32
    items: int
    deadline: UnixSeconds


@dataclass(frozen=True, slots=True)
class Offer:
    """What a rights holder offers; licensee zero is open to everyone, once each."""

    TYPE: ClassVar[str] = (
        "Offer(bytes32 datasetId,address holder,address licensee,address token,uint128 price,uint40 expiry,"
        "uint32 purposes,uint40 deadline,uint16 noticeDays,bytes32 termsHash,uint256 nonce)"
    )
    dataset_id: Bytes32
    holder: Address
    licensee: Address
    token: Address
    price: Wei
    expiry: UnixSeconds
    purposes: int
    deadline: UnixSeconds
    notice_days: int
    terms_hash: Bytes32
    nonce: int


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A wallet's X25519 key; the highest nonce wins."""

    TYPE: ClassVar[str] = "KeyBinding(address wallet,bytes32 encryptionKey,uint64 notAfter,uint256 nonce)"
    wallet: Address
    encryption_key: Bytes32
    not_after: UnixSeconds
    nonce: int


@dataclass(frozen=True, slots=True)
class OpenAccess:
    """A licensee's request to read recordings."""

    TYPE: ClassVar[str] = (
        "OpenAccess(bytes32 licenseId,bytes32 recordingsRoot,uint32 purpose,bytes2 territory,"
        "bytes32 keyBinding,uint256 nonce,uint64 deadline)"
    )
    license_id: Bytes32
    recordings_root: Bytes32
    purpose: int
    territory: bytes
    key_binding: Bytes32
    nonce: int
    deadline: UnixSeconds


@dataclass(frozen=True, slots=True)
class Access:
    """The gateway's answer to an `OpenAccess`: a lease."""

    TYPE: ClassVar[str] = "Access(bytes32 request,bytes32 envelopesRoot,uint64 validUntil)"
    request: Bytes32
    envelopes_root: Bytes32
    valid_until: UnixSeconds


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, signed by who sends it."""

    TYPE: ClassVar[str] = (
        "Request(string method,string target,bytes32 bodySha256,address gateway,uint256 nonce,uint64 deadline)"
    )
    method: str
    target: str
    body_sha256: Bytes32
    gateway: Address
    nonce: int
    deadline: UnixSeconds


@dataclass(frozen=True, slots=True)
class MeterSession:
    """A licensee's short right for a session key to sign usage."""

    TYPE: ClassVar[str] = (
        "MeterSession(address meter,address sessionKey,bytes32 licenseId,uint64 validFrom,uint64 validUntil,"
        "uint128 maxUnits,uint256 nonce)"
    )
    meter: Address
    session_key: Address
    license_id: Bytes32
    valid_from: UnixSeconds
    valid_until: UnixSeconds
    max_units: int
    nonce: int


@dataclass(frozen=True, slots=True)
class UsageReceipt:
    """One metered fact."""

    TYPE: ClassVar[str] = (
        "UsageReceipt(bytes32 receiptId,bytes32 sessionId,uint64 seq,bytes32 licenseId,uint32 purpose,"
        "bytes2 territory,bytes32 modelId,bytes32 outputCommit,uint8 outcome,uint8 unit,uint64 units,"
        "bytes32 attributionRoot,uint16 attributionMethod,uint64 occurredAtMs,bytes32 corrects)"
    )
    receipt_id: Bytes32
    session_id: Bytes32
    seq: int
    license_id: Bytes32
    purpose: int
    territory: bytes
    model_id: Bytes32
    output_commit: Bytes32
    outcome: int
    unit: int
    units: int
    attribution_root: Bytes32
    attribution_method: int
    occurred_at_ms: UnixMs
    corrects: Bytes32


@dataclass(frozen=True, slots=True)
class Segment:
    """A hash-chained run of receipts, signed by the session key."""

    TYPE: ClassVar[str] = (
        "Segment(bytes32 sessionId,uint64 firstSeq,uint64 lastSeq,uint64 count,uint128 unitsTotal,"
        "bytes32 receiptsRoot,bytes32 prevSegmentHash,uint64 minTimeMs,uint64 maxTimeMs,bytes32 sha256,bool last)"
    )
    session_id: Bytes32
    first_seq: int
    last_seq: int
    count: int
    units_total: int
    receipts_root: Bytes32
    prev_segment_hash: Bytes32
    min_time_ms: UnixMs
    max_time_ms: UnixMs
    sha256: Bytes32
    last: bool


@dataclass(frozen=True, slots=True)
class Ack:
    """The gateway's word that a segment arrived and is kept."""

    TYPE: ClassVar[str] = "Ack(bytes32 segmentHash,uint64 receivedAtMs)"
    segment_hash: Bytes32
    received_at_ms: UnixMs


@dataclass(frozen=True, slots=True)
class GateReport:
    """The gateway's own judgement of one recording."""

    TYPE: ClassVar[str] = (
        "GateReport(bytes32 recordingId,uint8 verdict,bytes32 metricsDigest,bytes32 cluster,uint16 gateVersion)"
    )
    recording_id: Bytes32
    verdict: int
    metrics_digest: Bytes32
    cluster: Bytes32
    gate_version: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Weights by an attributor who is not the licensee."""

    TYPE: ClassVar[str] = "Attribution(bytes32 receiptId,bytes32 attributionRoot,uint16 method,uint32 qualityPpm)"
    receipt_id: Bytes32
    attribution_root: Bytes32
    method: int
    quality_ppm: int


@dataclass(frozen=True, slots=True)
class Reassign:
    """A payee's word that its claim may be paid elsewhere, up to a cumulative amount."""

    TYPE: ClassVar[str] = "Reassign(address payee,address to,uint256 cumulative,uint256 deadline)"
    payee: Address
    to: Address
    cumulative: Wei
    deadline: UnixSeconds


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


def _encoded(kind: str, name: str, given: object) -> bytes | int | bool:
    if kind == "string" and isinstance(given, str):
        return keccak(given.encode())
    if kind == "bool" and isinstance(given, bool):
        return given
    if kind.startswith("uint") and isinstance(given, int) and 0 <= given < 1 << int(kind[4:]):
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
        return str(given) if int(kind[4:]) > _JSON_NUMBER_BITS else given
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
