"""What may a settlement know?

Plain values made of chain events and of content under digests that the chain names; gathered by
`app.settle`, the same from a mirror and from a node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, Self, TypeAlias

from provenance.domain import record, splits
from provenance.domain.hashes import sha256
from provenance.domain.splits import Split
from provenance.types import (
    Address,
    BlockNumber,
    Bps,
    Bytes32,
    DatasetId,
    LicenseId,
    Ppm,
    ReceiptId,
    RecordingId,
    SessionId,
    UnixMs,
    UnixSeconds,
    Wei,
)

if TYPE_CHECKING:
    from provenance.domain.attribution import Weights
    from provenance.domain.cid import Cid
    from provenance.domain.ledger import ChainBlock
    from provenance.domain.rules.case import ConsentFacts, Extent
    from provenance.domain.settlement.carry import Carry
    from provenance.domain.typed import MeterSession, Segment
    from provenance.domain.usage import Use

RULESET: Final = "provenance/ruleset"
RULING: Final = "provenance/ruling"
_METHODS: Final = 65_536
_RULED: Final = 1 << 16
PASSED: Final = 0
"""The verdict of a gate report under which a recording earns."""


@record.dataclass(frozen=True, slots=True)
class Method:
    """A way to attribute, and how good its result must be."""

    code: Annotated[int, record.integer(16)]
    min_quality_ppm: Ppm


@record.dataclass(frozen=True, slots=True)
class Ruleset:
    """The published rules whose hash a distributor holds for ever (`provenance/ruleset/1`)."""

    fee_bps: Bps
    fee_payee: Address
    grace_s: Annotated[int, record.integer()]
    tolerance_ppm: Ppm
    methods: Annotated[tuple[Method, ...], record.most(_METHODS)]

    @property
    def hash(self) -> Bytes32:
        """What the distributor holds."""
        return sha256(self.encode())

    def encode(self) -> bytes:
        """The canonical bytes."""
        return record.encode(self, RULESET)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The ruleset in these bytes."""
        return record.parse(cls, data, RULESET)


class Place(NamedTuple):
    """Where the chain recorded something; places compare in chain order."""

    number: BlockNumber
    log_index: int
    time: UnixSeconds


@dataclass(frozen=True, slots=True)
class Recording:
    """A registered recording, its gate report and the consents it rests on."""

    id: RecordingId
    dataset_id: DatasetId
    holder: Address
    registered: Place
    index: int
    verdict: int | None = None
    cluster: Bytes32 | None = None
    consents: tuple[ConsentFacts, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class License:
    """A license with what its terms say of use, money and attribution; `holder` granted it."""

    id: LicenseId
    dataset_id: DatasetId
    holder: Address
    licensee: Address
    extent: Extent
    """Within its terms, which it cannot outlive, whatever the chain granted."""
    terms_hash: Bytes32
    per_unit: Wei
    method: int
    attributor: Address | None
    end: UnixSeconds
    granted: Place


@dataclass(frozen=True, slots=True)
class Session:
    """A session as anchored; `end` is the earliest of its validity, its revocation and its license's end."""

    id: SessionId
    session: MeterSession
    end: UnixSeconds
    revoked_at: UnixSeconds | None = None


@dataclass(frozen=True, slots=True)
class Anchored:
    """A segment in a batch: its receipts, when it was acknowledged and where it was anchored.

    `fault` says why the receipts cannot be read as what the session key signed.
    """

    hash: Bytes32
    cid: Cid
    segment: Segment
    uses: tuple[Use, ...]
    received_at_ms: UnixMs
    at: Place
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording that a licensee opened, on record on chain and in a batch."""

    license_id: LicenseId
    recording_id: RecordingId
    at: Place


@dataclass(frozen=True, slots=True)
class Attributed:
    """An attributor's weights for one receipt; its signature holds."""

    receipt_id: ReceiptId
    attributor: Address
    method: int
    quality_ppm: int
    weights: Weights


@dataclass(frozen=True, slots=True)
class Funding:
    """Money that arrived under a memo."""

    memo: Bytes32
    sender: Address
    received: Wei
    at: Place


@record.dataclass(frozen=True, slots=True)
class _Payee:
    payee: Address
    bps: Bps


Payees: TypeAlias = Annotated[
    tuple[Split, ...],
    record.via(
        record.items(record.record(_Payee), _RULED),
        lambda rows: splits.check(Split(row.payee, row.bps) for row in rows),
        lambda payees: [_Payee(share.account, share.bps) for share in splits.check(payees)],
    ),
]


@record.dataclass(frozen=True, slots=True)
class _RuledCluster:
    cluster: Bytes32
    holder: Address


@record.dataclass(frozen=True, slots=True)
class _RuledReceipt:
    receipt_id: ReceiptId
    payees: Payees


@record.dataclass(frozen=True, slots=True)
class _RuledLicense:
    license_id: LicenseId
    payees: Payees


@record.dataclass(frozen=True, slots=True)
class Ruling:
    """What the guardian published: who receives what is held (`provenance/ruling/1`)."""

    clusters: Annotated[Mapping[Bytes32, Address], record.pairs(_RuledCluster, "cluster", "holder", _RULED)] = field(
        default_factory=dict
    )
    receipts: Annotated[
        Mapping[ReceiptId, tuple[Split, ...]], record.pairs(_RuledReceipt, "receipt_id", "payees", _RULED)
    ] = field(default_factory=dict)
    licenses: Annotated[
        Mapping[LicenseId, tuple[Split, ...]], record.pairs(_RuledLicense, "license_id", "payees", _RULED)
    ] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The ruling in these bytes."""
        return record.parse(cls, data, RULING)

    def encode(self) -> bytes:
        """The canonical bytes, whose digest the guardian puts on chain."""
        return record.encode(self, RULING)

    def then(self, later: Ruling) -> Ruling:
        """Both rulings; where they speak of the same thing, the later one counts."""
        return Ruling(
            {**self.clusters, **later.clusters},
            {**self.receipts, **later.receipts},
            {**self.licenses, **later.licenses},
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that one epoch is decided from."""

    chain_id: int
    distributor: Address
    token: Address
    epoch: int
    start: ChainBlock
    cutoff: ChainBlock
    usage_head: Bytes32
    ruleset: Ruleset
    carry: Carry
    licenses: Mapping[LicenseId, License]
    recordings: Mapping[RecordingId, Recording]
    splits: Mapping[DatasetId, tuple[Split, ...]]
    """In force at `start`, or as registered if that is later."""
    sessions: Mapping[SessionId, Session]
    segments: tuple[Anchored, ...]
    """Anchored after `start` up to `cutoff`, in chain order, then in the batch's order."""
    opened: tuple[Opened, ...]
    attributed: Mapping[tuple[ReceiptId, Address], Attributed]
    """By receipt and who signed; the first word counts."""
    fundings: tuple[Funding, ...]
    """All of them, up to the cutoff."""
    ruling: Ruling
    earlier: Mapping[ReceiptId, Use] = field(default_factory=dict)
    """Receipts of earlier epochs that corrections name."""
    prev_cid: Cid | None = None
    prev_root: Bytes32 | None = None
