"""Rotation: a recording is encrypted again, put on chain, and the gateway gets the new key.

The dataset, its licenses and consents stay: the plaintext and its salt, and with them the
commitment, are the same. Who held the old key may have kept the audio.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from provenance.app import dataset as datasets, license as licenses
from provenance.app.ports import Call, Chain, Content, Gateway, Mined
from provenance.app.publish import takes
from provenance.domain import record
from provenance.domain.refusal import UnknownRecording
from provenance.domain.sealed import Sealed, Secret
from provenance.errors import Failed, Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.app.publish.takes import SealingPorts
    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Recording
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
    dataset: DatasetId, index: int, sealing: SealingPorts, gateway: Gateway, transact: Callable[[Call, str], Mined]
) -> Rotated:
    """The recording is served under a new key only; repeated after a crash, it goes on where it stopped.

    Raises:
        NotHolder: the account does not hold the dataset.
        UnknownRecording: it has no recording of this number.
        Missing: the present key or ciphertext is nowhere to be found.
    """
    dataset_ = check(dataset, index, sealing.wallet.signer.address, sealing.chain, sealing.content)
    old = dataset_.serving(index)
    address, sealed = _prepared(old, sealing) or _sealed_again(old, sealing)
    size = sealed.header.sealed_bytes
    sealing.progress.phase("Storing at the gateway", size)
    takes.send(address, size, sealing, gateway)
    words = (dataset, index, address.digest, bytes(sealed.key_commitment), sealed.header.key_version)
    mined = transact(Call("DatasetRegistry", "rotate", words), TITLE)
    sealing.progress.phase("Depositing", 0)
    key = gateway.key()
    secret = takes.kept_secret(address, sealed, keys=sealing.keys, wallet=sealing.wallet, chain=sealing.chain)
    binding = takes.info_for(sealing.chain, address, sealed, key.wallet)
    envelope = sealing.cipher.envelope(key.binding.encryption_key, secret, binding)
    gateway.deposit(dataset_.manifest.encode(), {sealed.header.object_id: envelope})
    sealing.content.remove(old.cid)
    return Rotated(index, address, sealed.header.key_version, mined)


def check(dataset: DatasetId, index: int, holder: Address, chain: Chain, content: Content) -> licenses.DatasetRecord:
    """The dataset, which this account holds and which has a recording of this number, or as `rotate` raises."""
    datasets.held(dataset, holder, chain)
    dataset_ = licenses.dataset(chain, content, dataset)
    if not 0 <= index < len(dataset_.manifest.recordings):
        raise UnknownRecording(f"the dataset has no recording {index}", recording=index)
    return dataset_


def _prepared(old: Recording, sealing: SealingPorts) -> tuple[Cid, Sealed] | None:
    """What an earlier run sealed for the next version, if it did not get on chain."""
    header = replace(old.sealed.header, key_version=old.sealed.header.key_version + 1)
    try:
        document = sealing.keys.find(header.object_id, header.key_version)
    except Missing:
        return None
    kept = record.parse(takes.KeptKey, document, takes.ENVELOPE_KIND)
    if kept.sealed.header != header or not sealing.content.has(kept.cid):
        return None
    return kept.cid, replace(old.sealed, header=header, key_commitment=kept.sealed.key_commitment)


def _sealed_again(old: Recording, sealing: SealingPorts) -> tuple[Cid, Sealed]:
    """The same plaintext under a new key, its key kept."""
    was = takes.kept_secret(old.cid, old.sealed, keys=sealing.keys, wallet=sealing.wallet, chain=sealing.chain)
    header = replace(old.sealed.header, key_version=old.sealed.header.key_version + 1)
    secret = Secret(sealing.random.bytes(32), was.salt)
    sealing.progress.phase("Encrypting again", header.plaintext_bytes)
    opening, sealer = sealing.cipher.opening(old.sealed, was), sealing.cipher.sealing(header, secret)
    address = sealing.content.put_chunks(sealer.seal(opening.open(sealing.content.chunks(old.cid))))
    sealed = sealer.sealed()
    if sealed.plaintext_commitment != old.sealed.plaintext_commitment:
        raise Failed("the audio is not what the manifest commits to", recording=old.index)
    takes.keep_key(address, sealed, secret, sealing)
    return address, sealed
