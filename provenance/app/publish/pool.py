"""Pools made: a manifest without recordings is published, deposited and registered, once for the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app.license import ForeignDistributor
from provenance.app.ports import Call, Mined
from provenance.app.publish.memory import Composed, Memory
from provenance.app.publish.pipeline import TermsOver, meter
from provenance.app.publish.register import is_registered
from provenance.domain import canonical, cid, fields, pool
from provenance.domain.hashes import sha256
from provenance.domain.manifest import Manifest, check_language
from provenance.domain.splits import Split
from provenance.errors import Invalid
from provenance.types import BPS_ONE, Address, Bps, Bytes32, DatasetId, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.app.ports import Chain, Content, Gateway, Journal
    from provenance.domain.cid import Cid
    from provenance.domain.terms import Terms

TITLE: Final = "register pool"


class PricedPool(Invalid):
    """Terms that ask a price for the license itself, which nobody could share."""

    next = "Make terms with `--per-license 0`: what is used under a pool is paid by the unit."


class NoticeTooLong(Invalid):
    """A notice that the contract does not take."""

    next = f"A member may have to wait {pool.NOTICE_DAYS} days at most: --notice."


@dataclass(frozen=True, slots=True)
class PoolRequest:
    """What the curator asked for."""

    title: str
    language: str
    tags: tuple[str, ...]
    terms: Terms
    curator: Address
    curator_bps: Bps
    notice_days: int

    def check(self, now: UnixSeconds) -> None:
        """Nothing that could be known now is found out later.

        Raises:
            Invalid: what it is made of does not go together.
        """
        check_language(self.language)
        pool.CuratorShare(self.curator_bps)
        if not 0 <= self.notice_days <= pool.NOTICE_DAYS:
            raise NoticeTooLong(f"notice: {self.notice_days} days, at most {pool.NOTICE_DAYS}", field="notice")
        if self.terms.not_after < now:
            ended = fields.dated(self.terms.not_after)
            raise TermsOver(f"the terms ended at {ended}", notAfter=self.terms.not_after)
        if self.terms.price.per_license:
            raise PricedPool("a pool's license has no price of its own", field="price.perLicense")

    def manifest(self, gateway: Address, now: UnixSeconds) -> Manifest:
        """The pool's manifest; `gateway` is the meter of its sessions."""
        return Manifest(
            title=self.title,
            kind=pool.MANIFEST,
            language=self.language,
            tags=self.tags,
            created_at=now,
            holder=self.curator,
            gateway=gateway,
            splits=(Split(self.curator, Bps(BPS_ONE)),),
            terms_cid=cid.of_raw(self.terms.encode()),
            terms_hash=self.terms.terms_hash,
            consents=(),
            recordings=(),
            pool=pool.CuratorShare(self.curator_bps),
        )

    def digest(self, gateway: Address) -> Bytes32:
        """The same for the same words, whenever they are said."""
        same = self.manifest(gateway, UnixSeconds(0)).encode()
        return sha256(canonical.dumps({"manifest": fields.shown(sha256(same)), "noticeDays": self.notice_days}))


@dataclass(frozen=True, slots=True)
class PoolPorts:
    """What making a pool needs of the world."""

    chain: Chain
    content: Content
    gateway: Gateway
    journal: Journal
    agree: Callable[[Call], None]
    """The user knows what becomes public for ever and what it costs, and agrees."""
    transact: Callable[[Call, str], Mined]
    """Sends it, without asking again."""


@dataclass(frozen=True, slots=True)
class CreatedPool:
    """The pool, and the transaction that registered it; None: it was registered before."""

    pool_id: DatasetId
    manifest_cid: Cid
    mined: Mined | None


def create(request: PoolRequest, ports: PoolPorts, now: UnixSeconds) -> CreatedPool:
    """The pool is registered; asked again in the same words it is the same pool.

    Raises:
        Invalid: the request does not hold together.
        ForeignDistributor: the terms are another network's.
        NotAMeter: the gateway may not anchor usage on this network.
    """
    request.check(now)
    pays, ours = request.terms.price.distributor, ports.chain.deployment.contracts["RoyaltyDistributor"]
    if pays != ours:
        raise ForeignDistributor(
            f"the terms pay into {fields.checksummed(pays)}, not this network's distributor",
            next="Make the terms anew on this network: `terms new`.",
            distributor=fields.shown(pays),
        )
    gateway = meter(ports.chain, ports.gateway)
    inputs, memory = request.digest(gateway), Memory.fold(ports.journal.entries())
    document = memory.manifests.get(inputs)
    if document is None:
        composed = request.manifest(gateway, now)
        document = composed.encode()
        ports.journal.append(Composed.of(inputs, composed).entry())
    address = ports.content.put(document)
    manifest, deployment = Manifest.parse(document), ports.chain.deployment
    pool_id = manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"], address.digest)
    if is_registered(pool_id, ports.chain):
        return CreatedPool(pool_id, address, None)
    call = registration(request, manifest, address)
    ports.agree(call)
    terms = request.terms.encode()
    ports.gateway.put_content(ports.content.put(terms), terms)
    ports.gateway.deposit(document, {})
    return CreatedPool(pool_id, address, ports.transact(call, TITLE))


def registration(request: PoolRequest, manifest: Manifest, address: Cid) -> Call:
    """The transaction that registers the pool of this manifest."""
    words = (manifest.root(), address.digest, manifest.terms_hash, manifest.split_hash(), request.notice_days)
    return Call("DatasetRegistry", "register", words)
