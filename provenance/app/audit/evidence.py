"""Evidence: the chain's facts and every document they name, each fetched once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from provenance.domain import signature
from provenance.domain.batch import AccessEntry, Batch, SegmentEntry, SessionEntry
from provenance.domain.ledger import ChainBlock, Fact, GrantedLicense, Ledger, Logged, RegisteredDataset, Settlement
from provenance.domain.manifest import Manifest, recording_ids
from provenance.domain.pool import Members
from provenance.domain.terms import Terms
from provenance.domain.usage import Use, session_id
from provenance.domain.verdict import Check, Verdict
from provenance.errors import Failed, Incomplete, Invalid, Missing, ProvenanceError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from provenance.app.ports import Chain, Content
    from provenance.app.settle.batches import SegmentReader
    from provenance.domain.events import UsageAnchored
    from provenance.types import (
        Address,
        BlockNumber,
        Bytes32,
        DatasetId,
        LicenseId,
        RecordingId,
        SessionId,
        UnixSeconds,
    )

T = TypeVar("T")


class NotFinalYet(Incomplete):
    """The block to judge at is older than the contracts: there is nothing to say yet."""

    next = "Wait until later blocks are final, or name one with --at BLOCK."


@dataclass(frozen=True, slots=True)
class AuditedBatch:
    """One batch and the event that fixed it."""

    fact: Fact[UsageAnchored]
    batch: Batch


@dataclass(slots=True)
class Evidence:
    """The ledger at one block, and its documents.

    Every lookup raises what fetching or parsing raised: `Missing` where nobody has the bytes, `Failed`
    where only wrong copies exist, `Invalid` where the bytes are not such a document.
    """

    chain: Chain
    content: Content
    read_uses: SegmentReader
    head: ChainBlock
    ledger: Ledger
    logs: tuple[Logged, ...]
    _kept: dict[tuple[str, bytes], object] = field(default_factory=dict)

    @classmethod
    def gather(cls, chain: Chain, content: Content, read_uses: SegmentReader, head: ChainBlock) -> Evidence:
        """Everything up to `at` is folded; documents come when asked for.

        Raises:
            NotFinalYet: no contract was deployed by then.
        """
        first = chain.deployment.first_block
        if head.number < first:
            raise NotFinalYet(
                f"block {head.number} is before the deployment's first block {first}",
                block=head.number,
                firstBlock=first,
            )
        logs = tuple(chain.events(first, head.number))
        return cls(chain, content, read_uses, head, Ledger.fold(logs), logs)

    def upto(self, last: BlockNumber) -> Iterator[Logged]:
        """The facts at a block or before: the port `Events`, as a settlement reads it."""
        return (logged for logged in self.logs if logged.block.number <= last)

    def block(self, number: BlockNumber) -> ChainBlock:
        """A block of this chain."""
        return self.chain.block(number)

    def state_at(self, time: UnixSeconds) -> ChainBlock:
        """A block whose facts are those at a time, dated then: the last one with an event by that time."""
        known = [logged.block for logged in self.logs if logged.block.time <= time]
        return replace(known[-1] if known else self.logs[0].block, time=time)

    def manifest(self, dataset: RegisteredDataset) -> Manifest:
        """The registered manifest."""
        return self._once(
            "manifest",
            dataset.manifest_digest,
            lambda: Manifest.parse(self.content.get_digest(dataset.manifest_digest)[1]),
        )

    def terms(self, dataset: RegisteredDataset) -> Terms:
        """The registered terms."""
        return self._once(
            "terms", dataset.terms_hash, lambda: Terms.parse(self.content.get_digest(dataset.terms_hash)[1])
        )

    def batch(self, fact: Fact[UsageAnchored]) -> Batch:
        """The batch that an anchor fixed."""
        return self._once(
            "batch", fact.event.data_digest, lambda: Batch.parse(self.content.get_digest(fact.event.data_digest)[1])
        )

    def uses(self, entry: SegmentEntry) -> tuple[Use, ...]:
        """The receipts of a segment, its file's hash checked."""
        sha256 = entry.segment.sha256
        return self._once("uses", sha256, lambda: self.read_uses(self.content.get(entry.cid), expected_sha256=sha256))

    def anchors(self) -> Iterator[Fact[UsageAnchored]]:
        """Every meter's anchors, each meter's in order."""
        for meter in sorted(self.ledger.anchors):
            yield from self.ledger.anchors[meter]

    def batches(self) -> tuple[AuditedBatch, ...]:
        """Every batch that can be read; those that cannot are named by the check of batches."""
        readable = []
        for fact in self.anchors():
            with suppress(ProvenanceError):
                readable.append(AuditedBatch(fact, self.batch(fact)))
        return tuple(readable)

    def unread(self, meter: Address | None = None, *, before: Fact[UsageAnchored] | None = None) -> str:
        """The first batch that cannot be read, and why; empty if all can: what it holds is not judged without it.

        Args:
            meter: only batches of this one.
            before: only batches that the chain had before this one.
        """
        for fact in self.anchors():
            if (meter not in (None, fact.event.meter)) or (before is not None and fact.position >= before.position):
                continue
            try:
                self.batch(fact)
            except ProvenanceError as error:
                return f"{named(fact)}: {error.detail}"
        return ""

    def check_signed(self, digest: Bytes32, signed: bytes, account: Address) -> None:
        """The account's key signed the digest, or a contract wallet put it on chain."""
        if not self.ledger.approved(account, digest, self.head.number):
            signature.check(digest, signed, account)

    def lacking(self, detail: str, meter: Address) -> ProvenanceError:
        """What is wrong with a case for want of another: only if no unread batch of the meter may hold the other."""
        unread = self.unread(meter)
        return Incomplete(unread) if unread else Failed(detail)

    def sessions(self) -> dict[SessionId, tuple[AuditedBatch, SessionEntry]]:
        """Every session of the batches by its id; the first entry counts."""
        usage = self.chain.deployment.domains.usage
        sessions: dict[SessionId, tuple[AuditedBatch, SessionEntry]] = {}
        for anchored in self.batches():
            for entry in anchored.batch.sessions:
                sessions.setdefault(session_id(usage, entry.session), (anchored, entry))
        return sessions

    @property
    def standing(self) -> tuple[Settlement, ...]:
        """The epochs proposed that were not rejected."""
        return tuple(settlement for settlement in self.ledger.settlements if not settlement.rejected)

    def accesses(self) -> Iterator[tuple[AuditedBatch, AccessEntry]]:
        """Every lease of the batches."""
        return ((anchored, entry) for anchored in self.batches() for entry in anchored.batch.accesses)

    def segments(self) -> Iterator[tuple[AuditedBatch, SegmentEntry]]:
        """Every segment of the batches."""
        return ((anchored, entry) for anchored in self.batches() for entry in anchored.batch.segments)

    def relied_on(self) -> set[DatasetId]:
        """Datasets that a gateway opened, and those under whose licenses it did: money depends on them."""
        named: set[LicenseId] = {entry.request.license_id for _, entry in self.accesses()}
        opened: set[DatasetId] = set()
        for _, entry in self.accesses():
            with suppress(ProvenanceError):  # what cannot be read is named by the check of leases
                opened.add(self.opened(entry).id)
        named |= {entry.session.license_id for _, entry in self.sessions().values()}
        return opened | {
            self.ledger.licenses[license_id].dataset_id for license_id in named if license_id in self.ledger.licenses
        }

    def license(self, license_id: LicenseId) -> GrantedLicense:
        """The license on chain.

        Raises:
            Failed: none of this id, which the chain says and no other content could change.
        """
        license_ = self.ledger.licenses.get(license_id)
        if license_ is None:
            raise Failed(f"license 0x{license_id.hex()} is not on chain", next="Do not rely on what names it.")
        return license_

    def dataset_of(self, license_id: LicenseId) -> RegisteredDataset:
        """The dataset that a license is for."""
        return self.ledger.datasets[self.license(license_id).dataset_id]

    def recordings(self, dataset: RegisteredDataset) -> dict[RecordingId, int]:
        """Recording ids of a dataset and their index."""
        return {
            recording_id: index for index, recording_id in enumerate(recording_ids(dataset.id, dataset.recording_count))
        }

    def opened(self, entry: AccessEntry) -> RegisteredDataset:
        """The dataset whose recordings a lease names: the licensed one or, of a pool, the member that has the first.

        Raises:
            Incomplete: no member that was read has it, and a batch that may report it was not.
        """
        licensed, first = self.dataset_of(entry.request.license_id), entry.recordings[:1]
        owned = self._once("owners", licensed.id, lambda: self._owners(licensed)) if licensed.pool else {}
        owners = [owned[recording_id] for recording_id in first if recording_id in owned]
        if licensed.pool and not owners and (unread := self.unread()):
            raise Incomplete(unread)
        return owners[0] if owners else licensed

    def lists(self, pool: RegisteredDataset) -> dict[Bytes32, Members]:
        """Every list of a pool's members, by its digest; a document that is none names nobody.

        Raises:
            Missing: one of them cannot be read.
        """
        listed: dict[Bytes32, Members] = {}
        for digest in {fact.event.digest for fact in pool.members if any(fact.event.root)}:
            with suppress(Invalid):
                listed[digest] = self._once("members", digest, partial(self._list, digest))
        return listed

    def _list(self, digest: Bytes32) -> Members:
        return Members.parse(self.content.get_digest(digest)[1])

    def _owners(self, pool: RegisteredDataset) -> dict[RecordingId, RegisteredDataset]:
        """Whose each recording is that a gateway reported: a curator can list what has recordings without end."""
        named = {member.dataset_id for members in self.lists(pool).values() for member in members.members}
        datasets = [self.ledger.datasets[dataset_id] for dataset_id in named & self.ledger.datasets.keys()]
        reported = {gate.report.recording_id for anchored in self.batches() for gate in anchored.batch.gates}
        return {
            recording_id: dataset
            for dataset in datasets
            for recording_id in takewhile(reported.__contains__, recording_ids(dataset.id, dataset.recording_count))
        }

    def known(self, reported: Container[RecordingId]) -> set[RecordingId]:
        """Registered recordings: of a dataset that nobody leased, as far as it is reported from its first one on.

        Anybody can register datasets of 2^32 recordings: they are not counted through.
        """
        known: set[RecordingId] = set()
        leased = self.relied_on()
        for dataset in self.ledger.datasets.values():
            ids = recording_ids(dataset.id, dataset.recording_count)
            known.update(ids if dataset.id in leased else takewhile(reported.__contains__, ids))
        return known

    def _once(self, kind: str, key: bytes, make: Callable[[], T]) -> T:
        if (kind, key) not in self._kept:
            try:
                self._kept[kind, key] = make()
            except ProvenanceError as error:
                self._kept[kind, key] = error
        kept = self._kept[kind, key]
        if isinstance(kept, ProvenanceError):
            raise kept
        return kept  # type: ignore[return-value]  # the kind is part of the key


def named(fact: Fact[UsageAnchored]) -> str:
    """How a batch is named to people."""
    return f"batch 0x{fact.event.data_digest.hex()} in block {fact.number}"


def judge(
    name: str,
    cases: Iterable[T],
    look: Callable[[T], None],
    call: Callable[[T], str],
    unit: str,
    *,
    singular: str = "",
    unread: str = "",
) -> Check:
    """The check `name`: VERIFIED if `look` raises for none of the cases, and none can be in what was not read.

    Args:
        name: of the check.
        cases: each is looked at once; nothing to look at is VERIFIED with a count of 0.
        look: raises what is wrong with a case.
        call: how a case is named to people.
        unit: what is counted, in the plural.
        singular: the same of a single case, where more changes than its first word's last letter.
        unread: what may hold more of the cases and could not be read: then INCOMPLETE, unless one fails.
    """
    count, silent = 0, unread
    for case in cases:
        try:
            look(case)
        except (Missing, Unavailable, Incomplete) as error:
            silent = silent or f"{call(case)}: {error.detail}"
        except ProvenanceError as error:
            return Check(name, Verdict.FAILED, f"{call(case)}: {error.detail}")
        count += 1
    if silent:
        return Check(name, Verdict.INCOMPLETE, silent)
    first, _, rest = unit.partition(" ")
    counted = unit if count != 1 else singular or f"{first.removesuffix('s')} {rest}"
    return Check(name, Verdict.VERIFIED, f"{count} {counted}")
