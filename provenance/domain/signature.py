"""Who signed a digest?

Recovery for ordinary accounts. A contract's signature counts off chain only if the chain has the
digest on record (`DigestApproved`): a later change of its owners must not rewrite history.
"""

from __future__ import annotations

from typing import Final

from coincurve import PublicKey

from provenance.domain.hashes import keccak
from provenance.errors import Invalid
from provenance.types import Address, Bytes32

_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class BadSignature(Invalid):
    """Not the signature of the account that it names."""

    code = "bad-signature"
    next = "Sign it again with the named account, for this network's contracts."


def address_of(public_key: bytes) -> Address:
    """The account of an uncompressed secp256k1 public key (65 bytes)."""
    return Address(keccak(public_key[1:])[12:])


def recover(digest: Bytes32, signature: bytes) -> Address:
    """The account that made r ‖ s ‖ v; only low s, v 27 or 28: one digest and key, one signature.

    Raises:
        BadSignature: malformed, or of no account.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise BadSignature("a signature is 65 bytes that end in 27 or 28", field="signature")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise BadSignature("the signature's s is in the upper half", field="signature")
    recoverable = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception as error:  # coincurve raises bare Exception and ValueError alike
        raise BadSignature("the signature belongs to no account", field="signature") from error
    return address_of(key.format(compressed=False))


def verify(digest: Bytes32, signature: bytes, account: Address, *, approved: bool = False) -> None:
    """The account signed the digest, or has it approved on chain.

    Args:
        digest: what was signed.
        signature: r ‖ s ‖ v; not looked at if `approved`.
        account: who is said to have signed.
        approved: the chain holds `DigestApproved(account, digest)`.

    Raises:
        BadSignature: somebody else's.
    """
    if approved:
        return
    signer = recover(digest, signature)
    if signer != account:
        raise BadSignature(
            f"signed by 0x{signer.hex()}, not by 0x{account.hex()}",
            field="signature",
            signer="0x" + signer.hex(),
            expected="0x" + account.hex(),
        )
