"""Gateway, Meter, settlement, audit and contract say the same of 10,000 random uses, wherever they know the facts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import httpx2
import pytest
from eth_abi.abi import encode

from provenance.adapters.chain import abi
from provenance.adapters.chain.node import hexed
from provenance.app import access, license, verdicts  # noqa: A004 - the trade's word
from provenance.app.audit import licensed as licensed_checks
from provenance.app.audit.evidence import Evidence
from provenance.app.meter import MeterExtent
from provenance.app.offers import AcceptedOffer
from provenance.app.ports import Call, ChainBlock
from provenance.app.settle.batches import Report
from provenance.app.settle.catalog import Catalog, Recordings
from provenance.domain import batch, typed, usage
from provenance.domain.consent import SignedConsent
from provenance.domain.events import AccessRecorded
from provenance.domain.ledger import Fact, Ledger, Logged
from provenance.domain.manifest import recording_id
from provenance.domain.offer import license_id
from provenance.domain.rules.access import REQUEST_LIFE_S, AccessDecision, AccessRequest, DatasetState, evaluate
from provenance.domain.rules.case import UseFacts
from provenance.domain.rules.reason import REASON_BY_NUMBER, Reason, Subject
from provenance.domain.settlement.facts import PASSED, Opened, Place, Session
from provenance.domain.settlement.judging import Judge
from provenance.domain.usage import Unit
from provenance.domain.verdict import Verdict
from provenance.errors import Denied
from provenance.types import PPM_ONE, ZERO32, Address, Bytes32, UnixSeconds, Wei
from tests import documents
from tests.anvil import World, world
from tests.chain.datasets import consent, registered
from tests.fakes.content import MemoryContent
from tests.fakes.epochs import DOMAIN, METER, World as Epoch

CASES, BATCH = 10_000, 250
PURPOSES = (0b1, 0b10, 0b100, 0b110, 0, 1 << 14, 1 << 15, 1 << 31)
LONG = 10**8


@dataclass
class Scene:
    """Three datasets, a score of licenses and a dozen consents whose fate changes from block to block."""

    world: World
    content: MemoryContent = field(default_factory=MemoryContent)
    datasets: list[license.DatasetRecord] = field(default_factory=list)
    licenses: list[Bytes32] = field(default_factory=list)
    offers: dict[Bytes32, AcceptedOffer] = field(default_factory=dict)
    nonce: int = 0
    ledger: Ledger | None = None

    def __post_init__(self) -> None:
        self.owner, _, self.guardian, _, self.holder, self.licensee, self.other, *self.voices = self.world.signers

    @property
    def now(self) -> UnixSeconds:
        return self.world.chain.head().time

    def later(self, seconds: int) -> None:
        self.world.devnet.advance(seconds)

    def send(self, signer, contract: str, function: str, *args: object) -> None:
        self.later(1)  # each in a second of its own: settlements and audits tell by time what came first
        self.world.chain.send(Call(contract, function, args), signer)

    def grant(
        self,
        of: license.DatasetRecord,
        *,
        purposes: int = 0b110,
        seconds: int = LONG,
        who=None,
        notice: int = 0,
        by=None,
        transfers: int = 0,
    ) -> Bytes32:
        who, by, said = (who or self.licensee).address, by or self.holder, of.registration
        made = self.offer(of, by.address, transfers, who, UnixSeconds(self.now + seconds), purposes, notice)
        offer = self.offers[made].offer
        parts = (said.holder, said.manifest_root, said.manifest_digest, said.terms_hash)
        words = (*parts, who, offer.distributor, offer.expiry, purposes, notice, offer.nonce)
        self.send(by, "DataAccess", "grant", words)
        self.licenses.append(made)
        return made

    def offer(
        self,
        of: license.DatasetRecord,
        by: Address,
        transfers: int,
        who: Address,
        expiry: int,
        purposes: int,
        notice: int,
    ) -> Bytes32:
        """The license that the offer of a grant would make."""
        self.nonce += 1
        deployment = self.world.chain.deployment
        offer = typed.Offer(
            of.id,
            by,
            transfers,
            who,
            deployment.contracts["RoyaltyDistributor"],
            Wei(0),
            UnixSeconds(expiry),
            purposes,
            UnixSeconds(0),
            notice,
            of.registration.terms_hash,
            self.nonce,
        )
        made = license_id(typed.digest(deployment.domains.access, offer), who)
        self.offers[made] = AcceptedOffer(offer, who)
        return made

    def sell(self, of: license.DatasetRecord, seller, buyer) -> None:
        self.send(seller, "DatasetRegistry", "transfer", of.id, buyer.address)
        self.send(buyer, "DatasetRegistry", "acceptTransfer", of.id)

    def dataset(self, title: str, consents: tuple[SignedConsent, ...]) -> license.DatasetRecord:
        wide = {"purposes": (1 << 15) - 1, "prohibited": 0}
        _, dataset_id, _ = registered(self.world, self.content, self.holder, consents, title, **wide)
        self.datasets.append(license.dataset(self.world.chain, self.content, dataset_id))
        return self.datasets[-1]

    def revoke(self, signer, consent_id: Bytes32) -> None:
        self.send(signer, "ConsentRegistry", "revokeConsent", consent_id, ZERO32)

    def resigned(self, one: SignedConsent, signer, **changes: object) -> SignedConsent:
        """The consent with other fields, signed by `signer`; None leaves it unsigned."""
        said = replace(one.consent, **changes)
        digest = typed.digest(self.world.chain.deployment.domains.consent, said)
        return replace(one, consent=said, signature=signer.sign(digest) if signer else b"")


def play(scene: Scene) -> None:
    """Everything that can happen to a license, a dataset or a consent happens, block by block."""
    domain = scene.world.chain.deployment.domains.consent
    first, second, third = scene.voices

    def given(name: str, voice=first, **changes: object) -> SignedConsent:
        return scene.resigned(consent(scene.world, voice, scene.holder.address, name), voice, **changes)

    now = scene.now
    consents = (
        given("lasting"),
        given("narrow", second, purposes=0b10),
        given("withdrawn", second),
        given("ends soon", first, not_after=UnixSeconds(now + 4_000)),
        given("begins later", first, not_before=UnixSeconds(now + 4_000)),
        given("another holder", first, holder=scene.other.address),
        scene.resigned(given("forged"), second),
        scene.resigned(given("approved", third), None),
        scene.resigned(given("never approved", third), None),
    )
    ids = [one.id(domain) for one in consents]
    wide = scene.dataset("wide", consents)
    other = scene.dataset("other", (given("of the other"),))
    scene.grant(wide)
    scene.grant(wide, purposes=0b10, seconds=5_000)
    scene.grant(wide, purposes=0b100, who=scene.other)
    scene.grant(other)
    scene.grant(other)
    scene.offer(wide, scene.holder.address, 0, scene.licensee.address, scene.now + LONG, 0b110, 0)  # never granted
    ended, noticed, given_up = scene.grant(wide), scene.grant(wide, notice=1), scene.grant(wide)
    scene.revoke(third, ids[2])  # a stranger revokes: nothing happens
    scene.later(1_000)
    scene.send(third, "ConsentRegistry", "approveDigest", ids[7])
    scene.revoke(second, ids[2])
    scene.send(scene.holder, "DataAccess", "terminate", wide.id, ended, ZERO32)
    scene.send(scene.holder, "DataAccess", "terminate", wide.id, noticed, ZERO32)
    scene.send(scene.licensee, "DataAccess", "terminate", wide.id, given_up, ZERO32)
    scene.later(3_500)
    ruling = documents.word("ruling")
    scene.send(scene.guardian, "DatasetRegistry", "setStatus", other.id, 4, ruling)
    scene.later(1_000)
    scene.send(scene.guardian, "DatasetRegistry", "setStatus", other.id, 1, ruling)
    sold(scene)
    scene.send(scene.holder, "DatasetRegistry", "setStatus", wide.id, 2, ZERO32)
    scene.later(90_000)
    scene.revoke(first, ids[0])
    scene.send(third, "ConsentRegistry", "orderErasure", ids[7], UnixSeconds(scene.now + 10))
    scene.send(scene.holder, "DatasetRegistry", "setStatus", wide.id, 3, ZERO32)


def sold(scene: Scene) -> None:
    """A dataset is sold, and bought back; what each holder grants rests on the consents that name it, or reach it."""
    domain, (first, second, _) = scene.world.chain.deployment.domains.consent, scene.voices
    seller, buyer = scene.holder, scene.other
    named = [consent(scene.world, voice, seller.address, f"sold {n}") for n, voice in enumerate((first, second))]
    of = scene.dataset("sold", tuple(named))
    scene.grant(of)
    scene.send(second, "ConsentRegistry", "extendConsent", named[0].id(domain), buyer.address)  # a stranger's word
    scene.sell(of, seller, buyer)
    scene.grant(of, by=buyer, transfers=1)
    scene.later(1_000)
    scene.send(first, "ConsentRegistry", "extendConsent", named[0].id(domain), buyer.address)
    scene.later(1_000)
    scene.sell(of, buyer, seller)
    scene.grant(of, transfers=2)
    scene.later(1_000)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with world(tmp_path_factory.mktemp("verdicts") / "devnet") as made:
        played = Scene(made)
        play(played)
        yield played


@dataclass(frozen=True)
class Case:
    """One question, as of one block."""

    of: license.DatasetRecord
    use: access.LicensedUse
    who: Address
    index: int
    at: ChainBlock


def cases(scene: Scene, count: int, among: set[int] | None = None) -> list[Case]:
    pick = random.Random(20_260_101)
    chain = scene.world.chain
    by_id = {of.id: of for of in scene.datasets}
    since = {of.id: chain.about(of.id)[0].block.number for of in scene.datasets}
    numbers = range(since[scene.datasets[1].id], chain.head().number + 1)
    blocks = [chain.block(number) for number in numbers if among is None or number in among]
    people = [scene.licensee.address] * 6 + [scene.other.address, scene.holder.address]
    found = []
    for _ in range(count):
        license_id = pick.choice([*scene.offers])
        of = by_id[scene.offers[license_id].offer.dataset_id]
        use = access.LicensedUse(license_id, pick.choice([0b10, 0b10, 0b10, 0b100, 0b100, *PURPOSES]), b"DE")
        index = pick.randrange(len(of.manifest.recordings))
        at = pick.choice([block for block in blocks if block.number >= since[of.id]])
        found.append(Case(of, use, pick.choice(people), index, at))
    return found


def contract_says(scene: Scene, asked: list[Case]) -> list[tuple[Reason, Bytes32]]:
    """`checkAccess` of every case at its block, in batches."""
    deployment, function = scene.world.chain.deployment, abi.function("DataAccess", "checkAccess", 4)
    answers = []
    with httpx2.Client(timeout=60) as http:
        for at in range(0, len(asked), BATCH):
            batch = []
            for number, one in enumerate(asked[at : at + BATCH]):
                accepted = scene.offers[one.use.license_id]
                call = verdicts.check_call(scene.world.chain, one.of, accepted, one.use.purpose, one.who, one.index)
                data = abi.selector(function) + encode([abi.kind(one) for one in function["inputs"]], call.args)
                params = [{"to": hexed(deployment.contracts["DataAccess"]), "data": hexed(data)}, hex(one.at.number)]
                batch.append({"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": params})
            replies = sorted(http.post(scene.world.url, json=batch).json(), key=lambda reply: reply["id"])
            answers += [abi.decoded(function["outputs"], bytes.fromhex(reply["result"][2:])) for reply in replies]
    return [(REASON_BY_NUMBER[code], Bytes32(culprit)) for code, culprit in answers]


def facts(scene: Scene) -> Ledger:
    chain = scene.world.chain
    if scene.ledger is None:
        scene.ledger = Ledger.fold(chain.events(chain.deployment.first_block, chain.head().number))
    return scene.ledger


def our_rules_say(scene: Scene, asked: list[Case], **changes: object) -> list[AccessDecision]:
    """`access.evaluate` of every case at its block; every block is final."""
    chain, found = scene.world.chain, []
    ledger = facts(scene)
    consents = [one.manifest.consents_by_id(chain.deployment.domains.consent) for one in scene.datasets]
    for one in asked:
        asked_for = AccessRequest(one.use.license_id, one.who, one.use.purpose, one.use.territory, (one.index,))
        terms = replace(one.of.terms, **changes)
        given = consents[scene.datasets.index(one.of)]
        found += evaluate(DatasetState(ledger, one.of.manifest, terms, given, one.at, one.at.number), asked_for)
    return found


def culprit(decision: AccessDecision, case: Case) -> Bytes32:
    if decision.allowed:
        return ZERO32
    if decision.consent_id is not None:
        return decision.consent_id
    return case.of.id if decision.reason.about is Subject.DATASET else case.use.license_id


def settlement_says(scene: Scene, asked: list[Case]) -> list[str | None]:
    """What each use is rejected for if it is recorded and anchored at its block; None of no license on chain by then."""
    chain, ids = scene.world.chain, {}
    ledger, said = facts(scene), [None] * len(asked)
    for dataset in scene.datasets:
        ids |= {(dataset.id, one.index): recording_id(dataset.id, one.index) for one in dataset.manifest.recordings}
    reports = {one: [Report(documents.GATEWAY, PASSED, one)] for one in ids.values()}
    for at in {case.at.number: case.at for case in asked}.values():
        catalog = Catalog(ledger, chain.deployment, scene.content, at.number)
        epoch = Epoch(licenses=catalog.licenses(scene.licenses))
        epoch.recordings = Recordings(catalog, reports, ()).around(ids.values(), ())
        epoch.opened = [Opened(one, take, Place(0, 0, 0)) for one in scene.licenses for take in ids.values()]
        receipts = {}
        for number, case in enumerate(asked):
            if case.at.number == at.number and case.use.license_id in epoch.licenses:
                session = typed.MeterSession(METER, METER, case.use.license_id, 0, at.time, 1, number)
                of = usage.session_id(DOMAIN, session)
                epoch.sessions[of] = Session(of, session, at.time)
                words = {
                    "purpose": case.use.purpose,
                    "territory": case.use.territory,
                    "occurred_at_ms": 1_000 * at.time,
                }
                use = epoch.use(of, 0, {ids[case.of.id, case.index]: PPM_ONE}, **words)
                epoch.segment(of, use, last=True)
                anchored = Place(at.number, number, at.time)
                epoch.segments[-1] = replace(epoch.segments[-1], at=anchored, received_at_ms=1_000 * at.time)
                receipts[use.receipt.receipt_id] = number
                said[number] = Reason.ALLOWED
        for account in Judge(epoch.inputs()).judged().accounts.values():
            for rejected in account.rejected:
                said[receipts[rejected.id]] = rejected.reason
    return said


def meter_says(scene: Scene, asked: list[Case]) -> list[str | None]:
    """What the licensee's recorder says of each use; None of no license."""
    granted, said = facts(scene).licenses, []
    for case in asked:
        code = None
        if case.use.license_id in granted:
            event = granted[case.use.license_id].granted.event
            extent, code = MeterExtent.of(event, case.of.terms, case.of.registration.items), Reason.ALLOWED
            try:
                extent.check_kind(UseFacts(case.at.time, case.use.purpose, case.use.territory, Unit.OUTPUT))
            except Denied as error:
                code = error.code
        said.append(code)
    return said


class OneAccess(Evidence):
    """An audit's evidence with one lease, whose record on chain is the ledger's only access."""

    lease: batch.AccessEntry

    def accesses(self):
        yield None, self.lease

    def unread(self, *_args, **_more):
        return ""


def audit_says(scene: Scene, asked: list[Case]) -> list[str | None]:
    """What an audit finds of each access, had it been recorded at its block; None of no license."""
    chain = scene.world.chain
    first, head = chain.deployment.first_block, chain.head()
    ledger, logs = facts(scene), tuple(chain.events(first, head.number))
    evidence, said = OneAccess(chain, scene.content, None, head, ledger, logs), []
    for case in asked:
        if case.use.license_id not in ledger.licenses:
            said.append(None)
            continue
        licensed, purpose = case.use.license_id, case.use.purpose
        deadline = UnixSeconds(case.at.time + REQUEST_LIFE_S)  # asked in the very block that it is recorded in
        request = typed.OpenAccess(licensed, ZERO32, purpose, case.use.territory, ZERO32, 0, deadline)
        access_ = typed.Access(ZERO32, ZERO32, deadline)
        evidence.lease = batch.AccessEntry(request, (recording_id(case.of.id, case.index),), access_, b"", b"")
        receipt = typed.digest(chain.deployment.domains.access, access_)
        event = AccessRecorded(licensed, case.of.id, case.who, purpose, 1, receipt)
        ledger.accesses = [Fact(event, Logged(case.at, ZERO32, 0, METER, event))]
        check = licensed_checks.accesses(evidence)
        reason = check.detail.partition(f"block {case.at.number}: ")[2].partition(":")[0]
        said.append(Reason.ALLOWED if check.verdict is Verdict.VERIFIED else reason)
    return said


def test_ten_thousand_questions_get_the_same_answer(scene: Scene):
    told_apart = clear(scene)
    asked = cases(scene, CASES, told_apart) + cases(scene, 2_000)
    theirs, ours = contract_says(scene, asked), our_rules_say(scene, asked)
    differing = [
        (case, contract, decision.reason)
        for case, contract, decision in zip(asked, theirs, ours, strict=True)
        if contract != (decision.reason, culprit(decision, case))
    ]
    assert differing == [], Counter((contract[0], code) for _, contract, code in differing)
    met = Counter(code for code, _ in theirs)
    assert set(met) == set(REASON_BY_NUMBER.values()) - {
        Reason.UNKNOWN_DATASET,
        Reason.UNKNOWN_RECORDING,
        Reason.CONSENT_MISSING,
        Reason.NOT_IN_POOL,
        Reason.LEFT_POOL,
    }
    assert min(met.values()) >= 20, met
    contract = [reason for reason, _ in theirs]
    of_use = {Reason.PURPOSE_NOT_SINGLE, Reason.PURPOSE_NOT_LICENSED}
    consents = {reason for reason in Reason if reason.about is Subject.CONSENT}
    for says, knows, else_allowed in (
        (audit_says, set(Reason), set()),
        (settlement_says, of_use | consents | {Reason.ALLOWED}, set()),
        (meter_says, of_use, consents | {Reason.ALLOWED}),
    ):
        wrong, agreed = Counter(), Counter()
        for case, expected, reason in zip(asked, contract, says(scene, asked), strict=True):
            if reason is None or expected not in knows | else_allowed or case.at.number not in told_apart:
                continue
            right = expected if expected in knows else Reason.ALLOWED
            (agreed if reason == right else wrong)[right, reason] += 1
        assert not wrong, (says.__name__, wrong)
        assert sum(agreed.values()) > CASES / 5, (says.__name__, agreed)
        assert {reason for _, reason in agreed} == set(met) & (knows | ({Reason.ALLOWED} if else_allowed else set()))


def clear(scene: Scene) -> set[int]:
    """Blocks after which nothing happened in their second: what settlements and audits tell by time is the chain's order."""
    chain = scene.world.chain
    last = {chain.block(number).time: number for number in range(chain.head().number + 1)}
    return set(last.values()) - {fact.number for fact in facts(scene).revocations.values()}


def test_terms_and_places_only_narrow(scene: Scene):
    asked = cases(scene, 2_000)
    theirs = contract_says(scene, asked)
    narrowed = our_rules_say(scene, asked, purposes=0b10, prohibited=0, territories=("FR", "DE"))
    elsewhere = our_rules_say(scene, asked, purposes=0b110, prohibited=0, territories=("FR",))
    for (contract, _), narrow, far in zip(theirs, narrowed, elsewhere, strict=True):
        assert not narrow.allowed or contract == "allowed"
        assert not far.allowed
    assert any(one.allowed for one in narrowed)
    assert any(contract == "allowed" and not one.allowed for (contract, _), one in zip(theirs, narrowed, strict=True))


def test_parts_that_do_not_make_the_dataset_are_refused(scene: Scene):
    chain, of = scene.world.chain, scene.datasets[0]
    accepted, who = scene.offers[scene.licenses[0]], scene.licensee.address
    at = scene.world.chain.deployment.first_block + 30

    def verdict(of: license.DatasetRecord, block=at):
        return verdicts.contract_verdict(chain, of, accepted, 0b10, who, 1, block=block)

    registration = of.registration
    for wrong in (
        {"holder": scene.other.address},
        {"manifest_digest": ZERO32},
        {"manifest_root": documents.word("no")},
    ):
        assert verdict(replace(of, registration=replace(registration, **wrong)))[0] == "unknown-dataset"
    takes = list(of.manifest.recordings)
    takes[1] = replace(takes[1], duration_ms=1)  # the leaf does not hold it
    same = replace(of, manifest=replace(of.manifest, recordings=tuple(takes)))
    assert verdict(same) == verdict(of)
    takes[1] = replace(takes[1], cid=documents.cid.Cid("raw", documents.word("another")))
    forged = replace(of, manifest=replace(of.manifest, recordings=tuple(takes)))
    assert verdict(forged)[0] == "unknown-recording"
