"""The gateway's ports: what its decisions ask of the operator's database, content and tools.

Each port is one role. `indexer.store` keeps the records, `provenance.adapters` holds the tools; the fakes in
`tests/fakes/operator.py` pass the same suites under `tests/ports`. What a wallet asks of a gateway is
`provenance.app.ports`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from provenance.app.ports import Content

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlmodel import SQLModel

    from indexer import records
    from provenance.domain.audio import QualityReport
    from provenance.domain.cid import Cid
    from provenance.domain.events import Event
    from provenance.domain.ledger import ChainBlock, Logged
    from provenance.domain.rules.case import Produced
    from provenance.types import AccessId, Address, BlockNumber, Bytes32, DatasetId, LicenseId, SessionId, UnixSeconds

R = TypeVar("R", bound="SQLModel")


@dataclass(frozen=True, slots=True)
class Earlier:
    """Who registered the same audio before."""

    cluster: Bytes32
    dataset_id: DatasetId
    index: int
    holder: Address


@dataclass(frozen=True, slots=True)
class Unbatched:
    """What no batch holds yet, of each kind the first in its order."""

    segments: tuple[records.ReceivedSegment, ...] = ()
    equivocations: tuple[records.Equivocation, ...] = ()
    sessions: tuple[records.SessionRecord, ...] = ()
    leases: tuple[records.LeaseRecord, ...] = ()
    reports: tuple[records.DepositedRecording, ...] = ()
    refusals: tuple[records.Refusal, ...] = ()


class MirrorPosition(Protocol):
    """How far the mirror is."""

    @property
    def number(self) -> BlockNumber: ...
    @property
    def hash(self) -> Bytes32: ...
    @property
    def final(self) -> BlockNumber: ...


class MirroredEvents(Protocol):
    """The mirrored events, in chain order."""

    def events_about(self, *subjects: bytes, last: BlockNumber) -> tuple[Logged, ...]:
        """Those up to a block that name any of these ids or accounts in an indexed argument, each once."""

    def events_of(self, *kinds: type[Event], last: BlockNumber) -> tuple[Logged, ...]:
        """Those of these kinds up to a block."""

    def head(self, *, final: bool = False) -> ChainBlock:
        """The newest mirrored block, or with `final` the newest one that nothing may change."""


class MirrorState(Protocol):
    """Where the mirror stands."""

    def position(self) -> MirrorPosition | None: ...
    def hash_at(self, number: BlockNumber) -> Bytes32 | None: ...
    def check_genesis(self, genesis: Bytes32) -> None: ...
    def halts(self) -> Sequence[records.Halt]: ...


class CustodyRecords(Protocol):
    """Deposits, their keys, and who sent which content."""

    def add_upload(self, cid: str, sender: Address, now: UnixSeconds, *, document: bool, size: int) -> None:
        """The first sender counts; `size` is 0 where the content was here already."""

    def name_uploads(self, dataset_id: DatasetId, cids: Collection[str]) -> None:
        """A deposit names this content; what a registered dataset names stays that one's."""

    def settle_uploads(self) -> None:
        """What registered datasets name does not count as unregistered any more."""

    def unregistered_bytes(self, charged: int) -> int:
        """The bytes of all other uploads, each at least `charged`; as of the last `settle_uploads`."""

    def sealed(self, cid: str) -> bool: ...
    def senders(self, cid: str) -> frozenset[bytes]: ...
    def deposit(self, dataset_id: DatasetId) -> records.Deposit | None: ...

    def recordings(self, dataset_id: DatasetId) -> tuple[records.DepositedRecording, ...]:
        """By index."""

    def judged(self, object_ids: Collection[bytes]) -> dict[tuple[bytes, str], records.JudgedObject]:
        """By object and address."""

    def add_judged(self, judged: records.JudgedObject) -> None: ...

    def earlier(self, clusters: Collection[bytes], holder: Address) -> dict[bytes, Earlier]:
        """By cluster, the first dataset of another holder that is registered on chain with the same audio."""

    def envelopes(self, object_ids: Collection[bytes]) -> dict[tuple[bytes, int], bytes]:
        """The keys in custody, by object and key version."""

    def add_key(self, custody: records.Custody) -> None: ...
    def deposits_of(self, cid: str) -> int: ...

    def add_deposit(
        self,
        deposit: records.Deposit,
        *,
        recordings: Collection[records.DepositedRecording],
        consents: Collection[records.DepositedConsent],
        custody: Collection[records.Custody],
    ) -> None:
        """All of it or nothing; the same dataset twice is once."""

    def consents(self, consent_ids: Collection[bytes]) -> Mapping[bytes, records.DepositedConsent]: ...


class LeaseRecords(Protocol):
    """Offers, leases, refusals and the nonces of signed requests."""

    def use_nonce(self, account: Address, nonce: int, deadline: UnixSeconds, now: UnixSeconds) -> bool:
        """The nonce is used up until its deadline; False if it was before."""

    def add_offer(self, offer: records.PublishedOffer) -> None: ...
    def lease(self, access_id: AccessId) -> records.LeaseRecord | None: ...
    def lease_of(self, request_id: Bytes32) -> records.LeaseRecord | None: ...

    def binding_nonce(self, licensee: Address) -> int:
        """The highest key-binding nonce seen of this account; -1 if none."""

    def envelopes(self, access_id: AccessId) -> tuple[records.EnvelopeRecord, ...]:
        """By index."""

    def leases_over(self, cid: str, licensee: Address, now: UnixSeconds) -> tuple[records.LeaseRecord, ...]: ...

    def add_lease(
        self, lease: records.LeaseRecord, envelopes: Collection[records.EnvelopeRecord]
    ) -> records.LeaseRecord:
        """The lease that stands for its request: this one, or the one that answered it before."""

    def recorded_under(self, access_id: AccessId, path: bytes) -> None:
        """The lease is on record under the root to which the path leads; the next batch says so."""

    def add_refusal(self, refusal: records.Refusal) -> None: ...


class SessionRecords(Protocol):
    """Sessions and their acknowledged segments."""

    def session(self, session_id: SessionId) -> records.SessionRecord | None: ...
    def add_session(self, session: records.SessionRecord) -> None: ...
    def suspended(self, session_id: SessionId) -> bool: ...

    def segments(self, session_id: SessionId) -> tuple[records.ReceivedSegment, ...]:
        """By their place."""

    def add_segment(self, segment: records.ReceivedSegment) -> records.ReceivedSegment:
        """The segment that stands in its place: this one, or the one that was there before."""

    def add_equivocation(self, session_id: SessionId, evidence: Callable[[], records.Equivocation]) -> None:
        """The session is suspended; `evidence` is made and kept only if nothing is kept against it yet."""

    def produced(self, license_id: LicenseId) -> Produced: ...


class UsageRecords(SessionRecords, Protocol):
    """The same, and the batches that anchor them."""

    def pending(self) -> Unbatched: ...
    def add_batch(self, batch: records.AnchoredBatch, pending: Unbatched) -> int: ...
    def batch_after(self, prev_head: Bytes32) -> records.AnchoredBatch | None: ...
    def counts(self) -> dict[str, int]: ...


class CatalogueRecords(Protocol):
    """Facts and records as of one block, page by page."""

    def facts(
        self, event: type[Event], names: Mapping[str, object], *, offset: int, limit: int
    ) -> Sequence[Mapping[Any, Any]]: ...
    def datasets(
        self, names: Mapping[str, object], words: str, *, offset: int, limit: int
    ) -> Sequence[Mapping[Any, Any]]: ...
    def kept(
        self, model: type[R], names: Mapping[str, object], *, order: Sequence[str], offset: int, limit: int
    ) -> tuple[R, ...]: ...
    def recorded(
        self, receipts: Collection[tuple[bytes, bytes]]
    ) -> Mapping[tuple[bytes, bytes], Mapping[Any, Any]]: ...
    def titles(self, dataset_ids: Collection[bytes]) -> dict[bytes, records.Deposit]: ...
    def suspended(self, session_ids: Collection[bytes]) -> frozenset[bytes]: ...
    def subjects_of(self, consent_ids: Collection[bytes]) -> dict[bytes, list[bytes]]: ...
    def logs(self, word: bytes | None, *, offset: int, limit: int) -> Sequence[Mapping[Any, Any]]: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the gateway asks of the operator's database."""

    history: MirroredEvents
    mirror: MirrorState
    custody: CustodyRecords
    leases: LeaseRecords
    usage: UsageRecords
    catalogue: Callable[[BlockNumber], CatalogueRecords]
    lock: Callable[[str], AbstractContextManager[None]]
    """Nobody else does what is named meanwhile."""


class ContentStore(Content, Protocol):
    """Content that comes from strangers under the address that they give it."""

    def __hash__(self) -> int: ...

    def put_chunks(self, parts: Iterable[bytes], *, expected: Cid | None = None) -> Cid:
        """Nothing is kept if it is not the expected content."""


class HeardAudio(Protocol):
    """One take after the gate: its report and what its audio is known by."""

    @property
    def report(self) -> QualityReport: ...
    @property
    def pcm_digest(self) -> Bytes32: ...


class Examine(Protocol):
    """The gate over one take in memory; `Invalid` if it is no audio, or not all of it can be read."""

    def __call__(self, source: bytes, /) -> HeardAudio: ...
