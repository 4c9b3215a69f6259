"""Which row does an event become?

One event, one row of one table; the columns are the event's arguments in order. The type checker
refuses an event that nobody handles here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias, assert_never

from indexer import tables
from provenance.domain import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel import SQLModel

    from indexer.blocks import Header, RawLog, Span
    from provenance.domain.events import Event
    from provenance.types import Address

_Dataset: TypeAlias = (
    events.DatasetRegistered
    | events.DatasetStatusChanged
    | events.DatasetSuperseded
    | events.DatasetTransferred
    | events.SplitSet
    | events.ContentRotated
)
_Consent: TypeAlias = events.ConsentRevoked | events.ErasureOrdered | events.ErasureAttested | events.DigestApproved
_License: TypeAlias = events.LicenseGranted | events.LicenseTerminated | events.OfferCancelled | events.AccessRecorded
_Usage: TypeAlias = events.MeterAdmitted | events.MeterRemoved | events.UsageAnchored | events.SessionRevoked
_Artifact: TypeAlias = events.ArtifactRegistered | events.ArtifactStatusChanged
_Royalty: TypeAlias = (
    events.Funded
    | events.SettlementProposed
    | events.SettlementVetoed
    | events.SettlementChallenged
    | events.ChallengeResolved
    | events.RoyaltyClaimed
    | events.ClaimSkipped
)
_Office: TypeAlias = events.RoleOffered | events.RoleChanged | events.PauseSet


Value: TypeAlias = bytes | int | bool | str | None
Values: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One fact on its way into its table: the values stand in the order of the table's own columns."""

    table: type[tables.Fact]
    values: tuple[bytes | int | bool, ...]


def rows(span: Span, names: Mapping[Address, str]) -> dict[type[SQLModel], list[Values]]:
    """What a span of blocks leaves in each table.

    Args:
        span: checked blocks and logs.
        names: contract names by address; every log's contract is among them.
    """
    found: dict[type[SQLModel], list[Values]] = {
        tables.Block: [block_row(one) for one in span.headers],
        tables.Log: [_log_row(log) for log in span.logs],
    }
    for log in span.logs:
        made = decoded(names[log.contract], log.topics, log.data)
        if made is not None:
            model, values = made
            found.setdefault(model, []).append((log.block, log.log_index, *values))
    return found


def decoded(contract: str, topics: tuple[bytes, ...], data: bytes) -> tuple[type[SQLModel], Values] | None:
    """The row of one log: of its event's table, of the quarantine, or none where the topic is not ours."""
    try:
        event = events.decode(contract, topics, data)
    except events.BadLog as error:
        return tables.Quarantine, (error.detail,)
    if event is None:
        return None
    made = row(event)
    return made.table, made.values


def block_row(block: Header) -> Values:
    """The block's row."""
    return (block.number, block.hash, block.parent, block.time)


def _log_row(log: RawLog) -> Values:
    topics = (*log.topics, None, None, None, None)[:4]
    return (log.block, log.log_index, log.tx, log.contract, *topics, log.data)


def row(event: Event) -> Row:
    """The row that the event becomes, without its place in the chain."""
    return Row(table(event), tuple(getattr(event, field.name) for field in fields(event)))


def table(event: Event) -> type[tables.Fact]:
    """The table of the event."""
    match event:
        case (
            events.DatasetRegistered()
            | events.DatasetStatusChanged()
            | events.DatasetSuperseded()
            | events.DatasetTransferred()
            | events.SplitSet()
            | events.ContentRotated()
        ):
            return _of_dataset(event)
        case events.ConsentRevoked() | events.ErasureOrdered() | events.ErasureAttested() | events.DigestApproved():
            return _of_consent(event)
        case events.LicenseGranted() | events.LicenseTerminated() | events.OfferCancelled() | events.AccessRecorded():
            return _of_license(event)
        case events.MeterAdmitted() | events.MeterRemoved() | events.UsageAnchored() | events.SessionRevoked():
            return _of_usage(event)
        case events.ArtifactRegistered() | events.ArtifactStatusChanged():
            return _of_artifact(event)
        case (
            events.Funded()
            | events.SettlementProposed()
            | events.SettlementVetoed()
            | events.SettlementChallenged()
            | events.ChallengeResolved()
            | events.RoyaltyClaimed()
            | events.ClaimSkipped()
        ):
            return _of_royalty(event)
        case events.RoleOffered() | events.RoleChanged() | events.PauseSet():
            return _of_office(event)
        case _:
            assert_never(event)


def _of_dataset(event: _Dataset) -> type[tables.Fact]:
    match event:
        case events.DatasetRegistered():
            return tables.RegisteredDataset
        case events.DatasetStatusChanged():
            return tables.RestatedDataset
        case events.DatasetSuperseded():
            return tables.SupersededDataset
        case events.DatasetTransferred():
            return tables.TransferredDataset
        case events.SplitSet():
            return tables.ChangedSplit
        case events.ContentRotated():
            return tables.RotatedContent
        case _:
            assert_never(event)


def _of_consent(event: _Consent) -> type[tables.Fact]:
    match event:
        case events.ConsentRevoked():
            return tables.RevokedConsent
        case events.ErasureOrdered():
            return tables.OrderedErasure
        case events.ErasureAttested():
            return tables.AttestedErasure
        case events.DigestApproved():
            return tables.ApprovedDigest
        case _:
            assert_never(event)


def _of_license(event: _License) -> type[tables.Fact]:
    match event:
        case events.LicenseGranted():
            return tables.GrantedLicense
        case events.LicenseTerminated():
            return tables.TerminatedLicense
        case events.OfferCancelled():
            return tables.CancelledOffer
        case events.AccessRecorded():
            return tables.RecordedAccess
        case _:
            assert_never(event)


def _of_usage(event: _Usage) -> type[tables.Fact]:
    match event:
        case events.MeterAdmitted():
            return tables.AdmittedMeter
        case events.MeterRemoved():
            return tables.RemovedMeter
        case events.UsageAnchored():
            return tables.AnchoredUsage
        case events.SessionRevoked():
            return tables.RevokedSession
        case _:
            assert_never(event)


def _of_artifact(event: _Artifact) -> type[tables.Fact]:
    match event:
        case events.ArtifactRegistered():
            return tables.RegisteredArtifact
        case events.ArtifactStatusChanged():
            return tables.RestatedArtifact
        case _:
            assert_never(event)


def _of_royalty(event: _Royalty) -> type[tables.Fact]:
    match event:
        case events.Funded():
            return tables.ReceivedFunding
        case events.SettlementProposed():
            return tables.ProposedSettlement
        case events.SettlementVetoed():
            return tables.VetoedSettlement
        case events.SettlementChallenged():
            return tables.ChallengedSettlement
        case events.ChallengeResolved():
            return tables.ResolvedChallenge
        case events.RoyaltyClaimed():
            return tables.ClaimedRoyalty
        case events.ClaimSkipped():
            return tables.SkippedClaim
        case _:
            assert_never(event)


def _of_office(event: _Office) -> type[tables.Fact]:
    match event:
        case events.RoleOffered():
            return tables.OfferedRole
        case events.RoleChanged():
            return tables.ChangedRole
        case events.PauseSet():
            return tables.SetPause
        case _:
            assert_never(event)
