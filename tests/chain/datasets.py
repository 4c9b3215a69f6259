"""Datasets registered on a real chain, with consents that their voices signed for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.app.ports import Call
from provenance.domain import typed
from provenance.domain.consent import Scope, SignedConsent
from provenance.domain.splits import Split
from provenance.domain.territories import territories_hash
from provenance.types import Bps, Bytes32, UnixSeconds
from tests import documents

if TYPE_CHECKING:
    from provenance.adapters.keys.keystore import KeySigner
    from provenance.app.ports import Mined
    from provenance.domain.manifest import Manifest
    from provenance.types import Address
    from tests.anvil import World
    from tests.fakes.content import MemoryContent

ALL_PLACES = ("WW",)


def consent(world: World, voice: KeySigner, holder: Address, name: str, purposes: int = 0b110) -> SignedConsent:
    """A voice's consent to a holder, on this chain."""
    scope = Scope(None, ("role:narrator",))
    now = world.chain.head().time
    fields = typed.Consent(
        subject=voice.address,
        holder=holder,
        voice_id=documents.word(name),
        scope_hash=scope.scope_hash,
        purposes=purposes,
        territories=territories_hash(ALL_PLACES),
        not_before=UnixSeconds(now - 1_000),
        not_after=UnixSeconds(now + 10**8),
        nonce=0,
    )
    signature = voice.sign(typed.digest(world.chain.deployment.domains.consent, fields))
    return SignedConsent(fields, signature, ALL_PLACES, scope)


def registered(
    world: World,
    content: MemoryContent,
    holder: KeySigner,
    consents: tuple[SignedConsent, ...],
    title: str,
    **terms_changes: object,
) -> tuple[Manifest, Bytes32, Mined]:
    """A dataset with one recording per consent is on chain, its documents are content."""
    terms = documents.terms(
        price=documents.Price(
            world.chain.deployment.contracts["RoyaltyDistributor"], 5_000_000, documents.PerUnit(1, 1_000)
        ),
        territories=ALL_PLACES,
        not_after=UnixSeconds(world.chain.head().time + 10**8),
        caps=documents.Caps(),
        **terms_changes,
    )
    domain, recordings = world.chain.deployment.domains.consent, []
    for index, one in enumerate(consents):
        take = documents.recording(index)
        sealed = replace(take.sealed, header=replace(take.sealed.header, holder=holder.address))
        ids = (one.id(domain),)
        recordings.append(replace(take, sealed=sealed, voice_ids=(one.consent.voice_id,), consent_ids=ids))
    private = documents.SealedObject(
        documents.cid.Cid("raw", documents.word("p")), documents.sealed("p", holder.address)
    )
    manifest = documents.manifest(
        given=consents,
        title=title,
        holder=holder.address,
        splits=(Split(holder.address, Bps(10_000)),),
        terms_cid=content.put(terms.encode()),
        terms_hash=terms.terms_hash,
        recordings=tuple(recordings),
        private=private,
    )
    digest = content.put(manifest.encode()).digest
    words = (manifest.root(), digest, terms.terms_hash, manifest.split_hash(), len(recordings))
    entry = Call("DatasetRegistry", "register", words)
    mined = world.chain.send(entry, holder)
    deployment = world.chain.deployment
    dataset_id = manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"], digest)
    return manifest, dataset_id, mined
