"""Sealed objects, before any key touches them.

The header, the secret that opens it, the digest that a plaintext is committed to and the words an
envelope is bound to: values only. Ciphers are in `adapters.seal`.

Header of PAO1, 76 bytes, integers big-endian:

| offset | bytes | field |
|---|---|---|
| 0 | 4 | magic `PAO1` |
| 4 | 4 | algorithm: 1 = AES-256-GCM in STREAM framing |
| 8 | 4 | plaintext bytes of a segment: 65,520 |
| 12 | 4 | key version, from 1 |
| 16 | 8 | plaintext size |
| 24 | 32 | object id |
| 56 | 20 | holder |
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, NewType

from provenance.domain import record
from provenance.domain.hashes import abi_words
from provenance.errors import Failed, Invalid
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bytes32, LicenseId, UnixSeconds

KeyCommitment = NewType("KeyCommitment", bytes)
"""32 bytes only one CEK can have made: GCM itself does not commit to its key."""

PlaintextCommitment = NewType("PlaintextCommitment", bytes)
"""32 bytes: sha256(salt ‖ Merkle root of the plaintext segments)."""

MAGIC: Final = b"PAO1"
AES_256_GCM_STREAM: Final = 1
SEGMENT_BYTES: Final = 65_520
TAG_BYTES: Final = 16
SEALED_SEGMENT_BYTES: Final = SEGMENT_BYTES + TAG_BYTES  # 65,536: sixteen to a leaf of 1 MiB
SEGMENTS: Final = 1 << 32  # the counter has 32 bits
_LAYOUT: Final = struct.Struct(">4sIIIQ32s20s")
HEADER_BYTES: Final = _LAYOUT.size


class BadHeader(Invalid):
    """A header of another format or of impossible sizes."""

    next = "Use the header from the manifest of this recording, or a newer version of this program."


class PlaintextDiffers(Failed):
    """What came out is not what was committed to."""


@dataclass(frozen=True, slots=True)
class Header:
    """What anyone may know of a sealed object; it stands in the manifest."""

    object_id: Bytes32
    holder: Address
    plaintext_bytes: int
    key_version: int = 1

    def __post_init__(self) -> None:
        sizes = (len(self.object_id), len(self.holder))
        if sizes != (32, 20) or not 1 <= self.key_version < 1 << 32:
            raise BadHeader("an object id has 32 bytes, a holder 20, and key versions count from 1")
        if self.plaintext_bytes < 0 or self.segments > SEGMENTS:
            raise BadHeader(f"{self.plaintext_bytes} bytes cannot be sealed", bytes=self.plaintext_bytes)

    @property
    def segments(self) -> int:
        """How many segments; an empty plaintext has one."""
        return max(1, -(-self.plaintext_bytes // SEGMENT_BYTES))

    @property
    def sealed_bytes(self) -> int:
        """The size of the ciphertext."""
        return self.plaintext_bytes + TAG_BYTES * self.segments

    def encode(self) -> bytes:
        """The 76 bytes above."""
        return _LAYOUT.pack(
            MAGIC,
            AES_256_GCM_STREAM,
            SEGMENT_BYTES,
            self.key_version,
            self.plaintext_bytes,
            self.object_id,
            self.holder,
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Header:
        """The header in these bytes.

        Raises:
            BadHeader: another magic, algorithm, segment size or length.
        """
        if len(encoded) != HEADER_BYTES:
            raise BadHeader(f"a header has {HEADER_BYTES} bytes, not {len(encoded)}")
        magic, algorithm, segment, key_version, plaintext, object_id, holder = _LAYOUT.unpack(encoded)
        if (magic, algorithm, segment) != (MAGIC, AES_256_GCM_STREAM, SEGMENT_BYTES):
            raise BadHeader("neither the magic, the algorithm nor the segment size may differ from PAO1's")
        return cls(Bytes32(object_id), Address(holder), plaintext, key_version)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """What an envelope carries: the content key and the salt of the plaintext commitment."""

    cek: bytes
    salt: bytes

    def __post_init__(self) -> None:
        if (len(self.cek), len(self.salt)) != (32, 32):
            raise Invalid("a content key and its salt have 32 bytes each")

    def __repr__(self) -> str:
        return "Secret(…)"

    def encode(self) -> bytes:
        """CEK ‖ salt, 64 bytes."""
        return self.cek + self.salt

    @classmethod
    def decode(cls, encoded: bytes) -> Secret:
        """The secret in the plaintext of an envelope."""
        return cls(encoded[:32], encoded[32:])


@record.dataclass(frozen=True, slots=True)
class Sealed:
    """What the manifest says of one sealed object beside its address."""

    header: Annotated[Header, record.via(record.octets(), Header.decode, Header.encode)]
    key_commitment: Annotated[KeyCommitment, record.octets(32)]
    plaintext_commitment: Annotated[PlaintextCommitment, record.octets(32)]


class SegmentTree:
    """The Merkle root over plaintext segments, one at a time, in memory of one branch.

    Source: RFC 6962 §2.1 (leaf prefix 0, node prefix 1) with SHA-256.
    """

    def __init__(self) -> None:
        self._branch: list[tuple[int, bytes]] = []  # (leaves below, hash), widths falling

    def add(self, segment: bytes) -> None:
        """The next segment is part of the root."""
        width, node = 1, hashlib.sha256(b"\0" + segment).digest()
        while self._branch and self._branch[-1][0] == width:
            node = hashlib.sha256(b"\1" + self._branch.pop()[1] + node).digest()
            width *= 2
        self._branch.append((width, node))

    def root(self) -> Bytes32:
        """The root over what was added; SHA-256 of nothing where nothing was."""
        if not self._branch:
            return Bytes32(hashlib.sha256(b"").digest())
        node = self._branch[-1][1]
        for _, left in reversed(self._branch[:-1]):
            node = hashlib.sha256(b"\1" + left + node).digest()
        return Bytes32(node)


def plaintext_commitment(segments: Iterable[bytes], salt: bytes) -> PlaintextCommitment:
    """What these segments are committed to under this salt."""
    tree = SegmentTree()
    for segment in segments:
        tree.add(segment)
    return salted(tree.root(), salt)


def salted(root: Bytes32, salt: bytes) -> PlaintextCommitment:
    """The commitment to a root of segments; without the salt it says nothing of the audio."""
    return PlaintextCommitment(hashlib.sha256(salt + root).digest())


def envelope_info(  # noqa: PLR0913 - nine words, all by name
    *,
    chain_id: int,
    contract: Address,
    object_id: Bytes32,
    cid_digest: Bytes32,
    key_version: int,
    license_id: LicenseId = ZERO32,
    licensee: Address = ZERO_ADDRESS,
    expiry: UnixSeconds | int = 0,
    purposes: int = 0,
) -> bytes:
    """The words an envelope is bound to: it opens for this licensee, license and object only.

    Args:
        contract: the DatasetRegistry.
        license_id: zero, as expiry and purposes, for the holder's and the gateway's own envelope.
        licensee: who opens it: the holder, the gateway or a licensee.
    """
    return abi_words(
        chain_id, contract, object_id, cid_digest, key_version, license_id, licensee, int(expiry), purposes
    )
