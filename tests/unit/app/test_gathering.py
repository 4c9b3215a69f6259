"""What counts is what the chain names and its signers signed; a forgery counts for nothing, whoever anchors it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from provenance.adapters import segments
from provenance.adapters.content import unixfs
from provenance.app import settle
from provenance.app.ports import ChainBlock, Logged
from provenance.app.settle import reading
from provenance.domain import attribution, batch, events, manifest, merkle, splits, typed, usage
from provenance.domain.batch import AccessEntry, AttributionEntry, Batch, GateEntry, SegmentEntry, SessionEntry
from provenance.domain.hashes import keccak
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import Manifest, recording_id
from provenance.domain.settlement.carry import Hold
from provenance.domain.settlement.facts import Inputs, Method, Ruleset, Ruling
from provenance.domain.splits import Split
from provenance.domain.terms import AttributionRule, Terms
from provenance.domain.usage import Outcome, Unit, Use
from provenance.errors import Missing
from provenance.types import ZERO32, ZERO_ADDRESS, Address, BlockNumber, Bps, Bytes32, Ppm, UnixMs, UnixSeconds, Wei
from tests import documents
from tests.documents import HOLDER, START, VOICE, Key, word
from tests.fakes.chain import deployment
from tests.fakes.content import MemoryContent
from tests.fakes.epochs import python_count

GATE, LICENSEE, SESSION_KEY = Key("gateway"), Key("licensee"), Key("session key")
DEPLOYMENT = deployment()
DOMAINS = DEPLOYMENT.domains
ENGINE = settle.Engine("python", python_count, segments.read, lambda data: unixfs.address([data]))
RULES = Ruleset(Bps(500), Key("fee").address, 0, Ppm(0), (Method(1, Ppm(0)),))


@dataclass
class EventChain:
    """A chain of events, one block each, and content."""

    content: MemoryContent = field(default_factory=MemoryContent)
    logs: list[Logged] = field(default_factory=list)
    heads: dict[bytes, Bytes32] = field(default_factory=dict)

    def block(self, number: BlockNumber) -> ChainBlock:
        return ChainBlock(number, keccak(int(number).to_bytes(8, "big")), UnixSeconds(START + 100 * number))

    @property
    def now(self) -> ChainBlock:
        return self.block(BlockNumber(len(self.logs)))

    def upto(self, last: BlockNumber) -> Iterator[Logged]:
        return (one for one in self.logs if one.block.number <= last)

    def say(self, event: Any) -> Logged:
        at = self.block(BlockNumber(len(self.logs) + 1))
        self.logs.append(Logged(at, keccak(at.hash), 0, ZERO_ADDRESS, event))
        return self.logs[-1]

    def admit(self, meter: Key = GATE) -> None:
        self.heads[meter.address] = batch.first_head(meter.address)
        self.say(events.MeterAdmitted(meter.address))

    def register(self, terms: Terms | None = None, **changes: object) -> tuple[Manifest, Bytes32]:
        said = terms or documents.terms()
        made = documents.manifest(
            2, gateway=GATE.address, terms_cid=self.content.put(said.encode()), terms_hash=said.terms_hash, **changes
        )
        digest = self.content.put(made.encode()).digest
        dataset = made.dataset_id(DEPLOYMENT.chain_id, DEPLOYMENT.contracts["DatasetRegistry"], digest)
        self.say(
            events.DatasetRegistered(
                dataset, made.holder, made.root(), digest, made.terms_hash, made.split_hash(), len(made.recordings)
            )
        )
        return made, dataset

    def license(
        self,
        made: Manifest,
        dataset: Bytes32,
        name: str = "license",
        distributor: Address = DEPLOYMENT.contracts["RoyaltyDistributor"],
    ) -> Bytes32:
        of = word(name)
        self.say(
            events.LicenseGranted(
                of,
                dataset,
                LICENSEE.address,
                made.holder,
                made.terms_hash,
                0b10,
                UnixSeconds(START + 10**6),
                0,
                distributor,
                Wei(0),
            )
        )
        self.say(events.Funded(LICENSEE.address, of, Wei(50_000)))
        return of

    def anchor(self, meter: Key = GATE, **entries: Any) -> Batch:
        made = Batch(meter.address, self.heads[meter.address], **entries)
        digest, root = self.content.put(made.encode()).digest, made.root(DOMAINS.usage)
        self.heads[meter.address] = batch.head(self.heads[meter.address], root, made.count, digest)
        self.say(events.UsageAnchored(meter.address, root, self.heads[meter.address], made.count, digest))
        return made

    def gather(self) -> Inputs:
        return settle.gather(
            self,
            self.content,
            DEPLOYMENT,
            self.now,
            ruleset_hash=RULES.hash,
            read_uses=segments.read,
        )

    def decide(self) -> Any:
        return settle.decide(self.gather(), ENGINE).decision


def gate(recording: Bytes32, verdict: int = 0, *, by: Key = GATE, cluster: Bytes32 | None = None) -> GateEntry:
    report = typed.GateReport(recording, verdict, ZERO32, cluster or keccak(recording), 1)
    return GateEntry(report, by.sign(typed.digest(DOMAINS.usage, report)))


def access(license_: Bytes32, recordings: tuple[Bytes32, ...], *, by: Key = LICENSEE, gate: Key = GATE) -> AccessEntry:
    root = merkle.root(merkle.leaf(one) for one in recordings)
    request = typed.OpenAccess(license_, root, 2, b"DE", ZERO32, 1, UnixSeconds(START))
    digest = typed.digest(DOMAINS.access, request)
    said = typed.Access(digest, ZERO32, UnixSeconds(START))
    return AccessEntry(request, recordings, said, by.sign(digest), gate.sign(typed.digest(DOMAINS.access, said)))


def session(license_: Bytes32, *, by: Key = LICENSEE, meter: Key = GATE, **changes: Any) -> SessionEntry:
    said = typed.MeterSession(
        meter.address, SESSION_KEY.address, license_, UnixSeconds(START), UnixSeconds(START + 10**5), 100, 1
    )
    said = replace(said, **changes)
    return SessionEntry(said, by.sign(typed.digest(DOMAINS.usage, said)))


def use(of: typed.MeterSession, seq: int, weights: dict[Bytes32, int], **changes: Any) -> Use:
    listed = attribution.weights(weights) if weights else ()
    session_id = usage.session_id(DOMAINS.usage, of)
    receipt = typed.UsageReceipt(
        usage.receipt_id(session_id, seq),
        session_id,
        seq,
        of.license_id,
        2,
        b"DE",
        ZERO32,
        word(f"output {seq}"),
        Outcome.DELIVERED,
        Unit.OUTPUT,
        1,
        attribution.attribution_root(listed),
        1 if listed else 0,
        UnixMs(START * 1_000),
        ZERO32,
    )
    return Use(replace(receipt, **changes), listed, 1_000_000)


def segment(
    chain: EventChain,
    of: typed.MeterSession,
    uses: list[Use],
    *,
    by: Key = SESSION_KEY,
    previous: typed.Segment | None = None,
    last: bool = True,
) -> SegmentEntry:
    data = segments.write(uses)
    cid = chain.content.put(data)
    made = usage.segment_of(
        DOMAINS.usage,
        usage.session_id(DOMAINS.usage, of),
        uses,
        next_seq=usage.following(previous) if previous else 0,
        previous=previous,
        file_sha256=cid.digest,
        last=last,
    )
    digest = usage.segment_hash(DOMAINS.usage, made)
    at = UnixMs((START + 5_000) * 1_000)
    ack = typed.Ack(digest, at)
    return SegmentEntry(cid, made, by.sign(digest), at, GATE.sign(typed.digest(DOMAINS.usage, ack)))


@dataclass
class FundedLicense:
    chain: EventChain
    made: Manifest
    dataset: Bytes32
    license: Bytes32
    recordings: tuple[Bytes32, Bytes32]


@pytest.fixture
def funded() -> FundedLicense:
    """A funded license; nothing is judged, opened or used yet."""
    chain = EventChain()
    chain.content.put(RULES.encode())
    chain.admit()
    made, dataset = chain.register()
    license_ = chain.license(made, dataset)
    return FundedLicense(chain, made, dataset, license_, (recording_id(dataset, 0), recording_id(dataset, 1)))


def opened(funded: FundedLicense, **how: Any) -> None:
    """Judged, leased and recorded."""
    entry = how.pop("access", None) or access(funded.license, funded.recordings)
    gates = how.pop("gates", None) or tuple(map(gate, funded.recordings))
    chain = funded.chain
    chain.say(
        events.AccessRecorded(
            funded.license, funded.dataset, LICENSEE.address, 2, 2, typed.digest(DOMAINS.access, entry.access)
        )
    )
    chain.anchor(accesses=(entry,), gates=gates, **how)


def used(funded: FundedLicense, **how: Any) -> None:
    entry = session(funded.license)
    uses = [use(entry.session, 0, {funded.recordings[0]: 1_000_000})]
    funded.chain.anchor(sessions=(entry,), segments=(segment(funded.chain, entry.session, uses, **how),))


def earned(funded: FundedLicense) -> int:
    return sum(one.amount for one in funded.chain.decide().credits if one.cause == "share")


def test_honest_use_pays_by_the_split(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    decision = funded.chain.decide()
    # 1,000 due; fee 50; 950 by 7 : 3
    shares = {one.payee: one.amount for one in decision.credits if one.cause == "share"}
    assert shares == {HOLDER.address: 665, VOICE.address: 285}
    assert decision.inputs.usage_head == batch.usage_head({GATE.address: funded.chain.heads[GATE.address]})


@pytest.mark.parametrize("items", [2**32 - 1, manifest.RECORDINGS])
def test_a_strangers_datasets_of_any_size_change_nothing_and_cost_no_time(funded: FundedLicense, items: int) -> None:
    for number in range(50):
        junk = [word(f"{name} {number}") for name in ("dataset", "root", "digest", "terms", "split")]
        funded.chain.say(events.DatasetRegistered(junk[0], Key("stranger").address, *junk[1:], items))  # type: ignore[arg-type]
    test_honest_use_pays_by_the_split(funded)


@pytest.mark.parametrize(
    "forged",
    [
        {"access": lambda funded: access(funded.license, funded.recordings, by=Key("thief"))},
        {"access": lambda funded: access(funded.license, funded.recordings, gate=Key("thief"))},
        {"access": lambda funded: access(word("other"), funded.recordings)},
        {"access": lambda funded: replace(access(funded.license, funded.recordings[:1]), recordings=funded.recordings)},
        {"gates": lambda funded: tuple(gate(one, by=Key("thief")) for one in funded.recordings)},
    ],
    ids=["request", "lease", "license", "recordings", "reports"],
)
def test_a_forged_lease_or_report_opens_nothing(funded: FundedLicense, forged: dict[str, Any]) -> None:
    opened(funded, **{name: make(funded) for name, make in forged.items()})
    used(funded)
    decision = funded.chain.decide()
    assert earned(funded) == 0
    assert decision.pots[0].held == 950


def test_a_lease_that_was_never_recorded_opens_nothing(funded: FundedLicense) -> None:
    funded.chain.anchor(
        accesses=(access(funded.license, funded.recordings),), gates=tuple(map(gate, funded.recordings))
    )
    used(funded)
    assert [one.reason for one in funded.chain.decide().judged.accounts[funded.license].rejected] == ["never-opened"]


@pytest.mark.parametrize("change", [{"units": 1}, {"purpose": 4}])
def test_an_access_recorded_otherwise_than_its_lease_opens_nothing(
    funded: FundedLicense, change: dict[str, Any]
) -> None:
    opened(funded)
    at = next(i for i, one in enumerate(funded.chain.logs) if isinstance(one.event, events.AccessRecorded))
    funded.chain.logs[at] = replace(funded.chain.logs[at], event=replace(funded.chain.logs[at].event, **change))
    assert funded.chain.gather().opened == ()


@pytest.mark.parametrize(("units", "open_"), [(0, 0), (2, 2), (3, 2)])
def test_leases_on_record_under_one_root_are_opened_each(funded: FundedLicense, units: int, open_: int) -> None:
    """One was in a batch before it was on record with the other, and is carried again with its path."""
    entries = [access(funded.license, (one,)) for one in funded.recordings]
    ids = [typed.digest(DOMAINS.access, one.access) for one in entries]
    root, paths = batch.receipts(ids)
    funded.chain.anchor(accesses=(entries[0],))
    funded.chain.say(events.AccessRecorded(funded.license, funded.dataset, LICENSEE.address, 2, units, root))
    funded.chain.anchor(accesses=tuple(replace(one, path=paths[key]) for one, key in zip(entries, ids, strict=True)))
    assert len(funded.chain.gather().opened) == open_


def test_a_lease_names_recordings_of_its_own_dataset_only(funded: FundedLicense) -> None:
    _, other = funded.chain.register(title="another dataset", recordings=tuple(funded.made.recordings[:1]))
    funded.recordings = (recording_id(other, 0), funded.recordings[1])
    opened(funded)
    assert [one.recording_id for one in funded.chain.gather().opened] == [funded.recordings[1]]


def test_the_first_report_of_the_appointed_gateway_counts_and_no_other_meters(funded: FundedLicense) -> None:
    other = Key("other gateway")
    funded.chain.admit(other)
    funded.chain.anchor(other, gates=tuple(gate(one, 2, by=other) for one in funded.recordings))
    opened(funded)
    funded.chain.anchor(gates=tuple(gate(one, 2) for one in funded.recordings))
    used(funded)
    assert earned(funded) == 950


@pytest.mark.parametrize(
    "entry",
    [
        lambda funded: session(funded.license, by=Key("thief")),
        lambda funded: session(funded.license, meter=Key("other")),
        lambda funded: session(word("no license")),
        lambda funded: session(funded.license, valid_until=UnixSeconds(START + 10**6 + 1)),
    ],
    ids=["signer", "meter", "license", "end"],
)
def test_a_session_that_does_not_bind_the_licensee_owes_nothing(funded: FundedLicense, entry: Any) -> None:
    opened(funded)
    said = entry(funded)
    uses = [use(said.session, 0, {funded.recordings[0]: 1_000_000})]
    funded.chain.anchor(sessions=(said,), segments=(segment(funded.chain, said.session, uses),))
    decision = funded.chain.decide()
    assert (decision.inputs.sessions, decision.inputs.segments, decision.credits) == ({}, (), ())


def test_a_contract_wallets_session_counts_once_it_is_on_record(funded: FundedLicense) -> None:
    opened(funded)
    said = session(funded.license, by=Key("module of the wallet"))
    uses = [use(said.session, 0, {funded.recordings[0]: 1_000_000})]
    funded.chain.say(events.DigestApproved(LICENSEE.address, usage.session_id(DOMAINS.usage, said.session)))
    funded.chain.anchor(sessions=(said,), segments=(segment(funded.chain, said.session, uses),))
    assert earned(funded) == 950


def test_a_segment_that_the_session_key_did_not_sign_owes_nothing(funded: FundedLicense) -> None:
    opened(funded)
    used(funded, by=Key("thief"))
    assert funded.chain.gather().segments == ()


def test_receipts_that_are_not_what_was_signed_are_charged_as_signed(funded: FundedLicense) -> None:
    opened(funded)
    said = session(funded.license)
    entry = segment(funded.chain, said.session, [use(said.session, 0, {funded.recordings[0]: 1_000_000}, units=3)])
    other = funded.chain.content.put(segments.write([]))
    funded.chain.anchor(sessions=(said,), segments=(replace(entry, cid=other),))
    decision = funded.chain.decide()
    [rejected] = decision.judged.accounts[funded.license].rejected
    assert (rejected.reason, rejected.units) == ("unreadable", 3)


def test_a_batch_that_is_not_what_its_event_says_counts_for_nothing(funded: FundedLicense) -> None:
    opened(funded)
    chain = funded.chain
    said = session(funded.license)
    made = Batch(GATE.address, ZERO32, sessions=(said,))
    digest = chain.content.put(made.encode()).digest
    chain.say(events.UsageAnchored(GATE.address, word("another root"), word("head"), 0, digest))
    chain.say(events.UsageAnchored(GATE.address, ZERO32, word("head"), 0, chain.content.put(b"{}").digest))
    assert chain.gather().sessions == {}
    chain.say(events.UsageAnchored(GATE.address, ZERO32, word("head"), 0, word("nobody has it")))
    with pytest.raises(Missing):
        chain.gather()


def test_a_consent_of_another_or_unsigned_rejects_the_use(funded: FundedLicense) -> None:
    chain = funded.chain
    forged = replace(documents.consent(), signature=Key("thief").sign(word("something")))
    made, dataset = chain.register(title="forged", consents=(forged,))
    funded.made, funded.dataset, funded.license = made, dataset, chain.license(made, dataset, "second")
    funded.recordings = (recording_id(dataset, 0), recording_id(dataset, 1))
    opened(funded)
    used(funded)
    [rejected] = chain.decide().judged.accounts[funded.license].rejected
    assert rejected.reason == "consent-not-signed"


def test_only_the_subjects_own_withdrawal_counts(funded: FundedLicense) -> None:
    opened(funded)
    consent_id = funded.made.consents[0].id(DOMAINS.consent)
    funded.chain.say(events.ConsentRevoked(consent_id, Key("thief").address, ZERO32))
    used(funded)
    assert earned(funded) == 950
    funded.chain.logs.pop()
    funded.chain.say(events.ConsentRevoked(consent_id, VOICE.address, ZERO32))
    used(funded)
    assert earned(funded) == 0


def test_a_manifest_that_is_not_the_registered_one_scores_nothing(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    registered = next(one for one in funded.chain.logs if isinstance(one.event, events.DatasetRegistered))
    other = funded.chain.content.put(replace(funded.made, recordings=funded.made.recordings[:1]).encode()).digest
    at = funded.chain.logs.index(registered)
    funded.chain.logs[at] = replace(registered, event=replace(registered.event, manifest_digest=other))
    assert [one.reason for one in funded.chain.decide().judged.accounts[funded.license].rejected] == [
        "no-passing-report"
    ]


def shares_of(who: str) -> bytes:
    return splits.pack([Split(Key(who).address, Bps(10_000))])


def test_a_split_set_later_counts_from_its_effect_at_the_windows_start(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    funded.chain.say(events.SplitSet(funded.dataset, shares_of("heir"), UnixSeconds(START)))
    assert sharers(funded) == {Key("heir").address}
    funded.chain.logs.pop()
    funded.chain.say(events.SplitSet(funded.dataset, shares_of("heir"), UnixSeconds(START + 10**4)))
    assert Key("heir").address not in sharers(funded)


def test_a_registration_with_other_shares_than_its_manifests_scores_nothing(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    registered = next(one for one in funded.chain.logs if isinstance(one.event, events.DatasetRegistered))
    at = funded.chain.logs.index(registered)
    funded.chain.logs[at] = replace(registered, event=replace(registered.event, split_hash=word("nobody has this")))
    assert [one.reason for one in funded.chain.decide().judged.accounts[funded.license].rejected] == [
        "no-passing-report"
    ]


def sharers(funded: FundedLicense) -> set[Address]:
    return {one.payee for one in funded.chain.decide().credits if one.cause == "share"}


@pytest.mark.parametrize(("not_before", "not_after"), [(START - 9, START), (START, START), (START - 9, START - 1)])
def test_use_outside_the_time_of_the_terms_is_charged_and_held_however_long_the_license(
    funded: FundedLicense, not_before: int, not_after: int
) -> None:
    """Its last second counts, however late it is anchored."""
    chain = funded.chain
    bounds = {"not_before": UnixSeconds(not_before), "not_after": UnixSeconds(not_after)}
    made, dataset = chain.register(documents.terms(**bounds), title="short terms")
    funded.made, funded.dataset, funded.license = made, dataset, chain.license(made, dataset, "outlives them")
    funded.recordings = (recording_id(dataset, 0), recording_id(dataset, 1))
    opened(funded)
    used(funded)
    rejected = chain.decide().judged.accounts[funded.license].rejected
    outside = not not_before <= START <= not_after
    assert [(one.reason, one.about) for one in rejected] == [("terms-not-in-force", funded.license)] * outside
    assert (chain.decide().pots[0].held > 0) == outside


def test_an_attributors_signed_word_counts_when_the_terms_name_it(funded: FundedLicense) -> None:
    lab, chain = Key("lab"), funded.chain
    made, dataset = chain.register(documents.terms(attribution=AttributionRule(1, lab.address)), title="by the lab")
    funded.made, funded.dataset, funded.license = made, dataset, chain.license(made, dataset, "second")
    funded.recordings = (recording_id(dataset, 0), recording_id(dataset, 1))
    opened(funded)
    used(funded)
    receipt = chain.gather().segments[0].uses[0].receipt.receipt_id
    weights = attribution.weights({funded.recordings[1]: 1_000_000})
    said = typed.Attribution(receipt, attribution.attribution_root(weights), 1, 1_000_000)
    digest = typed.digest(DOMAINS.usage, said)
    chain.anchor(attributions=(AttributionEntry(said, weights, Key("thief").sign(digest)),))
    assert chain.decide().pots[0].forced == {"no-attribution": 1}
    chain.anchor(attributions=(AttributionEntry(said, weights, lab.sign(digest)),))
    decision = chain.decide()
    assert decision.pots[0].forced == {}
    assert set(decision.pots[0].proportions.scores) == {funded.recordings[1]}


def test_a_guardians_ruling_is_read_and_a_holders_reason_is_not(funded: FundedLicense) -> None:
    ruling = Ruling(licenses={funded.license: (Split(Key("heir").address, Bps(10_000)),)})
    digest = funded.chain.content.put(ruling.encode()).digest
    funded.chain.say(events.DatasetStatusChanged(funded.dataset, HOLDER.address, 2, word("no document")))
    assert funded.chain.gather().ruling == Ruling()
    funded.chain.say(events.DatasetStatusChanged(funded.dataset, Key("guardian").address, 4, digest))
    assert funded.chain.gather().ruling == ruling


def propose(funded: FundedLicense) -> Bytes32:
    """The epoch up to here is published and stands; its root."""
    epoch = settle.decide(funded.chain.gather(), ENGINE)
    manifest = settle.commit(epoch, funded.chain.content)
    funded.chain.say(
        events.SettlementProposed(
            epoch.number, epoch.root, epoch.usage_head, manifest.digest, epoch.total, UnixSeconds(START)
        )
    )
    return epoch.root


def test_a_license_that_pays_into_another_distributor_is_none_here(funded: FundedLicense) -> None:
    """Its use costs nothing and pays nobody; what came under its name goes back to who sent it."""
    astray = funded.chain.license(funded.made, funded.dataset, "astray", Address(b"\xd9" * 20))
    funded.license = astray
    opened(funded)
    used(funded)
    decision = funded.chain.decide()
    assert astray not in decision.inputs.licenses
    assert [(one.cause, one.payee, one.amount) for one in decision.credits] == [("returned", LICENSEE.address, 50_000)]


def test_a_price_waits_in_the_balance_of_its_license(funded: FundedLicense) -> None:
    """`accept` pays price and deposit in one `Funded`; both pay for use."""
    assert funded.chain.decide().pots[0].balance == 50_000
    funded.chain.say(events.Funded(LICENSEE.address, funded.license, Wei(7)))
    assert funded.chain.decide().pots[0].balance == 50_007


def test_the_next_epoch_counts_only_what_was_anchored_since(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    propose(funded)
    inputs = funded.chain.gather()
    assert (inputs.epoch, inputs.segments) == (2, ())
    assert inputs.carry.cumulative[HOLDER.address] == 665
    assert inputs.carry.spent == {funded.license: 1_000}
    assert settle.decide(inputs, ENGINE).total == 1_000


def test_a_vetoed_epoch_is_settled_again_under_its_number(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    root = propose(funded)
    funded.chain.say(events.SettlementVetoed(1, root, Key("guardian").address, ZERO32))
    inputs = funded.chain.gather()
    assert (inputs.epoch, len(inputs.segments)) == (1, 1)


def test_a_strangers_open_root_is_not_followed_and_the_publishers_takes_its_place(funded: FundedLicense) -> None:
    """By the exit anybody proposes anything, documents or none; it is decided again as if it were not there."""
    opened(funded)
    used(funded)
    junk, open_for = word("junk"), UnixSeconds(funded.chain.now.time + 14 * 86_400)
    funded.chain.say(events.SettlementProposed(1, junk, ZERO32, word("no document"), Wei(50_000), open_for))
    inputs = funded.chain.gather()
    assert (inputs.epoch, len(inputs.segments), inputs.carry.cumulative) == (1, 1, {})
    root = propose(funded)
    ledger = Ledger.fold(funded.chain.logs)
    assert [one.root for one in ledger.settlements if not one.rejected] == [root]
    assert funded.chain.gather().epoch == 2


def test_a_strangers_root_that_became_active_is_followed(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    propose(funded)
    junk = events.SettlementProposed(2, word("junk"), ZERO32, word("no document"), Wei(50_000), UnixSeconds(START))
    funded.chain.say(junk)
    with pytest.raises(Missing):
        funded.chain.gather()


def test_a_correction_finds_its_receipt_in_an_earlier_epoch(funded: FundedLicense) -> None:
    opened(funded)
    said = session(funded.license)
    wrong = use(said.session, 0, {funded.recordings[0]: 1_000_000})
    first = segment(funded.chain, said.session, [wrong], last=False)
    funded.chain.anchor(sessions=(said,), segments=(first,))
    propose(funded)
    right = use(
        said.session,
        1,
        {funded.recordings[1]: 1_000_000},
        corrects=wrong.receipt.receipt_id,
        output_commit=wrong.receipt.output_commit,
    )
    funded.chain.anchor(segments=(segment(funded.chain, said.session, [right], previous=first.segment),))
    inputs = funded.chain.gather()
    assert inputs.earlier == {wrong.receipt.receipt_id: wrong}
    assert settle.decide(inputs, ENGINE).decision.carry.corrected == {wrong.receipt.receipt_id}


def test_a_rejected_receipt_cannot_be_corrected_into_money(funded: FundedLicense) -> None:
    opened(funded)
    said = session(funded.license)
    wrong = use(said.session, 0, {funded.recordings[0]: 1_000_000}, unit=Unit.REQUEST)
    first = segment(funded.chain, said.session, [wrong], last=False)
    funded.chain.anchor(sessions=(said,), segments=(first,))
    propose(funded)
    assert funded.chain.gather().carry.holds == {Hold("receipt", wrong.receipt.receipt_id): 950}
    right = use(said.session, 1, {}, corrects=wrong.receipt.receipt_id, output_commit=wrong.receipt.output_commit)
    funded.chain.anchor(segments=(segment(funded.chain, said.session, [right], previous=first.segment),))
    assert funded.chain.gather().earlier == {}


def test_a_removed_meters_head_is_one(funded: FundedLicense) -> None:
    funded.chain.say(events.MeterRemoved(GATE.address))
    assert funded.chain.gather().usage_head == batch.usage_head({GATE.address: Bytes32((1).to_bytes(32, "big"))})


def test_a_published_amount_that_was_changed_is_failed(funded: FundedLicense) -> None:
    opened(funded)
    used(funded)
    propose(funded)
    event = funded.chain.logs[-1].event
    published = settle.published(funded.chain.content, event.manifest_digest)
    tree = funded.chain.content.get(published.named("tree"))
    changed = funded.chain.content.put(tree.replace(b'"665"', b'"666"'))
    lying = replace(
        published, manifest={**published.manifest, "tree": {**published.manifest["tree"], "cid": str(changed)}}
    )
    with pytest.raises(reading.WrongDocument):
        settle.leaves(funded.chain.content, lying, root=event.root)
    said = funded.chain.content.get(published.named("statements"))
    other = funded.chain.content.put(said.replace(b'"665"', b'"666"'))
    lying = replace(
        published,
        manifest={**published.manifest, "statements": {**published.manifest["statements"], "cid": str(other)}},
    )
    with pytest.raises(reading.WrongDocument):
        settle.statement(funded.chain.content, lying, HOLDER.address)
