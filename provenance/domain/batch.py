"""What did a gateway fix on chain at once?

The batch document: segments, sessions, accesses, gate reports, attributions, each with the
signatures that make it evidence, and the splits documents that the gateway holds. Whether they hold is asked by `settlement` and the audit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from provenance.domain import canonical, cid, fields, merkle, typed
from provenance.domain.fields import shown
from provenance.domain.hashes import abi_words, keccak
from provenance.domain.usage import segment_hash
from provenance.types import ZERO32, Address, Bytes32, Ppm, UnixMs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.domain.attribution import Weights
    from provenance.domain.cid import Cid
    from provenance.domain.typed import (
        Access,
        Attribution,
        Domain,
        GateReport,
        MeterSession,
        OpenAccess,
        Segment,
    )
    from provenance.types import Json, RecordingId

MOST: Final = 1_000_000
_KNOWN: Final = (
    "meter",
    "prevHead",
    "segments",
    "sessions",
    "accesses",
    "gates",
    "attributions",
    "splits",
    "refusals",
)


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment, its file and the gateway's acknowledgement."""

    cid: Cid
    segment: Segment
    signature: bytes
    received_at_ms: UnixMs
    ack_signature: bytes


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session that was opened, signed by the licensee's wallet."""

    session: MeterSession
    signature: bytes


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """A lease: the licensee's request and the gateway's answer."""

    request: OpenAccess
    recordings: tuple[RecordingId, ...]
    access: Access
    request_signature: bytes
    access_signature: bytes


@dataclass(frozen=True, slots=True)
class GateEntry:
    """The gateway's judgement of one recording."""

    report: GateReport
    signature: bytes


@dataclass(frozen=True, slots=True)
class AttributionEntry:
    """Weights by an attributor who is not the licensee."""

    attribution: Attribution
    weights: Weights
    signature: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """One `provenance/batch/1`."""

    meter: Address
    prev_head: Bytes32
    segments: tuple[SegmentEntry, ...] = ()
    sessions: tuple[SessionEntry, ...] = ()
    accesses: tuple[AccessEntry, ...] = ()
    gates: tuple[GateEntry, ...] = ()
    attributions: tuple[AttributionEntry, ...] = ()
    splits: tuple[Cid, ...] = ()
    """Documents that a holder set on chain; one that no batch names is not in force."""
    refusals: Cid | None = None
    refusals_root: Bytes32 = ZERO32
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
        return canonical.encode(
            "provenance/batch",
            1,
            {
                **self.extra,
                "meter": shown(self.meter),
                "prevHead": shown(self.prev_head),
                "segments": [_segment_json(entry) for entry in self.segments],
                "sessions": [
                    {
                        "session": typed.to_json(entry.session),
                        "signature": shown(entry.signature),
                    }
                    for entry in self.sessions
                ],
                "accesses": [_access_json(entry) for entry in self.accesses],
                "gates": [
                    {
                        "report": typed.to_json(entry.report),
                        "signature": shown(entry.signature),
                    }
                    for entry in self.gates
                ],
                "attributions": [
                    {
                        "attribution": typed.to_json(entry.attribution),
                        "weights": weights_json(entry.weights),
                        "signature": shown(entry.signature),
                    }
                    for entry in self.attributions
                ],
                "splits": [str(one) for one in self.splits],
                "refusals": {
                    "cid": str(self.refusals) if self.refusals else None,
                    "root": shown(self.refusals_root),
                },
            },
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The batch in these bytes.

        Raises:
            Invalid: not one.
        """
        body = canonical.parse(data, kind="provenance/batch")
        refusals = fields.mapping(body, "refusals")
        listed = refusals.get("cid")
        return cls(
            meter=fields.address(body, "meter"),
            prev_head=fields.word(body, "prevHead"),
            segments=tuple(_segment_entry(item) for item in fields.objects(body, "segments", most=MOST)),
            sessions=tuple(
                SessionEntry(
                    typed.from_json(typed.MeterSession, fields.mapping(item, "session")),
                    _signature(item),
                )
                for item in fields.objects(body, "sessions", most=MOST)
            ),
            accesses=tuple(_access_entry(item) for item in fields.objects(body, "accesses", most=MOST)),
            gates=tuple(
                GateEntry(
                    typed.from_json(typed.GateReport, fields.mapping(item, "report")),
                    _signature(item),
                )
                for item in fields.objects(body, "gates", most=MOST)
            ),
            attributions=tuple(
                AttributionEntry(
                    typed.from_json(typed.Attribution, fields.mapping(item, "attribution")),
                    weights_from(item),
                    _signature(item),
                )
                for item in fields.objects(body, "attributions", most=MOST)
            ),
            splits=tuple(cid.parse(one) for one in fields.texts(body, "splits", most=MOST)) if "splits" in body else (),
            refusals=None if listed is None else cid.parse(fields.text(refusals, "cid")),
            refusals_root=fields.word(refusals, "root"),
            extra=fields.extra(body, _KNOWN),
        )


def head(prev: Bytes32, root: Bytes32, count: int, digest: Bytes32) -> Bytes32:
    """The meter's head after a batch, as `UsageLedger.anchor` computes it."""
    return keccak(abi_words(prev, root, count, digest))


def first_head(meter: Address) -> Bytes32:
    """The head that a meter has at its admission."""
    return keccak(abi_words(meter))


def usage_head(heads: Mapping[Address, Bytes32]) -> Bytes32:
    """The digest of all meters' heads, sorted by meter."""
    return keccak(abi_words(*(value for pair in sorted(heads.items()) for value in pair)))


def weights_json(weights: Weights) -> Json:
    """A weight list as documents carry it."""
    return [{"recordingId": shown(recording), "ppm": ppm} for recording, ppm in weights]


def weights_from(body: Mapping[str, Json]) -> Weights:
    """The weight list under `weights`; whether it sums is asked by `attribution.check`."""
    return tuple(
        (fields.word(item, "recordingId"), Ppm(fields.integer(item, "ppm", bits=31)))
        for item in fields.objects(body, "weights", most=MOST)
    )


def _signature(body: Mapping[str, Json], name: str = "signature") -> bytes:
    return fields.octets(body, name)


def _segment_json(entry: SegmentEntry) -> Json:
    return {
        "cid": str(entry.cid),
        "segment": typed.to_json(entry.segment),
        "signature": shown(entry.signature),
        "ack": {
            "receivedAtMs": str(entry.received_at_ms),
            "signature": shown(entry.ack_signature),
        },
    }


def _segment_entry(body: Mapping[str, Json]) -> SegmentEntry:
    ack = fields.mapping(body, "ack")
    return SegmentEntry(
        cid=cid.parse(fields.text(body, "cid")),
        segment=typed.from_json(typed.Segment, fields.mapping(body, "segment")),
        signature=_signature(body),
        received_at_ms=UnixMs(fields.integer(ack, "receivedAtMs", bits=64)),
        ack_signature=_signature(ack),
    )


def _access_json(entry: AccessEntry) -> Json:
    return {
        "request": typed.to_json(entry.request),
        "recordings": [shown(recording) for recording in entry.recordings],
        "access": typed.to_json(entry.access),
        "signatures": {
            "request": shown(entry.request_signature),
            "access": shown(entry.access_signature),
        },
    }


def _access_entry(body: Mapping[str, Json]) -> AccessEntry:
    signatures = fields.mapping(body, "signatures")
    return AccessEntry(
        request=typed.from_json(typed.OpenAccess, fields.mapping(body, "request")),
        recordings=fields.words(body, "recordings", most=MOST),
        access=typed.from_json(typed.Access, fields.mapping(body, "access")),
        request_signature=_signature(signatures, "request"),
        access_signature=_signature(signatures, "access"),
    )
