"""Records: the operator's own rows.

They are not on the chain: they are what the operator acknowledged, decided or sent. They survive every
reorg, and nothing here is needed to recompute a settlement.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from indexer.columns import Uint


class Halt(SQLModel, table=True):
    """A reorg went below finality: payouts stand still until somebody releases them with a reason."""

    __tablename__ = "halts"

    id: int | None = Field(default=None, primary_key=True)
    at_s: int = Field(sa_type=BigInteger)
    fork: int = Field(sa_type=BigInteger)
    final: int = Field(sa_type=BigInteger)
    final_hash: bytes
    released_at_s: int | None = Field(default=None, sa_type=BigInteger)
    reason: str | None = None


class Payout(SQLModel, table=True):
    """One transaction of the outbox: written down before each step, so that a killed worker goes on."""

    __tablename__ = "payouts"
    __table_args__: ClassVar = (UniqueConstraint("channel", "nonce"),)

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(index=True)
    epoch: int = Field(sa_type=Uint)
    root: bytes
    call: bytes
    state: str = Field(index=True)
    nonce: int | None = Field(default=None, sa_type=BigInteger)
    tx: bytes | None = None
    block: int | None = Field(default=None, sa_type=BigInteger)
    block_hash: bytes | None = None
    created_at_s: int = Field(sa_type=BigInteger)
    changed_at_s: int = Field(sa_type=BigInteger)
    detail: str = ""


class PayoutLine(SQLModel, table=True):
    """One payee of a payout and what became of it."""

    __tablename__ = "payout_lines"

    payout: int = Field(primary_key=True, foreign_key="payouts.id")
    payee: bytes = Field(primary_key=True)
    cumulative: int = Field(sa_type=Uint)
    state: str
    detail: str = ""


class Attempt(SQLModel, table=True):
    """Signed bytes under a payout's nonce, kept before they are sent; any of them may be mined."""

    __tablename__ = "attempts"

    payout: int = Field(primary_key=True, foreign_key="payouts.id")
    tx: bytes = Field(primary_key=True)
    raw: bytes
    max_fee_wei: int = Field(sa_type=Uint)
    signed_at_s: int = Field(sa_type=BigInteger)


# --- the gateway: what was deposited and judged


class Upload(SQLModel, table=True):
    """Content that somebody sent; what is no document stays closed until a deposit says what it is.

    Until a registered dataset names it, its bytes count towards one limit for all.
    """

    __tablename__ = "uploads"

    cid: str = Field(primary_key=True)
    sender: bytes
    document: bool
    at_s: int = Field(sa_type=BigInteger)
    size_bytes: int = Field(sa_type=BigInteger)
    dataset_id: bytes | None = None
    registered: bool = Field(default=False, index=True)


class Deposit(SQLModel, table=True):
    """A manifest whose keys are in custody here."""

    __tablename__ = "deposits"

    dataset_id: bytes = Field(primary_key=True)
    manifest_cid: str
    holder: bytes = Field(index=True)
    manifest_root: bytes
    terms_cid: str
    private_cid: str = Field(index=True)
    title: str
    kind: str
    language: str
    tags: str
    words: str
    items: int = Field(sa_type=BigInteger)
    duration_ms: int = Field(sa_type=BigInteger)
    at_s: int = Field(sa_type=BigInteger)


class JudgedObject(SQLModel, table=True):
    """One sealed object, opened once, and its gate report."""

    __tablename__ = "judged"

    object_id: bytes = Field(primary_key=True)
    cid: str = Field(primary_key=True)
    cluster: bytes = Field(index=True)
    verdict: int = Field(sa_type=BigInteger)
    quality: str
    metrics_digest: bytes
    gate_version: int = Field(sa_type=BigInteger)


class DepositedRecording(SQLModel, table=True):
    """One recording of a deposit and the report signed about it."""

    __tablename__ = "deposited_recordings"

    recording_id: bytes = Field(primary_key=True)
    dataset_id: bytes = Field(index=True, foreign_key="deposits.dataset_id")
    index: int = Field(sa_type=BigInteger)
    name: str
    cid: str = Field(index=True)
    object_id: bytes = Field(index=True)
    duration_ms: int = Field(sa_type=BigInteger)
    voice_ids: str
    consent_ids: str
    verdict: int = Field(sa_type=BigInteger)
    metrics_digest: bytes
    cluster: bytes = Field(index=True)
    gate_version: int = Field(sa_type=BigInteger)
    signature: bytes
    batch: int | None = Field(default=None, index=True, sa_type=BigInteger)


class DepositedConsent(SQLModel, table=True):
    """A consent behind a deposit."""

    __tablename__ = "deposited_consents"

    dataset_id: bytes = Field(primary_key=True, foreign_key="deposits.dataset_id")
    consent_id: bytes = Field(primary_key=True)
    subject: bytes = Field(index=True)
    holder: bytes = Field(index=True)
    voice_id: bytes
    document: str


class Custody(SQLModel, table=True):
    """A content key, sealed to the gateway's own key; never in the clear."""

    __tablename__ = "custody"

    object_id: bytes = Field(primary_key=True)
    key_version: int = Field(primary_key=True, sa_type=BigInteger)
    envelope: bytes


# --- the gateway: offers, leases, usage


class PublishedOffer(SQLModel, table=True):
    """An offer that its holder shows to everyone."""

    __tablename__ = "published_offers"

    digest: bytes = Field(primary_key=True)
    dataset_id: bytes = Field(index=True)
    holder: bytes = Field(index=True)
    licensee: bytes = Field(index=True)
    document: str
    at_s: int = Field(sa_type=BigInteger)


class LeaseRecord(SQLModel, table=True):
    """A short right to read, as it was signed."""

    __tablename__ = "leases"

    access_id: bytes = Field(primary_key=True)
    request_id: bytes = Field(unique=True)
    license_id: bytes = Field(index=True)
    dataset_id: bytes = Field(index=True)
    licensee: bytes = Field(index=True)
    request: str
    request_signature: bytes
    binding_nonce: int = Field(sa_type=Uint)
    envelopes_root: bytes
    valid_until: int = Field(sa_type=BigInteger)
    signature: bytes
    at_s: int = Field(sa_type=BigInteger)
    batch: int | None = Field(default=None, index=True, sa_type=BigInteger)
    path: bytes | None = None
    member: bytes | None = None


class EnvelopeRecord(SQLModel, table=True):
    """One recording's key, sealed to the licensee."""

    __tablename__ = "leased_envelopes"

    access_id: bytes = Field(primary_key=True, foreign_key="leases.access_id")
    index: int = Field(primary_key=True, sa_type=BigInteger)
    recording_id: bytes
    cid: str = Field(index=True)
    envelope: bytes


class Refusal(SQLModel, table=True):
    """A request that was refused, and why: `code` to `consent_id` are the first refused recording's."""

    __tablename__ = "refusals"

    id: int | None = Field(default=None, primary_key=True)
    at_s: int = Field(sa_type=BigInteger)
    step: str
    license_id: bytes = Field(index=True)
    licensee: bytes = Field(index=True)
    purpose: int = Field(sa_type=BigInteger)
    territory: str
    code: str
    detail: str
    recording: int | None = Field(default=None, sa_type=BigInteger)
    consent_id: bytes | None = None
    block: int = Field(sa_type=BigInteger)
    batch: int | None = Field(default=None, index=True, sa_type=BigInteger)
    count: int = Field(sa_type=BigInteger)
    root: bytes


class Nonce(SQLModel, table=True):
    """A signed HTTP request that was seen: never twice within its life."""

    __tablename__ = "nonces"

    account: bytes = Field(primary_key=True)
    nonce: int = Field(primary_key=True, sa_type=Uint)
    deadline: int = Field(index=True, sa_type=BigInteger)


class SessionRecord(SQLModel, table=True):
    """A session that takes segments."""

    __tablename__ = "sessions"

    session_id: bytes = Field(primary_key=True)
    license_id: bytes = Field(index=True)
    licensee: bytes = Field(index=True)
    session: str
    signature: bytes
    at_s: int = Field(sa_type=BigInteger)
    batch: int | None = Field(default=None, index=True, sa_type=BigInteger)


class ReceivedSegment(SQLModel, table=True):
    """A segment that was acknowledged."""

    __tablename__ = "segments"
    __table_args__: ClassVar = (UniqueConstraint("session_id", "first_seq"),)

    segment_hash: bytes = Field(primary_key=True)
    session_id: bytes = Field(index=True, foreign_key="sessions.session_id")
    license_id: bytes = Field(index=True)
    first_seq: int = Field(sa_type=Uint)
    count: int = Field(sa_type=Uint)
    units: int = Field(sa_type=Uint)
    outputs: int = Field(sa_type=Uint)
    output_ms: int = Field(sa_type=Uint)
    last: bool
    cid: str
    segment: str
    signature: bytes
    received_at_ms: int = Field(sa_type=BigInteger)
    ack_signature: bytes
    batch: int | None = Field(default=None, index=True, sa_type=BigInteger)


class Equivocation(SQLModel, table=True):
    """Another segment in an acknowledged one's place, kept as evidence: its session is suspended, and the two suffice."""

    __tablename__ = "equivocations"

    segment_hash: bytes = Field(primary_key=True)
    session_id: bytes = Field(index=True, unique=True, foreign_key="sessions.session_id")
    cid: str
    segment: str
    signature: bytes
    received_at_ms: int = Field(sa_type=BigInteger)
    ack_signature: bytes
    batch: int | None = Field(default=None, index=True, sa_type=BigInteger)


class AnchoredBatch(SQLModel, table=True):
    """A batch document, written down before its transaction is sent."""

    __tablename__ = "batches"

    id: int | None = Field(default=None, primary_key=True)
    prev_head: bytes = Field(unique=True)
    root: bytes
    count: int = Field(sa_type=Uint)
    digest: bytes
    cid: str
    at_s: int = Field(sa_type=BigInteger)
