"""What may a settlement know?

Plain values made of chain events and of content under digests that the chain names; gathered by
`app.settle`, the same from a mirror and from a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from provenance.domain import canonical, fields, splits
from provenance.domain.fields import shown
from provenance.domain.hashes import sha256
from provenance.domain.splits import Split
from provenance.types import Bps, Ppm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.domain.attribution import Weights
    from provenance.domain.cid import Cid
    from provenance.domain.ledger import ChainBlock
    from provenance.domain.rules.case import ConsentFacts, Extent
    from provenance.domain.settlement.carry import Carry
    from provenance.domain.typed import MeterSession, Segment
    from provenance.domain.usage import Use
    from provenance.types import (
        Address,
        BlockNumber,
        Bytes32,
        DatasetId,
        Json,
        LicenseId,
        ReceiptId,
        RecordingId,
        SessionId,
        UnixMs,
        UnixSeconds,
        Wei,
    )

_RULED: Final = 1 << 16
PASSED: Final = 0
"""The verdict of a gate report under which a recording earns."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to attribute, and how good its result must be."""

    code: int
    min_quality_ppm: Ppm


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The published rules whose hash a distributor holds for ever (`provenance/ruleset/1`)."""

    fee_bps: Bps
    fee_payee: Address
    grace_s: int
    tolerance_ppm: Ppm
    methods: tuple[Method, ...]

    @property
    def hash(self) -> Bytes32:
        """What the distributor holds."""
        return sha256(self.encode())

    def encode(self) -> bytes:
        """The canonical bytes."""
        return canonical.encode(
            "provenance/ruleset",
            1,
            {
                "feeBps": self.fee_bps,
                "feePayee": shown(self.fee_payee),
                "graceS": self.grace_s,
                "tolerancePpm": self.tolerance_ppm,
                "methods": [{"code": one.code, "minQualityPpm": one.min_quality_ppm} for one in self.methods],
            },
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The ruleset in these bytes."""
        body = canonical.parse(data, kind="provenance/ruleset")
        return cls(
            fee_bps=Bps(fields.integer(body, "feeBps", bits=14)),
            fee_payee=fields.address(body, "feePayee"),
            grace_s=fields.integer(body, "graceS"),
            tolerance_ppm=Ppm(fields.integer(body, "tolerancePpm", bits=31)),
            methods=tuple(
                Method(fields.integer(item, "code", bits=16), Ppm(fields.integer(item, "minQualityPpm", bits=31)))
                for item in fields.objects(body, "methods", most=65_536)
            ),
        )


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
    """A license with what its terms say of use, money and attribution."""

    id: LicenseId
    dataset_id: DatasetId
    licensee: Address
    extent: Extent
    """Within its terms, which it cannot outlive, whatever the chain granted."""
    terms_hash: Bytes32
    per_unit: Wei | None
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


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the guardian published: who receives what is held (`provenance/ruling/1`)."""

    clusters: Mapping[Bytes32, Address] = field(default_factory=dict)
    receipts: Mapping[ReceiptId, tuple[Split, ...]] = field(default_factory=dict)
    licenses: Mapping[LicenseId, tuple[Split, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The ruling in these bytes."""
        body = canonical.parse(data, kind="provenance/ruling")
        return cls(
            clusters={
                fields.word(item, "cluster"): fields.address(item, "holder")
                for item in fields.objects(body, "clusters", most=_RULED)
            },
            receipts={
                fields.word(item, "receiptId"): _payees(item) for item in fields.objects(body, "receipts", most=_RULED)
            },
            licenses={
                fields.word(item, "licenseId"): _payees(item) for item in fields.objects(body, "licenses", most=_RULED)
            },
        )

    def encode(self) -> bytes:
        """The canonical bytes, whose digest the guardian puts on chain."""
        body: dict[str, Json] = {
            "clusters": [
                {"cluster": shown(cluster), "holder": shown(holder)}
                for cluster, holder in sorted(self.clusters.items())
            ],
            "receipts": [{"receiptId": shown(one), "payees": _shown(to)} for one, to in sorted(self.receipts.items())],
            "licenses": [{"licenseId": shown(one), "payees": _shown(to)} for one, to in sorted(self.licenses.items())],
        }
        return canonical.encode("provenance/ruling", 1, body)

    def then(self, later: Ruling) -> Ruling:
        """Both rulings; where they speak of the same thing, the later one counts."""
        return Ruling(
            {**self.clusters, **later.clusters},
            {**self.receipts, **later.receipts},
            {**self.licenses, **later.licenses},
        )


def _payees(body: Mapping[str, Json]) -> tuple[Split, ...]:
    rows = fields.objects(body, "payees", most=_RULED)
    return splits.check(Split(fields.address(row, "payee"), Bps(fields.integer(row, "bps", bits=14))) for row in rows)


def _shown(payees: tuple[Split, ...]) -> Json:
    return [{"payee": shown(one.account), "bps": one.bps} for one in splits.check(payees)]


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
