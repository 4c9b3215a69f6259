"""The private part of a manifest, which the uploader seals for the holder and the gateway alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.app.publish import takes
from provenance.domain.private import Private
from provenance.errors import Denied, Missing

if TYPE_CHECKING:
    from provenance.app.publish.takes import SealingPorts
    from provenance.domain.manifest import Manifest

NOT_YOURS: Final = (
    "It is sealed for who uploaded it and the gateway alone; without --private all that is public is shown."
)


def private(manifest: Manifest, sealing: SealingPorts) -> Private:
    """The private part of a manifest, opened with the key in this home.

    Raises:
        Missing: it is a pool's, the key is not in this home, or the content nowhere.
        SealedToAnother: another account of this home uploaded it.
    """
    if manifest.private is None:
        raise Missing("a pool has no private part", next="`pool show` says all there is of a pool.")
    address, sealed = manifest.private.cid, manifest.private.sealed
    try:
        secret = takes.kept_secret(address, sealed, keys=sealing.keys, wallet=sealing.wallet, chain=sealing.chain)
    except takes.SealedToAnother:
        raise
    except (Missing, Denied) as error:
        if sealing.wallet.signer.address == manifest.holder:
            raise
        raise type(error)(error.detail, next=NOT_YOURS, **error.facts) from error
    return Private.parse(b"".join(sealing.cipher.opening(sealed, secret).open(sealing.content.chunks(address))))
