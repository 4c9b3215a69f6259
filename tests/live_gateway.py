"""A gateway over HTTP beside a real chain: its mirror follows, its clients are wallets."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import uvicorn

from indexer.follow import Follower
from indexer.gateway import GatewayNode
from indexer.http import create_app
from indexer.rpc.node import HttpNode
from indexer.rpc.source import ChainSource
from indexer.store.database import open_database
from indexer.store.mirror import ChainMirror
from indexer.store.opened import stores
from provenance.adapters import codec, seal
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.keys.keystore import KeystoreWallet, SystemRandom
from provenance.adapters.remote import HttpGateway
from provenance.app.ports import Call
from provenance.domain import canonical, cid, fields, typed
from provenance.domain.cid import Cid
from provenance.domain.consent import Scope, SignedConsent
from provenance.domain.manifest import Manifest, Recording, SealedObject, recording_id
from provenance.domain.merkle import leaf, root
from provenance.domain.offer import SignedOffer, license_id
from provenance.domain.sealed import Header, Secret, envelope_info
from provenance.domain.splits import Split
from provenance.domain.terms import Terms
from provenance.domain.territories import territories_hash
from provenance.types import ZERO_ADDRESS, Address, Bps, Bytes32, UnixMs, UnixSeconds, Wei
from tests import audio, documents, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.types import DatasetId, LicenseId
    from tests.anvil import World

RATE = 8_000
FOR_EVER = UnixSeconds((1 << 40) - 1)


class ChainClock:
    """The chain's own time: what the devnet's lead makes of the host's."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> UnixSeconds:
        return self._world.chain.head().time

    def now_ms(self) -> UnixMs:
        return UnixMs(self.now() * 1_000)


def speech(seed: int, seconds: float = 2.0) -> bytes:
    """A wav file of something like speech, different for each seed."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    out = rng.normal(0, 10 ** (-75 / 20), count)
    at = int(0.1 * RATE)
    while at < count:
        length = int(rng.uniform(0.15, 0.5) * RATE)
        t = np.arange(min(length, count - at)) / RATE
        pitch = rng.uniform(90, 220)
        voice = sum(np.sin(2 * np.pi * pitch * k * t * (1 + 0.02 * t)) / k for k in range(1, 9))
        out[at : at + len(t)] += 0.2 * rng.uniform(0.4, 1.0) * voice * np.sin(np.pi * np.arange(len(t)) / length)
        at += length + int(rng.uniform(0.05, 0.35) * RATE)
    return wav(out)


def wav(samples: np.ndarray) -> bytes:
    scaled = np.clip(np.rint(samples[:, None] * 2**31), -(2**31), 2**31 - 1).astype(np.int32)
    return audio.encode_wav(scaled, RATE)


@dataclass
class Package:
    """A manifest with all that it names, before it is deposited."""

    manifest: Manifest
    terms: Terms
    objects: dict[Cid, bytes]
    secrets: dict[Bytes32, Secret]
    plain: list[bytes]

    def but(self, **changes: object) -> Package:
        return replace(self, manifest=replace(self.manifest, **changes))  # type: ignore[arg-type]


@dataclass
class LiveGateway:
    """One running gateway and who uses it."""

    world: World
    node: GatewayNode
    url: str
    follower: Follower
    wallets: dict[str, KeystoreWallet]
    follows: threading.Event = field(default_factory=threading.Event)
    _nonce: int = 0

    def client(self, name: str | None = None) -> HttpGateway:
        signer = self.wallets[name].signer if name else None
        return HttpGateway(self.url, self.node.deployment, self.node.clock, SystemRandom(), signer)

    def nonce(self) -> int:
        self._nonce += 1
        return self._nonce

    def send(self, name: str, contract: str, function: str, *args: object) -> object:
        return self.world.chain.send(Call(contract, function, args), self.wallets[name].signer)  # type: ignore[arg-type]

    def address(self, name: str) -> Address:
        return self.wallets[name].signer.address

    def sign(self, name: str, digest: Bytes32) -> bytes:
        return self.wallets[name].signer.sign(digest)

    @property
    def now(self) -> UnixSeconds:
        return self.node.clock.now()

    # --- what a rights holder does

    def terms(self, **changes: object) -> Terms:
        made = documents.terms(
            purposes=0b110, not_before=UnixSeconds(1), not_after=FOR_EVER, territories=("EU", "KR"), **changes
        )
        price = replace(
            made.price, distributor=self.node.deployment.contracts["RoyaltyDistributor"], per_license=Wei(0)
        )
        return replace(made, price=price)

    def consent(self, holder: str = "holder", voice: str = "voice", **changes: object) -> SignedConsent:
        scope = Scope(changes.pop("recordings", None))  # type: ignore[arg-type]
        places = changes.pop("territories", ("EU", "KR"))
        said = typed.Consent(
            subject=self.address(voice),
            holder=self.address(holder),
            voice_id=documents.word(f"voice {voice} of {holder}"),
            scope_hash=scope.scope_hash,
            purposes=0b110,
            territories=territories_hash(places),  # type: ignore[arg-type]
            not_before=UnixSeconds(0),
            not_after=FOR_EVER,
            nonce=self.nonce(),
        )
        said = replace(said, **changes)  # type: ignore[arg-type]
        signed = self.sign(voice, typed.digest(self.node.deployment.domains.consent, said))
        return SignedConsent(said, signed, tuple(sorted(places)), scope)  # type: ignore[arg-type]

    def package(
        self,
        audio: list[bytes],
        *,
        holder: str = "holder",
        consents: list[SignedConsent] | None = None,
        terms: Terms | None = None,
        title: str = "Голос 声音 🎙",
    ) -> Package:
        """A dataset of these takes; recording i rests on consent i, or on the last one."""
        given = [self.consent(holder)] if consents is None else consents
        chosen = terms or self.terms()
        objects: dict[Cid, bytes] = {}
        secrets: dict[Bytes32, Secret] = {}

        def sealed(plain: bytes) -> tuple[Cid, object]:
            header = Header(Bytes32(SystemRandom().bytes(32)), self.address(holder), len(plain))
            secret = Secret(SystemRandom().bytes(32), SystemRandom().bytes(32))
            data, commitments = whole.seal(header, secret, plain)
            at = self.node.content.put(data)
            self.node.content.remove(at)
            objects[at], secrets[header.object_id] = data, secret
            return at, commitments

        recordings = []
        for index, plain in enumerate(audio):
            at, commitments = sealed(plain)
            consent = given[min(index, len(given) - 1)] if given else None
            recordings.append(
                Recording(
                    index=index,
                    name=f"{index + 1:04}.wav",
                    cid=at,
                    sealed=commitments,  # type: ignore[arg-type]
                    duration_ms=2_000,
                    sample_rate=RATE,
                    channels=1,
                    codec="wav/pcm_16",
                    quality={"verdict": "pass", "gateVersion": 1},
                    voice_ids=(consent.consent.voice_id,) if consent else (),
                    consent_ids=(consent.id(self.node.deployment.domains.consent),) if consent else (),
                )
            )
        private = SealedObject(*sealed(b'{"format":"provenance/private","version":1}'))  # type: ignore[arg-type]
        shares = (Split(self.address(holder), Bps(10_000)),)
        documents_ = [chosen.encode(), *(one.scope.encode() for one in given)]
        objects |= {cid.of_raw(data): data for data in documents_}
        manifest = Manifest(
            title=title,
            kind="voice" if given else "sound",
            language="en",
            tags=("digits", "Ёлка"),
            created_at=self.now,
            holder=self.address(holder),
            gateway=self.node.address,
            splits=shares,
            terms_cid=cid.of_raw(chosen.encode()),
            terms_hash=chosen.terms_hash,
            consents=tuple({one.signature: one for one in given}.values()),
            recordings=tuple(recordings),
            private=private,
        )
        return Package(manifest, chosen, objects, secrets, audio)

    def envelopes(self, package: Package, key_version: int = 1) -> dict[Bytes32, bytes]:
        """Every key, sealed to the gateway."""
        items = [*package.manifest.recordings, package.manifest.private]
        return {
            item.sealed.header.object_id: seal.seal_envelope(
                self.node.wallet.encryption_key,
                package.secrets[item.sealed.header.object_id],
                envelope_info(
                    chain_id=self.node.deployment.chain_id,
                    contract=self.node.deployment.contracts["DatasetRegistry"],
                    object_id=item.sealed.header.object_id,
                    cid_digest=item.cid.digest,
                    key_version=key_version,
                    licensee=self.node.address,
                ),
            )
            for item in items
        }

    def dataset_id(self, package: Package) -> DatasetId:
        return package.manifest.dataset_id(
            self.node.deployment.chain_id,
            self.node.deployment.contracts["DatasetRegistry"],
            cid.of_raw(package.manifest.encode()).digest,
        )

    def put(self, package: Package, name: str = "holder") -> HttpGateway:
        gateway = self.client(name)
        for at, data in package.objects.items():
            gateway.put_content(at, data)
        return gateway

    def deposit(self, package: Package, name: str = "holder", **options: object) -> object:
        return self.put(package, name).deposit(package.manifest.encode(), self.envelopes(package), **options)  # type: ignore[arg-type]

    def register(self, package: Package, name: str = "holder") -> DatasetId:
        said = package.manifest
        digest = cid.of_raw(said.encode()).digest
        self.send(
            name,
            "DatasetRegistry",
            "register",
            said.root(),
            digest,
            said.terms_hash,
            said.split_hash(),
            len(said.recordings),
        )
        return self.dataset_id(package)

    def published(self, audio: list[bytes], **options: object) -> Package:
        """Deposited and registered."""
        package = self.package(audio, **options)  # type: ignore[arg-type]
        name = str(options.get("holder", "holder"))
        self.deposit(package, name)
        self.register(package, name)
        return package

    # --- what a licensee does

    def license(
        self, package: Package, *, purposes: int = 0b110, licensee: str = "licensee", expiry: int | None = None
    ) -> LicenseId:
        """A grant without a fee."""
        said, nonce = package.manifest, self.nonce()
        digest, distributor = cid.of_raw(said.encode()).digest, self.node.deployment.contracts["RoyaltyDistributor"]
        ends = UnixSeconds(expiry or self.now + 86_400)
        self.send(
            "holder",
            "DataAccess",
            "grant",
            (
                said.holder,
                said.root(),
                digest,
                said.terms_hash,
                self.address(licensee),
                distributor,
                ends,
                purposes,
                0,
                nonce,
            ),
        )
        offer = typed.Offer(
            self.dataset_id(package),
            said.holder,
            0,
            self.address(licensee),
            distributor,
            Wei(0),
            ends,
            purposes,
            UnixSeconds(0),
            0,
            said.terms_hash,
            nonce,
        )
        return license_id(typed.digest(self.node.deployment.domains.access, offer), self.address(licensee))

    def offer(self, package: Package, *, name: str = "holder", **changes: object) -> SignedOffer:
        """A free open offer of everything that the terms allow."""
        said = typed.Offer(
            self.dataset_id(package),
            self.address(name),
            0,
            ZERO_ADDRESS,
            self.node.deployment.contracts["RoyaltyDistributor"],
            Wei(0),
            UnixSeconds(self.now + 86_400),
            0b110,
            UnixSeconds(self.now + 3_600),
            0,
            package.terms.terms_hash,
            self.nonce(),
        )
        said = replace(said, **changes)  # type: ignore[arg-type]
        return SignedOffer(said, self.sign(name, typed.digest(self.node.deployment.domains.access, said)))

    def settle_down(self) -> None:
        """The mirror is at the chain's head, and somebody has looked at what tests undid."""
        self.node.present()
        self.follower.mirror.release("tests undo blocks", self.now)

    def binding(self, name: str = "licensee", nonce: int = 0) -> typed.KeyBinding:
        return typed.KeyBinding(self.address(name), self.wallets[name].encryption_key, FOR_EVER, nonce)

    def ask(
        self,
        package: Package,
        license_: LicenseId,
        indexes: tuple[int, ...],
        *,
        name: str = "licensee",
        **changes: object,
    ) -> dict[str, object]:
        """The arguments of `open_access`."""
        domain = self.node.deployment.domains.access
        binding = changes.pop("binding", None) or self.binding(name)
        ids = [recording_id(self.dataset_id(package), index) for index in indexes]
        request = typed.OpenAccess(
            license_id=license_,
            recordings_root=root(leaf(one) for one in ids),
            purpose=0b10,
            territory=b"DE",
            key_binding=typed.digest(domain, binding),  # type: ignore[arg-type]
            nonce=self.nonce(),
            deadline=UnixSeconds(self.now + 300),
        )
        request = replace(request, **changes)  # type: ignore[arg-type]
        return {
            "request": request,
            "recordings": indexes,
            "signature": self.sign(name, typed.digest(domain, request)),
            "binding": binding,
            "binding_signature": self.sign(name, typed.digest(domain, binding)),  # type: ignore[arg-type]
        }

    def open(self, package: Package, license_: LicenseId, indexes: tuple[int, ...], **changes: object) -> object:
        name = str(changes.get("name", "licensee"))
        return self.client(name).open_access(**self.ask(package, license_, indexes, **changes))  # type: ignore[arg-type]

    def record(self, package: Package, license_: LicenseId, access_id: bytes, units: int, purpose: int = 0b10) -> None:
        self.send(
            "licensee", "DataAccess", "recordAccess", self.dataset_id(package), license_, purpose, units, access_id
        )

    def fund(self, license_: LicenseId, amount: int, name: str = "licensee") -> None:
        distributor = self.node.deployment.contracts["RoyaltyDistributor"]
        self.send(name, "Token", "approve", distributor, amount)
        self.send(name, "RoyaltyDistributor", "fund", amount, license_)

    def plain(self, package: Package, license_: LicenseId, envelope: object, name: str = "licensee") -> bytes:
        """What a licensee decrypts with a leased envelope."""
        recording = package.manifest.recordings[envelope.index]  # type: ignore[attr-defined]
        granted = next(
            one.event for one in self.world.chain.about(license_) if type(one.event).__name__ == "LicenseGranted"
        )
        info = envelope_info(
            chain_id=self.node.deployment.chain_id,
            contract=self.node.deployment.contracts["DatasetRegistry"],
            object_id=recording.sealed.header.object_id,
            cid_digest=recording.cid.digest,
            key_version=1,
            license_id=license_,
            licensee=self.address(name),
            expiry=granted.expiry,  # type: ignore[union-attr]
            purposes=granted.purposes,  # type: ignore[union-attr]
        )
        secret = Secret.decode(self.wallets[name].open_envelope(envelope.envelope, info))  # type: ignore[attr-defined]
        data = whole.fetch(self.client(name), recording.cid)
        return whole.unseal(recording.sealed, secret, data)


NAMES = {"operator": 0, "guardian": 2, "holder": 4, "voice": 5, "licensee": 6, "thief": 7, "voice-2": 8}


@contextmanager
def live_gateway(world: World, folder: Path) -> Iterator[LiveGateway]:
    """A gateway on a free port whose mirror follows the chain, gone afterwards."""
    wallets = {
        name: KeystoreWallet(world.signers[at], partial(documents.word, f"envelope key of {name}"))
        for name, at in NAMES.items()
    }
    database = open_database(f"sqlite:///{folder / 'node.db'}")
    contracts = {str(n): a for n, a in world.record.contracts.items() if n != "Token"}
    clock = ChainClock(world)
    follower = Follower(
        ChainSource([HttpNode(world.url)], contracts.values(), world.record.chain_id),
        ChainMirror(database),
        contracts,
        first_block=world.record.first_block,
        finality="latest-0",
        clock=clock,
    )
    node = GatewayNode(
        deployment=world.record.deployment(),
        document=fields.mapping({"d": canonical.loads(world.record.encode())}, "d"),
        chain=world.connect(),
        stores=stores(database, contracts),
        content=Embedded(folder / "content"),
        wallet=wallets["operator"],
        cipher=seal.Pao1(),
        examine=codec.examine,
        clock=clock,
        random=SystemRandom(),
        finality="latest-0",
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(node), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    made = LiveGateway(world, node, f"http://127.0.0.1:{port}", follower, wallets)
    made.follows.set()
    stopped = threading.Event()

    def follow() -> None:
        while not stopped.wait(0.02):
            if made.follows.is_set():
                follower.step()

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    try:
        yield made
    finally:
        stopped.set()
        following.join()
        server.should_exit = True
        serving.join()
        database.dispose()


__all__ = ["LiveGateway", "Package", "live_gateway", "speech", "wav"]
