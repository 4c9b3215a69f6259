"""How pao1.json was made: PyCryptodome alone, none of our code. Run: python tests/golden/pao1.py."""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from pathlib import Path

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol import HPKE
from Crypto.Protocol.DH import import_x25519_private_key
from Crypto.Protocol.KDF import HKDF

SEGMENT = 65_520
CEK, SALT = bytes(range(32)), bytes(range(32, 64))
OBJECT, HOLDER, VERSION = b"\x11" * 32, b"\x22" * 20, 3
READER = bytes(range(64, 96))
PLAINTEXT = b"".join(
    sha256(i.to_bytes(4, "big")).digest() for i in range(SEGMENT * 2 // 32 + 3)
)  # 2 segments and a bit


def tree(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1, recursively as it is written there."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\1" + tree(hashes[:split]) + tree(hashes[split:])).digest()


def words(*values: bytes | int) -> bytes:
    return b"".join(v.to_bytes(32, "big") if isinstance(v, int) else v.rjust(32, b"\0") for v in values)


def main() -> None:
    header = struct.pack(">4sIIIQ32s20s", b"PAO1", 1, SEGMENT, VERSION, len(PLAINTEXT), OBJECT, HOLDER)
    okm = HKDF(CEK, 71, sha256(b"PAO1" + header).digest(), SHA256, context=b"PAO1")
    segments = [PLAINTEXT[i : i + SEGMENT] for i in range(0, len(PLAINTEXT), SEGMENT)]
    sealed = b""
    for index, segment in enumerate(segments):
        nonce = okm[64:71] + index.to_bytes(4, "big") + bytes([index == len(segments) - 1])
        body, tag = AES.new(okm[:32], AES.MODE_GCM, nonce=nonce).encrypt_and_digest(segment)
        sealed += body + tag
    root = tree([sha256(b"\0" + segment).digest() for segment in segments])
    info = words(
        31337, b"\x33" * 20, OBJECT, sha256(sealed).digest(), VERSION, b"\x44" * 32, b"\x55" * 20, 1_800_000_000, 257
    )
    reader = import_x25519_private_key(READER)
    sender = HPKE.new(receiver_key=reader.public_key(), aead_id=HPKE.AEAD.AES256_GCM, info=info)
    vector = {
        "cek": CEK.hex(),
        "salt": SALT.hex(),
        "objectId": OBJECT.hex(),
        "holder": HOLDER.hex(),
        "keyVersion": VERSION,
        "plaintextSha256": sha256(PLAINTEXT).hexdigest(),
        "header": header.hex(),
        "keyCommitment": okm[32:64].hex(),
        "plaintextCommitment": sha256(SALT + root).hexdigest(),
        "sealedBytes": len(sealed),
        "sealedSha256": sha256(sealed).hexdigest(),
        "sealedHead": sealed[:48].hex(),
        "sealedTail": sealed[-48:].hex(),
        "readerPrivate": READER.hex(),
        "info": info.hex(),
        "envelope": (sender.enc + sender.seal(CEK + SALT)).hex(),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(vector, indent=1) + "\n")


if __name__ == "__main__":
    main()
