"""Events of datasets and of the consents behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from provenance.types import Address, Bytes32, ConsentId, DatasetId, UnixSeconds

# --- DatasetRegistry


@dataclass(frozen=True, slots=True)
class DatasetRegistered:
    """A manifest stands under its holder's name."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = (
        "DatasetRegistered(bytes32 indexed datasetId,address indexed holder,bytes32 indexed manifestRoot,"
        "bytes32 manifestDigest,bytes32 termsHash,bytes32 splitHash,uint32 items)"
    )
    dataset_id: DatasetId
    holder: Address
    manifest_root: Bytes32
    manifest_digest: Bytes32
    terms_hash: Bytes32
    split_hash: Bytes32
    items: int


@dataclass(frozen=True, slots=True)
class DatasetStatusChanged:
    """A holder or the guardian changed whether a dataset may be licensed."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = (
        "DatasetStatusChanged(bytes32 indexed datasetId,address indexed by,uint8 status,bytes32 reason)"
    )
    dataset_id: DatasetId
    by: Address
    status: int
    reason: Bytes32


@dataclass(frozen=True, slots=True)
class DatasetSuperseded:
    """A newer dataset of the same holder takes an older one's place."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = "DatasetSuperseded(bytes32 indexed oldId,bytes32 indexed newId)"
    old_id: DatasetId
    new_id: DatasetId


@dataclass(frozen=True, slots=True)
class DatasetTransferred:
    """Another account holds the dataset from now on."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = "DatasetTransferred(bytes32 indexed datasetId,address indexed from,address indexed to)"
    dataset_id: DatasetId
    from_: Address
    to: Address


@dataclass(frozen=True, slots=True)
class SplitSet:
    """Other contributors' shares, packed as `splits` says, in force later."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = "SplitSet(bytes32 indexed datasetId,bytes shares,uint40 effectiveAt)"
    dataset_id: DatasetId
    shares: bytes
    effective_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class DatasetDisputed:
    """A dataset's holder claims that others hold what is its own."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = "DatasetDisputed(bytes32 indexed datasetId,address indexed holder,bytes32 evidenceDigest)"
    dataset_id: DatasetId
    holder: Address
    evidence_digest: Bytes32


@dataclass(frozen=True, slots=True)
class ContentRotated:
    """One recording was encrypted again under a new key."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = (
        "ContentRotated(bytes32 indexed datasetId,uint32 indexed index,bytes32 cidDigest,bytes32 keyCommitment,"
        "uint32 keyVersion)"
    )
    dataset_id: DatasetId
    index: int
    cid_digest: Bytes32
    key_commitment: Bytes32
    key_version: int


@dataclass(frozen=True, slots=True)
class MembersSet:
    """A pool's members are those of this root from now on."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = "MembersSet(bytes32 indexed poolId,bytes32 root,bytes32 digest)"
    pool_id: DatasetId
    root: Bytes32
    digest: Bytes32


@dataclass(frozen=True, slots=True)
class PoolLeft:
    """A member's holder leaves a pool at a time; 0: it stays after all."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry",)
    ABI: ClassVar[str] = "PoolLeft(bytes32 indexed poolId,bytes32 indexed datasetId,uint40 leavesAt)"
    pool_id: DatasetId
    dataset_id: DatasetId
    leaves_at: UnixSeconds


PoolEvent: TypeAlias = MembersSet | PoolLeft
DatasetChange: TypeAlias = (
    DatasetStatusChanged | DatasetSuperseded | DatasetTransferred | SplitSet | DatasetDisputed | ContentRotated
)
DatasetEvent: TypeAlias = DatasetRegistered | DatasetChange | PoolEvent


# --- ConsentRegistry


@dataclass(frozen=True, slots=True)
class ConsentRevoked:
    """A voice owner withdrew a consent."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ConsentRegistry",)
    ABI: ClassVar[str] = "ConsentRevoked(bytes32 indexed consentId,address indexed subject,bytes32 reason)"
    consent_id: ConsentId
    subject: Address
    reason: Bytes32


@dataclass(frozen=True, slots=True)
class ConsentExtended:
    """A voice owner lets a consent serve another holder as well; only if `subject` gave the consent."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ConsentRegistry",)
    ABI: ClassVar[str] = "ConsentExtended(bytes32 indexed consentId,address indexed subject,address indexed holder)"
    consent_id: ConsentId
    subject: Address
    holder: Address


@dataclass(frozen=True, slots=True)
class ErasureOrdered:
    """A voice owner wants what was made under a consent erased by a deadline."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ConsentRegistry",)
    ABI: ClassVar[str] = "ErasureOrdered(bytes32 indexed consentId,address indexed subject,uint40 deadline)"
    consent_id: ConsentId
    subject: Address
    deadline: UnixSeconds


@dataclass(frozen=True, slots=True)
class ErasureAttested:
    """Somebody says on record that it erased."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ConsentRegistry",)
    ABI: ClassVar[str] = (
        "ErasureAttested(bytes32 indexed consentId,address indexed holder,bytes32 indexed evidenceDigest,uint8 method)"
    )
    consent_id: ConsentId
    holder: Address
    evidence_digest: Bytes32
    method: int


@dataclass(frozen=True, slots=True)
class DigestApproved:
    """A contract wallet put on record what it signed off chain."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("ConsentRegistry",)
    ABI: ClassVar[str] = "DigestApproved(address indexed wallet,bytes32 indexed digest)"
    wallet: Address
    digest: Bytes32


ConsentEvent: TypeAlias = ConsentRevoked | ConsentExtended | ErasureOrdered | ErasureAttested | DigestApproved
