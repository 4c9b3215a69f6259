"""What did the uploader seal for the holder and the gateway alone?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.app.publish import takes
from provenance.domain.private import Private

if TYPE_CHECKING:
    from provenance.app.publish.takes import Studio
    from provenance.domain.manifest import Manifest


def private(manifest: Manifest, studio: Studio) -> Private:
    """The private part of a manifest, opened with the key in this home.

    Raises:
        Missing: the key is not in this home, or the content nowhere.
        SealedToAnother: another account of this home uploaded it.
    """
    at, sealed = manifest.private.cid, manifest.private.sealed
    secret = takes.kept_secret(at, sealed, keys=studio.keys, wallet=studio.wallet, chain=studio.chain)
    opening = studio.cipher.opening(sealed, secret)
    return Private.parse(b"".join(opening.open(studio.content.chunks(at))))
