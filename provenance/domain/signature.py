"""Signatures over a digest, and the account that made one.

Only accounts with a key are answered here; a contract's word counts by `approveDigest` alone, which
the ledger knows.
"""

from __future__ import annotations

from typing import Final

from provenance.domain.fields import checksummed
from provenance.domain.hashes import keccak
from provenance.errors import Denied
from provenance.types import Address, Bytes32

SIZE: Final = 65
COMPACT_SIZE: Final = 64
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # secp256k1 n / 2


class BadSignature(Denied):
    """The signature is not the named account's."""

    next = "Sign again with the named account, for this network and this contract."


def recover(digest: Bytes32, signature: bytes) -> Address:
    """The account whose key signed; another form of the same signature is refused, as the contracts refuse it.

    Args:
        digest: the 32 signed bytes.
        signature: r ‖ s ‖ v, v 27 or 28, s in the lower half. Source: EIP-2 §Specification.

    Raises:
        BadSignature: no key gives this signature.
    """
    from coincurve import PublicKey  # noqa: PLC0415 - documents without signatures need no curve

    if len(signature) != SIZE or signature[64] not in (27, 28):
        raise _other_form(signature)
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise BadSignature("the signature is in its second, forbidden form (high s)")
    compact = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as error:
        raise BadSignature("no key gives this signature") from error
    return Address(keccak(key.format(compressed=False)[1:])[12:])


def _other_form(signature: bytes) -> BadSignature:
    """What arrived in place of r ‖ s ‖ v, and how it becomes that. Source: EIP-2098; EIP-155; SEC 1 §4.1.3."""
    size, last = len(signature), signature[-1] if signature else 0
    expected = f"{SIZE} bytes are expected, r, s and a last byte v of 27 or 28"
    again = "Sign again with a tool that writes r, s and v"
    if size == COMPACT_SIZE:
        return BadSignature(
            f"the signature is in the compact form of EIP-2098: {size} bytes; {expected}",
            next=f"{again}, or expand it: v is 27 and the top bit of the last 32 bytes, which is cleared in s.",
            bytes=size,
        )
    if size == SIZE and last in (0, 1):
        return BadSignature(
            f"the signature ends with v = {last}, as hardware wallets and libraries write it; {expected}",
            next=f"{again}, or write {last + 27} in place of {last} in the last byte.",
            v=last,
        )
    if size == SIZE:
        return BadSignature(f"the signature ends with v = {last}; {expected}", next=f"{again}.", v=last)
    return BadSignature(f"the signature has {size} bytes; {expected}", next=f"{again}.", bytes=size)


def check(digest: Bytes32, signature: bytes, signer: Address) -> None:
    """The account signed this digest, or `BadSignature` names it."""
    if recover(digest, signature) != signer:
        raise BadSignature(f"not signed by {checksummed(signer)}", signer="0x" + signer.hex())
