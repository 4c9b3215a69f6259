"""Which private keys come from a mnemonic? Those that every wallet derives from it.

Source: BIP-39 §From mnemonic to seed, BIP-32 §Private parent key → private child key, BIP-44 (coin 60).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141  # secp256k1's n
_HARDENED: Final = 1 << 31
_ACCOUNT: Final = (44 + _HARDENED, 60 + _HARDENED, 0 + _HARDENED, 0)


def keys(mnemonic: str, count: int) -> tuple[bytes, ...]:
    """The first `count` keys under m/44'/60'/0'/0 of an ASCII mnemonic without passphrase."""
    seed = hashlib.pbkdf2_hmac("sha512", mnemonic.encode("ascii"), b"mnemonic", 2_048)
    node = _split(hmac.digest(b"Bitcoin seed", seed, "sha512"))
    for index in _ACCOUNT:
        node = _child(node, index)
    return tuple(_child(node, index)[0].to_bytes(32, "big") for index in range(count))


def _child(node: tuple[int, bytes], index: int) -> tuple[int, bytes]:
    from coincurve import PrivateKey  # noqa: PLC0415 - only where a key is derived

    key, chain = node
    private = key.to_bytes(32, "big")
    parent = b"\0" + private if index >= _HARDENED else PrivateKey(private).public_key.format()
    tweak, code = _split(hmac.digest(chain, parent + index.to_bytes(4, "big"), "sha512"))
    return (tweak + key) % _ORDER, code


def _split(digest: bytes) -> tuple[int, bytes]:
    return int.from_bytes(digest[:32], "big"), digest[32:]
