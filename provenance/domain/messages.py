"""Messages: the JSON bodies that a wallet and a gateway exchange, read and written by both from here.

What each route does is `indexer.http.routes`; how a wallet asks is `adapters.remote`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias

from provenance.domain import record, typed
from provenance.domain.cid import Cid
from provenance.domain.record import at, decimal, integer, items, most
from provenance.types import AccessId, Address, BlockNumber, Bytes32, Json, RecordingId, SessionId, UnixSeconds

SEGMENT_HEADER: Final = "provenance-segment"
"""The HTTP header with the signed segment; the body is its file."""
RECORDINGS: Final = 1 << 17
OPENED: Final = 100_000  # recordings in one request
ROWS: Final = 1 << 20
Document: TypeAlias = Annotated[Mapping[str, Json], record.OBJECT]


@record.dataclass(frozen=True, slots=True)
class GatewayKey:
    """Who a gateway is: its wallet (the meter), and the X25519 key that envelopes for it are sealed to."""

    wallet: Address
    binding: typed.KeyBinding
    signature: bytes
    deployment: Document


@record.dataclass(frozen=True, slots=True)
class DepositedEnvelope:
    """The key of one sealed object."""

    object_id: Bytes32
    envelope: bytes


@record.dataclass(frozen=True, slots=True)
class DepositAuthorization:
    """A holder's signature under the `Register` of a manifest, by which somebody else may deposit and register it."""

    deadline: UnixSeconds
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class DepositRequest:
    """A manifest, put before, with the keys of all that it names, sealed to the gateway."""

    manifest: Cid
    envelopes: Annotated[
        Mapping[Bytes32, bytes], record.pairs(DepositedEnvelope, "object_id", "envelope", 2 * RECORDINGS)
    ]
    """By object id."""
    dispute: Annotated[tuple[int, ...], items(integer(32), RECORDINGS)]
    """Indexes to take although another holder registered the same audio."""
    authorization: DepositAuthorization | None = None
    """Needed where the sender is not the manifest's holder."""


@record.dataclass(frozen=True, slots=True)
class SignedGateReport:
    """The gateway's judgement of the recording at one index."""

    index: Annotated[int, integer()]
    report: typed.GateReport
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class DepositAnswer:
    """Every recording of a deposit was judged."""

    reports: Annotated[tuple[SignedGateReport, ...], most(ROWS)]


@record.dataclass(frozen=True, slots=True)
class OfferRequest:
    """An offer's document, for the catalogue."""

    offer: Document


@record.dataclass(frozen=True, slots=True)
class OfferAnswer:
    """The digest under which an offer stands in the catalogue."""

    digest: Bytes32


@record.dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A signed request to read recordings, by their indexes, with the key to seal theirs to."""

    request: typed.OpenAccess
    recordings: Annotated[tuple[int, ...], items(integer(32), OPENED)]
    signature: Annotated[bytes, at("signatures.request")]
    binding: typed.KeyBinding
    binding_signature: Annotated[bytes, at("signatures.binding")]
    member: Annotated[Bytes32 | None, record.OMITTED] = None
    """Under a pool's license, the dataset whose recordings they are."""


@record.dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """A lease as the gateway signed it."""

    id: AccessId
    access: typed.Access
    envelopes_root: Bytes32
    valid_until: UnixSeconds
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class RecordingKey:
    """The key of one leased recording, in an envelope sealed to the licensee's bound key.

    Its info is `sealed.envelope_info` with the license's id, licensee, expiry and purposes as granted.
    """

    index: Annotated[int, integer()]
    recording_id: RecordingId
    envelope: bytes


@record.dataclass(frozen=True, slots=True)
class EnvelopesAnswer:
    """The keys of a lease."""

    access: typed.Access
    envelopes: Annotated[tuple[RecordingKey, ...], most(ROWS)]


@record.dataclass(frozen=True, slots=True)
class SessionAnswer:
    """The id of a session that takes segments."""

    session_id: SessionId


@record.dataclass(frozen=True, slots=True)
class SignedSegment:
    """A segment; its file is sent beside it."""

    segment: typed.Segment
    signature: bytes


@record.dataclass(frozen=True, slots=True)
class MissingRun:
    """Receipts from `first` to `last` that have not arrived."""

    first: Annotated[int, decimal(64)]
    last: Annotated[int, decimal(64)]


_RUNS: Final = record.via(
    items(record.record(MissingRun), ROWS),
    lambda runs: tuple((run.first, run.last) for run in runs),
    lambda runs: [MissingRun(*run) for run in runs],
)


@record.dataclass(frozen=True, slots=True)
class SignedAck:
    """The gateway's word for a segment, and the runs of seq that it still misses before it."""

    ack: typed.Ack
    signature: bytes
    missing: Annotated[tuple[tuple[int, int], ...], _RUNS] = ()


@record.dataclass(frozen=True, slots=True)
class AsOf:
    """The block that rows were read at."""

    block: Annotated[BlockNumber, decimal(64)]
    hash: Bytes32
    finality: str


@record.dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, the place where the next page begins, and the block they were read at."""

    items: Annotated[tuple[dict[str, Json], ...], items(record.OBJECT, ROWS)]
    next: str | None
    as_of: AsOf
