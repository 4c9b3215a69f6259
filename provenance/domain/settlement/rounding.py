"""How is one sum shared so that nothing is created or lost?

Floor, then the largest remainder, ties by a hash that nobody chose.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from provenance.domain.hashes import abi_words, keccak
from provenance.errors import Broken
from provenance.types import Bytes32, Wei


class NotExact(Broken):
    """Shares that do not sum to what was shared."""


K = TypeVar("K", bound="Hashable")


def tie(cutoff: Bytes32, key: bytes) -> Bytes32:
    """keccak(abi.encode(cutoffBlock.hash, key)): the lower one goes first; payees have 20 bytes, holds 32."""
    return keccak(abi_words(cutoff, key))


def apportion(amount: int, weight_by_key: Mapping[K, int], tie_by_key: Mapping[K, bytes]) -> dict[K, Wei]:
    """The amount in proportion to the weights, to the last unit.

    Args:
        amount: base units.
        weight_by_key: whole non-negative numbers, at least one of them positive unless amount is 0.
        tie_by_key: who goes first when remainders are equal: the lower.

    Returns:
        Only what is more than zero; sums to `amount`.

    Raises:
        NotExact: an amount and nobody to share it, or a negative number.
    """
    total = sum(weight_by_key.values())
    if amount < 0 or any(weight < 0 for weight in weight_by_key.values()) or (amount and not total):
        raise NotExact(f"{amount} cannot be shared by weights that sum to {total}")
    if not amount:
        return {}
    shares = {key: amount * weight // total for key, weight in weight_by_key.items()}
    by_remainder = sorted(shares, key=lambda key: (-(amount * weight_by_key[key] % total), tie_by_key[key]))
    for key in by_remainder[: amount - sum(shares.values())]:
        shares[key] += 1
    if sum(shares.values()) != amount:
        raise NotExact(f"the shares sum to {sum(shares.values())}, not to {amount}")
    return {key: Wei(share) for key, share in shares.items() if share}
