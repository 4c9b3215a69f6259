"""How does a licensee come to read recordings: a lease, its record on chain, the keys, the audio?

The gateway decides and so does the contract; both must allow. Every step is in the journal before the
next one, so that a command that was stopped goes on where it stopped. What may be read is
`domain.rules`; the license itself is `app.license`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from provenance.app import license as licenses
from provenance.app.leases import Lease, Leases
from provenance.app.ports import Call
from provenance.domain import merkle, purposes, refusal, territories, typed
from provenance.domain.events import AccessRecorded
from provenance.domain.fields import shown
from provenance.domain.manifest import recording_id
from provenance.domain.rules.reason import REASON_BY_NUMBER, Reason
from provenance.domain.sealed import SEGMENT_BYTES, Secret, envelope_info, plaintext_commitment
from provenance.errors import Conflict, Denied, Invalid, Unavailable
from provenance.types import Bytes32, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from provenance.app.license import Dataset, License, Send
    from provenance.app.ports import (
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
        SignedAccess,
        Wallet,
    )
    from provenance.domain.manifest import Recording
    from provenance.domain.typed import KeyBinding
    from provenance.types import Address, BlockNumber, Json, LicenseId, RecordingId

REQUEST_S: Final = 600
BINDING_S: Final = 366 * 86_400
KEYS_TRIES: Final = 150
KEYS_PAUSE_S: Final = 0.2
ROUNDS: Final = 4  # how often the rest is asked for again, when it changes meanwhile


@dataclass(frozen=True, slots=True)
class World:
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
class Use:
    """What the licensee wants: under which license, for which purpose, in which country."""

    license_id: LicenseId
    purpose: int
    territory: bytes

    @classmethod
    def of(cls, license_id: LicenseId, purpose: str, territory: str) -> Use:
        """As the user names it: one purpose's code, one country's code."""
        return cls(license_id, purposes.single(purposes.mask([purpose])), territories.country(territory))


@dataclass(frozen=True, slots=True)
class Opened:
    """Which recordings can be read now, and which were refused why."""

    dataset: Dataset
    leases: tuple[Lease, ...]
    opened: tuple[int, ...]
    refused: tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Licensed:
    """One recording on disk, and the id that usage names it by."""

    recording_id: RecordingId
    path: Path


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What is on disk now."""

    files: tuple[Licensed, ...]
    there_before: int
    """How many of the files were there before, whole."""
    refused: tuple[dict[str, Json], ...]


def chosen(of: Dataset, names: Iterable[str]) -> tuple[int, ...]:
    """The indexes of recordings by number, name or id.

    Raises:
        UnknownRecording: the dataset has none of that name.
    """
    by_name = {one.name: one.index for one in of.manifest.recordings}
    by_id = {shown(recording_id(of.id, one.index)): one.index for one in of.manifest.recordings}
    found: dict[int, None] = {}
    for name in names:
        index = by_name.get(name, by_id.get(name.lower()))
        if index is None and name.isascii() and name.isdigit() and int(name) < len(of.manifest.recordings):
            index = int(name)
        if index is None:
            raise refusal.UnknownRecording(f"the dataset has no recording {name}", recording=name, dataset=shown(of.id))
        found[index] = None
    return tuple(found)


def open_lease(world: World, use: Use, names: tuple[str, ...] = ()) -> Opened:
    """The keys of the recordings are in the journal; without names, of all that may be read.

    Raises:
        Denied: named recordings, or all of them, are refused; each with its reason.
    """
    license_ = licenses.find(world.chain, use.license_id)
    of = licenses.dataset(world.chain, world.content, license_.grant.dataset_id)
    wanted = chosen(of, names) if names else tuple(one.index for one in of.manifest.recordings)
    leases, now = Leases(world.journal), world.clock.now()
    for lease in leases.unfinished(use.purpose, use.territory, now):
        with suppress(Denied):  # what was refused meanwhile is asked for again, and the answer says why
            _finish(world, leases, lease, license_, of)
    held = leases.open_indexes(use.purpose, use.territory, now)
    who = world.wallet.signer.address  # a withdrawal counts at once, also for recordings whose key is here
    open_now = {i for i in wanted if i in held and contract_verdict(world.chain, of, use, who, i)[0] is Reason.ALLOWED}
    left = [index for index in wanted if index not in open_now]
    refused: tuple[dict[str, Json], ...] = ()
    if left:
        asked, refused = _asked(world, use, of, left, fewest=len(left) if names else 0 if open_now else 1)
        if asked is not None:
            leases.opened(asked)
            _finish(world, leases, asked, license_, of)
    denied = {one.get("recording") for one in refused}
    readable = tuple(index for index in wanted if index not in denied)
    return Opened(of, leases.readable(use.purpose, use.territory, now), readable, refused)


def download(world: World, use: Use, out: Path, names: tuple[str, ...] = ()) -> Downloaded:
    """The recordings are files in `out`, byte for byte what was sealed; what is there already is left.

    Raises:
        Denied: as `open_lease`.
        Failed: the key or the audio is not what the manifest commits to; no such file is left behind.
    """
    opened = open_lease(world, use, names)
    license_ = licenses.find(world.chain, use.license_id)
    envelopes = {index: one for lease in opened.leases for index, one in lease.envelopes.items()}
    out.mkdir(parents=True, exist_ok=True)
    files, before = [], 0
    recordings = [opened.dataset.serving(index) for index in opened.opened]
    world.progress.phase("download", sum(one.sealed.header.sealed_bytes for one in recordings))
    for one, path in places(recordings, out):
        secret = _secret(world, license_, one, envelopes[one.index])
        if _is_there(path, one, secret):
            before += 1
        else:
            _fetch(world, one, world.cipher.opening(one.sealed, secret), path)
        files.append(Licensed(recording_id(opened.dataset.id, one.index), path))
        world.progress.advance(one.sealed.header.sealed_bytes)
    return Downloaded(tuple(files), before, opened.refused)


def contract_verdict(
    chain: Chain, of: Dataset, use: Use, who: Address, index: int, *, at: BlockNumber | None = None
) -> tuple[Reason, Bytes32]:
    """(reason, culprit) of `DataAccess.checkAccess` for one recording; ALLOWED and zero if it may be read."""
    number, culprit = cast("tuple[int, bytes]", chain.read(check_call(chain, of, use, who, index), at=at))
    return REASON_BY_NUMBER[number], Bytes32(culprit)


def check_call(chain: Chain, of: Dataset, use: Use, who: Address, index: int) -> Call:
    """The question that `DataAccess.checkAccess` answers for one recording."""
    one, by_id = of.manifest.recordings[index], of.manifest.consents_by_id(chain.deployment.domains.consent)
    consents = [by_id[consent_id] for consent_id in sorted(one.consent_ids)]
    registered = of.registration
    parts = (registered.holder, registered.manifest_root, registered.terms_hash, one.words())
    query = (use.license_id, who, use.purpose, *parts)
    path = of.manifest.tree().proof(one.leaf())
    structs = tuple(tuple(getattr(c.consent, name) for name in c.consent.__slots__) for c in consents)
    return Call("DataAccess", "checkAccess", (query, path, structs, tuple(c.signature for c in consents)))


def _asked(
    world: World, use: Use, of: Dataset, indexes: list[int], *, fewest: int
) -> tuple[Lease | None, tuple[dict[str, Json], ...]]:
    """A lease of these recordings less those that are refused, if at least `fewest` are left; None for none."""
    refused: list[dict[str, Json]] = []
    binding = _binding(world)
    for _ in range(ROUNDS):
        try:
            lease = _ask(world, use, of, binding, tuple(indexes))
        except Denied as error:
            named = _named(error)
            left = [index for index in indexes if index not in {one["recording"] for one in named}]
            if len(left) < fewest or len(left) == len(indexes):
                raise
            refused, indexes = refused + named, left
            if not left:
                return None, tuple(refused)
            continue
        _agree(world, use, of, lease.recordings)
        return lease, tuple(refused)
    raise Conflict("the answer changes with every request", next="Repeat the command in a moment.")


def _named(error: Denied) -> list[dict[str, Json]]:
    """The refused recordings that an answer lists, each with its index and reason."""
    listed = error.facts.get("refused")
    if not isinstance(listed, list | tuple):
        return []
    return [dict(one) for one in listed if isinstance(one, Mapping) and isinstance(one.get("recording"), int)]


def _ask(world: World, use: Use, of: Dataset, binding: tuple[KeyBinding, bytes], indexes: tuple[int, ...]) -> Lease:
    """The gateway's answer to one signed request."""
    domain, signer = world.chain.deployment.domains.access, world.wallet.signer
    request = typed.OpenAccess(
        license_id=use.license_id,
        recordings_root=merkle.root(merkle.leaf(recording_id(of.id, index)) for index in indexes),
        purpose=use.purpose,
        territory=use.territory,
        key_binding=typed.digest(domain, binding[0]),
        nonce=int.from_bytes(world.random.bytes(16), "big"),
        deadline=UnixSeconds(world.clock.now() + REQUEST_S),
    )
    world.progress.phase("ask the gateway")
    answer: SignedAccess = world.gateway.open_access(
        request,
        indexes,
        signature=signer.sign_typed(domain, request),
        binding=binding[0],
        binding_signature=binding[1],
    )
    return Lease(answer.id, request, answer.access, answer.signature, indexes)


def _agree(world: World, use: Use, of: Dataset, indexes: tuple[int, ...]) -> None:
    """The contract allows what the gateway did; nothing is put on record otherwise."""
    world.progress.phase("check with the contract")
    for index in indexes:
        reason, culprit = contract_verdict(world.chain, of, use, world.wallet.signer.address, index)
        if reason is not Reason.ALLOWED:
            facts: dict[str, Json] = {reason.about: shown(culprit), "recording": index}
            raise refusal.error(reason, f"the contract refuses recording {index}", **facts)


def _finish(world: World, leases: Leases, lease: Lease, license_: License, of: Dataset) -> None:
    """The lease is on chain and its keys are in the journal, each of them checked."""
    if not any(one.receipt_hash == lease.id for one in licenses.find(world.chain, license_.id).accesses):
        words = (of.id, license_.id, lease.request.purpose, len(lease.recordings), lease.id)
        mined = world.send(Call("DataAccess", "recordAccess", words), "record access")
        if not any(isinstance(one.event, AccessRecorded) for one in mined.logs):
            raise Conflict("the access is not on chain", next="Repeat the command.")
    world.progress.phase("fetch the keys")
    envelopes = {one.index: one.envelope for one in _keys(world, lease)}
    if set(envelopes) != set(lease.recordings):
        raise Conflict("the gateway sent other keys than the lease names", next="Tell the gateway's operator.")
    for index in lease.recordings:
        one = of.serving(index)
        world.cipher.opening(one.sealed, _secret(world, license_, one, envelopes[index]))
    leases.released(lease.id, envelopes)


def _keys(world: World, lease: Lease) -> tuple[RecordingKey, ...]:
    """The lease's envelopes, once the gateway has seen it on chain."""
    for _ in range(KEYS_TRIES):
        try:
            return world.gateway.envelopes(lease.id)
        except (Conflict, Unavailable):
            world.pause(KEYS_PAUSE_S)
    return world.gateway.envelopes(lease.id)


def _secret(world: World, license_: License, one: Recording, envelope: bytes) -> Secret:
    deployment, header = world.chain.deployment, one.sealed.header
    info = envelope_info(
        chain_id=deployment.chain_id,
        contract=deployment.contracts["DatasetRegistry"],
        object_id=header.object_id,
        cid_digest=one.cid.digest,
        key_version=header.key_version,
        license_id=license_.id,
        licensee=license_.grant.licensee,
        expiry=license_.grant.expiry,
        purposes=license_.grant.purposes,
    )
    return Secret.decode(world.wallet.open_envelope(envelope, info))


def _binding(world: World) -> tuple[KeyBinding, bytes]:
    """This wallet's encryption key, bound to it; a later binding replaces it."""
    now, signer = world.clock.now(), world.wallet.signer
    made = typed.KeyBinding(signer.address, world.wallet.encryption_key, UnixSeconds(now + BINDING_S), now)
    return made, signer.sign_typed(world.chain.deployment.domains.access, made)


def places(recordings: list[Recording], out: Path) -> Iterator[tuple[Recording, Path]]:
    """Where each recording goes, each under a name of its own: if one stands twice, all get their numbers in front."""
    names = [one.name.replace("\\", "/").rpartition("/")[2] for one in recordings]
    apart = len({name.casefold() for name in names}) == len(names)
    for one, name in zip(recordings, names, strict=True):
        if name in ("", ".", "..") or name.startswith("."):
            raise Invalid(f"recording {one.index} has a name that cannot be a file", recording=one.index)
        yield one, out / (name if apart else f"{one.index + 1:04}-{name}")


def _is_there(path: Path, one: Recording, secret: Secret) -> bool:
    """Whether the file holds exactly this recording."""
    try:
        if path.stat().st_size != one.sealed.header.plaintext_bytes:
            return False
        with path.open("rb") as file:
            segments = iter(lambda: file.read(SEGMENT_BYTES), b"")
            return plaintext_commitment(segments, secret.salt) == one.sealed.plaintext_commitment
    except FileNotFoundError:
        return False


def _fetch(world: World, one: Recording, opening: Opening, path: Path) -> None:
    """The recording is in the file: ciphertext matched to its address, then every segment to its key."""
    sealed, draft = path.with_name(f".{path.name}.sealed"), path.with_name(f".{path.name}.part")
    try:
        world.gateway.save_content(one.cid, sealed)
        with sealed.open("rb") as source, draft.open("wb") as target:
            for segment in opening.open(iter(lambda: source.read(1 << 20), b"")):
                target.write(segment)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(path)
    finally:
        sealed.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
