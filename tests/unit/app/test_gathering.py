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
from provenance.domain import attribution, batch, events, manifest, merkle, typed, usage
from provenance.domain.batch import AccessEntry, AttributionEntry, Batch, GateEntry, SegmentEntry, SessionEntry
from provenance.domain.hashes import keccak
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
class Road:
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
        from provenance.domain import splits

        made = documents.manifest(
            2, gateway=GATE.address, terms_cid=self.content.put(said.encode()), terms_hash=said.terms_hash, **changes
        )
        digest = self.content.put(made.encode()).digest
        shares = self.content.put(splits.encode(made.splits)).digest
        dataset = made.dataset_id(DEPLOYMENT.chain_id, DEPLOYMENT.contracts["DatasetRegistry"])
        self.say(
            events.DatasetRegistered(
                dataset, made.holder, made.root(), digest, made.terms_hash, shares, len(made.recordings)
            )
        )
        return made, dataset

    def license(self, made: Manifest, dataset: Bytes32, name: str = "license") -> Bytes32:
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
                documents.TOKEN,
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
    road: Road,
    of: typed.MeterSession,
    uses: list[Use],
    *,
    by: Key = SESSION_KEY,
    previous: typed.Segment | None = None,
    last: bool = True,
) -> SegmentEntry:
    data = segments.write(uses)
    cid = road.content.put(data)
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
class Stage:
    road: Road
    made: Manifest
    dataset: Bytes32
    license: Bytes32
    recordings: tuple[Bytes32, Bytes32]


@pytest.fixture
def stage() -> Stage:
    """A funded license; nothing is judged, opened or used yet."""
    road = Road()
    road.content.put(RULES.encode())
    road.admit()
    made, dataset = road.register()
    license_ = road.license(made, dataset)
    return Stage(road, made, dataset, license_, (recording_id(dataset, 0), recording_id(dataset, 1)))


def opened(stage: Stage, **how: Any) -> None:
    """Judged, leased and recorded."""
    entry = how.pop("access", None) or access(stage.license, stage.recordings)
    gates = how.pop("gates", None) or tuple(map(gate, stage.recordings))
    road = stage.road
    road.say(
        events.AccessRecorded(
            stage.license, stage.dataset, LICENSEE.address, 2, 2, typed.digest(DOMAINS.access, entry.access)
        )
    )
    road.anchor(accesses=(entry,), gates=gates, **how)


def used(stage: Stage, **how: Any) -> None:
    entry = session(stage.license)
    uses = [use(entry.session, 0, {stage.recordings[0]: 1_000_000})]
    stage.road.anchor(sessions=(entry,), segments=(segment(stage.road, entry.session, uses, **how),))


def earned(stage: Stage) -> int:
    return sum(one.amount for one in stage.road.decide().credits if one.cause == "share")


def test_an_honest_road_pays_by_the_split(stage: Stage) -> None:
    opened(stage)
    used(stage)
    decision = stage.road.decide()
    # 1,000 due; fee 50; 950 by 7 : 3
    shares = {one.payee: one.amount for one in decision.credits if one.cause == "share"}
    assert shares == {HOLDER.address: 665, VOICE.address: 285}
    assert decision.inputs.usage_head == batch.usage_head({GATE.address: stage.road.heads[GATE.address]})


@pytest.mark.parametrize("items", [2**32 - 1, manifest.RECORDINGS])
def test_a_strangers_datasets_of_any_size_change_nothing_and_cost_no_time(stage: Stage, items: int) -> None:
    for number in range(50):
        junk = [word(f"{name} {number}") for name in ("dataset", "root", "digest", "terms", "split")]
        stage.road.say(events.DatasetRegistered(junk[0], Key("stranger").address, *junk[1:], items))  # type: ignore[arg-type]
    test_an_honest_road_pays_by_the_split(stage)


@pytest.mark.parametrize(
    "forged",
    [
        {"access": lambda stage: access(stage.license, stage.recordings, by=Key("thief"))},
        {"access": lambda stage: access(stage.license, stage.recordings, gate=Key("thief"))},
        {"access": lambda stage: access(word("other"), stage.recordings)},
        {"access": lambda stage: replace(access(stage.license, stage.recordings[:1]), recordings=stage.recordings)},
        {"gates": lambda stage: tuple(gate(one, by=Key("thief")) for one in stage.recordings)},
    ],
    ids=["request", "lease", "license", "recordings", "reports"],
)
def test_a_forged_lease_or_report_opens_nothing(stage: Stage, forged: dict[str, Any]) -> None:
    opened(stage, **{name: make(stage) for name, make in forged.items()})
    used(stage)
    decision = stage.road.decide()
    assert earned(stage) == 0
    assert decision.pots[0].held == 950


def test_a_lease_that_was_never_recorded_opens_nothing(stage: Stage) -> None:
    stage.road.anchor(accesses=(access(stage.license, stage.recordings),), gates=tuple(map(gate, stage.recordings)))
    used(stage)
    assert [one.reason for one in stage.road.decide().judged.accounts[stage.license].rejected] == ["never-opened"]


@pytest.mark.parametrize("change", [{"units": 1}, {"purpose": 4}])
def test_an_access_recorded_otherwise_than_its_lease_opens_nothing(stage: Stage, change: dict[str, Any]) -> None:
    opened(stage)
    at = next(i for i, one in enumerate(stage.road.logs) if isinstance(one.event, events.AccessRecorded))
    stage.road.logs[at] = replace(stage.road.logs[at], event=replace(stage.road.logs[at].event, **change))
    assert stage.road.gather().opened == ()


def test_a_lease_names_recordings_of_its_own_dataset_only(stage: Stage) -> None:
    _, other = stage.road.register(title="another dataset", recordings=tuple(stage.made.recordings[:1]))
    stage.recordings = (recording_id(other, 0), stage.recordings[1])
    opened(stage)
    assert [one.recording_id for one in stage.road.gather().opened] == [stage.recordings[1]]


def test_the_first_report_of_the_appointed_gateway_counts_and_no_other_meters(stage: Stage) -> None:
    other = Key("other gateway")
    stage.road.admit(other)
    stage.road.anchor(other, gates=tuple(gate(one, 2, by=other) for one in stage.recordings))
    opened(stage)
    stage.road.anchor(gates=tuple(gate(one, 2) for one in stage.recordings))
    used(stage)
    assert earned(stage) == 950


@pytest.mark.parametrize(
    "entry",
    [
        lambda stage: session(stage.license, by=Key("thief")),
        lambda stage: session(stage.license, meter=Key("other")),
        lambda stage: session(word("no license")),
        lambda stage: session(stage.license, valid_until=UnixSeconds(START + 10**6 + 1)),
    ],
    ids=["signer", "meter", "license", "end"],
)
def test_a_session_that_does_not_bind_the_licensee_owes_nothing(stage: Stage, entry: Any) -> None:
    opened(stage)
    said = entry(stage)
    uses = [use(said.session, 0, {stage.recordings[0]: 1_000_000})]
    stage.road.anchor(sessions=(said,), segments=(segment(stage.road, said.session, uses),))
    decision = stage.road.decide()
    assert (decision.inputs.sessions, decision.inputs.segments, decision.credits) == ({}, (), ())


def test_a_contract_wallets_session_counts_once_it_is_on_record(stage: Stage) -> None:
    opened(stage)
    said = session(stage.license, by=Key("module of the wallet"))
    uses = [use(said.session, 0, {stage.recordings[0]: 1_000_000})]
    stage.road.say(events.DigestApproved(LICENSEE.address, usage.session_id(DOMAINS.usage, said.session)))
    stage.road.anchor(sessions=(said,), segments=(segment(stage.road, said.session, uses),))
    assert earned(stage) == 950


def test_a_segment_that_the_session_key_did_not_sign_owes_nothing(stage: Stage) -> None:
    opened(stage)
    used(stage, by=Key("thief"))
    assert stage.road.gather().segments == ()


def test_receipts_that_are_not_what_was_signed_are_charged_as_signed(stage: Stage) -> None:
    opened(stage)
    said = session(stage.license)
    entry = segment(stage.road, said.session, [use(said.session, 0, {stage.recordings[0]: 1_000_000}, units=3)])
    other = stage.road.content.put(segments.write([]))
    stage.road.anchor(sessions=(said,), segments=(replace(entry, cid=other),))
    decision = stage.road.decide()
    [rejected] = decision.judged.accounts[stage.license].rejected
    assert (rejected.reason, rejected.units) == ("unreadable", 3)


def test_a_batch_that_is_not_what_its_event_says_counts_for_nothing(stage: Stage) -> None:
    opened(stage)
    road = stage.road
    said = session(stage.license)
    made = Batch(GATE.address, ZERO32, sessions=(said,))
    digest = road.content.put(made.encode()).digest
    road.say(events.UsageAnchored(GATE.address, word("another root"), word("head"), 0, digest))
    road.say(events.UsageAnchored(GATE.address, ZERO32, word("head"), 0, road.content.put(b"{}").digest))
    assert road.gather().sessions == {}
    road.say(events.UsageAnchored(GATE.address, ZERO32, word("head"), 0, word("nobody has it")))
    with pytest.raises(Missing):
        road.gather()


def test_a_consent_of_another_or_unsigned_rejects_the_use(stage: Stage) -> None:
    road = stage.road
    forged = replace(documents.consent(), signature=Key("thief").sign(word("something")))
    made, dataset = road.register(title="forged", consents=(forged,))
    stage.made, stage.dataset, stage.license = made, dataset, road.license(made, dataset, "second")
    stage.recordings = (recording_id(dataset, 0), recording_id(dataset, 1))
    opened(stage)
    used(stage)
    [rejected] = road.decide().judged.accounts[stage.license].rejected
    assert rejected.reason == "consent-not-signed"


def test_only_the_subjects_own_withdrawal_counts(stage: Stage) -> None:
    opened(stage)
    consent_id = stage.made.consents[0].id(DOMAINS.consent)
    stage.road.say(events.ConsentRevoked(consent_id, Key("thief").address, ZERO32, UnixSeconds(START)))
    used(stage)
    assert earned(stage) == 950
    stage.road.logs.pop()
    stage.road.say(events.ConsentRevoked(consent_id, VOICE.address, ZERO32, UnixSeconds(START)))
    used(stage)
    assert earned(stage) == 0


def test_a_manifest_that_is_not_the_registered_one_scores_nothing(stage: Stage) -> None:
    opened(stage)
    used(stage)
    registered = next(one for one in stage.road.logs if isinstance(one.event, events.DatasetRegistered))
    other = stage.road.content.put(replace(stage.made, recordings=stage.made.recordings[:1]).encode()).digest
    at = stage.road.logs.index(registered)
    stage.road.logs[at] = replace(registered, event=replace(registered.event, manifest_digest=other))
    assert [one.reason for one in stage.road.decide().judged.accounts[stage.license].rejected] == ["no-passing-report"]


def test_a_split_set_later_counts_from_its_effect_at_the_windows_start(stage: Stage) -> None:
    from provenance.domain import splits

    opened(stage)
    used(stage)
    new = stage.road.content.put(splits.encode((Split(Key("heir").address, Bps(10_000)),)))
    stage.road.anchor(splits=(new,))
    stage.road.say(events.SplitSet(stage.dataset, new.digest, UnixSeconds(START)))
    assert sharers(stage) == {Key("heir").address}
    stage.road.logs.pop()
    stage.road.say(events.SplitSet(stage.dataset, new.digest, UnixSeconds(START + 10**4)))
    assert Key("heir").address not in sharers(stage)


def test_a_split_that_no_batch_names_is_not_in_force_and_stops_nobody(stage: Stage) -> None:
    from provenance.domain import splits

    opened(stage)
    used(stage)
    heir, second = Key("heir").address, Key("second heir").address
    known, later = (stage.road.content.put(splits.encode((Split(who, Bps(10_000)),))) for who in (heir, second))
    stage.road.anchor(splits=(known,))
    stage.road.say(events.SplitSet(stage.dataset, known.digest, UnixSeconds(START)))
    stage.road.say(events.SplitSet(stage.dataset, word("nobody has this"), UnixSeconds(START)))
    stage.road.say(events.SplitSet(stage.dataset, later.digest, UnixSeconds(START)))
    assert sharers(stage) == {heir}
    stage.road.anchor(splits=(later,))
    assert sharers(stage) == {second}
    stage.road.anchor(splits=(lost := unixfs.address([b"named by a batch and gone"]),))
    stage.road.say(events.SplitSet(stage.dataset, lost.digest, UnixSeconds(START)))
    with pytest.raises(Missing):
        sharers(stage)


def test_a_registration_with_other_shares_than_its_manifests_scores_nothing(stage: Stage) -> None:
    opened(stage)
    used(stage)
    registered = next(one for one in stage.road.logs if isinstance(one.event, events.DatasetRegistered))
    at = stage.road.logs.index(registered)
    stage.road.logs[at] = replace(registered, event=replace(registered.event, split_hash=word("nobody has this")))
    assert [one.reason for one in stage.road.decide().judged.accounts[stage.license].rejected] == ["no-passing-report"]


def sharers(stage: Stage) -> set[Address]:
    return {one.payee for one in stage.road.decide().credits if one.cause == "share"}


@pytest.mark.parametrize(("not_before", "not_after"), [(START - 9, START), (START, START), (START - 9, START - 1)])
def test_use_outside_the_time_of_the_terms_is_charged_and_held_however_long_the_license(
    stage: Stage, not_before: int, not_after: int
) -> None:
    """Its last second counts, however late it is anchored."""
    road = stage.road
    bounds = {"not_before": UnixSeconds(not_before), "not_after": UnixSeconds(not_after)}
    made, dataset = road.register(documents.terms(**bounds), title="short terms")
    stage.made, stage.dataset, stage.license = made, dataset, road.license(made, dataset, "outlives them")
    stage.recordings = (recording_id(dataset, 0), recording_id(dataset, 1))
    opened(stage)
    used(stage)
    rejected = road.decide().judged.accounts[stage.license].rejected
    outside = not not_before <= START <= not_after
    assert [(one.reason, one.about) for one in rejected] == [("terms-not-in-force", stage.license)] * outside
    assert (road.decide().pots[0].held > 0) == outside


def test_an_attributors_signed_word_counts_when_the_terms_name_it(stage: Stage) -> None:
    lab, road = Key("lab"), stage.road
    made, dataset = road.register(documents.terms(attribution=AttributionRule(1, lab.address)), title="by the lab")
    stage.made, stage.dataset, stage.license = made, dataset, road.license(made, dataset, "second")
    stage.recordings = (recording_id(dataset, 0), recording_id(dataset, 1))
    opened(stage)
    used(stage)
    receipt = road.gather().segments[0].uses[0].receipt.receipt_id
    weights = attribution.weights({stage.recordings[1]: 1_000_000})
    said = typed.Attribution(receipt, attribution.attribution_root(weights), 1, 1_000_000)
    digest = typed.digest(DOMAINS.usage, said)
    road.anchor(attributions=(AttributionEntry(said, weights, Key("thief").sign(digest)),))
    assert road.decide().pots[0].forced == {"no-attribution": 1}
    road.anchor(attributions=(AttributionEntry(said, weights, lab.sign(digest)),))
    decision = road.decide()
    assert decision.pots[0].forced == {}
    assert set(decision.pots[0].proportions.scores) == {stage.recordings[1]}


def test_a_guardians_ruling_is_read_and_a_holders_reason_is_not(stage: Stage) -> None:
    ruling = Ruling(licenses={stage.license: (Split(Key("heir").address, Bps(10_000)),)})
    digest = stage.road.content.put(ruling.encode()).digest
    stage.road.say(
        events.DatasetStatusChanged(stage.dataset, HOLDER.address, 2, word("no document"), UnixSeconds(START))
    )
    assert stage.road.gather().ruling == Ruling()
    stage.road.say(events.DatasetStatusChanged(stage.dataset, Key("guardian").address, 4, digest, UnixSeconds(START)))
    assert stage.road.gather().ruling == ruling


def propose(stage: Stage) -> None:
    """The epoch up to here is published and stands."""
    epoch = settle.decide(stage.road.gather(), ENGINE)
    manifest = settle.commit(epoch, stage.road.content)
    stage.road.say(
        events.SettlementProposed(
            epoch.number, epoch.root, epoch.usage_head, manifest.digest, epoch.total, UnixSeconds(START)
        )
    )


def test_the_next_epoch_counts_only_what_was_anchored_since(stage: Stage) -> None:
    opened(stage)
    used(stage)
    propose(stage)
    inputs = stage.road.gather()
    assert (inputs.epoch, inputs.segments) == (2, ())
    assert inputs.carry.cumulative[HOLDER.address] == 665
    assert inputs.carry.spent == {stage.license: 1_000}
    assert settle.decide(inputs, ENGINE).total == 1_000


def test_a_vetoed_epoch_is_settled_again_under_its_number(stage: Stage) -> None:
    opened(stage)
    used(stage)
    propose(stage)
    stage.road.say(events.SettlementVetoed(1, Key("guardian").address, ZERO32))
    inputs = stage.road.gather()
    assert (inputs.epoch, len(inputs.segments)) == (1, 1)


def test_a_correction_finds_its_receipt_in_an_earlier_epoch(stage: Stage) -> None:
    opened(stage)
    said = session(stage.license)
    wrong = use(said.session, 0, {stage.recordings[0]: 1_000_000})
    first = segment(stage.road, said.session, [wrong], last=False)
    stage.road.anchor(sessions=(said,), segments=(first,))
    propose(stage)
    right = use(
        said.session,
        1,
        {stage.recordings[1]: 1_000_000},
        corrects=wrong.receipt.receipt_id,
        output_commit=wrong.receipt.output_commit,
    )
    stage.road.anchor(segments=(segment(stage.road, said.session, [right], previous=first.segment),))
    inputs = stage.road.gather()
    assert inputs.earlier == {wrong.receipt.receipt_id: wrong}
    assert settle.decide(inputs, ENGINE).decision.carry.corrected == {wrong.receipt.receipt_id}


def test_a_rejected_receipt_cannot_be_corrected_into_money(stage: Stage) -> None:
    opened(stage)
    said = session(stage.license)
    wrong = use(said.session, 0, {stage.recordings[0]: 1_000_000}, unit=Unit.REQUEST)
    first = segment(stage.road, said.session, [wrong], last=False)
    stage.road.anchor(sessions=(said,), segments=(first,))
    propose(stage)
    assert stage.road.gather().carry.holds == {Hold("receipt", wrong.receipt.receipt_id): 950}
    right = use(said.session, 1, {}, corrects=wrong.receipt.receipt_id, output_commit=wrong.receipt.output_commit)
    stage.road.anchor(segments=(segment(stage.road, said.session, [right], previous=first.segment),))
    assert stage.road.gather().earlier == {}


def test_a_removed_meters_head_is_one(stage: Stage) -> None:
    stage.road.say(events.MeterRemoved(GATE.address))
    assert stage.road.gather().usage_head == batch.usage_head({GATE.address: Bytes32((1).to_bytes(32, "big"))})


def test_a_published_amount_that_was_changed_is_failed(stage: Stage) -> None:
    opened(stage)
    used(stage)
    propose(stage)
    event = stage.road.logs[-1].event
    published = settle.published(stage.road.content, event.manifest_digest)
    tree = stage.road.content.get(published.named("tree"))
    changed = stage.road.content.put(tree.replace(b'"665"', b'"666"'))
    lying = replace(
        published, manifest={**published.manifest, "tree": {**published.manifest["tree"], "cid": str(changed)}}
    )
    with pytest.raises(reading.WrongDocument):
        settle.leaves(stage.road.content, lying, root=event.root)
    said = stage.road.content.get(published.named("statements"))
    other = stage.road.content.put(said.replace(b'"665"', b'"666"'))
    lying = replace(
        published,
        manifest={**published.manifest, "statements": {**published.manifest["statements"], "cid": str(other)}},
    )
    with pytest.raises(reading.WrongDocument):
        settle.statement(stage.road.content, lying, HOLDER.address)
