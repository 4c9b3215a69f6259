"""Hashes and ABI words as the contracts compute them.

Only static ABI types are needed inside our digests; each is one 32-byte word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from provenance.types import Bytes32


def _keccak_function() -> Callable[[bytes], bytes]:
    """safe-pysha3 (0.7 µs for 64 bytes) where it is installed, pycryptodome (4.4 µs) where not."""
    try:
        import sha3  # noqa: PLC0415 - optional accelerator
    except ImportError:
        from Crypto.Hash import keccak as crypto_keccak  # noqa: PLC0415 - the fallback of the line above

        def slow(message: bytes) -> bytes:
            return crypto_keccak.new(digest_bits=256, data=message).digest()

        return slow

    def fast(message: bytes) -> bytes:
        digest: bytes = sha3.keccak_256(message).digest()
        return digest

    return fast


_keccak = _keccak_function()


def keccak(message: bytes) -> Bytes32:
    """Keccak-256 as the EVM computes it."""
    return Bytes32(_keccak(message))


def sha256(message: bytes) -> Bytes32:
    """SHA-256: the digest inside every content address."""
    return Bytes32(hashlib.sha256(message).digest())


def word(argument: bytes | int | bool) -> bytes:  # noqa: FBT001 - a boolean is one of the ABI's words
    """One ABI word: integers (two's complement) and booleans right-aligned, an address too, bytesN left-aligned.

    Source: Contract ABI Specification, "Formal Specification of the Encoding".
    """
    if isinstance(argument, int):
        return argument.to_bytes(32, "big", signed=argument < 0)
    if len(argument) == 20:
        return argument.rjust(32, b"\0")
    return argument.ljust(32, b"\0")


def abi_words(*values: bytes | int | bool) -> bytes:
    """`abi.encode` of static arguments."""
    return b"".join(map(word, values))
