"""How does a holder take a recording's key out of use? Encrypt again, put on chain, hand the gateway the new key.

The dataset, its licenses and consents stay: the plaintext and its salt, and with them the
commitment, are the same. Who held the old key may have kept the audio.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from provenance.app import dataset as datasets
from provenance.app import license as licenses
from provenance.app.ports import Call
from provenance.app.publish import takes
from provenance.domain import record
from provenance.domain.refusal import UnknownRecording
from provenance.domain.sealed import Secret
from provenance.errors import Failed, Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.app.ports import Chain, Content, Gateway, Mined
    from provenance.app.publish.takes import Studio
    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Recording
    from provenance.domain.sealed import Sealed
    from provenance.types import Address, DatasetId

TITLE: Final = "rotate recording"


@dataclass(frozen=True, slots=True)
class Rotated:
    """A recording under its new address and key."""

    index: int
    cid: Cid
    key_version: int
    mined: Mined


def rotate(
    dataset: DatasetId, index: int, studio: Studio, gateway: Gateway, transact: Callable[[Call, str], Mined]
) -> Rotated:
    """The recording is served under a new key only; repeated after a crash, it goes on where it stopped.

    Raises:
        NotHolder: the account does not hold the dataset.
        UnknownRecording: it has no recording of this number.
        Missing: the present key or ciphertext is nowhere to be found.
    """
    of = check(dataset, index, studio.wallet.signer.address, studio.chain, studio.content)
    old = of.serving(index)
    at, sealed = _prepared(old, studio) or _sealed_again(old, studio)
    size = sealed.header.sealed_bytes
    studio.progress.phase("Storing at the gateway", size)
    takes.send(at, size, studio, gateway)
    words = (dataset, index, at.digest, bytes(sealed.key_commitment), sealed.header.key_version)
    mined = transact(Call("DatasetRegistry", "rotate", words), TITLE)
    studio.progress.phase("Depositing", 0)
    key = gateway.key()
    secret = takes.kept_secret(at, sealed, keys=studio.keys, wallet=studio.wallet, chain=studio.chain)
    info = takes.info_for(studio.chain, at, sealed, key.wallet)
    envelope = studio.cipher.envelope(key.binding.encryption_key, secret, info)
    gateway.deposit(of.manifest.encode(), {sealed.header.object_id: envelope})
    studio.content.remove(old.cid)
    return Rotated(index, at, sealed.header.key_version, mined)


def check(dataset: DatasetId, index: int, holder: Address, chain: Chain, content: Content) -> licenses.DatasetRecord:
    """The dataset, which this account holds and which has a recording of this number, or as `rotate` raises."""
    datasets.held(dataset, holder, chain)
    of = licenses.dataset(chain, content, dataset)
    if not 0 <= index < len(of.manifest.recordings):
        raise UnknownRecording(f"the dataset has no recording {index}", recording=index)
    return of


def _prepared(old: Recording, studio: Studio) -> tuple[Cid, Sealed] | None:
    """What an earlier run sealed for the next version, if it did not get on chain."""
    header = replace(old.sealed.header, key_version=old.sealed.header.key_version + 1)
    try:
        data = studio.keys.find(header.object_id, header.key_version)
    except Missing:
        return None
    kept = record.parse(takes.KeptKey, data, takes.ENVELOPE_KIND)
    if kept.sealed.header != header or not studio.content.has(kept.cid):
        return None
    return kept.cid, replace(old.sealed, header=header, key_commitment=kept.sealed.key_commitment)


def _sealed_again(old: Recording, studio: Studio) -> tuple[Cid, Sealed]:
    """The same plaintext under a new key, its key kept."""
    was = takes.kept_secret(old.cid, old.sealed, keys=studio.keys, wallet=studio.wallet, chain=studio.chain)
    header = replace(old.sealed.header, key_version=old.sealed.header.key_version + 1)
    secret = Secret(studio.random.bytes(32), was.salt)
    studio.progress.phase("Encrypting again", header.plaintext_bytes)
    opening, sealing = studio.cipher.opening(old.sealed, was), studio.cipher.sealing(header, secret)
    at = studio.content.put_chunks(sealing.seal(opening.open(studio.content.chunks(old.cid))))
    sealed = sealing.sealed()
    if sealed.plaintext_commitment != old.sealed.plaintext_commitment:
        raise Failed("the audio is not what the manifest commits to", recording=old.index)
    takes.keep_key(at, sealed, secret, studio)
    return at, sealed
