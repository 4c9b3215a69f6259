"""What did the gateways anchor, as far as its signatures hold?

Every batch up to the cutoff in chain order. What is not signed by whom it binds counts for nothing
here; the audit names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from provenance.app.ports import Content, Deployment
from provenance.domain import attribution, batch, merkle, signature, typed, usage
from provenance.domain.batch import AccessEntry, Batch, SegmentEntry, SessionEntry
from provenance.domain.events import AccessRecorded, UsageAnchored
from provenance.domain.ledger import ChainBlock, Fact, Ledger
from provenance.domain.settlement.facts import Anchored, Attributed, Opened, Place, Session
from provenance.domain.usage import Use
from provenance.errors import Failed, Invalid
from provenance.types import Address, BlockNumber, Bytes32, ReceiptId, RecordingId, SessionId


class SegmentReader(Protocol):
    """The receipts in a segment's file."""

    def __call__(self, parquet: bytes, *, expected_sha256: Bytes32 | None = None) -> tuple[Use, ...]: ...


class Fixed(NamedTuple):
    """A batch and where the chain fixed it."""

    at: Place
    batch: Batch


class Report(NamedTuple):
    """The gateway's first word on a recording."""

    gateway: Address
    verdict: int
    cluster: Bytes32


@dataclass(frozen=True, slots=True)
class Anchors:
    """All batches up to one block and the ledger they are read against."""

    ledger: Ledger
    deployment: Deployment
    content: Content
    read_uses: SegmentReader
    at: ChainBlock
    fixed: tuple[Fixed, ...]

    @classmethod
    def gather(
        cls, ledger: Ledger, deployment: Deployment, content: Content, *, read_uses: SegmentReader, at: ChainBlock
    ) -> Anchors:
        """Every batch whose document is what its event says.

        Raises:
            Missing: a batch that nobody has: nothing can be settled without it.
        """
        facts = [fact for anchored in ledger.anchors.values() for fact in anchored if fact.upto(at.number)]
        fixed = [
            Fixed(place(fact), read)
            for fact in sorted(facts, key=place)
            if (read := _read(fact, content, deployment)) is not None
        ]
        return cls(ledger, deployment, content, read_uses, at, tuple(fixed))

    def usage_head(self) -> Bytes32:
        """The digest of every meter's head at the block."""
        heads: dict[Address, Bytes32] = {}
        for meter in self.ledger.meters:
            anchored = [fact for fact in self.ledger.anchors.get(meter, ()) if fact.upto(self.at.number)]
            heads[meter] = anchored[-1].event.head if anchored else batch.first_head(meter)
            removed = self.ledger.meters_removed.get(meter)
            if removed is not None and removed.upto(self.at.number):
                heads[meter] = Bytes32((1).to_bytes(32, "big"))
        return batch.usage_head(heads)

    def sessions(self) -> dict[SessionId, Session]:
        """Every session that its license's licensee signed for the meter that anchored it."""
        found: dict[SessionId, Session] = {}
        domain = self.deployment.domains.usage
        for fixed in self.fixed:
            for entry in fixed.batch.sessions:
                of = usage.session_id(domain, entry.session)
                if of not in found and self._signed_session(of, entry, fixed.batch.meter):
                    found[of] = self._session(of, entry)
        return found

    def _signed_session(self, of: SessionId, entry: SessionEntry, meter: Address) -> bool:
        license_ = self.ledger.licenses.get(entry.session.license_id)
        return (
            license_ is not None
            and entry.session.meter == meter
            and entry.session.valid_until <= license_.granted.event.expiry
            and self._signed(of, entry.signature, license_.licensee)
        )

    def _session(self, of: SessionId, entry: SessionEntry) -> Session:
        license_ = self.ledger.licenses[entry.session.license_id]
        revoked = self.ledger.session_revoked(license_.licensee, of, self.at.number)
        ends = [entry.session.valid_until, license_.end(self.at.number)]
        revoked_at = revoked.time if revoked is not None else None
        return Session(of, entry.session, min([*ends, revoked_at] if revoked_at is not None else ends), revoked_at)

    def segments(self, sessions: Mapping[SessionId, Session], after: BlockNumber | None) -> Iterator[Anchored]:
        """Segments of these sessions, signed by their keys, anchored after a block; in chain order."""
        domain = self.deployment.domains.usage
        for fixed in self.fixed if after is None else (one for one in self.fixed if one.at.number > after):
            for entry in fixed.batch.segments:
                session, digest = sessions.get(entry.segment.session_id), usage.segment_hash(domain, entry.segment)
                if (
                    session is not None
                    and session.session.meter == fixed.batch.meter
                    and self._signed(digest, entry.signature, session.session.session_key)
                ):
                    uses, fault = self._uses(session, entry)
                    yield Anchored(digest, entry.cid, entry.segment, uses, entry.received_at_ms, fixed.at, fault)

    def _uses(self, session: Session, entry: SegmentEntry) -> tuple[tuple[Use, ...], str]:
        """A segment's receipts, or why they are not what its key signed."""
        try:
            uses = self.read_uses(self.content.get(entry.cid), expected_sha256=entry.segment.sha256)
        except Failed as error:
            if error.code != "wrong-segment-file":
                raise  # only wrong copies were found: another source may have the right one
            return (), "unreadable"
        except Invalid:
            return (), "unreadable"
        found = usage.content_faults(self.deployment.domains.usage, session.session, session.id, entry.segment, uses)
        fault = next((code for code, _ in found), "")
        return (() if fault else uses), fault

    def opened(self) -> Iterator[Opened]:
        """Recordings whose lease is signed by both sides, in a batch, and on record on chain."""
        domain = self.deployment.domains.access
        by_receipt: dict[Bytes32, dict[Bytes32, tuple[Address, AccessEntry]]] = defaultdict(dict)
        for fixed in self.fixed:
            for entry in fixed.batch.accesses:
                leases = by_receipt[entry.receipt(domain)]
                leases.setdefault(typed.digest(domain, entry.access), (fixed.batch.meter, entry))
        for fact in self.ledger.accesses:
            if fact.upto(self.at.number):
                for meter, entry in by_receipt.get(fact.event.receipt_hash, {}).values():
                    if self._stands(entry, meter, fact.event):
                        for recording_id in entry.recordings:
                            yield Opened(fact.event.license_id, recording_id, place(fact))

    def _stands(self, entry: AccessEntry, meter: Address, event: AccessRecorded) -> bool:
        domain = self.deployment.domains.access
        request = typed.digest(domain, entry.request)
        license_ = self.ledger.licenses.get(event.license_id)
        return (
            license_ is not None
            and entry.recorded_by(event)
            and entry.access.request == request
            and merkle.root(merkle.leaf(one) for one in entry.recordings) == entry.request.recordings_root
            and self._signed(request, entry.request_signature, license_.licensee)
            and self._signed(typed.digest(domain, entry.access), entry.access_signature, meter)
        )

    def reports(self) -> dict[RecordingId, list[Report]]:
        """Every gateway's first signed report of each recording."""
        domain = self.deployment.domains.usage
        found: dict[RecordingId, list[Report]] = {}
        for fixed in self.fixed:
            for entry in fixed.batch.gates:
                report, meter = entry.report, fixed.batch.meter
                said = found.setdefault(report.recording_id, [])
                if all(one.gateway != meter for one in said) and self._signed(
                    typed.digest(domain, report), entry.signature, meter
                ):
                    said.append(Report(meter, report.verdict, report.cluster))
        return found

    def attributed(self) -> dict[tuple[ReceiptId, Address], Attributed]:
        """Every attributor's first word on each receipt."""
        domain = self.deployment.domains.usage
        found: dict[tuple[ReceiptId, Address], Attributed] = {}
        for fixed in self.fixed:
            for entry in fixed.batch.attributions:
                said = entry.attribution
                try:
                    who = signature.recover(typed.digest(domain, said), entry.signature)
                    attribution.check(entry.weights)
                except (signature.BadSignature, Invalid):
                    continue
                if attribution.attribution_root(entry.weights) == said.attribution_root:
                    found.setdefault(
                        (said.receipt_id, who),
                        Attributed(said.receipt_id, who, said.method, said.quality_ppm, entry.weights),
                    )
        return found

    def _signed(self, digest: Bytes32, signed: bytes, by: Address) -> bool:
        """The account's key signed it, or the account put the digest on record on chain."""
        if self.ledger.approved(by, digest, self.at.number):
            return True
        try:
            return signature.recover(digest, signed) == by
        except signature.BadSignature:
            return False


def place(fact: Fact[object]) -> Place:
    """Where the chain recorded a fact."""
    return Place(fact.logged.block.number, fact.logged.log_index, fact.logged.block.time)


def _read(fact: Fact[UsageAnchored], content: Content, deployment: Deployment) -> Batch | None:
    """The batch behind an anchor; None if the document is not what the event says."""
    event = fact.event
    try:
        read = Batch.parse(content.get_digest(event.data_digest)[1])
    except Invalid:
        return None
    rebuilt = (read.meter, read.root(deployment.domains.usage), read.count)
    return read if rebuilt == (event.meter, event.root, event.count) else None
