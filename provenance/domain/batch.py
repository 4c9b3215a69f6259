"""Batches: what a gateway fixes on chain at once, as `provenance/batch/1`.

Segments, sessions, accesses, gate reports and attributions, each with the signatures that make it
evidence. Whether they hold is asked by `settlement` and the audit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Annotated, Final, Self

from provenance.domain import canonical, merkle, record, typed
from provenance.domain.attribution import WEIGHTS, Weights
from provenance.domain.cid import Cid
from provenance.domain.events import AccessRecorded
from provenance.domain.hashes import abi_words, keccak, sha256
from provenance.domain.record import at, most
from provenance.domain.typed import Domain
from provenance.domain.usage import segment_hash
from provenance.types import ZERO32, AccessId, Address, BlockNumber, Bytes32, Json, RecordingId, UnixMs, UnixSeconds

KIND: Final = "provenance/batch"
REFUSALS: Final = "provenance/refusals"
MOST: Final = 1_000_000
PATH: Final = 20  # siblings, of a million leases


@record.dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment, its file and the gateway's acknowledgement."""

    cid: Cid
    segment: typed.Segment
    signature: bytes
    received_at_ms: Annotated[UnixMs, at("ack.receivedAtMs")]
    ack_signature: Annotated[bytes, at("ack.signature")]


@record.dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session that was opened, signed by the licensee's wallet."""

    session: typed.MeterSession
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class AccessEntry:
    """A lease: the licensee's request and the gateway's answer."""

    request: typed.OpenAccess
    recordings: Annotated[tuple[RecordingId, ...], most(MOST)]
    access: typed.Access
    request_signature: Annotated[bytes, at("signatures.request")]
    access_signature: Annotated[bytes, at("signatures.access")]
    path: Annotated[tuple[Bytes32, ...], most(PATH), record.OPTIONAL, record.OMITTED] = ()
    """Siblings up to the root under which it is on record with other leases; none if it is by itself."""

    def receipt(self, access: Domain) -> Bytes32:
        """The receipt of the record on chain that is this lease's."""
        return receipt(typed.digest(access, self.access), self.path)

    def recorded_by(self, event: AccessRecorded) -> bool:
        """Whether a record with its receipt says the same: license, purpose, and recordings, at least its own."""
        units, own = event.units, len(self.recordings)
        same = (event.license_id, event.purpose) == (self.request.license_id, self.request.purpose)
        return same and (units >= own if self.path else units == own)


@record.dataclass(frozen=True, slots=True)
class GateEntry:
    """The gateway's judgement of one recording."""

    report: typed.GateReport
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class AttributionEntry:
    """Weights by an attributor who is not the licensee."""

    attribution: typed.Attribution
    weights: Annotated[Weights, WEIGHTS]
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class RefusalEntry:
    """A request that was refused: the first reason, and over how many recordings the refusal went."""

    refused_at: Annotated[UnixSeconds, at("at")]
    step: Annotated[str, record.text(16)]
    license_id: Bytes32
    licensee: Address
    purpose: Annotated[str, record.text(64)]
    territory: Annotated[str, record.text(8)]
    code: Annotated[str, record.text(64)]
    detail: Annotated[str, record.text(1_000)]
    recording: Annotated[int, record.integer(32)] | None
    """The first refused recording, if any was looked at; `code`, `detail` and `consentId` are about it."""
    consent_id: Bytes32 | None
    count: Annotated[int, record.integer(32)]
    root: Bytes32
    """Over the refused recordings' indexes, a leaf (uint256 index) each; zero if none was looked at."""
    block: Annotated[BlockNumber, record.decimal(64)]


@record.dataclass(frozen=True, slots=True)
class RefusalList:
    """One `provenance/refusals/1`: the refused requests of a batch, one row each, however many recordings they named."""

    refusals: Annotated[tuple[RefusalEntry, ...], most(MOST)]

    def root(self) -> Bytes32:
        """Over the sha-256 of each row's canonical bytes; zero if there are none."""
        return merkle.root(merkle.leaf(sha256(canonical.dumps(record.write(row)))) for row in self.refusals)

    def encode(self) -> bytes:
        """The canonical bytes that a batch names."""
        return record.encode(self, REFUSALS)

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The list in these bytes.

        Raises:
            Invalid: not one.
        """
        return record.parse(cls, encoded, REFUSALS)


@record.dataclass(frozen=True, slots=True)
class Batch:
    """One `provenance/batch/1`."""

    meter: Address
    prev_head: Bytes32
    segments: Annotated[tuple[SegmentEntry, ...], most(MOST)] = ()
    sessions: Annotated[tuple[SessionEntry, ...], most(MOST)] = ()
    accesses: Annotated[tuple[AccessEntry, ...], most(MOST)] = ()
    gates: Annotated[tuple[GateEntry, ...], most(MOST)] = ()
    attributions: Annotated[tuple[AttributionEntry, ...], most(MOST)] = ()
    refusals: Annotated[Cid | None, at("refusals.cid")] = None
    refusals_root: Annotated[Bytes32, at("refusals.root")] = ZERO32
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many receipts its segments hold."""
        return sum(entry.segment.count for entry in self.segments)

    def root(self, usage: Domain) -> Bytes32:
        """Over the segments' digests; zero if there are none."""
        return merkle.root(merkle.leaf(segment_hash(usage, entry.segment)) for entry in self.segments)

    def encode(self) -> bytes:
        """The canonical bytes whose digest `anchor` records."""
        return record.encode(self, KIND)

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The batch in these bytes.

        Raises:
            Invalid: not one.
        """
        return record.parse(cls, encoded, KIND)


def receipt(access_id: AccessId, path: Collection[Bytes32] = ()) -> Bytes32:
    """What the chain has on record of a lease: its id, or the root over its and others' to which the path leads."""
    return merkle.climb(merkle.leaf(access_id), path) if path else access_id


def receipts(access_ids: Collection[AccessId]) -> tuple[Bytes32, dict[AccessId, tuple[Bytes32, ...]]]:
    """(receipt, path of each) by which one record on chain stands for all of these leases."""
    if len(access_ids) == 1:
        (only,) = access_ids
        return only, {only: ()}
    leaf_by_id = {access_id: merkle.leaf(access_id) for access_id in access_ids}
    tree = merkle.Tree.build(leaf_by_id.values())
    return tree.root, {access_id: tree.proof(leaf) for access_id, leaf in leaf_by_id.items()}


def head(prev: Bytes32, root: Bytes32, count: int, digest: Bytes32) -> Bytes32:
    """The meter's head after a batch, as `UsageLedger.anchor` computes it."""
    return keccak(abi_words(prev, root, count, digest))


def first_head(meter: Address) -> Bytes32:
    """The head that a meter has at its admission."""
    return keccak(abi_words(meter))


def usage_head(heads: Mapping[Address, Bytes32]) -> Bytes32:
    """The digest of all meters' heads, sorted by meter."""
    return keccak(abi_words(*(part for pair in sorted(heads.items()) for part in pair)))
