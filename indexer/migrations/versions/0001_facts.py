"""The mirrored chain: blocks, logs, one table per event, the cursor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from indexer.columns import Uint

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KINDS = {"bytes": sa.LargeBinary, "int": sa.BigInteger, "uint": Uint, "bool": sa.Boolean, "text": sa.String}
LOCATED = {
    "logs": (
        "tx bytes, contract bytes index, topic0 bytes null, topic1 bytes null index, topic2 bytes null index, "
        "topic3 bytes null index, data bytes"
    ),
    "quarantine": "reason text",
    "dataset_registered": (
        "dataset_id bytes index, holder bytes index, manifest_root bytes, "
        "manifest_digest bytes, terms_hash bytes, split_hash bytes, items int"
    ),
    "dataset_status_changed": "dataset_id bytes index, by bytes, status int, reason bytes, effective_at int",
    "dataset_superseded": "old_id bytes index, new_id bytes",
    "dataset_transferred": "dataset_id bytes index, from_ bytes, to bytes",
    "split_set": "dataset_id bytes index, split_hash bytes, effective_at int",
    "content_rotated": "dataset_id bytes index, index int, cid_digest bytes, key_commitment bytes, key_version int",
    "consent_revoked": "consent_id bytes index, subject bytes index, reason bytes, at int",
    "erasure_ordered": "consent_id bytes index, subject bytes index, deadline int",
    "erasure_attested": "consent_id bytes index, holder bytes index, evidence_digest bytes, method int, at int",
    "digest_approved": "wallet bytes index, digest bytes",
    "license_granted": (
        "license_id bytes index, dataset_id bytes index, licensee bytes index, "
        "holder bytes index, terms_hash bytes, purposes int, expiry int, notice_days int, token bytes, price uint"
    ),
    "license_terminated": "license_id bytes index, by bytes, reason bytes, effective_at int",
    "offer_cancelled": "holder bytes index, offer_digest bytes index",
    "access_recorded": (
        "license_id bytes index, dataset_id bytes index, accessor bytes index, "
        "purpose int, units uint, receipt_hash bytes index"
    ),
    "meter_admitted": "meter bytes index",
    "meter_removed": "meter bytes index",
    "usage_anchored": "meter bytes index, root bytes, head bytes, count uint, data_digest bytes",
    "session_revoked": "session_id bytes index, licensee bytes index, at int",
    "artifact_registered": (
        "artifact_id bytes index, registrant bytes, parents_root bytes, kind int, "
        "parent_count int, digest bytes, licenses_root bytes"
    ),
    "artifact_status_changed": "artifact_id bytes index, by bytes, status int, evidence_digest bytes",
    "funded": "from_ bytes, memo bytes index, received uint",
    "settlement_proposed": (
        "epoch uint index, root bytes, usage_head bytes, manifest_digest bytes, total uint, active_at int"
    ),
    "settlement_vetoed": "epoch uint index, by bytes, reason_digest bytes",
    "settlement_challenged": "epoch uint index, by bytes, reason_digest bytes",
    "challenge_resolved": "epoch uint index, upheld bool, bond_to bytes",
    "royalty_claimed": "payee bytes index, epoch uint index, to bytes, amount uint, cumulative uint",
    "claim_skipped": "payee bytes index, epoch uint index, reason int",
    "role_offered": "role bytes, account bytes index, ready_at int",
    "role_changed": "role bytes, from_ bytes, to bytes",
    "pause_set": "by bytes, until int",
}


def upgrade() -> None:
    """The newer schema."""
    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursor",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis", sa.LargeBinary(), nullable=False),
        sa.Column("contracts", sa.LargeBinary(), nullable=False),
        sa.Column("first_block", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("final", sa.BigInteger(), nullable=False),
        sa.Column("final_hash", sa.LargeBinary(), nullable=False),
    )
    for table, columns in LOCATED.items():
        _create_located(table, columns)


def _create_located(table: str, columns: str) -> None:
    """A table whose rows die with their block."""
    op.create_table(
        table,
        sa.Column("block", sa.BigInteger(), sa.ForeignKey("blocks.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("log_index", sa.BigInteger(), primary_key=True),
        *(_column(words.split()) for words in columns.split(", ")),
        sqlite_with_rowid=False,
    )
    for words in columns.split(", "):
        name, *rest = words.split()
        if "index" in rest:
            op.create_index(f"ix_{table}_{name}", table, [name])


def _column(words: list[str]) -> sa.Column[object]:
    name, kind, *rest = words
    return sa.Column(name, KINDS[kind](), nullable="null" in rest)
