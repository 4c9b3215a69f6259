"""A gateway over fakes, with everybody who uses it: nothing is decided elsewhere than in `indexer.gateway`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from indexer.gateway import GatewayNode, deposits, leases
from indexer.ports import Stores, UsageRecords
from provenance.adapters import seal
from provenance.domain import cid, events
from provenance.domain.messages import LeaseRequest
from provenance.domain.offer import license_id
from provenance.types import Bytes32, UnixSeconds, Wei
from tests.documents import Key
from tests.fakes.chain import deployment
from tests.fakes.clocks import Still
from tests.fakes.content import MemoryContent
from tests.fakes.operator import MemoryCustody, MemoryFacts, MemoryLeases, MemorySessions, examine
from tests.live_gateway import LiveGateway, Package
from tests.unit.app.publishing import CountingRandom, MemoryWallet

if TYPE_CHECKING:
    from provenance.app.ports import Chain
    from provenance.domain.messages import SignedGateReport
    from provenance.types import DatasetId, LicenseId

NAMES = ("operator", "guardian", "holder", "voice", "licensee", "thief", "voice-2")


@dataclass
class Gateway(LiveGateway):
    """The same packages, licenses and requests as beside a real chain, without a socket."""

    facts: MemoryFacts = None  # type: ignore[assignment]
    clock: Still = None  # type: ignore[assignment]

    @property
    def rows(self) -> MemoryLeases:
        return cast("MemoryLeases", self.node.leases)

    @property
    def custody(self) -> MemoryCustody:
        return cast("MemoryCustody", self.node.custody)

    def store(self, package: Package) -> cid.Cid:
        """Everything that the manifest names is here, and it."""
        for data in package.objects.values():
            self.node.content.put(data)
        return self.node.content.put(package.manifest.encode())

    def deposit(self, package: Package, name: str = "holder", **options: object) -> tuple[SignedGateReport, ...]:
        return deposits.deposit(
            self.node,
            self.store(package),
            self.envelopes(package),
            sender=self.address(name),
            **options,  # type: ignore[arg-type]
        )

    def register(self, package: Package, name: str = "holder") -> DatasetId:
        del name
        manifest = package.manifest
        self.facts.mine(
            events.DatasetRegistered(
                self.dataset_id(package),
                manifest.holder,
                manifest.root(),
                cid.of_raw(manifest.encode()).digest,
                manifest.terms_hash,
                manifest.split_hash(),
                len(manifest.recordings),
            )
        )
        return self.dataset_id(package)

    def license(
        self, package: Package, *, purposes: int = 0b110, licensee: str = "licensee", expiry: int | None = None
    ) -> LicenseId:
        manifest, ends = package.manifest, UnixSeconds(expiry or self.now + 86_400)
        license_ = license_id(Bytes32(self.nonce().to_bytes(32, "big")), self.address(licensee))
        self.facts.mine(
            events.LicenseGranted(
                license_, self.dataset_id(package), self.address(licensee), manifest.holder, manifest.terms_hash,
                purposes, ends, 0, self.node.deployment.contracts["RoyaltyDistributor"], Wei(0),
            )
        )  # fmt: skip
        return license_

    def lease(self, package: Package, license_: LicenseId, indexes: tuple[int, ...] = (0,), **changes: object):
        """The lease of these recordings, or the refusal."""
        asked = self.ask(package, license_, indexes, **changes)
        request = LeaseRequest(
            asked["request"], asked["recordings"], asked["signature"], asked["binding"], asked["binding_signature"]
        )  # type: ignore[arg-type]
        return leases.open_lease(self.node, request)

    def recorded(self, lease, package: Package, units: int | None = None) -> None:
        """The chain says what the licensee recorded of it."""
        request = leases.request_of(lease)
        count = len(self.node.leases.envelopes(lease.access_id)) if units is None else units
        self.facts.mine(
            events.AccessRecorded(
                request.license_id, self.dataset_id(package), lease.licensee,
                request.purpose, count, Bytes32(lease.access_id),
            )
        )  # fmt: skip


def gateway(**changes: object) -> Gateway:
    """A gateway with nothing in it."""
    clock = Still()
    facts = MemoryFacts(clock)
    wallets = {name: MemoryWallet(Key(name)) for name in NAMES}
    node = GatewayNode(
        deployment=deployment(),
        document={},
        chain=cast("Chain", facts),
        stores=Stores(
            history=facts,
            mirror=facts,
            custody=MemoryCustody(facts),
            leases=MemoryLeases(),
            usage=cast("UsageRecords", MemorySessions()),
            catalogue=None,  # type: ignore[arg-type]
            lock=None,  # type: ignore[arg-type]
        ),
        content=MemoryContent(),
        wallet=wallets["operator"],
        cipher=seal.Pao1(),
        examine=examine,
        clock=clock,
        random=CountingRandom(),
        wait_s=0.0,
    )
    return Gateway(None, replace(node, **changes), "", None, wallets, facts=facts, clock=clock)  # type: ignore[arg-type]
