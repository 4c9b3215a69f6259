"""Which rows does the operator keep of the chain?

`Fact` rows mirror events: one table per event, inserted and never updated, and all of them die with
their block by one cascading delete. What the operator itself decides is in `records`; every query is
in `store`.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from indexer.columns import Uint


class Block(SQLModel, table=True):
    """One block that is part of the mirrored chain."""

    __tablename__ = "blocks"
    __table_args__: ClassVar = {"sqlite_with_rowid": False}

    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    hash: bytes
    parent: bytes
    time: int = Field(sa_type=BigInteger)


class Located(SQLModel):
    """What hangs on a block and dies with it."""

    __table_args__: ClassVar = {"sqlite_with_rowid": False}

    block: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="blocks.number", ondelete="CASCADE")
    log_index: int = Field(primary_key=True, sa_type=BigInteger)


class Log(Located, table=True):
    """One log as the node gave it, kept so that a new decoder needs no node."""

    __tablename__ = "logs"

    tx: bytes
    contract: bytes = Field(index=True)
    topic0: bytes | None = None
    topic1: bytes | None = Field(default=None, index=True)
    topic2: bytes | None = Field(default=None, index=True)
    topic3: bytes | None = Field(default=None, index=True)
    data: bytes


class Quarantine(Located, table=True):
    """A log under one of our topics that is not encoded like our event, and why."""

    __tablename__ = "quarantine"

    reason: str


class Cursor(SQLModel, table=True):
    """How far one chain has been mirrored: a single row."""

    __tablename__ = "cursor"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    chain_id: int = Field(sa_type=BigInteger)
    genesis: bytes
    contracts: bytes
    first_block: int = Field(sa_type=BigInteger)
    number: int = Field(sa_type=BigInteger)
    hash: bytes
    final: int = Field(sa_type=BigInteger)
    final_hash: bytes


class Fact(Located):
    """One decoded event; its columns are the event's arguments, in order."""


# --- DatasetRegistry


class RegisteredDataset(Fact, table=True):
    """`DatasetRegistered`."""

    __tablename__ = "dataset_registered"
    dataset_id: bytes = Field(index=True)
    holder: bytes = Field(index=True)
    manifest_root: bytes
    manifest_digest: bytes
    terms_hash: bytes
    split_hash: bytes
    items: int = Field(sa_type=BigInteger)


class RestatedDataset(Fact, table=True):
    """`DatasetStatusChanged`."""

    __tablename__ = "dataset_status_changed"
    dataset_id: bytes = Field(index=True)
    by: bytes
    status: int = Field(sa_type=BigInteger)
    reason: bytes
    effective_at: int = Field(sa_type=BigInteger)


class SupersededDataset(Fact, table=True):
    """`DatasetSuperseded`."""

    __tablename__ = "dataset_superseded"
    old_id: bytes = Field(index=True)
    new_id: bytes


class TransferredDataset(Fact, table=True):
    """`DatasetTransferred`."""

    __tablename__ = "dataset_transferred"
    dataset_id: bytes = Field(index=True)
    from_: bytes
    to: bytes


class ChangedSplit(Fact, table=True):
    """`SplitSet`."""

    __tablename__ = "split_set"
    dataset_id: bytes = Field(index=True)
    split_hash: bytes
    effective_at: int = Field(sa_type=BigInteger)


class RotatedContent(Fact, table=True):
    """`ContentRotated`."""

    __tablename__ = "content_rotated"
    dataset_id: bytes = Field(index=True)
    index: int = Field(sa_type=BigInteger)
    cid_digest: bytes
    key_commitment: bytes
    key_version: int = Field(sa_type=BigInteger)


# --- ConsentRegistry


class RevokedConsent(Fact, table=True):
    """`ConsentRevoked`."""

    __tablename__ = "consent_revoked"
    consent_id: bytes = Field(index=True)
    subject: bytes = Field(index=True)
    reason: bytes
    at: int = Field(sa_type=BigInteger)


class OrderedErasure(Fact, table=True):
    """`ErasureOrdered`."""

    __tablename__ = "erasure_ordered"
    consent_id: bytes = Field(index=True)
    subject: bytes = Field(index=True)
    deadline: int = Field(sa_type=BigInteger)


class AttestedErasure(Fact, table=True):
    """`ErasureAttested`."""

    __tablename__ = "erasure_attested"
    consent_id: bytes = Field(index=True)
    holder: bytes = Field(index=True)
    evidence_digest: bytes
    method: int = Field(sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)


class ApprovedDigest(Fact, table=True):
    """`DigestApproved`."""

    __tablename__ = "digest_approved"
    wallet: bytes = Field(index=True)
    digest: bytes


# --- DataAccess


class GrantedLicense(Fact, table=True):
    """`LicenseGranted`."""

    __tablename__ = "license_granted"
    license_id: bytes = Field(index=True)
    dataset_id: bytes = Field(index=True)
    licensee: bytes = Field(index=True)
    holder: bytes = Field(index=True)
    terms_hash: bytes
    purposes: int = Field(sa_type=BigInteger)
    expiry: int = Field(sa_type=BigInteger)
    notice_days: int = Field(sa_type=BigInteger)
    token: bytes
    price: int = Field(sa_type=Uint)


class TerminatedLicense(Fact, table=True):
    """`LicenseTerminated`."""

    __tablename__ = "license_terminated"
    license_id: bytes = Field(index=True)
    by: bytes
    reason: bytes
    effective_at: int = Field(sa_type=BigInteger)


class CancelledOffer(Fact, table=True):
    """`OfferCancelled`."""

    __tablename__ = "offer_cancelled"
    holder: bytes = Field(index=True)
    offer_digest: bytes = Field(index=True)


class RecordedAccess(Fact, table=True):
    """`AccessRecorded`."""

    __tablename__ = "access_recorded"
    license_id: bytes = Field(index=True)
    dataset_id: bytes = Field(index=True)
    accessor: bytes = Field(index=True)
    purpose: int = Field(sa_type=BigInteger)
    units: int = Field(sa_type=Uint)
    receipt_hash: bytes = Field(index=True)


# --- UsageLedger


class AdmittedMeter(Fact, table=True):
    """`MeterAdmitted`."""

    __tablename__ = "meter_admitted"
    meter: bytes = Field(index=True)


class RemovedMeter(Fact, table=True):
    """`MeterRemoved`."""

    __tablename__ = "meter_removed"
    meter: bytes = Field(index=True)


class AnchoredUsage(Fact, table=True):
    """`UsageAnchored`."""

    __tablename__ = "usage_anchored"
    meter: bytes = Field(index=True)
    root: bytes
    head: bytes
    count: int = Field(sa_type=Uint)
    data_digest: bytes


class RevokedSession(Fact, table=True):
    """`SessionRevoked`."""

    __tablename__ = "session_revoked"
    session_id: bytes = Field(index=True)
    licensee: bytes = Field(index=True)
    at: int = Field(sa_type=BigInteger)


# --- ArtifactRegistry


class RegisteredArtifact(Fact, table=True):
    """`ArtifactRegistered`."""

    __tablename__ = "artifact_registered"
    artifact_id: bytes = Field(index=True)
    registrant: bytes
    parents_root: bytes
    kind: int = Field(sa_type=BigInteger)
    parent_count: int = Field(sa_type=BigInteger)
    digest: bytes
    licenses_root: bytes


class RestatedArtifact(Fact, table=True):
    """`ArtifactStatusChanged`."""

    __tablename__ = "artifact_status_changed"
    artifact_id: bytes = Field(index=True)
    by: bytes
    status: int = Field(sa_type=BigInteger)
    evidence_digest: bytes


# --- RoyaltyDistributor


class ReceivedFunding(Fact, table=True):
    """`Funded`."""

    __tablename__ = "funded"
    from_: bytes
    memo: bytes = Field(index=True)
    received: int = Field(sa_type=Uint)


class ProposedSettlement(Fact, table=True):
    """`SettlementProposed`."""

    __tablename__ = "settlement_proposed"
    epoch: int = Field(sa_type=Uint, index=True)
    root: bytes
    usage_head: bytes
    manifest_digest: bytes
    total: int = Field(sa_type=Uint)
    active_at: int = Field(sa_type=BigInteger)


class VetoedSettlement(Fact, table=True):
    """`SettlementVetoed`."""

    __tablename__ = "settlement_vetoed"
    epoch: int = Field(sa_type=Uint, index=True)
    by: bytes
    reason_digest: bytes


class ChallengedSettlement(Fact, table=True):
    """`SettlementChallenged`."""

    __tablename__ = "settlement_challenged"
    epoch: int = Field(sa_type=Uint, index=True)
    by: bytes
    reason_digest: bytes


class ResolvedChallenge(Fact, table=True):
    """`ChallengeResolved`."""

    __tablename__ = "challenge_resolved"
    epoch: int = Field(sa_type=Uint, index=True)
    upheld: bool
    bond_to: bytes


class ClaimedRoyalty(Fact, table=True):
    """`RoyaltyClaimed`."""

    __tablename__ = "royalty_claimed"
    payee: bytes = Field(index=True)
    epoch: int = Field(sa_type=Uint, index=True)
    to: bytes
    amount: int = Field(sa_type=Uint)
    cumulative: int = Field(sa_type=Uint)


class SkippedClaim(Fact, table=True):
    """`ClaimSkipped`."""

    __tablename__ = "claim_skipped"
    payee: bytes = Field(index=True)
    epoch: int = Field(sa_type=Uint, index=True)
    reason: int = Field(sa_type=BigInteger)


# --- roles and pauses, of several contracts: `logs` knows whose


class OfferedRole(Fact, table=True):
    """`RoleOffered`."""

    __tablename__ = "role_offered"
    role: bytes
    account: bytes = Field(index=True)
    ready_at: int = Field(sa_type=BigInteger)


class ChangedRole(Fact, table=True):
    """`RoleChanged`."""

    __tablename__ = "role_changed"
    role: bytes
    from_: bytes
    to: bytes


class SetPause(Fact, table=True):
    """`PauseSet`."""

    __tablename__ = "pause_set"
    by: bytes
    until: int = Field(sa_type=BigInteger)


FACTS: tuple[type[Fact], ...] = tuple(Fact.__subclasses__())
