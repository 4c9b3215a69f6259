"""Which rows are the operator's own?

Records are not on the chain: they are what the operator promised, decided or sent. They survive every
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
