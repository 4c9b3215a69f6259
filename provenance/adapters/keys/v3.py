"""How is a key encrypted under a password? As geth, Foundry and Brownie do it.

Source: Web3 Secret Storage Definition, version 3: AES-128-CTR, MAC keccak-256, scrypt or PBKDF2.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from provenance.domain.hashes import keccak
from provenance.errors import Invalid
from provenance.types import Address

SCRYPT_N: Final = 262_144
SCRYPT_N_DEVNET: Final = 4_096
_R, _P, _KEY_BYTES = 8, 1, 32
_MEMORY_BYTES: Final = 1 << 30  # a file that asks for more is refused
_ROUNDS_MAX: Final = 10_000_000

Document: TypeAlias = dict[str, Any]


def encrypt(key: bytes, password: bytes, *, scrypt_n: int = SCRYPT_N, address: Address) -> Document:
    """`key` as a V3 document under `password`."""
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    derived = hashlib.scrypt(password, salt=salt, n=scrypt_n, r=_R, p=_P, maxmem=_MEMORY_BYTES, dklen=_KEY_BYTES)
    ciphertext = _aes_ctr(derived[:16], iv, key)
    return {
        "version": 3,
        "id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        "address": address.hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": {"n": scrypt_n, "r": _R, "p": _P, "dklen": _KEY_BYTES, "salt": salt.hex()},
            "mac": keccak(derived[16:32] + ciphertext).hex(),
        },
    }


def decrypt(document: Document, password: bytes) -> bytes | None:
    """The key, or None if the password is not its."""
    crypto = document["crypto"]
    try:
        ciphertext, iv = bytes.fromhex(crypto["ciphertext"]), bytes.fromhex(crypto["cipherparams"]["iv"])
        mac = bytes.fromhex(crypto["mac"])
        derived = _derived(crypto["kdf"], crypto["kdfparams"], password)
    except (KeyError, TypeError, ValueError):
        raise Invalid("the keystore's crypto section is not of version 3") from None
    if not hmac.compare_digest(keccak(derived[16:32] + ciphertext), mac):
        return None
    return _aes_ctr(derived[:16], iv, ciphertext)


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
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    return Address(found) if len(found) == 20 else None


def scrypt_n(document: Document) -> int | None:
    """The document's scrypt cost, None where it uses another function."""
    n = document["crypto"].get("kdfparams", {}).get("n")
    return n if isinstance(n, int) else None


def _derived(kdf: str, given: dict[str, Any], password: bytes) -> bytes:
    salt, size = bytes.fromhex(given["salt"]), int(given["dklen"])
    if size < 32 or size > 64:
        raise Invalid("the keystore's derived key must have 32 to 64 bytes")
    if kdf == "scrypt":
        n, r, p = int(given["n"]), int(given["r"]), int(given["p"])
        if 128 * n * r > _MEMORY_BYTES or p > 16:
            raise Invalid("the keystore asks for more than 1 GiB or 16 rounds of scrypt")
        if r == 1 and n >= 1 << 16:  # the definition's own vector, which OpenSSL refuses
            from Crypto.Protocol.KDF import scrypt  # noqa: PLC0415 - 0.1 s, for such files only

            return bytes(scrypt(password, salt, size, N=n, r=r, p=p))  # type: ignore[arg-type]
        return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_BYTES + (1 << 20), dklen=size)
    if kdf == "pbkdf2" and given.get("prf", "hmac-sha256") == "hmac-sha256":
        rounds = int(given["c"])
        if not 0 < rounds <= _ROUNDS_MAX:
            raise Invalid("the keystore asks for more than ten million rounds of PBKDF2")
        return hashlib.pbkdf2_hmac("sha256", password, salt, rounds, dklen=size)
    raise Invalid(f"the keystore's key derivation {kdf!r} is unknown", next="Supported: scrypt, pbkdf2.")


def _aes_ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    worker = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return worker.update(data) + worker.finalize()
