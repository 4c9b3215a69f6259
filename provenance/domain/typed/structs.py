"""What each party signs, one frozen class per EIP-712 type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from provenance.domain.typed.encoding import Struct
from provenance.types import Address, Bytes32, UnixMs, UnixSeconds, Wei


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
class ExtendConsent:
    """A voice owner's word that a consent serves another holder as well, which anyone may relay."""

    TYPE: ClassVar[str] = "ExtendConsent(bytes32 consentId,address holder,uint64 deadline)"
    consent_id: Bytes32
    holder: Address
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
class Join:
    """A holder's word that its dataset is licensed under a pool; it stands in the pool's list of members."""

    TYPE: ClassVar[str] = "Join(bytes32 poolId,bytes32 datasetId,uint64 deadline)"
    pool_id: Bytes32
    dataset_id: Bytes32
    deadline: UnixSeconds


@dataclass(frozen=True, slots=True)
class Offer:
    """What a rights holder offers; licensee zero is open to everyone, once each.

    `transfers` is how often the dataset changed hands: with the next time the offer ends. Price and use are paid into
    `distributor`.
    """

    TYPE: ClassVar[str] = (
        "Offer(bytes32 datasetId,address holder,uint16 transfers,address licensee,address distributor,uint128 price,"
        "uint40 expiry,uint32 purposes,uint40 deadline,uint16 noticeDays,bytes32 termsHash,uint256 nonce)"
    )
    dataset_id: Bytes32
    holder: Address
    transfers: int
    licensee: Address
    distributor: Address
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
class Finding:
    """A gateway's word that one recording is a copy of an earlier one; a method of 0 heard the same samples."""

    TYPE: ClassVar[str] = "Finding(bytes32 recordingId,bytes32 earlierId,uint32 scorePpm,int32 offsetMs,uint16 method)"
    recording_id: Bytes32
    earlier_id: Bytes32
    score_ppm: int
    offset_ms: int
    """Where the earlier one begins in it [ms]; below 0: before its start."""
    method: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Weights by an attributor who is not the licensee."""

    TYPE: ClassVar[str] = "Attribution(bytes32 receiptId,bytes32 attributionRoot,uint16 method,uint32 qualityPpm)"
    receipt_id: Bytes32
    attribution_root: Bytes32
    method: int
    quality_ppm: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An attributor's word on how good the weights of a method are for a model; the digest names the measurements."""

    TYPE: ClassVar[str] = "Evaluation(bytes32 modelId,uint16 method,uint32 qualityPpm,bytes32 digest)"
    model_id: Bytes32
    method: int
    quality_ppm: int
    digest: Bytes32


@dataclass(frozen=True, slots=True)
class Reassign:
    """A payee's word that its claim may be paid elsewhere, up to a cumulative amount."""

    TYPE: ClassVar[str] = "Reassign(address payee,address to,uint256 cumulative,uint256 deadline)"
    payee: Address
    to: Address
    cumulative: Wei
    deadline: UnixSeconds


CONTRACT_BY_TYPE: Final[Mapping[type[Struct], str]] = MappingProxyType(
    {
        **dict.fromkeys((Consent, RevokeConsent, ExtendConsent), "ConsentRegistry"),
        **dict.fromkeys((Register, Join), "DatasetRegistry"),
        **dict.fromkeys((Offer, KeyBinding, OpenAccess, Access, Request), "DataAccess"),
        **dict.fromkeys((MeterSession, UsageReceipt, Segment, Ack), "UsageLedger"),
        **dict.fromkeys((GateReport, Finding, Attribution, Evaluation), "UsageLedger"),
        Reassign: "RoyaltyDistributor",
    }
)
"""The contract whose domain each type is signed for, also where no contract hashes it."""
