"""Does every decision of ours equal the contract's on all that the chain knows? 10,000 random cases say."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from provenance.app.access import CONTRACT_CODES
from provenance.app.ports import Call
from provenance.domain import typed
from provenance.domain.consent import Scope, SignedConsent
from provenance.domain.ledger import Ledger
from provenance.domain.license import Use, evaluate, license_id
from provenance.domain.manifest import Manifest
from provenance.domain.splits import Split
from provenance.domain.terms import Caps, Terms
from provenance.domain.territories import territories_hash
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bps, Bytes32, UnixSeconds, Wei
from tests import anvil, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.adapters.keystore import KeySigner
    from tests.anvil import World

CASES = 10_000
ROUNDS = 25
GUARDIAN, HOLDERS, VOICES, LICENSEES = 2, (4, 5), (6, 7), (8, 9)
STEP_S = 100
PLACES = ("WW",)
FOR_EVER = UnixSeconds((1 << 40) - 1)
ALL = (1 << 15) - 1


@dataclass
class Stage:
    """Datasets, licenses and what a random hand does to them."""

    world: World
    rng: random.Random
    manifests: list[Manifest]
    terms: Terms
    licenses: list[tuple[Bytes32, Manifest, int]]
    parts: dict[int, tuple[Bytes32, list[tuple[Bytes32, ...]], dict[Bytes32, SignedConsent]]] = field(
        default_factory=dict
    )

    def signer(self, at: int) -> KeySigner:
        return self.world.signers[at]

    def send(self, at: int, contract: str, function: str, *args: object) -> None:
        self.world.chain.send(Call(contract, function, args), self.signer(at))  # type: ignore[arg-type]

    def dataset(self, manifest: Manifest) -> Bytes32:
        deployment = self.world.chain.deployment
        return manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with anvil.world(tmp_path_factory.mktemp("verdicts") / "devnet") as made:
        yield made


def consent(world: World, rng: random.Random, holder: Address, number: int) -> SignedConsent:
    """A consent that may be to another holder, unsigned, too short, too late or for other purposes."""
    voice, now, scope = world.signers[rng.choice(VOICES)], world.chain.head().time, Scope(None)
    start = now + rng.choice((-1_000, -1_000, 5 * STEP_S))
    said = typed.Consent(
        subject=voice.address,
        holder=rng.choice((holder, holder, holder, world.signers[3].address)),
        voice_id=documents.word(f"voice {number}"),
        scope_hash=scope.scope_hash,
        purposes=rng.choice((0b110, 0b10, ALL)),
        territories=territories_hash(PLACES),
        not_before=UnixSeconds(start),
        not_after=UnixSeconds(start + rng.choice((10**7, 1_000 + 8 * STEP_S))),
        nonce=number,
    )
    digest = typed.digest(world.chain.deployment.domains.consent, said)
    good = voice.sign(digest)
    signature = rng.choice((good, good, good, good, b"", world.signers[1].sign(digest)))
    return SignedConsent(said, signature, PLACES, scope)


def manifest(world: World, rng: random.Random, holder: Address, number: int, terms: Terms) -> Manifest:
    """Four takes: without a voice, of one, of the other, of both."""
    given = tuple(consent(world, rng, holder, 10 * number + i) for i in range(2))
    domain = world.chain.deployment.domains.consent
    takes = []
    for index, heard in enumerate(((), given[:1], given[1:], given)):
        take = documents.recording(index)
        takes.append(
            replace(
                take,
                sealed=documents.sealed(f"{number} {index}", holder),
                voice_ids=tuple(sorted(one.consent.voice_id for one in heard)),
                consent_ids=tuple(sorted(one.id(domain) for one in heard)),
            )
        )
    private = documents.SealedObject(
        documents.cid.Cid("raw", documents.word("p")), documents.sealed(f"p {number}", holder)
    )
    return documents.manifest(
        given=given,
        kind="sound",
        holder=holder,
        splits=(Split(holder, Bps(10_000)),),
        terms_cid=documents.cid.of_raw(terms.encode()),
        terms_hash=terms.terms_hash,
        recordings=tuple(takes),
        private=private,
    )


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    rng = random.Random(4)
    terms = documents.terms(
        purposes=ALL, prohibited=0, territories=PLACES, not_before=UnixSeconds(0), not_after=FOR_EVER, caps=Caps()
    )
    made = Stage(world, rng, [], terms, [])
    for number in range(6):
        at = rng.choice(HOLDERS)
        one = manifest(world, rng, made.signer(at).address, number, terms)
        made.manifests.append(one)
        words = (one.root(), documents.word("manifest"), terms.terms_hash, one.split_hash(), len(one.recordings))
        made.send(at, "DatasetRegistry", "register", *words)
        tree = one.tree()
        proofs = [tree.proof(take.leaf()) for take in one.recordings]
        made.parts[id(one)] = (tree.root, proofs, one.consents_by_id(world.chain.deployment.domains.consent))
        for _ in range(2):
            grant(made, one, at)
    return made


def grant(stage: Stage, said: Manifest, at: int) -> None:
    who, rng, nonce = stage.rng.choice(LICENSEES), stage.rng, len(stage.licenses)
    ends = UnixSeconds(stage.world.chain.head().time + rng.choice((10**6, 12 * STEP_S)))
    purposes, days = rng.choice((0b110, 0b10, 0b111)), rng.choice((0, 1))
    licensee = stage.signer(who).address
    parts = (said.holder, said.root(), said.terms_hash, licensee, ends, purposes, days, nonce)
    stage.send(at, "DataAccess", "grant", parts)
    offer = typed.Offer(
        stage.dataset(said),
        said.holder,
        licensee,
        ZERO_ADDRESS,
        Wei(0),
        ends,
        purposes,
        UnixSeconds(0),
        days,
        said.terms_hash,
        nonce,
    )
    digest = typed.digest(stage.world.chain.deployment.domains.access, offer)
    stage.licenses.append((license_id(digest, licensee), said, who))


def something_happens(stage: Stage) -> None:
    """One random act: a suspension or its lift, a termination, a withdrawal, an approval; refused ones count too."""
    rng, said = stage.rng, stage.rng.choice(stage.manifests)
    dataset = stage.dataset(said)
    license_, of, who = rng.choice(stage.licenses)
    one = rng.choice(said.consents)
    consent_id = one.id(stage.world.chain.deployment.domains.consent)
    acts = (
        lambda: stage.send(
            GUARDIAN, "DatasetRegistry", "setStatus", dataset, rng.choice((4, 1, 2)), ZERO32[:-1] + b"\1"
        ),
        lambda: stage.send(who, "DataAccess", "terminate", stage.dataset(of), license_, ZERO32),
        lambda: stage.send(
            next(i for i in HOLDERS if stage.signer(i).address == of.holder),
            "DataAccess",
            "terminate",
            stage.dataset(of),
            license_,
            ZERO32,
        ),
        lambda: stage.send(rng.choice(VOICES), "ConsentRegistry", "revokeConsent", consent_id, ZERO32),
        lambda: stage.send(rng.choice(VOICES), "ConsentRegistry", "approveDigest", consent_id),
    )
    weights = (4, 1, 1, 1, 2)
    from provenance.errors import Reverted

    try:
        rng.choices(acts, weights)[0]()
    except Reverted:
        return


@pytest.mark.timeout(300)
def test_our_verdict_is_the_contracts_in_ten_thousand_cases(stage: Stage) -> None:
    world, rng, seen = stage.world, stage.rng, set()
    for _ in range(ROUNDS):
        something_happens(stage)
        world.chain.node.rpc.call("evm_increaseTime", rng.randrange(STEP_S))
        world.chain.node.rpc.call("anvil_mine", 1)
        at = world.chain.head()
        ledger = Ledger.fold(world.chain.events(world.chain.deployment.first_block, at.number))
        for _ in range(CASES // ROUNDS):
            seen.add(compared(stage, ledger, at))
    assert seen == set(CONTRACT_CODES) - {"unknown-dataset", "unknown-recording"}


def compared(stage: Stage, ledger: Ledger, at: object) -> str:
    """The one code that both give to a random question."""
    rng, chain = stage.rng, stage.world.chain
    license_, said, who = rng.choice(stage.licenses)
    use = Use(
        rng.choice((license_,) * 20 + (ZERO32,)),
        stage.signer(rng.choice((who,) * 9 + LICENSEES)).address,
        rng.choice((0b10, 0b10, 0b10, 0b100, 0b100, 0b1, 0b110, 0, 1 << 20)),
        b"DE",
        (rng.randrange(4),),
    )
    one, (root, proofs, by_id) = said.recordings[use.recordings[0]], stage.parts[id(said)]
    if rng.random() < 0.05:
        by_id = {}
    given = [by_id[consent_id] for consent_id in sorted(one.consent_ids) if consent_id in by_id]
    query = (
        use.license_id, use.licensee, use.purpose, said.holder, root, said.terms_hash, one.words()
    )  # fmt: skip
    structs = tuple(tuple(getattr(c.consent, name) for name in c.consent.__slots__) for c in given)
    arguments = (query, proofs[one.index], structs, tuple(c.signature for c in given))
    code = CONTRACT_CODES[chain.read(Call("DataAccess", "checkAccess", arguments))[0]]  # type: ignore[index]
    (ours,) = evaluate(ledger, said, stage.terms, by_id, use, at, at.number)  # type: ignore[arg-type, attr-defined]
    assert ours.code == code, (ours, code)
    return code
