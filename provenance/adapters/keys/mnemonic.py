"""Private keys from a mnemonic: those that every wallet derives from it.

Source: BIP-39, BIP-32, BIP-44 (coin 60), by eth-account.
"""

from __future__ import annotations

from provenance.adapters import eth


def keys(mnemonic: str, count: int) -> tuple[bytes, ...]:
    """The first `count` keys under m/44'/60'/0'/0 of a mnemonic without passphrase."""
    eth.load()
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic  # noqa: PLC0415 - half a second of CPU, on devnets

    seed = seed_from_mnemonic(mnemonic, "")
    return tuple(key_from_seed(seed, f"m/44'/60'/0'/0/{index}") for index in range(count))
