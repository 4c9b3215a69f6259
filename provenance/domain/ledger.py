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
from provenance.types import AccessId, Address, BlockNumber, Bytes32, ConsentId, DatasetId, LicenseId, SessionId, Wei


class Ledger:
    """The chain's facts, folded. Build it with `fold`; `add` continues it with later events."""

    def __init__(self) -> None:
        self.datasets: dict[DatasetId, RegisteredDataset] = {}
        self.licenses: dict[LicenseId, GrantedLicense] = {}
        self.revocations: dict[tuple[Address, ConsentId], Fact[e.ConsentRevoked]] = {}
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
        key = event.old_id if isinstance(event, e.DatasetSuperseded) else event.dataset_id
        dataset = self.datasets.get(key)
        if dataset is None:
            self._check_names_newer(event, key)
            return
        match event:
            case e.DatasetStatusChanged():
                changed = replace(dataset, statuses=(*dataset.statuses, Fact(event, logged)))
            case e.DatasetSuperseded():
                changed = replace(dataset, superseded=Fact(event, logged))
            case e.DatasetTransferred():
                changed = replace(dataset, transfers=(*dataset.transfers, Fact(event, logged)))
            case e.SplitSet():
                changed = replace(dataset, splits=(*dataset.splits, Fact(event, logged)))
            case e.ContentRotated():
                changed = replace(dataset, rotations=(*dataset.rotations, Fact(event, logged)))
            case _:
                assert_never(event)
        self.datasets[key] = changed

    def _check_names_newer(self, event: e.DatasetEvent, key: DatasetId) -> None:
        """A selection about the newer version of a dataset has, of the older, the event that names both."""
        if not isinstance(event, e.DatasetSuperseded) or event.new_id not in self.datasets:
            raise BrokenHistory(f"{type(event).__name__} of an unknown dataset", dataset="0x" + key.hex())

    def _add_consent_event(self, event: e.ConsentEvent, logged: Logged) -> None:
        match event:
            case e.ConsentRevoked():
                self.revocations.setdefault((event.subject, event.consent_id), Fact(event, logged))
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
            case e.SessionRevoked():
                self.sessions_revoked.setdefault((event.licensee, event.session_id), Fact(event, logged))
            case _:
                assert_never(event)

    def _add_royalty_event(self, event: e.RoyaltyEvent, logged: Logged) -> None:
        match event:
            case e.Funded():
                self.fundings.append(Fact(event, logged))
            case e.SettlementProposed():
                self.settlements.append(Settlement(Fact(event, logged)))
            case e.RoyaltyClaimed():
                self.claims.append(Fact(event, logged))
            case e.ClaimSkipped():
                pass  # the payee's royalty stays claimable
            case e.SettlementVetoed() | e.SettlementChallenged() | e.ChallengeResolved():
                self._add_objection(event, logged)
            case _:
                assert_never(event)

    def _add_objection(
        self,
        event: e.SettlementVetoed | e.SettlementChallenged | e.ChallengeResolved,
        logged: Logged,
    ) -> None:
        """A settlement is objected to under its epoch; the latest proposal of it is meant."""
        proposals = [i for i, settlement in enumerate(self.settlements) if settlement.epoch == event.epoch]
        if not proposals:
            raise BrokenHistory(f"{type(event).__name__} of an epoch never proposed", epoch=event.epoch)
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
