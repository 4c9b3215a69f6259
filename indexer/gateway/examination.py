"""Examination of a sealed recording, as the gateway opens and hears it itself. Neither the audio nor its key touches a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.adapters import codec, seal
from provenance.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.adapters.codec import Examined
    from provenance.domain.sealed import Sealed, Secret

MOST_BYTES: Final = 1 << 30  # a take is held in memory while it is heard


def examine(ciphertext: Iterable[bytes], sealed: Sealed, secret: Secret) -> Examined:
    """The whole take went through the gate; every seal and the plaintext's commitment were checked.

    Raises:
        Invalid: what is sealed is no audio that can be decoded, or too much of it.
        Failed: the key or the ciphertext is not what the manifest commits to.
    """
    if sealed.header.plaintext_bytes > MOST_BYTES:
        raise Invalid(f"{sealed.header.plaintext_bytes} bytes of audio in one take; at most {MOST_BYTES} are heard")
    return codec.examine(b"".join(seal.Opener(sealed, secret).open(ciphertext)))
