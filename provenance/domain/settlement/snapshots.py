"""Which state was an epoch decided from, and with which does the next one begin?

Each snapshot is a table. Those of splits, rates, consents, sessions, accesses, gates and attribution
show what was read; tree, debts, cursors, holds, accounts and corrections are read by the next epoch.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeVar

from provenance.domain import fields, record, splits
from provenance.domain.fields import shown
from provenance.domain.rules.case import ConsentCase, UseFacts, first_broken
from provenance.domain.rules.consent import GIVING
from provenance.domain.settlement import tables
from provenance.domain.settlement.carry import (
    Amount,
    BadSnapshot,
    Carry,
    Cursor,
    Debt,
    KeyAmount,
    Move,
    hold,
)
from provenance.types import Address, Bytes32, ConsentId, Json, Wei

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.domain.settlement.deciding import Decision
    from provenance.domain.settlement.facts import Inputs

NAMES: Final = (
    "splits",
    "rates",
    "consents",
    "sessions",
    "accesses",
    "gates",
    "attribution",
    "holds",
    "cursors",
    "accounts",
    "corrections",
)
CARRIED: Final = ("tree", "debts", "holds", "cursors", "accounts", "corrections")
K = TypeVar("K")


@record.dataclass(frozen=True, slots=True)
class Earned:
    """A leaf: all that a payee ever earned."""

    payee: Address
    cumulative: Amount


@record.dataclass(frozen=True, slots=True)
class Spent:
    """All that left a balance, under its memo."""

    memo: Bytes32
    spent: Amount


def tree(inputs: Inputs, carry: Carry) -> bytes:
    """The leaves: everybody's cumulative earnings, sorted by payee."""
    head: dict[str, Json] = {
        "chainId": inputs.chain_id,
        "distributor": shown(inputs.distributor),
        "epoch": str(inputs.epoch),
    }
    rows = (record.write(Earned(payee, amount)) for payee, amount in sorted(carry.cumulative.items()) if amount)
    return tables.encode("provenance/tree", rows, head)


def debts(carry: Carry) -> Iterator[dict[str, Json]]:
    """What stays owed, the oldest first."""
    for debt in carry.debts:
        yield {**record.write(debt), "owed": str(debt.total)}


def snapshots(decision: Decision) -> dict[str, bytes]:
    """Every snapshot by name."""
    rows: dict[str, Iterator[dict[str, Json]]] = {
        "splits": _splits(decision.inputs),
        "rates": _rates(decision.inputs),
        "consents": _consents(decision.inputs),
        "sessions": _sessions(decision),
        "accesses": _accesses(decision.inputs),
        "gates": _gates(decision.inputs),
        "attribution": _attribution(decision),
        "holds": (record.write(KeyAmount(*held)) for held in sorted(decision.carry.holds.items())),
        "cursors": (record.write(cursor) for _, cursor in sorted(decision.carry.cursors.items())),
        "accounts": (record.write(Spent(*account)) for account in sorted(decision.carry.spent.items())),
        "corrections": _corrections(decision.carry),
    }
    epoch: Json = str(decision.inputs.epoch)
    return {
        name: tables.encode("provenance/snapshot", found, {"of": name, "epoch": epoch}) for name, found in rows.items()
    }


def carry(data: Mapping[str, bytes]) -> Carry:
    """The state that an epoch's `CARRIED` documents leave.

    Raises:
        Invalid: a table that is none, or lacks a field.
        BadSnapshot: a payee, memo or hold stands twice.
    """
    rows = {
        name: tables.parse(data[name], f"provenance/{name}" if name in ("tree", "debts") else "provenance/snapshot")[1]
        for name in CARRIED
    }
    corrections = rows["corrections"]
    cursors = [record.read(Cursor, row) for row in rows["cursors"]]
    earned = [record.read(Earned, row) for row in rows["tree"]]
    spent = [record.read(Spent, row) for row in rows["accounts"]]
    return Carry(
        cumulative=_unique((row.payee, row.cumulative) for row in earned),
        cursors={cursor.session_id: cursor for cursor in cursors},
        debts=tuple(_debt(row) for row in rows["debts"]),
        holds=_unique((hold(row), record.read(KeyAmount, row).amount) for row in rows["holds"]),
        spent=_unique((row.memo, row.spent) for row in spent),
        corrected=frozenset(fields.word(row, "receiptId") for row in corrections if "score" not in row),
        moves=tuple(record.read(Move, row) for row in corrections if "score" in row),
    )


def _unique(entries: Iterator[tuple[K, Wei]]) -> dict[K, Wei]:
    amounts: dict[K, Wei] = {}
    for key, amount in entries:
        if key in amounts:
            raise BadSnapshot(f"{key!r} stands twice")
        amounts[key] = amount
    return amounts


def _debt(row: Mapping[str, Json]) -> Debt:
    debt = record.read(Debt, row)
    if debt.total != fields.integer(row, "owed", bits=256):
        raise BadSnapshot("a debt's parts do not sum to what is owed")
    return debt


def _splits(inputs: Inputs) -> Iterator[dict[str, Json]]:
    for dataset_id, shares in sorted(inputs.splits.items()):
        yield {"datasetId": shown(dataset_id), "splits": splits.SHARES.write(shares)}


def _rates(inputs: Inputs) -> Iterator[dict[str, Json]]:
    for license_id, one in sorted(inputs.licenses.items()):
        yield {
            "licenseId": shown(license_id),
            "datasetId": shown(one.dataset_id),
            "licensee": shown(one.licensee),
            "termsHash": shown(one.terms_hash),
            "unit": one.extent.unit,
            "perUnit": None if one.per_unit is None else str(one.per_unit),
            "method": one.method,
            "attributor": "licensee" if one.attributor is None else shown(one.attributor),
            "end": one.end,
        }


def _consents(inputs: Inputs) -> Iterator[dict[str, Json]]:
    recordings: dict[Bytes32, list[Json]] = defaultdict(list)
    cases: dict[ConsentId, ConsentCase] = {}
    for recording_id, recording in sorted(inputs.recordings.items()):
        for consent in recording.consents:
            cases[consent.id] = ConsentCase(consent, recording.holder, UseFacts(inputs.cutoff.time))
            recordings[consent.id].append(shown(recording_id))
    for consent_id, case in sorted(cases.items()):
        broken = first_broken(GIVING, case)
        yield {
            "consentId": shown(consent_id),
            "notAfter": case.consent.not_after,
            "revokedAt": case.consent.revoked_at,
            "fault": broken.reason.value if broken else "",
            "recordings": recordings[consent_id],
        }


def _sessions(decision: Decision) -> Iterator[dict[str, Json]]:
    for session_id, one in sorted(decision.inputs.sessions.items()):
        yield {
            "sessionId": shown(session_id),
            "licenseId": shown(one.session.license_id),
            "maxUnits": str(one.session.max_units),
            "end": one.end,
            "revokedAt": one.revoked_at,
        }


def _accesses(inputs: Inputs) -> Iterator[dict[str, Json]]:
    for one in sorted(inputs.opened, key=lambda one: (one.license_id, one.recording_id, one.at)):
        yield {
            "licenseId": shown(one.license_id),
            "recordingId": shown(one.recording_id),
            "block": one.at.number,
            "log": one.at.log_index,
        }


def _gates(inputs: Inputs) -> Iterator[dict[str, Json]]:
    for recording_id, one in sorted(inputs.recordings.items()):
        yield {
            "recordingId": shown(recording_id),
            "verdict": one.verdict,
            "cluster": shown(one.cluster) if one.cluster is not None else None,
        }


def _attribution(decision: Decision) -> Iterator[dict[str, Json]]:
    for pot in decision.pots:
        yield {
            "licenseId": shown(pot.license.id),
            "method": pot.license.method,
            "attributor": "licensee" if pot.license.attributor is None else shown(pot.license.attributor),
            "fallback": {reason: str(units) for reason, units in sorted(pot.forced.items())},
        }


def _corrections(carried: Carry) -> Iterator[dict[str, Json]]:
    for receipt_id in sorted(carried.corrected):
        yield {"receiptId": shown(receipt_id)}
    yield from map(record.write, carried.moves)
