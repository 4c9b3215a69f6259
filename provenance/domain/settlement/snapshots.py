"""Which state was an epoch decided from, and with which does the next one begin?

Each snapshot is a table. Those of splits, rates, consents, sessions, accesses, gates and attribution
show what was read; tree, debts, cursors, holds, accounts and corrections are read by the next epoch.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

from provenance.domain import fields, splits
from provenance.domain.fields import shown
from provenance.domain.rules.case import ConsentCase, UseFacts, first_broken
from provenance.domain.rules.consent import GIVING
from provenance.domain.settlement import tables
from provenance.domain.settlement.carry import Carry, Cursor, Debt, Hold, Key, Move, Settled
from provenance.errors import Failed
from provenance.types import Wei

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.domain.settlement.deciding import Decision
    from provenance.domain.settlement.facts import Inputs
    from provenance.types import Bytes32, ConsentId, Json

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
_MOST: Final = 1 << 24
K = TypeVar("K")
_Kind = Literal["cluster", "license", "receipt"]


class BadSnapshot(Failed):
    """A published state that contradicts itself."""

    code = "bad-snapshot"


def tree(inputs: Inputs, carry: Carry) -> bytes:
    """The leaves: everybody's cumulative earnings, sorted by payee."""
    head: dict[str, Json] = {
        "chainId": inputs.chain_id,
        "distributor": shown(inputs.distributor),
        "epoch": str(inputs.epoch),
    }
    rows = (
        {"payee": shown(payee), "cumulative": str(amount)}
        for payee, amount in sorted(carry.cumulative.items())
        if amount
    )
    return tables.encode("provenance/tree", rows, head)


def debts(carry: Carry) -> Iterator[dict[str, Json]]:
    """What stays owed, the oldest first."""
    for debt in carry.debts:
        yield {
            "licenseId": shown(debt.license_id),
            "epoch": str(debt.epoch),
            "owed": str(debt.total),
            "fee": str(debt.fee),
            "shares": [{**_key(key), "amount": str(amount)} for key, amount in debt.shares],
        }


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
        "holds": _holds(decision.carry),
        "cursors": _cursors(decision.carry),
        "accounts": _accounts(decision.carry),
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
    cursors = [_cursor(row) for row in rows["cursors"]]
    return Carry(
        cumulative=_unique((fields.address(row, "payee"), _wei(row, "cumulative")) for row in rows["tree"]),
        cursors={cursor.session_id: cursor for cursor in cursors},
        debts=tuple(_debt(row) for row in rows["debts"]),
        holds=_unique((_hold(row), _wei(row, "amount")) for row in rows["holds"]),
        spent=_unique((fields.word(row, "memo"), _wei(row, "spent")) for row in rows["accounts"]),
        corrected=frozenset(fields.word(row, "receiptId") for row in corrections if "score" not in row),
        moves=tuple(_move(row) for row in corrections if "score" in row),
    )


def _unique(entries: Iterator[tuple[K, Wei]]) -> dict[K, Wei]:
    found: dict[K, Wei] = {}
    for key, amount in entries:
        if key in found:
            raise BadSnapshot(f"{key!r} stands twice")
        found[key] = amount
    return found


def _wei(row: Mapping[str, Json], name: str) -> Wei:
    return Wei(fields.integer(row, name, bits=256))


def _key(key: Key) -> dict[str, Json]:
    if isinstance(key, Hold):
        return {"hold": key.kind, "id": shown(key.id)}
    return {"payee": shown(key)}


def _hold(row: Mapping[str, Json]) -> Hold:
    kind = fields.text(row, "hold")
    known: tuple[_Kind, ...] = get_args(_Kind)
    found = next((one for one in known if one == kind), None)
    if found is None:
        raise BadSnapshot(f"unknown hold {kind!r}")
    return Hold(found, fields.word(row, "id"))


def _debt(row: Mapping[str, Json]) -> Debt:
    shares = tuple(
        (_hold(share) if "hold" in share else fields.address(share, "payee"), _wei(share, "amount"))
        for share in fields.objects(row, "shares", most=_MOST)
    )
    debt = Debt(fields.word(row, "licenseId"), fields.integer(row, "epoch", bits=64), _wei(row, "fee"), shares)
    if debt.total != _wei(row, "owed"):
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


def _holds(carried: Carry) -> Iterator[dict[str, Json]]:
    for hold, amount in sorted(carried.holds.items()):
        yield {**_key(hold), "amount": str(amount)}


def _cursors(carried: Carry) -> Iterator[dict[str, Json]]:
    for session_id, cursor in sorted(carried.cursors.items()):
        yield {
            "sessionId": shown(session_id),
            "units": str(cursor.units),
            "end": None if cursor.end is None else str(cursor.end),
            "closed": cursor.closed,
            "segments": [
                {
                    "firstSeq": str(one.first_seq),
                    "count": str(one.size),
                    "maxTimeMs": str(one.max_time_ms),
                    "segmentHash": shown(one.hash),
                }
                for one in cursor.segments
            ],
        }


def _cursor(row: Mapping[str, Json]) -> Cursor:
    closed = row.get("closed")
    return Cursor(
        session_id=fields.word(row, "sessionId"),
        segments=tuple(
            Settled(
                fields.integer(one, "firstSeq", bits=64),
                fields.integer(one, "count", bits=64),
                fields.integer(one, "maxTimeMs", bits=64),
                fields.word(one, "segmentHash"),
            )
            for one in fields.objects(row, "segments", most=_MOST)
        ),
        units=fields.integer(row, "units", bits=128),
        end=None if row.get("end") is None else fields.integer(row, "end", bits=64),
        closed=closed if isinstance(closed, str) else "",
    )


def _accounts(carried: Carry) -> Iterator[dict[str, Json]]:
    for memo, amount in sorted(carried.spent.items()):
        yield {"memo": shown(memo), "spent": str(amount)}


def _corrections(carried: Carry) -> Iterator[dict[str, Json]]:
    for receipt_id in sorted(carried.corrected):
        yield {"receiptId": shown(receipt_id)}
    for move in carried.moves:
        yield {
            "licenseId": shown(move.license_id),
            "receiptId": shown(move.receipt_id),
            "loser": shown(move.loser),
            "gainer": shown(move.gainer),
            "score": str(move.score),
        }


def _move(row: Mapping[str, Json]) -> Move:
    return Move(
        fields.word(row, "licenseId"),
        fields.word(row, "receiptId"),
        fields.word(row, "loser"),
        fields.word(row, "gainer"),
        fields.integer(row, "score", bits=256),
    )
