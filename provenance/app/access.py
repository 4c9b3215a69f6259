"""Access: how a licensee comes to read recordings, by a lease, its record on chain, the keys and the audio.

The gateway decides and so does the contract; both must allow. Every step is in the journal before the
next one, so that a command that was stopped goes on where it stopped. What may be read is
`domain.rules`; the license itself is `app.license`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from provenance.app import license as licenses
from provenance.app.leases import Lease, Leases
from provenance.app.ports import (
    Call,
    Chain,
    Cipher,
    Clock,
    Content,
    Gateway,
    Journal,
    Opening,
    Progress,
    Random,
    RecordingKey,
    Wallet,
)
from provenance.domain import merkle, purposes, refusal, territories, typed
from provenance.domain.events import AccessRecorded
from provenance.domain.fields import shown
from provenance.domain.manifest import Recording, recording_id
from provenance.domain.rules.access import AccessRequest, DatasetState, evaluate
from provenance.domain.rules.reason import REASON_BY_NUMBER, Reason
from provenance.domain.sealed import SEGMENT_BYTES, Secret, envelope_info, plaintext_commitment
from provenance.errors import Conflict, Denied, Invalid, Unavailable
from provenance.types import Address, BlockNumber, Bytes32, Json, LicenseId, RecordingId, UnixSeconds

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.app.license import DatasetRecord, LicenseRecord, Send

REQUEST_S: Final = 600
BINDING_S: Final = 366 * 86_400
KEYS_TRIES: Final = 150
KEYS_PAUSE_S: Final = 0.2
ROUNDS: Final = 4  # how often the rest is asked for again, when it changes meanwhile


@dataclass(frozen=True, slots=True)
class AccessWorld:
    """What reading needs of the world."""

    chain: Chain
    content: Content
    gateway: Gateway
    wallet: Wallet
    cipher: Cipher
    journal: Journal
    clock: Clock
    random: Random
    progress: Progress
    send: Send
    pause: Callable[[float], None]
    """Waits so many seconds."""


@dataclass(frozen=True, slots=True)
class LicensedUse:
    """What the licensee wants: under which license, for which purpose, in which country."""

    license_id: LicenseId
    purpose: int
    territory: bytes

    @classmethod
    def of(cls, license_id: LicenseId, purpose: str, territory: str) -> LicensedUse:
        """As the user names it: one purpose's code, one country's code."""
        return cls(license_id, purposes.single(purposes.mask([purpose])), territories.country(territory))


@dataclass(frozen=True, slots=True)
class OpenedAccess:
    """Which recordings can be read now, and which were refused why."""

    dataset: DatasetRecord
    leases: tuple[Lease, ...]
    opened: tuple[int, ...]
    refused: tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class AccessPreview:
    """Which recordings would be opened, which refused why, and the transaction that would put the access on chain."""

    opened: tuple[int, ...]
    refused: tuple[dict[str, Json], ...]
    record: Call


@dataclass(frozen=True, slots=True)
class LicensedFile:
    """One recording on disk, and the id that usage names it by."""

    recording_id: RecordingId
    path: Path


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What is on disk now."""

    files: tuple[LicensedFile, ...]
    there_before: int
    """How many of the files were there before, whole."""
    refused: tuple[dict[str, Json], ...]


def chosen(dataset: DatasetRecord, names: Iterable[str]) -> tuple[int, ...]:
    """The indexes of recordings: each by its name as it is typed, else by its plain index, else by its id.

    Raises:
        UnknownRecording: the dataset has none of that name.
    """
    recordings, indexes = dataset.manifest.recordings, dict[int, None]()
    index_by_name = {shown(recording_id(dataset.id, recording.index)): recording.index for recording in recordings}
    index_by_name |= {str(recording.index): recording.index for recording in recordings}
    index_by_name |= {recording.name: recording.index for recording in recordings}
    for name in names:
        index = index_by_name.get(name, index_by_name.get(name.lower() if name[:2] in ("0x", "0X") else name))
        if index is None:
            detail = f"the dataset has no recording {name}"
            raise refusal.UnknownRecording(detail, recording=name, dataset=shown(dataset.id))
        indexes[index] = None
    return tuple(indexes)


def open_lease(world: AccessWorld, use: LicensedUse, names: tuple[str, ...] = ()) -> OpenedAccess:
    """The keys of the recordings are in the journal; without names, of all that may be read.

    Raises:
        Denied: named recordings, or all of them, are refused; each with its reason.
    """
    license_ = licenses.find(world.chain, use.license_id)
    dataset = licenses.dataset(world.chain, world.content, license_.grant.dataset_id)
    wanted = chosen(dataset, names) if names else tuple(range(len(dataset.manifest.recordings)))
    leases, now = Leases(world.journal), world.clock.now()
    for lease in leases.unfinished(use.purpose, use.territory, now):
        with suppress(Denied):  # what was refused meanwhile is asked for again, and the answer says why
            _finish(world, leases, lease, license_, dataset)
    held, who = leases.open_indexes(use.purpose, use.territory, now), world.wallet.signer.address
    # a withdrawal counts at once, also for recordings whose key is here
    open_now = {
        i for i in wanted if i in held and contract_verdict(world.chain, dataset, use, who, i)[0] is Reason.ALLOWED
    }
    left = [index for index in wanted if index not in open_now]
    refused: tuple[dict[str, Json], ...] = ()
    if left:
        asked, refused = _asked(world, use, dataset, left, fewest=len(left) if names else 0 if open_now else 1)
        if asked is not None:
            leases.opened(asked)
            _finish(world, leases, asked, license_, dataset)
    denied = {row.get("recording") for row in refused}
    readable = tuple(index for index in wanted if index not in denied)
    return OpenedAccess(dataset, leases.readable(use.purpose, use.territory, now), readable, refused)


def preview(
    chain: Chain, content: Content, use: LicensedUse, who: Address, names: tuple[str, ...] = ()
) -> AccessPreview:
    """What `open_lease` would come to, of all recordings if none is named, by the gateway's rules.

    What only the gateway knows stays open: how much was made under the terms' caps, and arrears.

    Raises:
        Denied: named recordings, or all of them, would be refused; each with its reason.
    """
    license_ = licenses.find(chain, use.license_id)
    dataset = licenses.dataset(chain, content, license_.grant.dataset_id)
    wanted = chosen(dataset, names) if names else tuple(range(len(dataset.manifest.recordings)))
    consents = dataset.manifest.consents_by_id(chain.deployment.domains.consent)
    ledger, final = licenses.facts(chain, dataset, use.license_id), chain.head(final=True).number
    state = DatasetState(ledger, dataset.manifest, dataset.terms, consents, chain.head(), final)
    decisions = evaluate(state, AccessRequest(use.license_id, who, use.purpose, use.territory, wanted))
    error = refusal.refused(decisions)
    if error is not None and (names or not any(decision.allowed for decision in decisions)):
        raise error
    opened = tuple(index for index, decision in zip(wanted, decisions, strict=True) if decision.allowed)
    refused = tuple(decision.document() for decision in decisions if not decision.allowed)
    receipt = use.license_id  # any word: that of the lease is not known yet
    words = (dataset.id, use.license_id, use.purpose, len(opened), receipt)
    return AccessPreview(opened, refused, Call("DataAccess", "recordAccess", words))


def download(world: AccessWorld, use: LicensedUse, out: Path, names: tuple[str, ...] = ()) -> Downloaded:
    """The recordings are files in `out`, byte for byte what was sealed; what is there already is left.

    Raises:
        Denied: as `open_lease`.
        Failed: the key or the audio is not what the manifest commits to; no such file is left behind.
    """
    opened = open_lease(world, use, names)
    license_ = licenses.find(world.chain, use.license_id)
    envelopes = {index: envelope for lease in opened.leases for index, envelope in lease.envelopes.items()}
    out.mkdir(parents=True, exist_ok=True)
    files, before = [], 0
    recordings = [opened.dataset.serving(index) for index in opened.opened]
    world.progress.phase("download", sum(recording.sealed.header.sealed_bytes for recording in recordings))
    for recording, path in places(recordings, out):
        secret = _secret(world, license_, recording, envelopes[recording.index])
        if _is_there(path, recording, secret):
            before += 1
        else:
            _fetch(world, recording, world.cipher.opening(recording.sealed, secret), path)
        files.append(LicensedFile(recording_id(opened.dataset.id, recording.index), path))
        world.progress.advance(recording.sealed.header.sealed_bytes)
    return Downloaded(tuple(files), before, opened.refused)


def contract_verdict(
    chain: Chain,
    dataset: DatasetRecord,
    use: LicensedUse,
    who: Address,
    index: int,
    *,
    block: BlockNumber | None = None,
) -> tuple[Reason, Bytes32]:
    """(reason, culprit) of `DataAccess.checkAccess` for one recording; ALLOWED and zero if it may be read."""
    number, culprit = cast("tuple[int, bytes]", chain.read(check_call(chain, dataset, use, who, index), at=block))
    return REASON_BY_NUMBER[number], Bytes32(culprit)


def check_call(chain: Chain, dataset: DatasetRecord, use: LicensedUse, who: Address, index: int) -> Call:
    """The question that `DataAccess.checkAccess` answers for one recording."""
    manifest, registered = dataset.manifest, dataset.registration
    recording, by_id = manifest.recordings[index], manifest.consents_by_id(chain.deployment.domains.consent)
    consents = [by_id[consent_id] for consent_id in sorted(recording.consent_ids)]
    parts = (registered.holder, registered.manifest_root, registered.terms_hash, recording.words())
    query = (use.license_id, who, use.purpose, *parts)
    path = manifest.tree().proof(recording.leaf())
    structs = tuple(tuple(getattr(c.consent, name) for name in c.consent.__slots__) for c in consents)
    return Call("DataAccess", "checkAccess", (query, path, structs, tuple(c.signature for c in consents)))


def _asked(
    world: AccessWorld, use: LicensedUse, dataset: DatasetRecord, indexes: list[int], *, fewest: int
) -> tuple[Lease | None, tuple[dict[str, Json], ...]]:
    """A lease of these recordings less those that are refused, if at least `fewest` are left; None for none."""
    refused: list[dict[str, Json]] = []
    for _ in range(ROUNDS):
        try:
            lease = _ask(world, use, dataset, tuple(indexes))
        except Denied as error:
            named = _named(error)
            left = [index for index in indexes if index not in {row["recording"] for row in named}]
            if len(left) < fewest or len(left) == len(indexes):
                raise
            refused, indexes = refused + named, left
            if not left:
                return None, tuple(refused)
            continue
        _agree(world, use, dataset, lease.recordings)
        return lease, tuple(refused)
    raise Conflict("the answer changes with every request", next="Repeat the command in a moment.")


def _named(error: Denied) -> list[dict[str, Json]]:
    """The refused recordings that an answer lists, each with its index and reason."""
    listed = error.facts.get("refused")
    if not isinstance(listed, list | tuple):
        return []
    return [dict(row) for row in listed if isinstance(row, Mapping) and isinstance(row.get("recording"), int)]


def _ask(world: AccessWorld, use: LicensedUse, dataset: DatasetRecord, indexes: tuple[int, ...]) -> Lease:
    """The gateway's answer to one signed request, for this wallet's encryption key; a later binding replaces it."""
    domain, signer, now = world.chain.deployment.domains.access, world.wallet.signer, world.clock.now()
    binding = typed.KeyBinding(signer.address, world.wallet.encryption_key, UnixSeconds(now + BINDING_S), now)
    request = typed.OpenAccess(
        license_id=use.license_id,
        recordings_root=merkle.root(merkle.leaf(recording_id(dataset.id, index)) for index in indexes),
        purpose=use.purpose,
        territory=use.territory,
        key_binding=typed.digest(domain, binding),
        nonce=int.from_bytes(world.random.bytes(16), "big"),
        deadline=UnixSeconds(now + REQUEST_S),
    )
    world.progress.phase("ask the gateway")
    answer = world.gateway.open_access(
        request,
        indexes,
        signature=signer.sign_typed(domain, request),
        binding=binding,
        binding_signature=signer.sign_typed(domain, binding),
    )
    return Lease(answer.id, request, answer.access, answer.signature, indexes)


def _agree(world: AccessWorld, use: LicensedUse, dataset: DatasetRecord, indexes: tuple[int, ...]) -> None:
    """The contract allows what the gateway did; nothing is put on record otherwise."""
    world.progress.phase("check with the contract")
    for index in indexes:
        reason, culprit = contract_verdict(world.chain, dataset, use, world.wallet.signer.address, index)
        if reason is not Reason.ALLOWED:
            facts: dict[str, Json] = {reason.about: shown(culprit), "recording": index}
            raise refusal.error(reason, f"the contract refuses recording {index}", **facts)


def _finish(world: AccessWorld, leases: Leases, lease: Lease, license_: LicenseRecord, dataset: DatasetRecord) -> None:
    """The lease is on chain and its keys are in the journal, each of them checked."""
    if not any(access.receipt_hash == lease.id for access in licenses.find(world.chain, license_.id).accesses):
        words = (dataset.id, license_.id, lease.request.purpose, len(lease.recordings), lease.id)
        mined = world.send(Call("DataAccess", "recordAccess", words), "record access")
        if not any(isinstance(log.event, AccessRecorded) for log in mined.logs):
            raise Conflict("the access is not on chain", next="Repeat the command.")
    world.progress.phase("fetch the keys")
    envelopes = {key.index: key.envelope for key in _keys(world, lease)}
    if set(envelopes) != set(lease.recordings):
        raise Conflict("the gateway sent other keys than the lease names", next="Tell the gateway's operator.")
    for index in lease.recordings:
        recording = dataset.serving(index)
        world.cipher.opening(recording.sealed, _secret(world, license_, recording, envelopes[index]))
    leases.released(lease.id, envelopes)


def _keys(world: AccessWorld, lease: Lease) -> tuple[RecordingKey, ...]:
    """The lease's envelopes, once the gateway has seen it on chain."""
    for _ in range(KEYS_TRIES):
        with suppress(Conflict, Unavailable):
            return world.gateway.envelopes(lease.id)
        world.pause(KEYS_PAUSE_S)
    return world.gateway.envelopes(lease.id)


def _secret(world: AccessWorld, license_: LicenseRecord, recording: Recording, envelope: bytes) -> Secret:
    deployment, header = world.chain.deployment, recording.sealed.header
    context = envelope_info(
        chain_id=deployment.chain_id,
        contract=deployment.contracts["DatasetRegistry"],
        object_id=header.object_id,
        cid_digest=recording.cid.digest,
        key_version=header.key_version,
        license_id=license_.id,
        licensee=license_.grant.licensee,
        expiry=license_.grant.expiry,
        purposes=license_.grant.purposes,
    )
    return Secret.decode(world.wallet.open_envelope(envelope, context))


def places(recordings: list[Recording], out: Path) -> Iterator[tuple[Recording, Path]]:
    """Where each recording goes, each under a name of its own: if one stands twice, all get their numbers in front."""
    names = [recording.name.replace("\\", "/").rpartition("/")[2] for recording in recordings]
    apart = len({name.casefold() for name in names}) == len(names)
    for recording, name in zip(recordings, names, strict=True):
        if name in ("", ".", "..") or name.startswith("."):
            raise Invalid(f"recording {recording.index} has a name that cannot be a file", recording=recording.index)
        yield recording, out / (name if apart else f"{recording.index + 1:04}-{name}")


def _is_there(path: Path, recording: Recording, secret: Secret) -> bool:
    """Whether the file holds exactly this recording."""
    try:
        if path.stat().st_size != recording.sealed.header.plaintext_bytes:
            return False
        with path.open("rb") as file:
            segments = iter(lambda: file.read(SEGMENT_BYTES), b"")
            return plaintext_commitment(segments, secret.salt) == recording.sealed.plaintext_commitment
    except FileNotFoundError:
        return False


def _fetch(world: AccessWorld, recording: Recording, opening: Opening, path: Path) -> None:
    """The recording is in the file: ciphertext matched to its address, then every segment to its key."""
    sealed, draft = path.with_name(f".{path.name}.sealed"), path.with_name(f".{path.name}.part")
    try:
        world.gateway.save_content(recording.cid, sealed)
        with sealed.open("rb") as source, draft.open("wb") as target:
            for segment in opening.open(iter(lambda: source.read(1 << 20), b"")):
                target.write(segment)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(path)
    finally:
        sealed.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
