"""Access: how a licensee comes to read recordings, by a lease, its record on chain, the keys and the audio.

The gateway decides and so does the contract; both must allow. Every step is in the journal before the
next one, so that a command that was stopped goes on where it stopped. What may be read is
`domain.rules`; the license itself is `app.license`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app import license as licenses, offers, pool as pools
from provenance.app.leases import Lease, Leases
from provenance.app.ports import (
    Call,
    Chain,
    Cipher,
    Clock,
    Content,
    Gateway,
    Journal,
    Progress,
    Random,
    RecordingKey,
    Wallet,
)
from provenance.app.verdicts import contract_verdict
from provenance.domain import merkle, purposes, refusal, territories, typed
from provenance.domain.events import AccessRecorded
from provenance.domain.fields import shown
from provenance.domain.manifest import Recording, recording_id
from provenance.domain.messages import OPENED
from provenance.domain.rules.access import AccessRequest, evaluate
from provenance.domain.rules.reason import Reason
from provenance.domain.sealed import Secret, envelope_info
from provenance.errors import Conflict, Denied, Unavailable
from provenance.types import Address, Bytes32, DatasetId, Json, LicenseId, UnixSeconds

if TYPE_CHECKING:
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
    member: DatasetId | None = None
    """Under a pool's license, which dataset."""

    @classmethod
    def of(cls, license_id: LicenseId, purpose: str, territory: str, member: DatasetId | None = None) -> LicensedUse:
        """As the user names it: one purpose's code, one country's code."""
        return cls(license_id, purposes.single(purposes.mask([purpose])), territories.country(territory), member)


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
    dataset, member = pools.reading(license_, use.member, world.chain, world.content)
    wanted = chosen(dataset, names) if names else tuple(range(len(dataset.manifest.recordings)))
    leases, now = Leases(world.journal), world.clock.now()
    waiting = _resumed(world, leases, leases.unfinished(use.purpose, use.territory, now), license_, dataset)
    held, who = leases.open_indexes(use.purpose, use.territory, now), world.wallet.signer.address
    accepted = offers.accepted(world.chain, license_)

    def allowed(index: int) -> tuple[Reason, Bytes32]:
        return contract_verdict(world.chain, dataset, accepted, use.purpose, who, index, member=member)

    # a withdrawal counts at once, also for recordings whose key is here
    open_now = {i for i in wanted if i in held and allowed(i)[0] is Reason.ALLOWED}
    agreed = [lease for lease in waiting if all(allowed(i)[0] is Reason.ALLOWED for i in lease.recordings)]
    open_now |= {index for lease in agreed for index in lease.recordings}
    left, refused = [index for index in wanted if index not in open_now], list[dict[str, Json]]()
    for part in [left[start : start + OPENED] for start in range(0, len(left), OPENED)]:
        last = part[-1] == left[-1]  # one answer of all must open something
        fewest = len(part) if names else int(last and not open_now and not agreed)
        asked, denials = _asked(world, use, dataset, part, allowed, fewest=fewest)
        refused += denials
        if asked is not None:
            leases.opened(asked)
            agreed.append(asked)
    _record(world, leases, agreed, license_, dataset)
    denied = {row.get("recording") for row in refused}
    readable = tuple(index for index in wanted if index not in denied)
    return OpenedAccess(dataset, leases.readable(use.purpose, use.territory, now), readable, tuple(refused))


def preview(
    chain: Chain, content: Content, use: LicensedUse, who: Address, names: tuple[str, ...] = ()
) -> AccessPreview:
    """What `open_lease` would come to, of all recordings if none is named, by the gateway's rules.

    What only the gateway knows stays open: how much was made under the terms' caps, and arrears.

    Raises:
        Denied: named recordings, or all of them, would be refused; each with its reason.
    """
    license_ = licenses.find(chain, use.license_id)
    dataset, _ = pools.reading(license_, use.member, chain, content)
    wanted = chosen(dataset, names) if names else tuple(range(len(dataset.manifest.recordings)))
    state = pools.state(license_, dataset, use.member, chain, content)
    decisions = evaluate(state, AccessRequest(use.license_id, who, use.purpose, use.territory, wanted))
    error = refusal.refused(decisions)
    if error is not None and (names or not any(decision.allowed for decision in decisions)):
        raise error
    opened = tuple(index for index, decision in zip(wanted, decisions, strict=True) if decision.allowed)
    refused = tuple(decision.document() for decision in decisions if not decision.allowed)
    receipt = use.license_id  # any word: that of the lease is not known yet
    words = (license_.grant.dataset_id, use.license_id, use.purpose, len(opened), receipt)
    return AccessPreview(opened, refused, Call("DataAccess", "recordAccess", words))


def _asked(
    world: AccessWorld,
    use: LicensedUse,
    dataset: DatasetRecord,
    indexes: list[int],
    allowed: Callable[[int], tuple[Reason, Bytes32]],
    *,
    fewest: int,
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
        world.progress.phase("check with the contract")
        for index in lease.recordings:  # the contract allows what the gateway did, or nothing is put on record
            reason, culprit = allowed(index)
            if reason is not Reason.ALLOWED:
                facts: dict[str, Json] = {reason.about: shown(culprit), "recording": index}
                raise refusal.error(reason, f"the contract refuses recording {index}", **facts)
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
        member=use.member,
    )
    return Lease(answer.id, request, answer.access, answer.signature, indexes)


def _resumed(
    world: AccessWorld, leases: Leases, unfinished: Iterable[Lease], license_: LicenseRecord, dataset: DatasetRecord
) -> list[Lease]:
    """The keys of what is on record already are in the journal; what is not is the answer."""
    on_record = {access.receipt_hash for access in license_.accesses}
    waiting = []
    for lease in unfinished:
        if lease.receipt in on_record:
            with suppress(Denied):  # what was refused meanwhile is asked for again, and the answer says why
                _fetch_keys(world, leases, lease, license_, dataset)
        else:
            waiting.append(lease)
    return waiting


def _record(
    world: AccessWorld, leases: Leases, opened: list[Lease], license_: LicenseRecord, dataset: DatasetRecord
) -> None:
    """The leases are on chain, in one record however many they are, and their keys in the journal."""
    if not opened:
        return
    receipt = leases.bundled([lease.id for lease in opened])
    units, purpose = sum(len(lease.recordings) for lease in opened), opened[0].request.purpose
    words = (license_.grant.dataset_id, license_.id, purpose, units, receipt)
    mined = world.send(Call("DataAccess", "recordAccess", words), "record access")
    if not any(isinstance(log.event, AccessRecorded) for log in mined.logs):
        raise Conflict("the access is not on chain", next="Repeat the command.")
    for lease in opened:
        _fetch_keys(world, leases, leases.lease(lease.id), license_, dataset)


def _fetch_keys(
    world: AccessWorld, leases: Leases, lease: Lease, license_: LicenseRecord, dataset: DatasetRecord
) -> None:
    """The keys of a lease on chain are in the journal, each of them checked."""
    world.progress.phase("fetch the keys")
    envelopes = {key.index: key.envelope for key in _keys(world, lease)}
    if set(envelopes) != set(lease.recordings):
        raise Conflict("the gateway sent other keys than the lease names", next="Tell the gateway's operator.")
    for index in lease.recordings:
        recording = dataset.serving(index)
        world.cipher.opening(recording.sealed, secret_of(world, license_, recording, envelopes[index]))
    leases.released(lease.id, envelopes)


def _keys(world: AccessWorld, lease: Lease) -> tuple[RecordingKey, ...]:
    """The lease's envelopes, once the gateway has seen it on chain."""
    for _ in range(KEYS_TRIES):
        with suppress(Conflict, Unavailable):
            return world.gateway.envelopes(lease.id, lease.path)
        world.pause(KEYS_PAUSE_S)
    return world.gateway.envelopes(lease.id, lease.path)


def secret_of(world: AccessWorld, license_: LicenseRecord, recording: Recording, envelope: bytes) -> Secret:
    """The key in an envelope that came for this wallet."""
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
