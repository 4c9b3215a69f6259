"""What a gateway asks of its operator, in memory: mirrored facts, custody, leases, sessions, and the gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexer import records
from indexer.ports import Earlier
from provenance.domain.audio import QualityReport
from provenance.domain.events import DatasetRegistered, Event
from provenance.domain.hashes import keccak, sha256
from provenance.domain.ledger import ChainBlock, Logged
from provenance.domain.rules.case import Produced
from provenance.errors import Invalid
from provenance.types import AccessId, Address, BlockNumber, Bytes32, UnixSeconds
from tests import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from provenance.app.ports import Clock


@dataclass
class MemoryFacts:
    """A chain and its mirror, always at its head; each block holds what it was mined with."""

    clock: Clock
    finality: int = 0
    blocks: list[ChainBlock] = field(default_factory=list)
    logged: list[Logged] = field(default_factory=list)
    behind: bool = False
    """Whether the mirror has stopped following."""

    def __post_init__(self) -> None:
        self.mine()

    def mine(self, *events: Event) -> ChainBlock:
        """One more block."""
        number = BlockNumber(len(self.blocks) + 1)
        block = ChainBlock(number, keccak(b"block %d" % number), self.clock.now())
        self.blocks.append(block)
        self.logged += [
            Logged(block, keccak(b"tx %d" % number), index, Address(b"\x01" * 20), event)
            for index, event in enumerate(events)
        ]
        return block

    def head(self, *, final: bool = False) -> ChainBlock:
        return self.blocks[max(0, len(self.blocks) - 1 - (self.finality if final else 0))]

    def block(self, number: BlockNumber) -> ChainBlock:
        return self.blocks[number - 1]

    def hash_at(self, number: BlockNumber) -> Bytes32 | None:
        return self.blocks[number - 1].hash if 0 < number <= len(self.blocks) and not self.behind else None

    def position(self) -> None:
        return None

    def halts(self) -> tuple[records.Halt, ...]:
        return ()

    def check_genesis(self, genesis: Bytes32) -> None:
        del genesis

    def events_about(self, *subjects: bytes, last: BlockNumber) -> tuple[Logged, ...]:
        words = {subject.rjust(32, b"\0") for subject in subjects}
        return tuple(
            log for log in self.logged if log.block.number <= last and words & {*logs.encode(log.event)[0][1:]}
        )

    def events_of(self, *kinds: type[Event], last: BlockNumber) -> tuple[Logged, ...]:
        return tuple(log for log in self.logged if log.block.number <= last and isinstance(log.event, kinds))


@dataclass
class MemoryCustody:
    """Deposits and keys; whose audio was registered first is asked of the facts."""

    facts: MemoryFacts
    uploads: dict[str, records.Upload] = field(default_factory=dict)
    datasets: dict[bytes, records.Deposit] = field(default_factory=dict)
    takes: list[records.DepositedRecording] = field(default_factory=list)
    given: list[records.DepositedConsent] = field(default_factory=list)
    reports: dict[tuple[bytes, str], records.JudgedObject] = field(default_factory=dict)
    keys: dict[tuple[bytes, int], bytes] = field(default_factory=dict)

    def add_upload(self, cid: str, sender: Address, now: UnixSeconds, *, document: bool, size: int) -> None:
        upload = records.Upload(cid=cid, sender=sender, document=document, at_s=now, size_bytes=size)
        self.uploads.setdefault(cid, upload)

    def name_uploads(self, dataset_id: Bytes32, cids: Collection[str]) -> None:
        for cid in cids:
            if cid in self.uploads and not self.uploads[cid].registered:
                self.uploads[cid].dataset_id = dataset_id

    def settle_uploads(self) -> None:
        registered = {log.event.dataset_id for log in self.facts.logged if isinstance(log.event, DatasetRegistered)}
        for upload in self.uploads.values():
            upload.registered |= upload.dataset_id in registered

    def unregistered_bytes(self, charged: int) -> int:
        sizes = [upload.size_bytes for upload in self.uploads.values() if not upload.registered]
        return sum(max(size, charged) for size in sizes if size)

    def sealed(self, cid: str) -> bool:
        if any(take.cid == cid for take in self.takes) or any(d.private_cid == cid for d in self.datasets.values()):
            return True
        return cid in self.uploads and not self.uploads[cid].document

    def senders(self, cid: str) -> frozenset[bytes]:
        holders = {self.datasets[take.dataset_id].holder for take in self.takes if take.cid == cid}
        holders |= {deposit.holder for deposit in self.datasets.values() if deposit.private_cid == cid}
        return frozenset(holders | ({self.uploads[cid].sender} if cid in self.uploads else set()))

    def deposit(self, dataset_id: bytes) -> records.Deposit | None:
        return self.datasets.get(dataset_id)

    def recordings(self, dataset_id: bytes) -> tuple[records.DepositedRecording, ...]:
        own = (take for take in self.takes if take.dataset_id == dataset_id)
        return tuple(sorted(own, key=lambda take: take.index))

    def judged(self, object_ids: Collection[bytes]) -> dict[tuple[bytes, str], records.JudgedObject]:
        return {place: judged for place, judged in self.reports.items() if place[0] in object_ids}

    def add_judged(self, judged: records.JudgedObject) -> None:
        self.reports.setdefault((judged.object_id, judged.cid), judged)

    def earlier(self, clusters: Collection[bytes], holder: Address) -> dict[bytes, Earlier]:
        first: dict[bytes, Earlier] = {}
        registered = [log.event for log in self.facts.logged if isinstance(log.event, DatasetRegistered)]
        for event in registered:
            for take in self.recordings(event.dataset_id) if event.holder != holder else ():
                if take.cluster in clusters:
                    known = Earlier(Bytes32(take.cluster), event.dataset_id, take.index, event.holder)
                    first.setdefault(take.cluster, known)
        return first

    def envelopes(self, object_ids: Collection[bytes]) -> dict[tuple[bytes, int], bytes]:
        return {place: envelope for place, envelope in self.keys.items() if place[0] in object_ids}

    def add_key(self, custody: records.Custody) -> None:
        self.keys.setdefault((custody.object_id, custody.key_version), custody.envelope)

    def deposits_of(self, cid: str) -> int:
        return len({take.dataset_id for take in self.takes if take.cid == cid})

    def add_deposit(
        self,
        deposit: records.Deposit,
        *,
        recordings: Collection[records.DepositedRecording],
        consents: Collection[records.DepositedConsent],
        custody: Collection[records.Custody],
    ) -> None:
        if deposit.dataset_id in self.datasets:
            return
        self.datasets[deposit.dataset_id] = deposit
        self.takes += recordings
        self.given += consents
        for key in custody:
            self.add_key(key)

    def consents(self, consent_ids: Collection[bytes]) -> dict[bytes, records.DepositedConsent]:
        return {consent.consent_id: consent for consent in self.given if consent.consent_id in consent_ids}


@dataclass
class MemoryLeases:
    """Offers, leases, refusals and nonces."""

    nonces: dict[tuple[bytes, int], int] = field(default_factory=dict)
    offers: dict[bytes, records.PublishedOffer] = field(default_factory=dict)
    rows: dict[bytes, records.LeaseRecord] = field(default_factory=dict)
    keys: dict[bytes, tuple[records.EnvelopeRecord, ...]] = field(default_factory=dict)
    refusals: list[records.Refusal] = field(default_factory=list)

    def use_nonce(self, account: Address, nonce: int, deadline: UnixSeconds, now: UnixSeconds) -> bool:
        self.nonces = {used: end for used, end in self.nonces.items() if end >= now}
        fresh = (account, nonce) not in self.nonces
        self.nonces.setdefault((account, nonce), deadline)
        return fresh

    def add_offer(self, offer: records.PublishedOffer) -> None:
        self.offers.setdefault(offer.digest, offer)

    def lease(self, access_id: bytes) -> records.LeaseRecord | None:
        return self.rows.get(access_id)

    def lease_of(self, request_id: bytes) -> records.LeaseRecord | None:
        return next((lease for lease in self.rows.values() if lease.request_id == request_id), None)

    def binding_nonce(self, licensee: Address) -> int:
        return max((lease.binding_nonce for lease in self.rows.values() if lease.licensee == licensee), default=-1)

    def envelopes(self, access_id: bytes) -> tuple[records.EnvelopeRecord, ...]:
        return tuple(sorted(self.keys.get(access_id, ()), key=lambda envelope: envelope.index))

    def leases_over(self, cid: str, licensee: Address, now: UnixSeconds) -> tuple[records.LeaseRecord, ...]:
        return tuple(
            lease
            for lease in self.rows.values()
            if lease.licensee == licensee
            and lease.valid_until >= now
            and any(envelope.cid == cid for envelope in self.keys[lease.access_id])
        )

    def add_lease(
        self, lease: records.LeaseRecord, envelopes: Collection[records.EnvelopeRecord]
    ) -> records.LeaseRecord:
        known = self.lease_of(Bytes32(lease.request_id))
        if known is None:
            self.rows[lease.access_id], self.keys[lease.access_id] = lease, tuple(envelopes)
        return known or lease

    def recorded_under(self, access_id: AccessId, path: bytes) -> None:
        self.rows[access_id].path, self.rows[access_id].batch = path, None

    def add_refusal(self, refusal: records.Refusal) -> None:
        self.refusals.append(refusal)


@dataclass
class MemorySessions:
    """Sessions, their segments and at most one equivocation each."""

    rows: dict[bytes, records.SessionRecord] = field(default_factory=dict)
    received: list[records.ReceivedSegment] = field(default_factory=list)
    evidence: dict[bytes, records.Equivocation] = field(default_factory=dict)

    def session(self, session_id: bytes) -> records.SessionRecord | None:
        return self.rows.get(session_id)

    def add_session(self, session: records.SessionRecord) -> None:
        self.rows.setdefault(session.session_id, session)

    def suspended(self, session_id: bytes) -> bool:
        return session_id in self.evidence

    def segments(self, session_id: bytes) -> tuple[records.ReceivedSegment, ...]:
        own = (segment for segment in self.received if segment.session_id == session_id)
        return tuple(sorted(own, key=lambda segment: segment.first_seq))

    def add_segment(self, segment: records.ReceivedSegment) -> records.ReceivedSegment:
        place = (segment.session_id, segment.first_seq)
        known = next((other for other in self.received if (other.session_id, other.first_seq) == place), None)
        if known is None:
            self.received.append(segment)
        return known or segment

    def add_equivocation(self, session_id: bytes, evidence: Callable[[], records.Equivocation]) -> None:
        if session_id not in self.evidence:
            self.evidence[session_id] = evidence()

    def produced(self, license_id: bytes) -> Produced:
        own = [segment for segment in self.received if segment.license_id == license_id]
        return Produced(sum(segment.outputs for segment in own), sum(segment.output_ms for segment in own) // 1_000)


@dataclass(frozen=True)
class Heard:
    """What the gate in memory says of a take."""

    report: QualityReport
    pcm_digest: Bytes32


def examine(audio: bytes, /) -> Heard:
    """The gate in memory: a wav file is good unless it is silent; other takes say by their first word what they are."""
    word = audio.split(b" ")[0].decode("utf-8", "replace")
    if audio[:4] == b"RIFF" and len(audio) > 1_000:
        word = "good" if any(audio[44:]) else "reject"
    if word not in ("good", "review", "reject"):
        raise Invalid("not audio")
    loudness_milli_db = {"good": -23_000, "review": -43_000, "reject": -60_000}[word]
    report = QualityReport(2_000, 8_000, 1, loudness_milli_db, -25_000, -3_000, 0, 0, -75_000, 40_000, 0)
    return Heard(report, sha256(audio))
