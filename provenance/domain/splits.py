"""Splits: who shares a dataset's earnings, in basis points.

- Packed, as `SplitSet` carries them and as their hash is taken: for each payee, ascending by account, 20 bytes of the
  account and 2 of its basis points, big-endian.
- A list is a whole or none: 1 to 100 accounts, each once, none zero, each gets something, together 10,000. The contract
  takes no other, so that every reader reads the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from provenance.domain import record
from provenance.domain.hashes import sha256
from provenance.errors import Invalid
from provenance.types import BPS_ONE, ZERO_ADDRESS, Address, Bps, Bytes32

PAYEES: Final = 100
_ACCOUNT: Final = 20
_PAYEE: Final = _ACCOUNT + 2


class BadSplits(Invalid):
    """Shares that do not make a whole."""

    next = "Give shares of whole basis points that sum to 10,000, one for each account, to 100 accounts at most."


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


def pack(splits: Iterable[Split]) -> bytes:
    """The shares as the chain carries them."""
    return b"".join(split.account + split.bps.to_bytes(2, "big") for split in check(splits))


def unpack(shares: bytes) -> tuple[Split, ...]:
    """The shares that `pack` wrote.

    Raises:
        BadSplits: the accounts do not ascend, or they are no whole.
    """
    if len(shares) % _PAYEE:
        raise BadSplits(f"splits: {len(shares)} bytes are no list of {_PAYEE} a payee", field="splits")
    packed = (shares[start : start + _PAYEE] for start in range(0, len(shares), _PAYEE))
    listed = tuple(Split(Address(payee[:_ACCOUNT]), Bps(int.from_bytes(payee[_ACCOUNT:], "big"))) for payee in packed)
    if check(listed) != listed:
        raise BadSplits("splits: the accounts do not ascend", field="splits")
    return listed


def split_hash(splits: Iterable[Split]) -> Bytes32:
    """What the registration names of a manifest's shares: SHA-256 of them, packed."""
    return sha256(pack(splits))
