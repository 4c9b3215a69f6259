"""Which state was an epoch decided from, and with which does the next one begin?

Each snapshot is a table. Those of splits, rates, consents, sessions, accesses, gates and attribution
show what was read; tree, debts, cursors, holds, accounts and corrections are read by the next epoch.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeVar

from provenance.domain import fields, record, splits
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
    from collections.abc import Iterable, Iterator, Mapping

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
        "distributor": fields.shown(inputs.distributor),
        "epoch": str(inputs.epoch),
    }
    rows = (record.write(Earned(payee, amount)) for payee, amount in sorted(carry.cumulative.items()) if amount)
    return tables.encode("provenance/tree", rows, head)


def debts(carry: Carry) -> list[dict[str, Json]]:
    """What stays owed, the oldest first."""
    return [{**record.write(debt), "owed": str(debt.total)} for debt in carry.debts]


def snapshots(decision: Decision) -> dict[str, bytes]:
    """Every snapshot by name."""
    inputs = decision.inputs
    rows: dict[str, Iterable[dict[str, Json]]] = {
        "splits": (
            {"datasetId": fields.shown(dataset_id), "splits": splits.SHARES.write(shares)}
            for dataset_id, shares in sorted(inputs.splits.items())
        ),
        "rates": _rates(inputs),
        "consents": _consents(inputs),
        "sessions": _sessions(decision),
        "accesses": (
            {
                "licenseId": fields.shown(opened.license_id),
                "recordingId": fields.shown(opened.recording_id),
                "block": opened.at.number,
                "log": opened.at.log_index,
            }
            for opened in sorted(inputs.opened, key=lambda opened: (opened.license_id, opened.recording_id, opened.at))
        ),
        "gates": (
            {
                "recordingId": fields.shown(recording_id),
                "verdict": recording.verdict,
                "cluster": fields.shown(recording.cluster) if recording.cluster is not None else None,
            }
            for recording_id, recording in sorted(inputs.recordings.items())
        ),
        "attribution": _attribution(decision),
        "holds": (record.write(KeyAmount(*held)) for held in sorted(decision.carry.holds.items())),
        "cursors": (record.write(cursor) for _, cursor in sorted(decision.carry.cursors.items())),
        "accounts": (record.write(Spent(*account)) for account in sorted(decision.carry.spent.items())),
        "corrections": [
            *(dict[str, Json](receiptId=fields.shown(receipt_id)) for receipt_id in sorted(decision.carry.corrected)),
            *map(record.write, decision.carry.moves),
        ],
    }
    return {
        name: tables.encode("provenance/snapshot", listed, {"of": name, "epoch": str(inputs.epoch)})
        for name, listed in rows.items()
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


def _rates(inputs: Inputs) -> list[dict[str, Json]]:
    return [
        {
            "licenseId": fields.shown(license_id),
            "datasetId": fields.shown(license_.dataset_id),
            "holder": fields.shown(license_.holder),
            "licensee": fields.shown(license_.licensee),
            "termsHash": fields.shown(license_.terms_hash),
            "unit": license_.extent.unit,
            "perUnit": str(license_.per_unit),
            "method": license_.method,
            "attributor": "licensee" if license_.attributor is None else fields.shown(license_.attributor),
            "end": license_.end,
        }
        for license_id, license_ in sorted(inputs.licenses.items())
    ]


def _consents(inputs: Inputs) -> Iterator[dict[str, Json]]:
    recordings: dict[Bytes32, list[Json]] = defaultdict(list)
    cases: dict[ConsentId, ConsentCase] = {}
    for recording_id, recording in sorted(inputs.recordings.items()):
        for consent in recording.consents:
            cases[consent.id] = ConsentCase(consent, consent.holder, UseFacts(inputs.cutoff.time))
            recordings[consent.id].append(fields.shown(recording_id))
    for consent_id, case in sorted(cases.items()):
        broken = first_broken(GIVING, case)
        yield {
            "consentId": fields.shown(consent_id),
            "holders": [fields.shown(holder) for holder in (case.consent.holder, *dict(case.consent.extended))],
            "notAfter": case.consent.not_after,
            "revokedAt": case.consent.revoked_at,
            "fault": broken.reason.value if broken else "",
            "recordings": recordings[consent_id],
        }


def _sessions(decision: Decision) -> list[dict[str, Json]]:
    return [
        {
            "sessionId": fields.shown(session_id),
            "licenseId": fields.shown(session.session.license_id),
            "maxUnits": str(session.session.max_units),
            "end": session.end,
            "revokedAt": session.revoked_at,
        }
        for session_id, session in sorted(decision.inputs.sessions.items())
    ]


def _attribution(decision: Decision) -> list[dict[str, Json]]:
    return [
        {
            "licenseId": fields.shown(pot.license.id),
            "method": pot.license.method,
            "attributor": "licensee" if pot.license.attributor is None else fields.shown(pot.license.attributor),
            "fallback": {reason: str(units) for reason, units in sorted(pot.forced.items())},
        }
        for pot in decision.pots
    ]
