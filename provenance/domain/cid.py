"""Content addresses (CIDv1): their codecs, digests and texts.

A value of codec and SHA-256 digest, its texts, and which codecs a bare digest from the chain may
mean. How bytes become blocks is `adapters.content.unixfs`.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from provenance.domain.hashes import sha256
from provenance.domain.printable import escaped
from provenance.errors import Invalid
from provenance.types import Bytes32

Codec: TypeAlias = Literal["raw", "dag-pb"]

CODE_BY_CODEC: Final[dict[Codec, int]] = {"raw": 0x55, "dag-pb": 0x70}
CODEC_BY_CODE: Final[dict[int, Codec]] = {code: codec for codec, code in CODE_BY_CODEC.items()}
SHA2_256: Final = b"\x12\x20"  # multihash name and length; Source: multiformats multicodec table
_VERSION_0: Final = bytes((1, CODE_BY_CODEC["dag-pb"]))  # what a bare multihash (Qm…) leaves unsaid
TEXT_CHARS: Final = 128  # base16 of 36 bytes has 73; whatever is longer is not ours
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class BadCid(Invalid):
    """A text that is no address of ours."""

    next = "Give a CIDv1 with SHA-256, such as bafkrei… or bafybei…, without path or query."


@dataclass(frozen=True, slots=True)
class Cid:
    """One content address: the digest of its root block and how that block is read."""

    codec: Codec
    digest: Bytes32

    def __post_init__(self) -> None:
        if self.codec not in CODE_BY_CODEC or len(self.digest) != 32:
            raise BadCid(f"a {self.codec} digest of {len(self.digest)} bytes is no address")

    def __str__(self) -> str:
        return text(self)

    def encode(self) -> bytes:
        """The 36 bytes of a CIDv1."""
        return bytes((1, CODE_BY_CODEC[self.codec])) + SHA2_256 + self.digest


def text(cid: Cid) -> str:
    """The one text we write: CIDv1 in lower-case base32 (`bafkrei…`, `bafybei…`)."""
    return "b" + base64.b32encode(cid.encode()).decode("ascii").rstrip("=").lower()


def parse(name: str) -> Cid:
    """The address that a text names, in any of the encodings servers answer.

    Args:
        name: CIDv1 in base32 (b, B), base58btc (z), base36 (k) or base16 (f), or CIDv0 (Qm…).

    Raises:
        BadCid: anything else, another hash than SHA-256, the identity hash, a path.
    """
    if len(name) > TEXT_CHARS or not re.fullmatch(r"[A-Za-z0-9]+", name, re.ASCII):
        raise BadCid(f"not a content address: {escaped(name[:64])}")
    try:
        binary = _VERSION_0 + _positional(name, _BASE58) if name.startswith("Qm") else _multibase(name)
    except ValueError as error:
        raise BadCid(f"not a content address: {escaped(name[:64])}") from error
    return decode(binary)


def decode(binary: bytes) -> Cid:
    """The address in 36 bytes of CIDv1."""
    if len(binary) != 36 or binary[0] != 1 or binary[2:4] != SHA2_256:
        raise BadCid("only CIDv1 with a 32-byte SHA-256 digest is read; identity and other hashes are refused")
    codec = CODEC_BY_CODE.get(binary[1])
    if codec is None:
        raise BadCid(f"codec 0x{binary[1]:02x} is neither raw nor dag-pb")
    return Cid(codec, Bytes32(binary[4:]))


def of_raw(block: bytes) -> Cid:
    """The address of a single raw block, such as a document of at most 1 MiB."""
    return Cid("raw", sha256(block))


def candidates(digest: Bytes32) -> tuple[Cid, Cid]:
    """What a digest on chain may name: a document (raw) or a tree (dag-pb), in this order."""
    return Cid("raw", digest), Cid("dag-pb", digest)


def _multibase(name: str) -> bytes:
    prefix, body = name[0], name[1:]
    if prefix in "bB":
        upper = body.upper()
        if body != (upper if prefix == "B" else body.lower()):
            raise ValueError("mixed case")
        binary = base64.b32decode(upper + "=" * (-len(upper) % 8))
        if base64.b32encode(binary).decode().rstrip("=") != upper:
            raise ValueError("loose bits")
        return binary
    if prefix == "f":
        if body != body.lower():
            raise ValueError("mixed case")
        return bytes.fromhex(body)
    if prefix == "z":
        return _positional(body, _BASE58)
    if prefix == "k":
        return _positional(body, _BASE36)
    raise ValueError("unknown multibase")


def _positional(body: str, alphabet: str) -> bytes:
    """Big-endian base-n; our bytes never begin with zero, so no leading zeros are restored."""
    number = 0
    for char in body:
        number = number * len(alphabet) + alphabet.index(char)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
