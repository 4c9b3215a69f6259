"""V3 key files: one key under a password, as geth, Foundry and Brownie keep it; eth-account encrypts and decrypts.

Laws: a file of another program opens though it lost a leading zero of its key or iv, or writes 0x before its hex; what a
file asks of this machine is checked before anything is derived: 1 GiB of memory, ten million rounds; what was not checked
is not handed on, since eth-keyfile reads names in any case and takes the last (`n`, then `N`).

Source: Web3 Secret Storage Definition, version 3.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from provenance.adapters import eth
from provenance.domain import canonical
from provenance.domain.hashes import sha256
from provenance.errors import Invalid
from provenance.types import Address

SCRYPT_N: Final = 262_144
SCRYPT_N_DEVNET: Final = 4_096
KEY_BYTES: Final = 32
_BLOCK_BYTES: Final = 16
_MEMORY_BYTES: Final = 1 << 30
_PARALLEL_MAX: Final = 16
_ROUNDS_MAX: Final = 10_000_000

Document: TypeAlias = dict[str, Any]


def encrypt(key: bytes, password: bytes, *, scrypt_n: int = SCRYPT_N, address: Address) -> Document:
    """`key` as a V3 document under `password`."""
    eth.load()
    from eth_account import Account  # noqa: PLC0415 - half a second of CPU, where a key is written

    sealed = Account.encrypt(key, password, kdf="scrypt", iterations=scrypt_n)  # type: ignore[arg-type]  # takes bytes
    return {**sealed, "address": address.hex()}


def decrypt(document: Document, password: bytes) -> bytes | None:
    """The key, 32 bytes where the file lost leading zeros, or None if the password is not its.

    Raises:
        Invalid: the document is not of version 3, or asks for more than this machine gives.
    """
    eth.load()
    from eth_account import Account  # noqa: PLC0415 - half a second of CPU, where a key is opened

    crypto = document["crypto"]
    try:
        sealed = {
            "kdf": crypto["kdf"],
            "kdfparams": _affordable(crypto["kdf"], crypto["kdfparams"]),
            "cipherparams": {"iv": _hex(crypto["cipherparams"]["iv"]).zfill(2 * _BLOCK_BYTES)},
            "ciphertext": _hex(crypto["ciphertext"]),
            "mac": _hex(crypto["mac"]),
        }
        for text in (sealed["ciphertext"], sealed["mac"], sealed["cipherparams"]["iv"]):
            bytes.fromhex(text)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Invalid("the keystore's crypto section is not of version 3") from None
    if len(sealed["cipherparams"]["iv"]) != 2 * _BLOCK_BYTES:
        raise Invalid("the keystore's iv is longer than a block of its cipher")
    try:
        key = bytes(Account.decrypt({"version": 3, "crypto": sealed}, password))  # type: ignore[arg-type]  # takes bytes
        return key.rjust(KEY_BYTES, b"\0")
    except ValueError:  # eth-keyfile's for a MAC that another password would give
        return None


def _affordable(kdf: object, given: dict[str, Any]) -> dict[str, Any]:
    """The key derivation's parameters as eth-account reads them, once they are known to be harmless."""
    numbers = {name: int(given[name]) for name in ("dklen", *{"scrypt": "nrp", "pbkdf2": "c"}.get(str(kdf), ""))}
    if not 32 <= numbers["dklen"] <= 64:
        raise Invalid("the keystore's derived key must have 32 to 64 bytes")
    match numbers:
        case {"n": n, "r": r, "p": p}:
            if r < 1 or not 1 <= p <= _PARALLEL_MAX or 128 * r * (n + p) > _MEMORY_BYTES:
                raise Invalid("the keystore asks for more than 1 GiB or 16 rounds of scrypt")
            if n < 2 or n & (n - 1):
                raise Invalid("the keystore's scrypt cost is no power of two")
        case {"c": c} if (prf := given.get("prf", "hmac-sha256")) == "hmac-sha256":
            if not 0 < c <= _ROUNDS_MAX:
                raise Invalid("the keystore asks for more than ten million rounds of PBKDF2")
            return {**numbers, "salt": _salt(given), "prf": prf}
        case _:
            raise Invalid(f"the keystore's key derivation {kdf!r} is unknown", next="Supported: scrypt, pbkdf2.")
    return {**numbers, "salt": _salt(given)}


def _salt(given: dict[str, Any]) -> str:
    return bytes.fromhex(_hex(given["salt"])).hex()


def _hex(text: str) -> str:
    return text.lower().removeprefix("0x")


def parse(body: object) -> Document:
    """`body` is a V3 document with the parts that are read here.

    Some tools write `Crypto`, or leave the address out.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(body, dict) or body.get("version") != 3:
        raise ValueError("not version 3")
    crypto = body.get("crypto", body.get("Crypto"))
    if not isinstance(crypto, dict) or crypto.get("cipher") != "aes-128-ctr":
        raise ValueError("no crypto section with aes-128-ctr")
    return {**body, "crypto": crypto}


def address(document: Document) -> Address | None:
    """The address that the document names in the clear; Foundry's name none."""
    text = str(document.get("address") or "").removeprefix("0x").removeprefix("0X")
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""
    return Address(octets) if len(octets) == 20 else None


def checksum(document: Document) -> str:
    """The digest of what an envelope key is sealed in.

    It tells damage without a password, and that of the iv, which the format's mac leaves out.
    """
    return sha256(canonical.dumps(document["crypto"])).hex()


def scrypt_n(document: Document) -> int | None:
    """The document's scrypt cost, None where it uses another function."""
    n = document["crypto"].get("kdfparams", {}).get("n")
    return n if isinstance(n, int) else None
