"""The ledger: what the chain says up to a block, as far as decisions need it.

A pure fold of events in chain order; gateway, settlement and audit build the same state from the
same facts. Nothing is overwritten: every query names the block it is asked at. What a state permits
is left to `license`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from provenance.domain import events as e
from provenance.domain.facts import (
    DATASET_ACTIVE,
    DATASET_HALTED,
    DATASET_REVOKED,
    DATASET_SUSPENDED,
    BrokenHistory,
    ChainBlock,
    Fact,
    GrantedLicense,
    Logged,
    RegisteredDataset,
    Settlement,
)
from provenance.types import (
    AccessId,
    Address,
    BlockNumber,
    Bytes32,
    ConsentId,
    DatasetId,
    LicenseId,
    SessionId,
    UnixSeconds,
    Wei,
)


class Ledger:
    """The chain's facts, folded. Build it with `fold`; `add` continues it with later events."""

    def __init__(self) -> None:
        self.datasets: dict[DatasetId, RegisteredDataset] = {}
        self.licenses: dict[LicenseId, GrantedLicense] = {}
        self.revocations: dict[tuple[Address, ConsentId], Fact[e.ConsentRevoked]] = {}
        self.extensions: dict[tuple[Address, ConsentId], dict[Address, Fact[e.ConsentExtended]]] = defaultdict(dict)
        self.approvals: dict[tuple[Address, Bytes32], Fact[e.DigestApproved]] = {}
        self.cancelled: dict[tuple[Address, Bytes32], Fact[e.OfferCancelled]] = {}
        self.accesses: list[Fact[e.AccessRecorded]] = []
        self.access_by_id: dict[AccessId, list[Fact[e.AccessRecorded]]] = defaultdict(list)
        self.meters: dict[Address, Fact[e.MeterAdmitted]] = {}
        self.meters_removed: dict[Address, Fact[e.MeterRemoved]] = {}
        self.anchors: dict[Address, list[Fact[e.UsageAnchored]]] = defaultdict(list)
        self.sessions_revoked: dict[tuple[Address, SessionId], Fact[e.SessionRevoked]] = {}
        self.fundings: list[Fact[e.Funded]] = []
        self.settlements: list[Settlement] = []
        self.claims: list[Fact[e.RoyaltyClaimed]] = []

    @classmethod
    def fold(cls, logs: Iterable[Logged]) -> Ledger:
        """The state after these events.

        Args:
            logs: in chain order; a selection is fine if it holds all events of what is asked.

        Raises:
            BrokenHistory: an event of a dataset, license or settlement without its first event.
        """
        ledger = cls()
        for logged in logs:
            ledger.add(logged)
        return ledger

    def add(self, logged: Logged) -> None:
        """The state after one more event."""
        event = logged.event
        if isinstance(event, e.DatasetEvent):
            self._add_dataset_event(event, logged)
        elif isinstance(event, e.ConsentEvent):
            self._add_consent_event(event, logged)
        elif isinstance(event, e.LicenseEvent):
            self._add_license_event(event, logged)
        elif isinstance(event, e.UsageEvent):
            self._add_usage_event(event, logged)
        elif isinstance(event, e.RoyaltyEvent):
            self._add_royalty_event(event, logged)
        else:
            match event:
                case (
                    e.ArtifactRegistered()
                    | e.ArtifactStatusChanged()
                    | e.RoleOffered()
                    | e.RoleOfferWithdrawn()
                    | e.RoleChanged()
                    | e.PauseSet()
                ):
                    pass  # no decision rests on lineage, nor on who runs the contracts
                case _:
                    assert_never(event)

    def funded(self, memo: Bytes32, block: BlockNumber) -> Wei:
        """What arrived under a memo, at a block or before."""
        return Wei(sum(fact.event.received for fact in self.fundings if fact.event.memo == memo and fact.upto(block)))

    def revoked(self, subject: Address, consent_id: ConsentId, block: BlockNumber) -> Fact[e.ConsentRevoked] | None:
        """The subject's own revocation of a consent, if the chain has it by then."""
        fact = self.revocations.get((subject, consent_id))
        return fact if fact is not None and fact.upto(block) else None

    def extended(
        self, subject: Address, consent_id: ConsentId, block: BlockNumber
    ) -> tuple[tuple[Address, UnixSeconds], ...]:
        """To whom the subject itself let a consent serve as well by a block, and since when; sorted."""
        facts = self.extensions.get((subject, consent_id), {})
        return tuple(sorted((holder, fact.time) for holder, fact in facts.items() if fact.upto(block)))

    def approved(self, wallet: Address, digest: Bytes32, block: BlockNumber) -> bool:
        """Whether a wallet put on record by then that it stands by a digest."""
        fact = self.approvals.get((wallet, digest))
        return fact is not None and fact.upto(block)

    def session_revoked(
        self, licensee: Address, session_id: SessionId, block: BlockNumber
    ) -> Fact[e.SessionRevoked] | None:
        """The signer's own revocation of a session, if the chain has it by then."""
        fact = self.sessions_revoked.get((licensee, session_id))
        return fact if fact is not None and fact.upto(block) else None

    def admitted(self, meter: Address, block: BlockNumber) -> bool:
        """Whether a meter may anchor at a block."""
        first, removed = self.meters.get(meter), self.meters_removed.get(meter)
        return first is not None and first.upto(block) and not (removed is not None and removed.upto(block))

    def _add_dataset_event(self, event: e.DatasetEvent, logged: Logged) -> None:
        if isinstance(event, e.DatasetRegistered):
            self.datasets[event.dataset_id] = RegisteredDataset(event.dataset_id, Fact(event, logged))
            return
        key = _told_of(event)
        dataset = self.datasets.get(key)
        if dataset is None:
            self._check_names_other(event, key)
            return
        self.datasets[key] = _changed(dataset, event, logged)

    def _check_names_other(self, event: e.DatasetChange | e.PoolEvent, key: DatasetId) -> None:
        """A selection about a newer version, or a pool's member, has of the older, or the pool, the event that names both."""
        other = event.new_id if isinstance(event, e.DatasetSuperseded) else None
        other = event.dataset_id if isinstance(event, e.PoolLeft) else other
        if other not in self.datasets:
            raise BrokenHistory(f"{type(event).__name__} of an unknown dataset", dataset="0x" + key.hex())

    def _add_consent_event(self, event: e.ConsentEvent, logged: Logged) -> None:
        match event:
            case e.ConsentRevoked():
                self.revocations.setdefault((event.subject, event.consent_id), Fact(event, logged))
            case e.ConsentExtended():
                self.extensions[event.subject, event.consent_id].setdefault(event.holder, Fact(event, logged))
            case e.ErasureOrdered() | e.ErasureAttested():
                pass  # an erasure is owed and shown to whom it concerns; it decides about no use
            case e.DigestApproved():
                self.approvals.setdefault((event.wallet, event.digest), Fact(event, logged))
            case _:
                assert_never(event)

    def _add_license_event(self, event: e.LicenseEvent, logged: Logged) -> None:
        match event:
            case e.LicenseGranted():
                self.licenses[event.license_id] = GrantedLicense(event.license_id, Fact(event, logged))
            case e.LicenseTerminated():
                license_ = self.licenses.get(event.license_id)
                if license_ is None:
                    raise BrokenHistory(
                        "LicenseTerminated of an unknown license", license="0x" + event.license_id.hex()
                    )
                ends = (*license_.terminations, Fact(event, logged))
                self.licenses[event.license_id] = replace(license_, terminations=ends)
            case e.OfferCancelled():
                self.cancelled.setdefault((event.holder, event.offer_digest), Fact(event, logged))
            case e.AccessRecorded():
                self.accesses.append(Fact(event, logged))
                self.access_by_id[event.receipt_hash].append(Fact(event, logged))
            case _:
                assert_never(event)

    def _add_usage_event(self, event: e.UsageEvent, logged: Logged) -> None:
        match event:
            case e.MeterAdmitted():
                self.meters.setdefault(event.meter, Fact(event, logged))
            case e.MeterRemoved():
                self.meters_removed.setdefault(event.meter, Fact(event, logged))
            case e.UsageAnchored():
                self.anchors[event.meter].append(Fact(event, logged))
            case e.SessionClosed():
                pass  # ruleset 1 charges a session by its segments alone
            case e.SessionRevoked():
                self.sessions_revoked.setdefault((event.licensee, event.session_id), Fact(event, logged))
            case _:
                assert_never(event)

    def _add_royalty_event(self, event: e.RoyaltyEvent, logged: Logged) -> None:
        match event:
            case e.Funded():
                self.fundings.append(Fact(event, logged))
            case e.SettlementProposed():
                self._add_proposal(Fact(event, logged))
            case e.RoyaltyClaimed():
                self.claims.append(Fact(event, logged))
            case e.ClaimSkipped():
                pass  # the payee's royalty stays claimable
            case e.StakeChanged() | e.Ruled() | e.RulingStruck():
                pass  # the contract alone answers for stakes; ruleset 1 holds no money that could be ruled over
            case e.SettlementVetoed() | e.SettlementChallenged() | e.ChallengeResolved():
                self._add_objection(event, logged)
            case _:
                assert_never(event)

    def _add_proposal(self, proposed: Fact[e.SettlementProposed]) -> None:
        """A proposal takes the place of one by the exit that still waits under its epoch."""
        for i, earlier in enumerate(self.settlements):
            if earlier.epoch == proposed.event.epoch and not earlier.rejected:
                self.settlements[i] = replace(earlier, replaced=proposed)
        self.settlements.append(Settlement(proposed))

    def _add_objection(
        self,
        event: e.SettlementVetoed | e.SettlementChallenged | e.ChallengeResolved,
        logged: Logged,
    ) -> None:
        """A settlement is objected to by its root; the latest proposal of that root is meant."""
        named = (event.epoch, event.root)
        proposals = [i for i, settlement in enumerate(self.settlements) if (settlement.epoch, settlement.root) == named]
        if not proposals:
            raise BrokenHistory(f"{type(event).__name__} of a root never proposed", epoch=event.epoch)
        settlement = self.settlements[proposals[-1]]
        match event:
            case e.SettlementVetoed():
                settlement = replace(settlement, vetoed=Fact(event, logged))
            case e.SettlementChallenged():
                settlement = replace(settlement, challenged=(*settlement.challenged, Fact(event, logged)))
            case e.ChallengeResolved():
                settlement = replace(settlement, resolved=(*settlement.resolved, Fact(event, logged)))
            case _:
                assert_never(event)
        self.settlements[proposals[-1]] = settlement


def _changed(dataset: RegisteredDataset, event: e.DatasetChange | e.PoolEvent, logged: Logged) -> RegisteredDataset:
    """The dataset with one more event of it."""
    if isinstance(event, e.PoolEvent):
        return _pool_changed(dataset, event, logged)
    match event:
        case e.DatasetStatusChanged():
            return replace(dataset, statuses=(*dataset.statuses, Fact(event, logged)))
        case e.DatasetSuperseded():
            return replace(dataset, superseded=Fact(event, logged))
        case e.DatasetTransferred():
            return replace(dataset, transfers=(*dataset.transfers, Fact(event, logged)))
        case e.SplitSet():
            return replace(dataset, splits=(*dataset.splits, Fact(event, logged)))
        case e.ContentRotated():
            return replace(dataset, rotations=(*dataset.rotations, Fact(event, logged)))
        case e.DatasetDisputed():
            return replace(dataset, disputes=(*dataset.disputes, Fact(event, logged)))
        case _:
            assert_never(event)


def _pool_changed(pool: RegisteredDataset, event: e.PoolEvent, logged: Logged) -> RegisteredDataset:
    """The pool with one more event of its members."""
    match event:
        case e.MembersSet():
            return replace(pool, members=(*pool.members, Fact(event, logged)))
        case e.PoolLeft():
            return replace(pool, leavings=(*pool.leavings, Fact(event, logged)))
        case _:
            assert_never(event)


def _told_of(event: e.DatasetChange | e.PoolEvent) -> DatasetId:
    """The dataset that an event changes: the older of two versions, the pool of a member."""
    match event:
        case e.DatasetSuperseded():
            return event.old_id
        case e.MembersSet() | e.PoolLeft():
            return event.pool_id
        case _:
            return event.dataset_id


__all__ = [
    "DATASET_ACTIVE",
    "DATASET_HALTED",
    "DATASET_REVOKED",
    "DATASET_SUSPENDED",
    "BrokenHistory",
    "ChainBlock",
    "Fact",
    "GrantedLicense",
    "Ledger",
    "Logged",
    "RegisteredDataset",
    "Settlement",
]
