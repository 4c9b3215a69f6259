"""Events of licenses, of metered usage and of what was made from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from provenance.types import AccessId, Address, ArtifactId, Bytes32, DatasetId, LicenseId, SessionId, UnixSeconds, Wei

# --- DataAccess


@dataclass(frozen=True, slots=True)
class LicenseGranted:
    """A licensee may use a dataset for purposes until an expiry."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DataAccess",)
    ABI: ClassVar[str] = (
        "LicenseGranted(bytes32 indexed licenseId,bytes32 indexed datasetId,address indexed licensee,address holder,"
        "bytes32 termsHash,uint32 purposes,uint40 expiry,uint16 noticeDays,address distributor,uint128 price)"
    )
    license_id: LicenseId
    dataset_id: DatasetId
    licensee: Address
    holder: Address
    terms_hash: Bytes32
    purposes: int
    expiry: UnixSeconds
    notice_days: int
    distributor: Address
    price: Wei


@dataclass(frozen=True, slots=True)
class LicenseTerminated:
    """A license ends before its expiry."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DataAccess",)
    ABI: ClassVar[str] = (
        "LicenseTerminated(bytes32 indexed licenseId,address indexed by,bytes32 reason,uint40 effectiveAt)"
    )
    license_id: LicenseId
    by: Address
    reason: Bytes32
    effective_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class OfferCancelled:
    """A holder's offer cannot be accepted any more."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DataAccess",)
    ABI: ClassVar[str] = "OfferCancelled(address indexed holder,bytes32 indexed offerDigest)"
    holder: Address
    offer_digest: Bytes32


@dataclass(frozen=True, slots=True)
class AccessRecorded:
    """A licensee put a lease on record."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DataAccess",)
    ABI: ClassVar[str] = (
        "AccessRecorded(bytes32 indexed licenseId,bytes32 indexed datasetId,address indexed accessor,uint32 purpose,"
        "uint64 units,bytes32 receiptHash)"
    )
    license_id: LicenseId
    dataset_id: DatasetId
    accessor: Address
    purpose: int
    units: int
    receipt_hash: AccessId


LicenseEvent: TypeAlias = LicenseGranted | LicenseTerminated | OfferCancelled | AccessRecorded


# --- UsageLedger


@dataclass(frozen=True, slots=True)
class MeterAdmitted:
    """A gateway's key may anchor usage."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("UsageLedger",)
    ABI: ClassVar[str] = "MeterAdmitted(address indexed meter)"
    meter: Address


@dataclass(frozen=True, slots=True)
class MeterRemoved:
    """A gateway's key may never anchor again."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("UsageLedger",)
    ABI: ClassVar[str] = "MeterRemoved(address indexed meter)"
    meter: Address


@dataclass(frozen=True, slots=True)
class UsageAnchored:
    """A batch of usage is fixed; the meter's head moves."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("UsageLedger",)
    ABI: ClassVar[str] = (
        "UsageAnchored(address indexed meter,bytes32 indexed root,bytes32 indexed head,uint64 count,bytes32 dataDigest)"
    )
    meter: Address
    root: Bytes32
    head: Bytes32
    count: int
    data_digest: Bytes32


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A licensee says how many units a session used in all; only if `licensee` is the session's signer."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("UsageLedger",)
    ABI: ClassVar[str] = "SessionClosed(bytes32 indexed sessionId,address indexed licensee,uint128 unitsTotal)"
    session_id: SessionId
    licensee: Address
    units_total: int


@dataclass(frozen=True, slots=True)
class SessionRevoked:
    """A session's key counts no more; only if `licensee` is the session's signer."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("UsageLedger",)
    ABI: ClassVar[str] = "SessionRevoked(bytes32 indexed sessionId,address indexed licensee)"
    session_id: SessionId
    licensee: Address


UsageEvent: TypeAlias = MeterAdmitted | MeterRemoved | UsageAnchored | SessionClosed | SessionRevoked


# --- ArtifactRegistry


@dataclass(frozen=True, slots=True)
class ArtifactRegistered:
    """A model, clip or dataset names what it was made of."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ArtifactRegistry",)
    ABI: ClassVar[str] = (
        "ArtifactRegistered(bytes32 indexed artifactId,address indexed registrant,bytes32 indexed parentsRoot,"
        "uint8 kind,uint32 parentCount,bytes32 digest,bytes32 licensesRoot)"
    )
    artifact_id: ArtifactId
    registrant: Address
    parents_root: Bytes32
    kind: int
    parent_count: int
    digest: Bytes32
    licenses_root: Bytes32


@dataclass(frozen=True, slots=True)
class ArtifactStatusChanged:
    """An artifact was retired, retrained or suppressed."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ArtifactRegistry",)
    ABI: ClassVar[str] = (
        "ArtifactStatusChanged(bytes32 indexed artifactId,address indexed by,uint8 status,bytes32 evidenceDigest)"
    )
    artifact_id: ArtifactId
    by: Address
    status: int
    evidence_digest: Bytes32


ArtifactEvent: TypeAlias = ArtifactRegistered | ArtifactStatusChanged
