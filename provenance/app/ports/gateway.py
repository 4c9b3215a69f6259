"""The port to the operator's gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from provenance.domain.cid import Cid
from provenance.domain.messages import DepositAuthorization, GatewayKey, RecordingKey, SignedAck, SignedGateReport
from provenance.domain.typed import Access, KeyBinding, MeterSession, OpenAccess, Segment
from provenance.types import AccessId, BlockNumber, Bytes32, DatasetId, Json, SessionId


@dataclass(frozen=True, slots=True)
class SignedAccess:
    """A lease as the gateway signed it; `id` is the receipt hash that `recordAccess` puts on chain."""

    id: AccessId
    access: Access
    signature: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of the catalogue and the block they were read at."""

    rows: tuple[dict[str, Json], ...]
    block: BlockNumber
    hash: Bytes32
    finality: str


class Gateway(Protocol):
    """The operator's HTTP service as a wallet sees it. Its refusals come back as the same typed errors."""

    def key(self) -> GatewayKey: ...

    def put_content(self, cid: Cid, data: bytes | Path) -> None: ...

    def save_content(self, cid: Cid, path: Path) -> None:
        """The object is in this file afterwards, hashed and matched."""

    def deposit(
        self,
        manifest: bytes,
        envelopes: Mapping[Bytes32, bytes],
        *,
        dispute: tuple[int, ...] = (),
        authorization: DepositAuthorization | None = None,
    ) -> tuple[SignedGateReport, ...]:
        """Every recording was judged; `DuplicateOf` or `TakeRejected` names each index that was not taken.

        Args:
            manifest: the document; everything that it names was put before.
            envelopes: by object id, of every recording and the private part, sealed to `key()`.
            dispute: indexes to take although another holder registered the same audio.
            authorization: the holder's, where somebody else deposits for it.
        """

    def publish_offer(self, offer: bytes) -> None: ...

    def open_access(
        self,
        request: OpenAccess,
        recordings: tuple[int, ...],
        *,
        signature: bytes,
        binding: KeyBinding,
        binding_signature: bytes,
        member: DatasetId | None = None,
    ) -> SignedAccess:
        """A lease of these indexes, to be recorded on chain; refusals name every refused index.

        Under a pool's license they are those of `member`, one of its datasets.
        """

    def envelopes(self, access_id: AccessId, path: tuple[Bytes32, ...] = ()) -> tuple[RecordingKey, ...]:
        """The keys of a lease, checked against its root; `Conflict` until the access is on chain.

        `path` leads from the lease to the root under which it is on record with others.
        """

    def open_session(self, session: MeterSession, signature: bytes) -> SessionId: ...

    def put_segment(self, segment: Segment, signature: bytes, parquet: bytes) -> SignedAck: ...

    def listing(self, kind: str, **filters: str | int) -> Listing:
        """Every row of a catalogue kind: datasets, recordings, licenses, offers, accesses, refusals, consents, …."""

    def health(self) -> dict[str, Json]: ...

    def ready(self) -> dict[str, Json]: ...


__all__ = ["Gateway", "GatewayKey", "Listing", "RecordingKey", "SignedAccess", "SignedAck", "SignedGateReport"]
