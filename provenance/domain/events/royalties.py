"""Events of settlements and claims, and of who runs the contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from provenance.types import Address, Bytes32, UnixSeconds, Wei

# --- RoyaltyDistributor


@dataclass(frozen=True, slots=True)
class Funded:
    """Tokens arrived for a memo, usually a license."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "Funded(address indexed from,bytes32 indexed memo,uint256 received)"
    from_: Address
    memo: Bytes32
    received: Wei


@dataclass(frozen=True, slots=True)
class SettlementProposed:
    """A root awaits its window."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = (
        "SettlementProposed(uint64 indexed epoch,bytes32 indexed root,bytes32 indexed usageHead,"
        "bytes32 manifestDigest,uint256 total,uint40 activeAt)"
    )
    epoch: int
    root: Bytes32
    usage_head: Bytes32
    manifest_digest: Bytes32
    total: Wei
    active_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class SettlementVetoed:
    """The guardian stopped a proposed root."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = (
        "SettlementVetoed(uint64 indexed epoch,bytes32 indexed root,address indexed by,bytes32 reasonDigest)"
    )
    epoch: int
    root: Bytes32
    by: Address
    reason_digest: Bytes32


@dataclass(frozen=True, slots=True)
class SettlementChallenged:
    """Somebody put a bond against a proposed root."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = (
        "SettlementChallenged(uint64 indexed epoch,bytes32 indexed root,address indexed by,bytes32 reasonDigest)"
    )
    epoch: int
    root: Bytes32
    by: Address
    reason_digest: Bytes32


@dataclass(frozen=True, slots=True)
class ChallengeResolved:
    """The arbiter, or time, decided a challenge; dismissed, the root's window begins anew and ends at `active_at`."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = (
        "ChallengeResolved(uint64 indexed epoch,bytes32 indexed root,bool upheld,address challenger,uint40 activeAt)"
    )
    epoch: int
    root: Bytes32
    upheld: bool
    challenger: Address
    active_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class StakeChanged:
    """A proposer's stake came in; 0: a stake left, taken out, owed or lost."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "StakeChanged(address indexed proposer,uint256 staked)"
    proposer: Address
    staked: Wei


@dataclass(frozen=True, slots=True)
class Ruled:
    """The guardian put a ruling over money that is held on record."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "Ruled(bytes32 indexed digest)"
    digest: Bytes32


@dataclass(frozen=True, slots=True)
class RulingStruck:
    """The arbiter struck a ruling."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "RulingStruck(bytes32 indexed digest)"
    digest: Bytes32


@dataclass(frozen=True, slots=True)
class RoyaltyClaimed:
    """A payee's royalty was paid out up to a cumulative amount."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = (
        "RoyaltyClaimed(address indexed payee,uint64 indexed epoch,address to,uint256 amount,uint256 cumulative)"
    )
    payee: Address
    epoch: int
    to: Address
    amount: Wei
    cumulative: Wei


@dataclass(frozen=True, slots=True)
class ClaimSkipped:
    """One payee of a batch could not be paid; the rest were."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "ClaimSkipped(address indexed payee,uint64 indexed epoch,uint8 reason)"
    payee: Address
    epoch: int
    reason: int


RoyaltyEvent: TypeAlias = (
    Funded
    | SettlementProposed
    | SettlementVetoed
    | SettlementChallenged
    | ChallengeResolved
    | StakeChanged
    | Ruled
    | RulingStruck
    | RoyaltyClaimed
    | ClaimSkipped
)


# --- Roles, the same event from several contracts, and the pause


@dataclass(frozen=True, slots=True)
class RoleOffered:
    """An account may take over a role, from `ready_at` on."""

    CONTRACTS: ClassVar[tuple[str, ...]] = (
        "DatasetRegistry",
        "UsageLedger",
        "RoyaltyDistributor",
    )
    ABI: ClassVar[str] = "RoleOffered(bytes32 indexed role,address indexed account,uint40 readyAt)"
    role: Bytes32
    account: Address
    ready_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class RoleOfferWithdrawn:
    """A role that was offered is not to be had any more."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("DatasetRegistry", "UsageLedger", "RoyaltyDistributor")
    ABI: ClassVar[str] = "RoleOfferWithdrawn(bytes32 indexed role,address indexed account)"
    role: Bytes32
    account: Address


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """Another account has a role now."""

    CONTRACTS: ClassVar[tuple[str, ...]] = (
        "DatasetRegistry",
        "UsageLedger",
        "RoyaltyDistributor",
    )
    ABI: ClassVar[str] = "RoleChanged(bytes32 indexed role,address indexed from,address indexed to)"
    role: Bytes32
    from_: Address
    to: Address


@dataclass(frozen=True, slots=True)
class PauseSet:
    """No settlement is proposed until a time; claims, vetoes and challenges never rest."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "PauseSet(address indexed by,uint40 until)"
    by: Address
    until: UnixSeconds


RoleEvent: TypeAlias = RoleOffered | RoleOfferWithdrawn | RoleChanged | PauseSet
