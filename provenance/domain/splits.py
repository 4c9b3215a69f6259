"""Splits: who shares a dataset's earnings, in basis points, as `provenance/splits/1`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from provenance.domain import fields, record
from provenance.errors import Invalid
from provenance.types import BPS_ONE, ZERO_ADDRESS, Address, Bps, Bytes32

KIND: Final = "provenance/splits"
PAYEES: Final = 1_000


class BadSplits(Invalid):
    """Shares that do not make a whole."""

    next = "Give shares of whole basis points that sum to 10,000, one for each account."


@record.dataclass(frozen=True, slots=True, order=True)
class Split:
    """One payee's share."""

    account: Address
    bps: Bps


def check(splits: Iterable[Split]) -> tuple[Split, ...]:
    """The same shares sorted by account, a whole exactly.

    Raises:
        BadSplits: they do not sum to 10,000, or an account stands twice, is zero or gets nothing.
    """
    ordered = tuple(sorted(splits))
    total = sum(split.bps for split in ordered)
    if total != BPS_ONE:
        raise BadSplits(
            f"splits: the shares sum to {total}, not to {BPS_ONE}",
            field="splits",
            sum=total,
        )
    if len(ordered) > PAYEES:
        raise BadSplits(f"splits: {len(ordered)} accounts, at most {PAYEES}", field="splits")
    accounts = {split.account for split in ordered}
    if len(accounts) != len(ordered) or ZERO_ADDRESS in accounts:
        raise BadSplits("splits: each account stands once, and none is zero", field="splits")
    if any(split.bps <= 0 for split in ordered):
        raise BadSplits("splits: every share is at least 1 basis point", field="splits")
    return ordered


SHARES: Final = record.via(record.items(record.record(Split), PAYEES), check, check)


@record.dataclass(frozen=True, slots=True)
class _Document:
    splits: Annotated[tuple[Split, ...], SHARES]


def parse(encoded: bytes) -> tuple[Split, ...]:
    """The shares of a `provenance/splits/1` document."""
    return record.parse(_Document, encoded, KIND).splits


def encode(splits: Iterable[Split]) -> bytes:
    """The canonical `provenance/splits/1` document."""
    return record.encode(_Document(tuple(splits)), KIND)


def split_hash(splits: Iterable[Split]) -> Bytes32:
    """What the chain sees of the shares."""
    return fields.document_hash(encode(splits), "splits")
