"""Licenses: how a rights holder licenses a dataset, and what stands between holder and licensee now.

Offers are signed, acceptances and payments are transactions; `send` is the caller's way to confirm
and send one. What a license allows is `domain.rules`; reading under one is `access`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol, cast

from provenance.app.dataset import NotHolder
from provenance.app.ports import Call, Chain, Clock, Content, Logged, Mined, Random, Signer
from provenance.app.token import approvals
from provenance.domain import recording as recordings, typed
from provenance.domain.events import (
    AccessRecorded,
    ContentRotated,
    DatasetRegistered,
    Event,
    Funded,
    LicenseGranted,
    LicenseTerminated,
)
from provenance.domain.fields import checksummed, counted, dated, shown
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import Manifest
from provenance.domain.offer import SignedOffer, license_id as license_id_of
from provenance.domain.recording import Recording
from provenance.domain.refusal import UnknownDataset, UnknownLicense
from provenance.domain.rules.prospect import prospects
from provenance.domain.rules.reason import Reason, Subject
from provenance.domain.rules.terms import narrow
from provenance.domain.terms import Terms
from provenance.domain.typed import Offer
from provenance.errors import Conflict, Denied, Failed, Invalid
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bytes32, DatasetId, LicenseId, UnixSeconds, Wei

OFFER_DAYS: Final = 30
ACTIVE: Final = 1
"""Status of a dataset or license that may be used."""
TERMINATED: Final = 2
NOTHING: Final = Wei(0)


class Send(Protocol):
    """The call is mined, after whatever the caller asks its user."""

    def __call__(self, call: Call, title: str, /) -> Mined: ...


class NotActive(Conflict):
    """The dataset takes no new licenses."""

    code = "dataset-inactive"
    next = "Ask its holder; `provenance dataset show` says what happened."


class NothingToOpen(Denied):
    """No recording could be opened under a license of the offer."""

    next = (
        "Pay nothing for it. Its holder asks the voice owner for a new consent, uploads again under it, and names the "
        "new dataset with `dataset supersede OLD NEW`."
    )

    @classmethod
    def step(cls, reason: Reason, *, offering: bool) -> str:
        """What the holder who offers, or else who would accept, does about it."""
        if reason is Reason.CONSENT_OF_ANOTHER_HOLDER:
            return reason.next_step
        if reason.about is Subject.CONSENT:
            anew = "Ask the voice owner for a new consent, upload again under it, then `dataset supersede OLD NEW`."
            return anew if offering else cls.next
        if offering:
            return "Offer another purpose (--purpose) or a later end (--expires), as terms and consents allow."
        return "Pay nothing for it; ask its holder for another offer."


class ForeignDistributor(Invalid):
    """What is to be paid goes to a contract that is not this network's distributor."""

    next = "Approve it nothing. Ask the rights holder for terms and an offer that name this network's distributor."


class ManifestDiffers(Failed):
    """The manifest under the registered digest is not the registered dataset."""


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """A registered dataset with its documents, matched to the chain."""

    id: DatasetId
    registration: DatasetRegistered
    manifest: Manifest
    terms: Terms
    holder: Address
    status: int
    transfers: int
    """How often it changed hands."""
    rotations: tuple[ContentRotated, ...] = ()

    def serving(self, index: int) -> Recording:
        """A recording as it is served now, which is not how it was registered if it was rotated since."""
        return recordings.serving(self.manifest.recordings[index], self.rotations)


@dataclass(frozen=True, slots=True)
class LicenseRecord:
    """A license and what happened under it, as of the latest block."""

    id: LicenseId
    granted: Logged
    grant: LicenseGranted
    status: int
    expiry: UnixSeconds
    funded: Wei
    accesses: tuple[AccessRecorded, ...]
    terminations: tuple[LicenseTerminated, ...]

    def state(self, now: UnixSeconds) -> str:
        """ACTIVE, TERMINATED or EXPIRED; one in its notice is still ACTIVE."""
        if now < self.expiry:
            return "ACTIVE"
        return "TERMINATED" if self.terminations else "EXPIRED"


def dataset(chain: Chain, content: Content, dataset_id: DatasetId) -> DatasetRecord:
    """The dataset of that id, its manifest and terms fetched and matched.

    Raises:
        UnknownDataset: nobody registered it on this chain.
        ManifestDiffers: the documents give another id.
    """
    about = [logged.event for logged in chain.about(dataset_id)]
    registration = _registration(about, dataset_id)
    digest, deployment = registration.manifest_digest, chain.deployment
    manifest = Manifest.parse(content.get_digest(digest)[1])
    if manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"], digest) != dataset_id:
        raise ManifestDiffers("the manifest is of another dataset", dataset=shown(dataset_id))
    terms = Terms.parse(content.get_digest(registration.terms_hash)[1])
    (slot,) = chain.read(Call("DatasetRegistry", "dataset", (dataset_id,)))
    holder, _, _, status, _, _, transfers = cast("tuple[bytes, int, int, int, bool, bool, int]", slot)
    rotations = tuple(event for event in about if isinstance(event, ContentRotated))
    return DatasetRecord(dataset_id, registration, manifest, terms, Address(holder), status, transfers, rotations)


def items(chain: Chain, dataset_id: DatasetId) -> int:
    """How many recordings the dataset of that id has.

    Raises:
        UnknownDataset: nobody registered it on this chain.
    """
    return _registration([logged.event for logged in chain.about(dataset_id)], dataset_id).items


def _registration(about: Iterable[Event], dataset_id: DatasetId) -> DatasetRegistered:
    registration = next((event for event in about if isinstance(event, DatasetRegistered)), None)
    if registration is None:
        raise UnknownDataset(f"no dataset {shown(dataset_id)} is on chain", dataset=shown(dataset_id))
    return registration


def find(chain: Chain, license_id: LicenseId) -> LicenseRecord:
    """The license of that id.

    Raises:
        UnknownLicense: the chain has none.
    """
    about = chain.about(license_id)
    granted = next((logged for logged in about if isinstance(logged.event, LicenseGranted)), None)
    if granted is None:
        raise UnknownLicense(f"no license {shown(license_id)} is on chain", license=shown(license_id))
    grant = cast("LicenseGranted", granted.event)
    (slot,) = chain.read(Call("DataAccess", "license", (grant.dataset_id, license_id)))
    _, expiry, _, status, _ = cast("tuple[bytes, int, int, int, int]", slot)
    events = [logged.event for logged in about]
    return LicenseRecord(
        id=license_id,
        granted=granted,
        grant=grant,
        status=status,
        expiry=UnixSeconds(expiry),
        funded=Wei(sum(event.received for event in events if isinstance(event, Funded))),
        accesses=tuple(event for event in events if isinstance(event, AccessRecorded)),
        terminations=tuple(event for event in events if isinstance(event, LicenseTerminated)),
    )


def licenses_of(chain: Chain, account: Address) -> tuple[LicenseRecord, ...]:
    """Every license that the account holds or gave, oldest first."""
    own = chain.about(account)
    registered = [logged.event.dataset_id for logged in own if isinstance(logged.event, DatasetRegistered)]
    logs = [*own, *(logged for dataset_id in registered for logged in chain.about(dataset_id))]
    ids = dict.fromkeys(logged.event.license_id for logged in logs if isinstance(logged.event, LicenseGranted))
    licenses = [find(chain, license_id) for license_id in ids]
    return tuple(sorted(licenses, key=lambda license_: (license_.granted.block.number, license_.granted.log_index)))


def offer(
    chain: Chain,
    dataset: DatasetRecord,
    signer: Signer,
    clock: Clock,
    random: Random,
    *,
    purposes: int,
    expiry: UnixSeconds,
    licensee: Address = ZERO_ADDRESS,
) -> SignedOffer:
    """An offer by the dataset's holder, at the terms' price and no wider than terms and consents.

    Raises:
        NotHolder, NotActive: the dataset cannot be offered by this account, or at all.
        BroaderThanTerms: the terms or a consent do not allow it.
    """
    now = clock.now()
    if dataset.holder != signer.address:
        detail = f"{checksummed(dataset.holder)} holds the dataset"
        raise NotHolder(detail, dataset=shown(dataset.id), holder=shown(dataset.holder))
    if dataset.status != ACTIVE:
        raise NotActive(f"the dataset's status is {dataset.status}, not active", dataset=shown(dataset.id))
    if expiry <= now:
        raise Invalid(f"expiry: {dated(expiry)} has passed", next="Name a later date with --expires.", field="expires")
    unsigned = typed.Offer(
        dataset_id=dataset.id,
        holder=signer.address,
        transfers=dataset.transfers,
        licensee=licensee,
        distributor=dataset.terms.price.distributor,
        price=dataset.terms.price.per_license,
        expiry=expiry,
        purposes=purposes,
        deadline=UnixSeconds(min(expiry - 1, now + OFFER_DAYS * 86_400)),
        notice_days=dataset.terms.notice_days,
        terms_hash=dataset.registration.terms_hash,
        nonce=int.from_bytes(random.bytes(16), "big"),
    )
    narrow(unsigned, dataset.terms, dataset.manifest.consents)
    return SignedOffer(unsigned, signer.sign_typed(chain.deployment.domains.access, unsigned))


def facts(chain: Chain, dataset: DatasetRecord, *more: Bytes32) -> Ledger:
    """What the chain says of a dataset, its consents and these ids: what `access.evaluate` decides from."""
    consents = dataset.manifest.consents_by_id(chain.deployment.domains.consent)
    return Ledger.fold(chain.about(dataset.id, *consents, *more))


def check_prospects(
    chain: Chain,
    dataset: DatasetRecord,
    terms: Offer,
    clock: Clock,
    warn: Callable[[str], None],
    *,
    offering: bool = False,
) -> None:
    """A license of this offer, about to be made if `offering`, would open recordings; `warn` hears if not all.

    Raises:
        NothingToOpen: it would open none.
    """
    head, domains = chain.head(), chain.deployment.domains
    now = replace(head, time=max(head.time, clock.now()))
    decisions = prospects(facts(chain, dataset), dataset.manifest, dataset.terms, domains, terms, terms.licensee, now)
    closed = [decision for decision in decisions if not decision.allowed]
    if not closed:
        return
    first = closed[0]
    why = f"{first.detail} (consent {shown(first.consent_id)})" if first.consent_id else first.detail
    if len(closed) == len(decisions):
        detail, consent = f"no recording can be opened under this offer: {why}", first.facts().get("consent")
        step = NothingToOpen.step(first.reason, offering=offering)
        raise NothingToOpen(detail, next=step, dataset=shown(dataset.id), consent=consent, reason=first.reason.value)
    opened = len(decisions) - len(closed)
    warn(f"{opened} of {counted(len(decisions), 'recording')} can be opened under this offer: {why}")


def license_id(chain: Chain, signed: SignedOffer, licensee: Address) -> LicenseId:
    """The id that the license will have, or has."""
    return license_id_of(typed.digest(chain.deployment.domains.access, signed.offer), licensee)


def accept(
    chain: Chain,
    content: Content,
    signed: SignedOffer,
    licensee: Address,
    clock: Clock,
    send: Send,
    warn: Callable[[str], None],
    *,
    deposit: Wei = NOTHING,
) -> LicenseId:
    """The license is on chain, its price and the deposit in its balance; an offer accepted before stays so.

    `warn` hears beforehand if not all recordings could be opened.

    Raises:
        Denied: the offer is for another account, or not signed by its holder, or would open nothing.
        ForeignDistributor: it pays into another distributor than the deployment's.
        Conflict: its time is over, it was cancelled, or the account has too few tokens.
    """
    terms = signed.offer
    signed.check_signature(chain.deployment.domains.access)
    if terms.licensee not in (ZERO_ADDRESS, licensee):
        raise Denied(
            f"the offer is for {checksummed(terms.licensee)}",
            next="Use that account with --account.",
            licensee=shown(terms.licensee),
        )
    if terms.distributor != chain.deployment.contracts["RoyaltyDistributor"]:
        pays = checksummed(terms.distributor)
        raise ForeignDistributor(f"the offer pays into {pays}, not this network's distributor", distributor=pays)
    accepted = license_id(chain, signed, licensee)
    (slot,) = chain.read(Call("DataAccess", "license", (terms.dataset_id, accepted)))
    if cast("tuple[int, ...]", slot)[3] in (ACTIVE, TERMINATED):
        if deposit:
            warn(
                "the offer was accepted before, and no deposit was paid; `provenance license fund` adds to the balance"
            )
        return accepted
    if terms.deadline < clock.now():
        raise Conflict("the offer's deadline has passed", next="Ask the rights holder for a new offer.")
    licensed = dataset(chain, content, terms.dataset_id)
    if licensed.transfers != terms.transfers:
        raise Conflict("the dataset changed hands since the offer", next="Ask who holds it now for an offer.")
    if licensed.status == ACTIVE:  # of any other the contract says so
        check_prospects(chain, licensed, terms, clock, warn)
    allow(chain, licensee, Wei(terms.price + deposit), send)
    registered = licensed.registration
    parts = (registered.holder, registered.manifest_root, registered.manifest_digest)
    send(Call("DataAccess", "accept", (typed.words(terms), *parts, deposit, signed.signature)), "accept license")
    return accepted


def cancel(signed: SignedOffer, holder: Address, send: Send) -> Mined:
    """The offer cannot be accepted any more; licenses made from it go on."""
    if signed.offer.holder != holder:
        raise NotHolder(f"the offer is of {checksummed(signed.offer.holder)}", holder=shown(signed.offer.holder))
    return send(Call("DataAccess", "cancelOffer", (typed.words(signed.offer),)), "cancel offer")


def fund(chain: Chain, license_id: LicenseId, amount: Wei, payer: Address, send: Send) -> Mined:
    """The license's balance has grown by the amount."""
    if amount <= 0:
        raise Invalid("amount: more than 0 is expected", field="amount")
    find(chain, license_id)
    allow(chain, payer, amount, send)
    return send(Call("RoyaltyDistributor", "fund", (amount, license_id)), "fund license")


def terminate(chain: Chain, license_id: LicenseId, send: Send, reason: Bytes32 = ZERO32) -> Mined:
    """The license ends: at once by the licensee, after the notice by the holder."""
    license_ = find(chain, license_id)
    return send(Call("DataAccess", "terminate", (license_.grant.dataset_id, license_id, reason)), "terminate license")


def allow(chain: Chain, payer: Address, amount: Wei, send: Send) -> None:
    """The distributor may take exactly the amount, if there is one; what was approved before is not sent again."""
    for call in approvals(chain, payer, amount):
        send(call, "approve tokens")
