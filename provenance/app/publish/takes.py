"""Takes: one audio file is hashed, judged and sealed, its key kept."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from provenance.app.ports import AudioGate, AudioReport, Chain, Cipher, Content, Gateway, Keys, Progress, Random, Wallet
from provenance.app.publish.memory import Take
from provenance.app.publish.request import Refused, Source
from provenance.domain import fields, record
from provenance.domain.cid import Cid
from provenance.domain.manifest import Recording
from provenance.domain.sealed import Header, Sealed, Secret, envelope_info
from provenance.errors import Denied, Failed, Invalid
from provenance.types import Address, Bytes32

CHUNK_BYTES: Final = 1 << 20
IN_MEMORY_BYTES: Final = 8 << 20  # larger objects are sent from a file, so that memory stays bounded
ENVELOPE_KIND: Final = "provenance/envelope"


class SealedToAnother(Denied):
    """A key kept in this home opens for another of its accounts, which uploaded with it."""

    next = "Repeat with --account of the one named, or import its `account export` first."


@record.dataclass(frozen=True, slots=True)
class KeptKey:
    """The key of an object that a wallet of this home sealed, in an envelope to itself."""

    wallet: Address
    cid: Cid
    sealed: Annotated[Sealed, record.INLINE]
    envelope: bytes


@dataclass(frozen=True, slots=True)
class SealingPorts:
    """Where sealed objects and their keys go, and what makes them."""

    content: Content
    keys: Keys
    cipher: Cipher
    gate: AudioGate
    random: Random
    wallet: Wallet
    chain: Chain
    progress: Progress


def sha256_of(path: Path) -> Bytes32:
    """The digest of a file's bytes.

    Raises:
        Invalid: it cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return Bytes32(digest.digest())


def judged(heard: AudioReport, name: str, *, accept_review: bool) -> Refused | None:
    """Why a take stays out, if it does."""
    verdict = heard.quality.get("verdict")
    why = "; ".join(heard.reasons) or f"verdict {verdict}"
    if verdict == "reject":
        return Refused(name, "take-rejected", why)
    if verdict == "review" and not accept_review:
        return Refused(name, "take-needs-review", f"{why} (--accept-review takes it)")
    return None


def seal(source: Source, heard: AudioReport, sha256: Bytes32, holder: Address, sealing: SealingPorts) -> Take:
    """The file is sealed in the content store, and its key is kept for this wallet.

    Raises:
        Invalid: the file changed meanwhile.
    """
    stat = source.path.stat()
    header = Header(Bytes32(sealing.random.bytes(32)), holder, stat.st_size)
    secret = Secret(sealing.random.bytes(32), sealing.random.bytes(32))
    digest = hashlib.sha256()

    def plaintext() -> Iterator[bytes]:
        for chunk in _chunks(source.path):
            digest.update(chunk)
            sealing.progress.advance(len(chunk))
            yield chunk

    sealer = sealing.cipher.sealing(header, secret)
    cid = sealing.content.put_chunks(sealer.seal(plaintext()))
    if digest.digest() != sha256:
        raise Invalid(f"{source.name} changed while it was read", next="Leave the file alone and repeat the command.")
    keep_key(cid, sealer.sealed(), secret, sealing)
    recording = Recording(
        index=0,
        name=source.name,
        cid=cid,
        sealed=sealer.sealed(),
        duration_ms=heard.duration_ms,
        sample_rate=heard.sample_rate,
        channels=heard.channels,
        codec=heard.codec,
        quality=heard.quality,
    )
    return Take(str(source.path), stat.st_size, stat.st_mtime_ns, sha256, recording, heard.reasons, heard.marks)


def keep_key(cid: Cid, sealed: Sealed, secret: Secret, sealing: SealingPorts) -> None:
    """The object's key is on disk, sealed to this wallet."""
    wallet = sealing.wallet
    binding = info_for(sealing.chain, cid, sealed, wallet.signer.address)
    kept = KeptKey(wallet.signer.address, cid, sealed, sealing.cipher.envelope(wallet.encryption_key, secret, binding))
    sealing.keys.keep(sealed.header.object_id, record.encode(kept, ENVELOPE_KIND), sealed.header.key_version)


def kept_secret(cid: Cid, sealed: Sealed, *, keys: Keys, wallet: Wallet, chain: Chain) -> Secret:
    """The key of an object that this wallet sealed.

    Raises:
        Missing: its envelope is not in this home.
        Failed: the envelope on disk is of another object.
        SealedToAnother: another account of this home sealed it.
        Denied: it is sealed to a key that this account no longer has.
    """
    header = sealed.header
    kept = record.parse(KeptKey, keys.find(header.object_id, header.key_version), ENVELOPE_KIND)
    if (kept.sealed.header, kept.cid) != (header, cid):
        raise Failed(
            f"the key kept for object 0x{header.object_id.hex()} is of another version",
            next="Restore home/keys from `account export`.",
        )
    if kept.wallet != wallet.signer.address:
        raise SealedToAnother(
            f"the key kept of object 0x{header.object_id.hex()} opens for {fields.checksummed(kept.wallet)} alone, who uploaded it",
            reader=fields.shown(kept.wallet),
        )
    binding = info_for(chain, cid, sealed, wallet.signer.address)
    try:
        return Secret.decode(wallet.open_envelope(kept.envelope, binding))
    except Denied as error:
        raise type(error)(
            f"the kept key of object 0x{header.object_id.hex()} is sealed to a key that this account no longer has",
            next="Import its `account export`; if none is left, move `uploads` of `provenance config paths` away and "
            "upload again: the files are sealed anew.",
        ) from error


def send(cid: Cid, size: int, sealing: SealingPorts, gateway: Gateway) -> None:
    """The object is at the gateway; one that is there already is not sent again."""
    if size <= IN_MEMORY_BYTES:
        gateway.put_content(cid, sealing.content.get(cid))
    else:
        with tempfile.NamedTemporaryFile(prefix="provenance-") as file:
            for chunk in sealing.content.chunks(cid):
                file.write(chunk)
            file.flush()
            gateway.put_content(cid, Path(file.name))
    sealing.progress.advance(size)


def info_for(chain: Chain, cid: Cid, sealed: Sealed, reader: Address) -> bytes:
    """The words that bind the holder's or the gateway's own envelope: no license, no end."""
    deployment = chain.deployment
    return envelope_info(
        chain_id=deployment.chain_id,
        contract=deployment.contracts["DatasetRegistry"],
        object_id=sealed.header.object_id,
        cid_digest=cid.digest,
        key_version=sealed.header.key_version,
        licensee=reader,
    )


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
