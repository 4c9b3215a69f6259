"""Objects that the product handles in pieces, handled whole: sealed, opened, listed, fetched."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from provenance.adapters.content.unixfs import LEAF_BYTES
from provenance.adapters.seal import Opener, Sealer
from provenance.domain.cid import BadCid, Cid, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.adapters.content.embedded import Embedded
    from provenance.app.ports import Gateway
    from provenance.domain.sealed import Header, Sealed, Secret


def seal(header: Header, secret: Secret, plaintext: bytes) -> tuple[bytes, Sealed]:
    """The whole ciphertext, and what the manifest says of it."""
    sealer = Sealer(header, secret)
    return b"".join(sealer.seal([plaintext])), sealer.sealed()


def unseal(sealed: Sealed, secret: Secret, ciphertext: bytes) -> bytes:
    """The whole plaintext; every check of `Opener`."""
    return b"".join(Opener(sealed, secret).open([ciphertext]))


def cids(store: Embedded) -> Iterator[Cid]:
    """Every object of a store, in no order."""
    for path in store._root.iterdir():
        with contextlib.suppress(BadCid):
            yield parse(path.name)


def fetch(gateway: Gateway, cid: Cid) -> bytes:
    """An object that the gateway serves, hashed and matched by its client."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        gateway.save_content(cid, path)
        return path.read_bytes()


def keystream(seed: bytes, size: int) -> Iterator[bytes]:
    """ChaCha20, key sha256(seed), zero nonce, counter 0, as the makers of Kubo's vectors describe it."""
    encryptor = Cipher(algorithms.ChaCha20(hashlib.sha256(seed).digest(), bytes(16)), None).encryptor()
    zeros = bytes(LEAF_BYTES)
    while size > 0:
        part = encryptor.update(zeros[: min(size, len(zeros))])
        size -= len(part)
        yield part
