"""What is published of an epoch, so that anybody can recompute and the next epoch can go on?

The tree of leaves, the statements, the rejected receipts, the debts, the snapshots and the manifest
that names them all by address and root.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.domain import canonical, fields, merkle
from provenance.domain.settlement import snapshots, statements, tables
from provenance.domain.settlement.carry import CHARGED
from provenance.types import BPS_ONE, ZERO32, Address, Bytes32, Json, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.domain.cid import Cid
    from provenance.domain.settlement.deciding import Decision, Pot

TREE_FORMAT: Final = "openzeppelin-standard-merkle-tree-v1"
ONE_PASS_BITS: Final = 126  # what a signed 128-bit sum or decimal(38,0) holds; beyond, limbs


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch as it is put and proposed."""

    number: int
    root: Bytes32
    total: Wei
    usage_head: Bytes32
    manifest: bytes
    documents: Mapping[str, bytes]
    """By name: tree, statements, rejected, debts, and every snapshot."""
    decision: Decision


def payee_leaf(chain_id: int, distributor: Address, payee: Address, cumulative: Wei) -> Bytes32:
    """The leaf that the distributor checks."""
    return merkle.leaf(chain_id, distributor, payee, cumulative)


def tree(chain_id: int, distributor: Address, cumulative: Mapping[Address, Wei]) -> merkle.Tree:
    """The tree over everybody who ever earned something."""
    return merkle.Tree.build(
        payee_leaf(chain_id, distributor, payee, amount) for payee, amount in cumulative.items() if amount
    )


def publish(decision: Decision, address: Callable[[bytes], Cid], engine: str = "") -> Epoch:
    """The epoch's documents, canonical and the same whoever computes them.

    Args:
        decision: the epoch.
        address: the content address of bytes.
        engine: who counted; informative, no check depends on it.
    """
    inputs, carry = decision.inputs, decision.carry
    head: dict[str, Json] = {"epoch": str(inputs.epoch)}
    leaves = tree(inputs.chain_id, inputs.distributor, carry.cumulative)
    documents = {
        "tree": snapshots.tree(inputs, carry),
        "statements": tables.encode("provenance/statements", statements.statements(decision), head),
        "rejected": tables.encode("provenance/rejected", _rejected(decision), head),
        "debts": tables.encode("provenance/debts", snapshots.debts(carry), head),
        **snapshots.snapshots(decision),
    }
    named: dict[str, dict[str, Json]] = {
        name: {"cid": str(address(data)), "root": fields.shown(tables.root(data))} for name, data in documents.items()
    }
    return Epoch(
        number=inputs.epoch,
        root=leaves.root,
        total=carry.total,
        usage_head=inputs.usage_head,
        manifest=canonical.encode("provenance/epoch", 1, _manifest(decision, named, leaves.root, engine)),
        documents=documents,
        decision=decision,
    )


def _manifest(decision: Decision, named: Mapping[str, dict[str, Json]], root: Bytes32, engine: str) -> dict[str, Json]:
    inputs = decision.inputs
    reasons = Counter(receipt.reason for receipt in decision.judged.rejected)
    return {
        "rulesetHash": fields.shown(inputs.ruleset.hash),
        "chainId": inputs.chain_id,
        "distributor": fields.shown(inputs.distributor),
        "token": fields.shown(inputs.token),
        "epoch": str(inputs.epoch),
        "window": {"start": inputs.start.time, "end": inputs.cutoff.time, "grace": inputs.ruleset.grace_s},
        "startBlock": {"number": inputs.start.number, "hash": fields.shown(inputs.start.hash)},
        "cutoffBlock": {"number": inputs.cutoff.number, "hash": fields.shown(inputs.cutoff.hash)},
        "usageHead": fields.shown(inputs.usage_head),
        "prev": {
            "cid": str(inputs.prev_cid) if inputs.prev_cid else None,
            "root": fields.shown(inputs.prev_root or ZERO32),
        },
        "segments": [
            {
                "cid": str(one.cid),
                "segmentHash": fields.shown(one.hash),
                "sessionId": fields.shown(one.segment.session_id),
                "firstSeq": str(one.segment.first_seq),
                "lastSeq": str(one.segment.last_seq),
                "count": str(one.segment.count),
            }
            for one in inputs.segments
        ],
        "missing": _missing(decision),
        "rejected": {**named["rejected"], "count": reasons.total(), "byReason": dict(sorted(reasons.items()))},
        "snapshots": {name: {**named[name], "block": inputs.cutoff.number} for name in snapshots.NAMES},
        "bounds": _bounds(decision),
        "pots": [_pot(pot) for pot in decision.pots],
        "statements": named["statements"],
        "tree": {
            "cid": named["tree"]["cid"],
            "root": fields.shown(root),
            "payees": sum(1 for amount in decision.carry.cumulative.values() if amount),
            "format": TREE_FORMAT,
        },
        "totalEpoch": str(decision.grown),
        "totalCumulative": str(decision.carry.total),
        "debts": named["debts"],
        "engine": engine,
    }


def _pot(pot: Pot) -> dict[str, Json]:
    return {
        "licensee": fields.shown(pot.license.licensee),
        "licenseId": fields.shown(pot.license.id),
        "due": str(pot.due),
        "arrears": str(pot.arrears),
        "balance": str(pot.balance),
        "gross": str(pot.gross),
        "fee": str(pot.fee),
        "held": str(pot.held),
        "pot": str(pot.pot),
        "owed": str(pot.owed),
        "score": str(pot.score),
        "units": {
            "counted": str(pot.account.good_units),
            "rejected": str(sum(one.units for one in pot.account.rejected)),
            "unreported": str(pot.account.unreported),
        },
        "fallback": {reason: str(units) for reason, units in sorted(pot.forced.items())},
    }


def _rejected(decision: Decision) -> list[dict[str, Json]]:
    return [
        {
            "receiptId": fields.shown(one.id),
            "licenseId": fields.shown(one.license_id),
            "sessionId": fields.shown(one.session_id),
            "seq": str(one.seq),
            "units": str(one.units),
            "reason": one.reason,
            "about": fields.shown(one.about) if one.about != ZERO32 else None,
        }
        for one in sorted(
            decision.judged.rejected, key=lambda one: (one.session_id, one.seq, one.reason, one.id, one.about)
        )
    ]


def _missing(decision: Decision) -> list[Json]:
    """Receipts never seen before a known one, and sessions that ended in silence."""
    rows: list[Json] = []
    for session_id, cursor in sorted(decision.carry.cursors.items()):
        before = decision.inputs.carry.cursors.get(session_id)
        if before and before.closed:
            continue
        rows += [
            {"sessionId": fields.shown(session_id), "firstSeq": str(first), "lastSeq": str(last)}
            for first, last in cursor.missing
        ]
        if cursor.closed == CHARGED and cursor.end is None:
            reached = max((one.first_seq + one.size for one in cursor.segments), default=0)
            rows.append({"sessionId": fields.shown(session_id), "firstSeq": str(reached), "lastSeq": None})
    return rows


def bits(max_units: int, max_weight: int, rows: int) -> int:
    """How many bits the greatest possible sum of units x weight has."""
    return (max_units * max_weight * rows).bit_length()


def _bounds(decision: Decision) -> dict[str, Json]:
    rows = decision.rows
    units = max((row.units for row in rows), default=0)
    weight = max((row.ppm for row in rows), default=0)

    needed = bits(units, weight, len(rows))
    return {
        "maxUnits": str(units),
        "maxWeight": weight,
        "maxRate": str(max((one.per_unit for one in decision.inputs.licenses.values()), default=0)),
        "maxBps": BPS_ONE,
        "rows": len(rows),
        "bits": needed,
        "path": "one" if needed <= ONE_PASS_BITS else "limbs",
    }
