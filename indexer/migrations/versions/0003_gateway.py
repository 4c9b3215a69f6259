"""What the gateway keeps: deposits, custody, leases, sessions, segments, refusals, batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from indexer.columns import Uint

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = {"bytes": sa.LargeBinary, "int": sa.BigInteger, "uint": Uint, "bool": sa.Boolean, "text": sa.String}
TABLES = {
    "uploads": (
        "cid text key, sender bytes, document bool, at_s int, size_bytes int, dataset_id bytes null, registered bool index"
    ),
    "deposits": (
        "dataset_id bytes key, manifest_cid text, holder bytes index, manifest_root bytes, terms_cid text, "
        "private_cid text index, title text, kind text, language text, tags text, words text, items int, duration_ms int, at_s int"
    ),
    "judged": (
        "object_id bytes key, cid text key, cluster bytes index, verdict int, quality text, metrics_digest bytes, "
        "gate_version int"
    ),
    "deposited_recordings": (
        "recording_id bytes key, dataset_id bytes index deposits, index int, name text, cid text index, "
        "object_id bytes index, duration_ms int, voice_ids text, consent_ids text, verdict int, metrics_digest bytes, "
        "cluster bytes index, gate_version int, signature bytes, batch int null index"
    ),
    "deposited_consents": (
        "dataset_id bytes key deposits, consent_id bytes key, subject bytes index, holder bytes index, "
        "voice_id bytes, document text"
    ),
    "custody": "object_id bytes key, key_version int key, envelope bytes",
    "published_offers": (
        "digest bytes key, dataset_id bytes index, holder bytes index, licensee bytes index, document text, at_s int"
    ),
    "leases": (
        "access_id bytes key, request_id bytes unique, license_id bytes index, dataset_id bytes index, "
        "licensee bytes index, request text, request_signature bytes, binding_nonce uint, envelopes_root bytes, "
        "valid_until int, signature bytes, at_s int, batch int null index, path bytes null, member bytes null"
    ),
    "leased_envelopes": (
        "access_id bytes key leases, index int key, recording_id bytes, cid text index, envelope bytes"
    ),
    "refusals": (
        "id serial key, at_s int, step text, license_id bytes index, licensee bytes index, purpose int, "
        "territory text, code text, detail text, recording int null, consent_id bytes null, block int, "
        "batch int null index, count int, root bytes"
    ),
    "nonces": "account bytes key, nonce uint key, deadline int index",
    "sessions": (
        "session_id bytes key, license_id bytes index, licensee bytes index, session text, signature bytes, "
        "at_s int, batch int null index"
    ),
    "segments": (
        "segment_hash bytes key, session_id bytes index sessions, license_id bytes index, first_seq uint, count uint, "
        "units uint, outputs uint, output_ms uint, last bool, cid text, segment text, signature bytes, "
        "received_at_ms int, ack_signature bytes, batch int null index"
    ),
    "equivocations": (
        "segment_hash bytes key, session_id bytes once sessions, cid text, segment text, signature bytes, "
        "received_at_ms int, ack_signature bytes, batch int null index"
    ),
    "batches": "id serial key, prev_head bytes unique, root bytes, count uint, digest bytes, cid text, at_s int",
}
UNIQUE = {"segments": ("session_id", "first_seq")}
REFERENCED = {"deposits": "dataset_id", "leases": "access_id", "sessions": "session_id"}


def upgrade() -> None:
    """The newer schema."""
    for table, columns in TABLES.items():
        together = UNIQUE.get(table)
        op.create_table(
            table,
            *(_column(words.split()) for words in columns.split(", ")),
            *((sa.UniqueConstraint(*together),) if together else ()),
        )
        for words in columns.split(", "):
            name, *rest = words.split()
            if "index" in rest or "once" in rest:
                op.create_index(f"ix_{table}_{name}", table, [name], unique="once" in rest)


def _column(words: list[str]) -> sa.Column[object]:
    name, kind, *rest = words
    references = next((f"{table}.{key}" for table, key in REFERENCED.items() if table in rest), None)
    return sa.Column(
        name,
        sa.Integer() if kind == "serial" else KINDS[kind](),
        *((sa.ForeignKey(references),) if references else ()),
        primary_key="key" in rest,
        nullable="null" in rest,
        unique="unique" in rest or None,
        autoincrement=kind == "serial",
    )
