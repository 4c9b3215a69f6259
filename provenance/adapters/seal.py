"""PAO1: how audio is encrypted, and how its key reaches exactly one reader.

PAO1: HKDF-SHA256 over the content key, salted with the header, gives the AES-256 key, the 7-byte
nonce prefix and the key commitment; AES-256-GCM in STREAM framing turns 65,520 bytes into 65,536.
Envelopes are HPKE (base mode, X25519, HKDF-SHA256, AES-256-GCM). Keys and salts are arguments; who
may have them is decided elsewhere.

Derivation: okm = HKDF(ikm = CEK, salt = sha256("PAO1" ‖ header), info = "PAO1", 71 bytes);
key = okm[:32], key commitment = okm[32:64], nonce prefix = okm[64:71].
Segment i: nonce = prefix ‖ i (4 bytes, big-endian) ‖ 1 if last else 0, no associated data.

Source: STREAM in Hoang, Reyhanitabar, Rogaway, Vizár 2015; RFC 5869; RFC 9180.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.adapters.content.unixfs import rechunk
from provenance.domain.sealed import (
    MAGIC,
    SEALED_SEGMENT_BYTES,
    SEGMENT_BYTES,
    Header,
    KeyCommitment,
    PlaintextDiffers,
    Sealed,
    Secret,
    SegmentTree,
    salted,
)
from provenance.errors import Denied, Failed, Invalid
from provenance.types import Bytes32

_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class WrongKey(Failed):
    """The content key is not the one committed to; nothing was decrypted."""

    next = "Open the lease again; if it persists, the gateway handed out another object's key."


class SegmentTampered(Failed):
    """A sealed segment was changed, moved or cut."""


class EnvelopeClosed(Denied):
    """The envelope is for another key, license or object."""

    next = "Open the lease with the account whose key the envelope was sealed to."


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    aead: AESGCM
    prefix: bytes
    commitment: KeyCommitment

    def nonce(self, index: int, header: Header) -> bytes:
        return self.prefix + index.to_bytes(4, "big") + bytes((index == header.segments - 1,))


def _derive(header: Header, cek: bytes) -> _Keys:
    salt = hashlib.sha256(MAGIC + header.encode()).digest()
    okm = HKDF(algorithm=hashes.SHA256(), length=71, salt=salt, info=MAGIC).derive(cek)
    return _Keys(AESGCM(okm[:32]), okm[64:], KeyCommitment(okm[32:64]))


class Sealer:
    """One plaintext on its way in: ciphertext first, commitments when it has all passed."""

    def __init__(self, header: Header, secret: Secret) -> None:
        self._header, self._salt = header, secret.salt
        self._keys = _derive(header, secret.cek)
        self._tree = SegmentTree()
        self._done = 0

    def seal(self, plaintext: Iterable[bytes]) -> Iterator[bytes]:
        """The sealed segments; memory is one segment.

        Raises:
            Invalid: the plaintext is not as long as the header says.
        """
        for index, segment in enumerate(_segments(plaintext, SEGMENT_BYTES)):
            self._done += len(segment)
            if self._done > self._header.plaintext_bytes:
                break
            self._tree.add(segment)
            yield self._keys.aead.encrypt(self._keys.nonce(index, self._header), segment, None)
        if self._done != self._header.plaintext_bytes:
            raise Invalid(
                f"the file changed while it was read: {self._done} bytes, {self._header.plaintext_bytes} expected",
                next="Leave the file alone and repeat the command.",
            )

    def sealed(self) -> Sealed:
        """What the manifest says of it; after `seal` was read to its end."""
        return Sealed(self._header, self._keys.commitment, salted(self._tree.root(), self._salt))


class Opener:
    """One sealed object and the secret that opens it; the key was checked before anything else.

    Raises:
        WrongKey: the key is not the one committed to.
    """

    def __init__(self, sealed: Sealed, secret: Secret) -> None:
        self._header, self._salt = sealed.header, secret.salt
        self._commitment = sealed.plaintext_commitment
        self._keys = _derive(sealed.header, secret.cek)
        if not hmac.compare_digest(self._keys.commitment, sealed.key_commitment):
            raise WrongKey("the content key is not the one this recording is committed to")

    def segment(self, index: int, ciphertext: bytes) -> bytes:
        """One segment alone, so that a reader may seek.

        Raises:
            SegmentTampered: it is not this object's segment number `index`.
        """
        if not 0 <= index < self._header.segments:
            raise SegmentTampered(f"segment {index} of {self._header.segments}", segment=index)
        try:
            return self._keys.aead.decrypt(self._keys.nonce(index, self._header), ciphertext, None)
        except InvalidTag as error:
            raise SegmentTampered(f"segment {index} was changed, moved or cut", segment=index) from error

    def open(self, ciphertext: Iterable[bytes]) -> Iterator[bytes]:
        """Every segment in order; the commitment is checked after the last.

        Raises:
            SegmentTampered: a segment was changed, moved, cut or added.
            PlaintextDiffers: every segment is authentic but not what was committed to.
        """
        tree, index = SegmentTree(), 0
        for index, segment in enumerate(_segments(ciphertext, SEALED_SEGMENT_BYTES), start=1):
            plain = self.segment(index - 1, segment)
            tree.add(plain)
            yield plain
        if index != self._header.segments:
            raise SegmentTampered(f"{index} segments of {self._header.segments}: it was cut", segment=index)
        if not hmac.compare_digest(salted(tree.root(), self._salt), self._commitment):
            raise PlaintextDiffers("the audio is not what the manifest commits to")


def _segments(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Pieces of `size`, at least one even where there is nothing."""
    empty = True
    for segment in rechunk(parts, size):
        empty = False
        yield segment
    if empty:
        yield b""


def seal_envelope(public_key: bytes, secret: Secret, info: bytes) -> bytes:
    """The secret for the owner of one X25519 key, bound to `sealed.envelope_info`.

    Raises:
        Invalid: no usable X25519 key.
    """
    try:
        return _SUITE.encrypt(secret.encode(), X25519PublicKey.from_public_bytes(public_key), info)
    except ValueError as error:
        raise Invalid("the reader's X25519 key is not usable", next="Publish a KeyBinding with a fresh key.") from error


def open_envelope(private_key: bytes, envelope: bytes, info: bytes) -> Secret:
    """The secret in an envelope.

    Raises:
        EnvelopeClosed: it is for another key, license, licensee, object or deployment.
    """
    try:
        plain = _SUITE.decrypt(envelope, X25519PrivateKey.from_private_bytes(private_key), info)
    except (InvalidTag, ValueError) as error:
        raise EnvelopeClosed("this envelope does not open with this key for this license and recording") from error
    return Secret.decode(plain)


def public_key(private_key: bytes) -> Bytes32:
    """The X25519 public key of 32 private bytes."""
    return Bytes32(X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw())


class Pao1:
    """The `Cipher` port, by the functions above."""

    def sealing(self, header: Header, secret: Secret) -> Sealer:
        """One plaintext on its way in."""
        return Sealer(header, secret)

    def opening(self, sealed: Sealed, secret: Secret) -> Opener:
        """One ciphertext on its way out; its key is checked."""
        return Opener(sealed, secret)

    def envelope(self, public_key: Bytes32, secret: Secret, info: bytes) -> bytes:
        """The secret for the owner of one X25519 key."""
        return seal_envelope(public_key, secret, info)
