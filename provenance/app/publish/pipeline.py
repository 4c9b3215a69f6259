"""Uploads, step by step: judge and seal, build, deposit, register; and again from where they stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app import payee
from provenance.app.consent import check_usable
from provenance.app.ports import AudioGate, Call, Chain, Gateway, Journal, Mined, Progress, SignedGateReport
from provenance.app.publish import build, takes
from provenance.app.publish.deposit import GATE_DUPLICATE, deposited
from provenance.app.publish.memory import Composed, Memory, Take
from provenance.app.publish.register import is_registered, register
from provenance.app.publish.request import NothingToRegister, Refused, Request, Source
from provenance.domain import fields, merkle, refusal, splits
from provenance.domain.manifest import Manifest, check_language
from provenance.domain.sealed import Header, Sealed, Secret
from provenance.errors import Invalid, ProvenanceError
from provenance.types import Address, Bytes32, ConsentId, DatasetId, Json, UnixSeconds

if TYPE_CHECKING:
    from provenance.app.publish.build import Cast
    from provenance.app.publish.ports import UploadPorts
    from provenance.app.publish.takes import SealingPorts
    from provenance.domain.cid import Cid
    from provenance.domain.recording import Recording

ALREADY: Final = "already-registered"


class TermsOver(Invalid):
    """Terms whose time has passed."""

    next = "Make new terms with a later notAfter: `terms new`."


class NotAMeter(Invalid):
    """The gateway may not anchor usage on this network."""

    code = "gateway-not-admitted"
    next = "Use a gateway that the network's owner admitted as a meter."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an upload came to."""

    dataset_id: DatasetId
    manifest_cid: Cid | None
    recordings: int
    refused: tuple[Refused, ...]
    already: tuple[Refused, ...]
    mined: Mined | None
    """None: it was registered before."""
    reports: tuple[SignedGateReport, ...] = ()


def upload(request: Request, ports: UploadPorts, now: UnixSeconds) -> Outcome:
    """The dataset is registered with every take that is good, or it is said why not.

    Raises:
        ConsentNeeded: voices without consent; the takes are sealed and wait.
        AuthorizationNeeded: another holder must sign first.
        NothingToRegister: no take is left.
    """
    gateway = _check(request, ports.sealing.chain, ports.gateway, now)
    memory = Memory.fold(ports.journal.entries())
    sealed, refused = _sealed(request, ports, memory)
    kept, already = _apart(sealed, ports)
    if not kept and already:
        dataset = ports.elsewhere[already[0].sha256]
        return Outcome(dataset, None, len(already), tuple(refused), _already(already, ports), None)
    chosen = _cast(request, kept, ports)
    while True:
        left = [take for take in kept if _stays(take, memory, request)]
        out = (*refused, *(_gate_refusal(take, memory) for take in kept if not _stays(take, memory, request)))
        if not left:
            raise _nothing_left(out, memory)
        listed = build.recordings(request, left, chosen, ports.sealing.chain.deployment.domains.consent)
        before = _before(request, listed, ports, memory)
        if before is not None:
            if before not in memory.registered:
                _remember(ports.journal, memory, _registered(request, left, *before))
            return Outcome(*before, len(left), out, _already(already, ports), None)
        cid, manifest = _manifest(request, left, listed, chosen, gateway, ports, memory, now)
        dataset = _dataset(manifest, cid, ports.sealing.chain)
        ports.agree(manifest)
        disputed = tuple(i for i, take in enumerate(left) if _duplicate(take, memory)) if request.dispute else ()
        reports = deposited(manifest, cid, ports, memory, request=request, dataset=dataset, disputed=disputed)
        if reports is not None:
            break
    mined = register(request, manifest, cid, dataset, ports)
    _remember(ports.journal, memory, _registered(request, left, dataset, cid))
    return Outcome(dataset, cid, len(left), out, _already(already, ports), mined, reports)


def foresee(
    request: Request, chain: Chain, gateway: Gateway, gate: AudioGate, progress: Progress, now: UnixSeconds
) -> tuple[int, int, tuple[Refused, ...]]:
    """Checked and judged as by `upload`, nothing is sealed or sent.

    Returns:
        How many recordings are good; of how many of these no consent given names the file, so that they wait for
        one (which recordings a consent lists is known only once they are sealed); what is refused and why.

    Raises:
        NothingToRegister: no file is good.
    """
    _check(request, chain, gateway, now)
    good: dict[Bytes32, bool] = {}
    refused: list[Refused] = []
    progress.phase("Judging")
    for source in request.sources:
        try:
            out = takes.judged(gate.examine(source.path), source.name, accept_review=request.accept_review)
            if out is None:
                named = request.kind != "voice" or any(given.names(source.name) for given in request.consents)
                good[takes.sha256_of(source.path)] = named
        except Invalid as error:
            out = _unfit(source, error)
        if out is not None:
            refused.append(out)
    if not good:
        raise _nothing_left(tuple(refused), Memory())
    return len(good), list(good.values()).count(False), tuple(refused)


def _unfit(source: Source, error: Invalid) -> Refused:
    return Refused(source.name, error.code, error.detail.removeprefix(f"{source.path.name}: "))


def _registered(request: Request, left: list[Take], dataset: DatasetId, cid: Cid) -> dict[str, Json]:
    return {
        "step": "registered",
        "datasetId": fields.shown(dataset),
        "cid": str(cid),
        "terms": fields.shown(request.terms.terms_hash),
        "holder": fields.shown(request.holder),
        "files": [fields.shown(take.sha256) for take in left],
    }


def _check(request: Request, chain: Chain, gateway: Gateway, now: UnixSeconds) -> Address:
    """Nothing that could be known now is found out later: splits, terms, consents, gateway."""
    shares = splits.check(request.splits)
    payee.check(chain.deployment, (request.holder, *(share.account for share in shares)), "splits")
    check_language(request.language)
    if request.terms.not_after < now:
        raise TermsOver(f"the terms ended at {fields.dated(request.terms.not_after)}", notAfter=request.terms.not_after)
    for given in request.consents:
        check_usable(given.consent, request.holder, chain, now)
    return meter(chain, gateway)


def meter(chain: Chain, gateway: Gateway) -> Address:
    """The gateway's wallet.

    Raises:
        NotAMeter: it may not anchor usage.
    """
    wallet = gateway.key().wallet
    if chain.read(Call("UsageLedger", "headOf", (wallet,)))[0] in (bytes(32), b"", 0):
        raise NotAMeter(f"{fields.checksummed(wallet)} is no meter of this network", gateway=fields.shown(wallet))
    return wallet


def _sealed(request: Request, ports: UploadPorts, memory: Memory) -> tuple[list[Take], list[Refused]]:
    """Every good file as a sealed take, in the order of their names; bad ones with the reason."""
    sealing = ports.sealing
    sealed: dict[Bytes32, Take] = {}
    refused: list[Refused] = []
    sealing.progress.phase("Judging and sealing", _work_bytes(request, memory))
    for source in request.sources:
        try:
            take = _take(source, request, ports, memory)
        except Invalid as error:
            refused.append(_unfit(source, error))
            sealing.progress.note(f"{source.name}: {refused[-1].reason}")
            continue
        if isinstance(take, Refused):
            refused.append(take)
            sealing.progress.note(f"{source.name}: {take.reason}")
        elif take.sha256 in sealed:
            sealing.progress.note(f"{source.name}: the same bytes as {sealed[take.sha256].recording.name}, taken once")
        else:
            sealed[take.sha256] = take
    return list(sealed.values()), refused


def _take(source: Source, request: Request, ports: UploadPorts, memory: Memory) -> Take | Refused:
    """One file, sealed now or before; or why it stays out."""
    sealing = ports.sealing
    try:
        stat = source.path.stat()
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}", path=str(source.path)) from error
    sha256 = memory.seen.get((str(source.path), stat.st_size, stat.st_mtime_ns))
    sha256 = sha256 or takes.sha256_of(source.path)
    known = memory.takes.get(sha256)
    if known is not None and sealing.content.has(known.recording.cid):
        heard = known.heard()
        return takes.judged(heard, source.name, accept_review=request.accept_review) or known
    heard = sealing.gate.examine(source.path)
    out = takes.judged(heard, source.name, accept_review=request.accept_review)
    if out is not None:
        sealing.progress.advance(stat.st_size)
        return out
    take = takes.seal(source, heard, sha256, request.holder, sealing)
    _remember(ports.journal, memory, take.entry())
    return take


def _work_bytes(request: Request, memory: Memory) -> int:
    """Bytes of the files that no earlier run has seen."""
    total = 0
    for source in request.sources:
        try:
            stat = source.path.stat()
        except OSError:
            continue
        if (str(source.path), stat.st_size, stat.st_mtime_ns) not in memory.seen:
            total += stat.st_size
    return total


def _apart(sealed: list[Take], ports: UploadPorts) -> tuple[list[Take], list[Take]]:
    """What is new, and what this holder registered before under the same terms."""
    already = [take for take in sealed if take.sha256 in ports.elsewhere]
    return [take for take in sealed if take.sha256 not in ports.elsewhere], already


def _already(kept: list[Take], ports: UploadPorts) -> tuple[Refused, ...]:
    return tuple(
        Refused(take.recording.name, ALREADY, f"registered in 0x{ports.elsewhere[take.sha256].hex()}") for take in kept
    )


def _cast(request: Request, kept: list[Take], ports: UploadPorts) -> Cast:
    """Which voices are heard where; stops where one has no consent."""
    chosen = build.cast(request, kept)
    if chosen.silent:
        file = ports.write("recordings.json", build.wanted(request, chosen.silent))
        raise build.consent_needed(request, chosen.silent, str(file))
    return chosen


def _stays(take: Take, memory: Memory, request: Request) -> bool:
    """Whether the gateway has not refused it, or the refusal is disputed."""
    refusal = memory.gate.get(take.object_id)
    return refusal is None or (request.dispute and refusal.code == GATE_DUPLICATE)


def _duplicate(take: Take, memory: Memory) -> bool:
    refusal = memory.gate.get(take.object_id)
    return refusal is not None and refusal.code == GATE_DUPLICATE


def _gate_refusal(take: Take, memory: Memory) -> Refused:
    refusal = memory.gate[take.object_id]
    return Refused(take.recording.name, refusal.code, refusal.reason)


def _before(
    request: Request, listed: tuple[Recording, ...], ports: UploadPorts, memory: Memory
) -> tuple[DatasetId, Cid] | None:
    """The dataset on chain that an earlier run made of these recordings under these terms, in whatever words."""
    root = merkle.root(recording.leaf() for recording in listed)
    for encoded in memory.manifests.values():
        manifest = Manifest.parse(encoded)
        if (manifest.root(), manifest.terms_hash) == (root, request.terms.terms_hash):
            cid = ports.sealing.content.put(encoded)
            dataset = _dataset(manifest, cid, ports.sealing.chain)
            if is_registered(dataset, ports.sealing.chain):
                return dataset, cid
    return None


def _manifest(
    request: Request,
    left: list[Take],
    listed: tuple[Recording, ...],
    chosen: Cast,
    gateway: Address,
    ports: UploadPorts,
    memory: Memory,
    now: UnixSeconds,
) -> tuple[Cid, Manifest]:
    """The manifest of these takes: the one of an earlier run, byte for byte, or a new one, stored and remembered.

    An earlier one whose private part is nowhere any more cannot be deposited, and is made anew.
    """
    sealing, content = ports.sealing, ports.sealing.content
    inputs = build.inputs_digest(request, left, chosen, gateway)
    if (known := memory.manifests.get(inputs)) is not None:
        composed = Manifest.parse(known)
        if composed.private and content.has(composed.private.cid):
            return content.put(known), composed
    domain, uploader = sealing.chain.deployment.domains.consent, sealing.wallet.signer.address
    private = build.private(request, left, chosen, domain=domain, uploader=uploader)
    manifest = build.manifest(
        request,
        listed,
        chosen,
        gateway=gateway,
        domain=domain,
        sealed_private=_seal_private(private.encode(), request.holder, sealing),
        now=now,
    )
    manifest.check(domain, approved=_trusted(manifest, ports))
    encoded = manifest.encode()
    _remember(ports.journal, memory, Composed.of(inputs, manifest).entry())
    return content.put(encoded), manifest


def _trusted(manifest: Manifest, ports: UploadPorts) -> frozenset[ConsentId]:
    """Every consent's signature was checked at the start, those of contract wallets on chain."""
    return frozenset(manifest.consents_by_id(ports.sealing.chain.deployment.domains.consent))


def _seal_private(plaintext: bytes, holder: Address, sealing: SealingPorts) -> tuple[Cid, Sealed]:
    header = Header(Bytes32(sealing.random.bytes(32)), holder, len(plaintext))
    secret = Secret(sealing.random.bytes(32), sealing.random.bytes(32))
    sealer = sealing.cipher.sealing(header, secret)
    cid = sealing.content.put_chunks(sealer.seal([plaintext]))
    takes.keep_key(cid, sealer.sealed(), secret, sealing)
    return cid, sealer.sealed()


def _nothing_left(out: tuple[Refused, ...], memory: Memory) -> ProvenanceError:
    """Why no take can be registered; a `Conflict` where others registered all of them before."""
    rows: list[Json] = [refused.row() for refused in out]
    earlier = [refused.dataset for refused in memory.gate.values() if refused.dataset is not None]
    if earlier and all(refused.code == GATE_DUPLICATE for refused in out):
        return refusal.DuplicateOf(
            f"another holder registered {fields.counted(len(out), 'recording')} before, in 0x{earlier[0].hex()}",
            dataset=fields.shown(earlier[0]),
            refused=rows,
        )
    first = f"; {out[0].name}: {out[0].reason}" if out else ""
    return NothingToRegister(f"of {fields.counted(len(out), 'recording')} none can be registered{first}", refused=rows)


def _remember(journal: Journal, memory: Memory, entry: dict[str, Json]) -> None:
    journal.append(entry)
    memory.add(entry)


def _dataset(manifest: Manifest, cid: Cid, chain: Chain) -> DatasetId:
    """The id that registering the manifest gives."""
    deployment = chain.deployment
    return manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"], cid.digest)
