"""How does a rights holder license a dataset, and what stands between holder and licensee now?

Offers are signed, acceptances and payments are transactions; `send` is the caller's way to confirm
and send one. What a license allows is `domain.rules`; reading under one is `access`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, cast

from provenance.app.dataset import NotHolder
from provenance.app.ports import Call
from provenance.app.token import told
from provenance.domain import offer as offers
from provenance.domain import recording as recordings
from provenance.domain import typed
from provenance.domain.events import (
    AccessRecorded,
    ContentRotated,
    DatasetRegistered,
    Funded,
    LicenseGranted,
    LicenseTerminated,
)
from provenance.domain.fields import checksummed, counted, dated, shown
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import Manifest
from provenance.domain.offer import SignedOffer
from provenance.domain.refusal import UnknownDataset, UnknownLicense
from provenance.domain.rules.prospect import prospects
from provenance.domain.rules.reason import Subject
from provenance.domain.rules.terms import narrow
from provenance.domain.terms import Terms
from provenance.errors import Conflict, Denied, Failed, Invalid
from provenance.types import ZERO32, ZERO_ADDRESS, Address, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from provenance.app.ports import Chain, Clock, Content, ContractName, Logged, Mined, Random, Signer
    from provenance.domain.events import Event
    from provenance.domain.recording import Recording
    from provenance.domain.rules.reason import Reason
    from provenance.domain.typed import Offer
    from provenance.types import Bytes32, DatasetId, LicenseId

OFFER_DAYS: Final = 30
ACTIVE: Final = 1
"""Status of a dataset or license that may be used."""
TERMINATED: Final = 2


class Send(Protocol):
    """The call is mined, after whatever the caller asks its user."""

    def __call__(self, call: Call, title: str) -> Mined: ...


class NotActive(Conflict):
    """The dataset takes no new licenses."""

    code = "dataset-inactive"
    next = "Ask its holder; `provenance dataset show` says what happened."


class NothingToOpen(Denied):
    """No recording could be opened under a license of the offer."""

    code = "nothing-to-open"
    next = (
        "Pay nothing for it. Its holder asks the voice owner for a new consent, uploads again under it, and names the "
        "new dataset with `dataset supersede OLD NEW`."
    )

    @classmethod
    def step(cls, reason: Reason, *, offering: bool) -> str:
        """What the holder who offers, or else who would accept, does about it."""
        if reason.about is Subject.CONSENT:
            anew = "Ask the voice owner for a new consent, upload again under it, then `dataset supersede OLD NEW`."
            return anew if offering else cls.next
        if offering:
            return "Offer another purpose (--purpose) or a later end (--expires), as terms and consents allow."
        return "Pay nothing for it; ask its holder for another offer."


class OtherToken(Invalid):
    """The offer is priced in a token that this network's contracts do not pay in."""

    code = "other-token"
    next = "Ask the rights holder for an offer in the network's token."


class TooFewTokens(Conflict):
    """The account has less than it is to pay."""

    code = "too-few-tokens"
    next = "Send the named account tokens, then repeat; nothing was paid."


class ManifestDiffers(Failed):
    """The manifest under the registered digest is not the registered dataset."""

    code = "manifest-differs"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A registered dataset with its documents, matched to the chain."""

    id: DatasetId
    registration: DatasetRegistered
    manifest: Manifest
    terms: Terms
    holder: Address
    status: int
    rotations: tuple[ContentRotated, ...] = ()

    def serving(self, index: int) -> Recording:
        """A recording as it is served now, which is not how it was registered if it was rotated since."""
        return recordings.serving(self.manifest.recordings[index], self.rotations)


@dataclass(frozen=True, slots=True)
class License:
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


def dataset(chain: Chain, content: Content, dataset_id: DatasetId) -> Dataset:
    """The dataset of that id, its manifest and terms fetched and matched.

    Raises:
        UnknownDataset: nobody registered it on this chain.
        ManifestDiffers: the documents give another id.
    """
    about = [one.event for one in chain.about(dataset_id)]
    registration = _registration(about, dataset_id)
    manifest = Manifest.parse(content.get_digest(registration.manifest_digest)[1])
    deployment = chain.deployment
    if manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"]) != dataset_id:
        raise ManifestDiffers("the manifest is of another dataset", dataset=shown(dataset_id))
    terms = Terms.parse(content.get_digest(registration.terms_hash)[1])
    (slot,) = chain.read(Call("DatasetRegistry", "dataset", (dataset_id,)))
    holder, _, _, status, _ = cast("tuple[bytes, int, int, int, bool]", slot)
    rotations = tuple(one for one in about if isinstance(one, ContentRotated))
    return Dataset(dataset_id, registration, manifest, terms, Address(holder), status, rotations)


def items(chain: Chain, dataset_id: DatasetId) -> int:
    """How many recordings the dataset of that id has.

    Raises:
        UnknownDataset: nobody registered it on this chain.
    """
    return _registration([one.event for one in chain.about(dataset_id)], dataset_id).items


def _registration(about: Iterable[Event], dataset_id: DatasetId) -> DatasetRegistered:
    registration = next((one for one in about if isinstance(one, DatasetRegistered)), None)
    if registration is None:
        raise UnknownDataset(f"no dataset {shown(dataset_id)} is on chain", dataset=shown(dataset_id))
    return registration


def find(chain: Chain, license_id: LicenseId) -> License:
    """The license of that id.

    Raises:
        UnknownLicense: the chain has none.
    """
    about = chain.about(license_id)
    granted = next((one for one in about if isinstance(one.event, LicenseGranted)), None)
    if granted is None:
        raise UnknownLicense(f"no license {shown(license_id)} is on chain", license=shown(license_id))
    grant = cast("LicenseGranted", granted.event)
    (slot,) = chain.read(Call("DataAccess", "license", (grant.dataset_id, license_id)))
    _, expiry, _, status, _ = cast("tuple[bytes, int, int, int, int]", slot)
    events = [one.event for one in about]
    return License(
        id=license_id,
        granted=granted,
        grant=grant,
        status=status,
        expiry=UnixSeconds(expiry),
        funded=Wei(sum(one.received for one in events if isinstance(one, Funded))),
        accesses=tuple(one for one in events if isinstance(one, AccessRecorded)),
        terminations=tuple(one for one in events if isinstance(one, LicenseTerminated)),
    )


def licenses_of(chain: Chain, account: Address) -> tuple[License, ...]:
    """Every license that the account holds or gave, oldest first."""
    own = chain.about(account)
    ids = {one.event.license_id: None for one in own if isinstance(one.event, LicenseGranted)}
    for one in own:
        if isinstance(one.event, DatasetRegistered):
            for given in chain.about(one.event.dataset_id):
                if isinstance(given.event, LicenseGranted):
                    ids[given.event.license_id] = None
    found = [find(chain, license_id) for license_id in ids]
    return tuple(sorted(found, key=lambda one: (one.granted.block.number, one.granted.log_index)))


def offer(
    chain: Chain,
    of: Dataset,
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
    if of.holder != signer.address:
        raise NotHolder(f"{checksummed(of.holder)} holds the dataset", dataset=shown(of.id), holder=shown(of.holder))
    if of.status != ACTIVE:
        raise NotActive(f"the dataset's status is {of.status}, not active", dataset=shown(of.id))
    if expiry <= now:
        raise Invalid(f"expiry: {dated(expiry)} has passed", next="Name a later date with --expires.", field="expires")
    made = typed.Offer(
        dataset_id=of.id,
        holder=signer.address,
        licensee=licensee,
        token=of.terms.price.token,
        price=of.terms.price.per_license,
        expiry=expiry,
        purposes=purposes,
        deadline=UnixSeconds(min(expiry - 1, now + OFFER_DAYS * 86_400)),
        notice_days=of.terms.notice_days,
        terms_hash=of.registration.terms_hash,
        nonce=int.from_bytes(random.bytes(16), "big"),
    )
    narrow(made, of.terms, of.manifest.consents)
    return SignedOffer(made, signer.sign_typed(chain.deployment.domains.access, made))


def facts(chain: Chain, of: Dataset, *more: Bytes32) -> Ledger:
    """What the chain says of a dataset, its consents and these ids: what `access.evaluate` decides from."""
    return Ledger.fold(chain.about(of.id, *of.manifest.consents_by_id(chain.deployment.domains.consent), *more))


def check_prospects(
    chain: Chain, of: Dataset, terms: Offer, clock: Clock, tell: Callable[[str], None], *, offering: bool = False
) -> None:
    """A license of this offer, about to be made if `offering`, would open recordings; `tell` hears if not all.

    Raises:
        NothingToOpen: it would open none.
    """
    head, domains = chain.head(), chain.deployment.domains
    now = replace(head, time=max(head.time, clock.now()))
    found = prospects(facts(chain, of), of.manifest, of.terms, domains, terms, terms.licensee, now)
    closed = [one for one in found if not one.allowed]
    if not closed:
        return
    first = closed[0]
    why = f"{first.detail} (consent {shown(first.consent_id)})" if first.consent_id else first.detail
    if len(closed) == len(found):
        detail, consent = f"no recording can be opened under this offer: {why}", first.facts().get("consent")
        step = NothingToOpen.step(first.reason, offering=offering)
        raise NothingToOpen(detail, next=step, dataset=shown(of.id), consent=consent, reason=first.reason.value)
    tell(f"{len(found) - len(closed)} of {counted(len(found), 'recording')} can be opened under this offer: {why}")


def license_id(chain: Chain, signed: SignedOffer, licensee: Address) -> LicenseId:
    """The id that the license will have, or has."""
    return offers.license_id(typed.digest(chain.deployment.domains.access, signed.offer), licensee)


def accept(
    chain: Chain,
    content: Content,
    signed: SignedOffer,
    licensee: Address,
    clock: Clock,
    send: Send,
    tell: Callable[[str], None],
) -> LicenseId:
    """The license is on chain and its price paid; an offer that this account accepted before stays so.

    `tell` hears beforehand if not all recordings could be opened.

    Raises:
        Denied: the offer is for another account, or not signed by its holder, or would open nothing.
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
    made = license_id(chain, signed, licensee)
    (slot,) = chain.read(Call("DataAccess", "license", (terms.dataset_id, made)))
    if cast("tuple[int, ...]", slot)[3] in (ACTIVE, TERMINATED):
        return made
    if terms.deadline < clock.now():
        raise Conflict("the offer's deadline has passed", next="Ask the rights holder for a new offer.")
    of = dataset(chain, content, terms.dataset_id)
    if of.status == ACTIVE:  # of any other the contract says so
        check_prospects(chain, of, terms, clock, tell)
    allow(chain, licensee, "DataAccess", terms.price, send, token=terms.token)
    words = (_tuple(terms), of.registration.holder, of.registration.manifest_root, signed.signature)
    send(Call("DataAccess", "accept", words), "accept license")
    return made


def cancel(chain: Chain, signed: SignedOffer, holder: Address, send: Send) -> Mined:
    """The offer cannot be accepted any more; licenses made from it go on."""
    if signed.offer.holder != holder:
        raise NotHolder(f"the offer is of {checksummed(signed.offer.holder)}", holder=shown(signed.offer.holder))
    del chain
    return send(Call("DataAccess", "cancelOffer", (_tuple(signed.offer),)), "cancel offer")


def fund(chain: Chain, license_id: LicenseId, amount: Wei, payer: Address, send: Send) -> Mined:
    """The license's balance has grown by the amount."""
    if amount <= 0:
        raise Invalid("amount: more than 0 is expected", field="amount")
    find(chain, license_id)
    allow(chain, payer, "RoyaltyDistributor", amount, send)
    return send(Call("RoyaltyDistributor", "fund", (amount, license_id)), "fund license")


def terminate(chain: Chain, license_id: LicenseId, send: Send, reason: Bytes32 = ZERO32) -> Mined:
    """The license ends: at once by the licensee, after the notice by the holder."""
    found = find(chain, license_id)
    return send(Call("DataAccess", "terminate", (found.grant.dataset_id, license_id, reason)), "terminate license")


def balance(chain: Chain, account: Address) -> Wei:
    """The account's tokens, in base units."""
    return Wei(cast("int", chain.read(Call("Token", "balanceOf", (account,)))[0]))


def allow(
    chain: Chain, payer: Address, spender: ContractName, amount: Wei, send: Send, *, token: Address | None = None
) -> None:
    """The contract may take exactly the amount, if there is one; what was approved before is not sent again."""
    call = approval(chain, payer, spender, amount, token=token)
    if call is not None:
        send(call, "approve tokens")


def approval(
    chain: Chain, payer: Address, spender: ContractName, amount: Wei, *, token: Address | None = None
) -> Call | None:
    """The approval of exactly the amount; None if there is one already, or nothing to pay.

    Raises:
        OtherToken: the amount is in another token.
        TooFewTokens: the account has less.
    """
    if not amount:
        return None
    contracts = chain.deployment.contracts
    if token is not None and token != contracts["Token"]:
        raise OtherToken(
            f"the price is in {checksummed(token)}", token=shown(token), expected=shown(contracts["Token"])
        )
    has = balance(chain, payer)
    if has < amount:
        there, needed = told(chain, has), told(chain, amount)
        raise TooFewTokens(f"{checksummed(payer)} has {there}, {needed} are needed", account=shown(payer))
    to = contracts[spender]
    if chain.read(Call("Token", "allowance", (payer, to)))[0] == amount:
        return None
    return Call("Token", "approve", (to, amount))


def _tuple(terms: Offer) -> tuple[object, ...]:
    return tuple(getattr(terms, name) for name in terms.__slots__)
