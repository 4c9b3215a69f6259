"""Which sessions open, which segments are acknowledged, and what is anchored of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from indexer.gateway import batches
from indexer.gateway.money import Uncovered
from indexer.gateway.sessions import (
    Equivocated,
    OtherMeter,
    SessionOver,
    SessionSuspended,
    UnitsExceeded,
    UnknownSession,
)
from provenance.adapters import segments as files
from provenance.adapters.content import unixfs
from provenance.app.ports import Call
from provenance.domain import attribution, batch as batch_, refusal, splits, typed, usage
from provenance.domain.hashes import sha256
from provenance.domain.manifest import recording_id
from provenance.domain.signature import BadSignature
from provenance.domain.usage import BadSegment, Outcome, Unit, Use
from provenance.errors import Conflict, ProvenanceError
from provenance.types import PPM_ONE, ZERO32, Address, Bps, Bytes32, UnixMs, UnixSeconds
from tests import whole
from tests.documents import Key
from tests.live_gateway import LiveGateway, Package, live_gateway, speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World

KEY = Key("session")


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(chain_world, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(scope="module")
def published(live: LiveGateway) -> Package:
    return live.published([speech(1)])


@pytest.fixture
def license_(live: LiveGateway, published: Package) -> Bytes32:
    """A license with 100,000 base units: 100 outputs."""
    made = live.license(published)
    live.fund(made, 100_000)
    return made


def session_for(live: LiveGateway, of: Bytes32, **changes: object) -> typed.MeterSession:
    said = typed.MeterSession(
        meter=live.node.address,
        session_key=KEY.address,
        license_id=of,
        valid_from=UnixSeconds(live.now - 10),
        valid_until=UnixSeconds(live.now + 3_600),
        max_units=100,
        nonce=live.nonce(),
    )
    return replace(said, **changes)  # type: ignore[arg-type]


def opened(live: LiveGateway, license_id: Bytes32, *, name: str = "licensee", **changes: object) -> typed.MeterSession:
    said = session_for(live, license_id, **changes)
    digest = typed.digest(live.node.deployment.domains.usage, said)
    assert live.client().open_session(said, live.sign(name, digest)) == digest
    return said


class Tape:
    """A session's receipts, segment by segment."""

    def __init__(self, live: LiveGateway, package: Package, session: typed.MeterSession) -> None:
        self.live, self.session = live, session
        self.domain = live.node.deployment.domains.usage
        self.of = usage.session_id(self.domain, session)
        self.recording = recording_id(live.dataset_id(package), 0)
        self.previous: typed.Segment | None = None
        self.seq = 0

    def use(self, seq: int, units: int = 1, at_ms: int | None = None) -> Use:
        weights = ((self.recording, PPM_ONE),)
        receipt = typed.UsageReceipt(
            receipt_id=usage.receipt_id(self.of, seq),
            session_id=self.of,
            seq=seq,
            license_id=self.session.license_id,
            purpose=0b10,
            territory=b"DE",
            model_id=usage.model_id("tiny", "1"),
            output_commit=sha256(str(seq).encode()),
            outcome=Outcome.DELIVERED,
            unit=Unit.OUTPUT,
            units=units,
            attribution_root=attribution.attribution_root(weights),
            attribution_method=1,
            occurred_at_ms=UnixMs(self.live.now * 1_000 if at_ms is None else at_ms),
            corrects=ZERO32,
        )
        return Use(receipt, weights, 1_000_000)

    def segment(self, size: int, *, last: bool = False, units: int = 1, **changes: object):
        uses = [self.use(seq, units) for seq in range(self.seq, self.seq + size)]
        data = files.write(uses)
        made = usage.segment_of(
            self.domain, self.of, uses, next_seq=self.seq, previous=self.previous, file_sha256=sha256(data), last=last
        )
        made = replace(made, **changes)  # type: ignore[arg-type]
        return made, KEY.sign(usage.segment_hash(self.domain, made)), data

    def put(self, size: int, **options: object):
        made, signed, data = self.segment(size, **options)  # type: ignore[arg-type]
        acked = self.live.client().put_segment(made, signed, data)
        self.previous, self.seq = made, usage.following(made)
        return acked


def test_a_segment_is_acknowledged_once_and_the_same_bytes_get_the_same_word(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    tape = Tape(live, published, opened(live, license_))
    made = tape.segment(3)
    first = live.client().put_segment(*made)
    assert live.client().put_segment(*made) == first
    tape.previous, tape.seq = made[0], 3
    tape.put(2)
    tape.put(0, last=True)
    (row,) = live.client().listing("sessions", session="0x" + tape.of.hex()).rows
    assert (row["receipts"], row["units"], row["segments"], row["closed"]) == ("5", "5", 3, True)
    assert len(live.client().listing("segments", session="0x" + tape.of.hex()).rows) == 3


def test_a_session_opens_twice_as_once_and_is_the_licensees(live: LiveGateway, license_: Bytes32) -> None:
    said = opened(live, license_)
    digest = typed.digest(live.node.deployment.domains.usage, said)
    assert live.client().open_session(said, live.sign("licensee", digest)) == digest
    with pytest.raises(BadSignature):
        opened(live, license_, name="thief")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"max_units": 101}, Uncovered),
        ({"max_units": 0}, ProvenanceError),
        ({"meter": Address(b"\x01" * 20)}, OtherMeter),
        ({"license_id": ZERO32}, refusal.UnknownLicense),
        ({"valid_until": UnixSeconds(10), "valid_from": UnixSeconds(1)}, SessionOver),
        ({"valid_until": UnixSeconds(1 << 50)}, SessionOver),
        ({"valid_from": UnixSeconds(1 << 50)}, ProvenanceError),
    ],
)
def test_a_session_that_is_not_covered_or_not_in_time_does_not_open(
    live: LiveGateway, license_: Bytes32, changes: dict[str, object], error: type[ProvenanceError]
) -> None:
    said = session_for(live, license_, **changes)
    digest = typed.digest(live.node.deployment.domains.usage, said)
    with pytest.raises(error):
        live.client().open_session(said, live.sign("licensee", digest))


def test_a_session_ends_with_the_last_second_of_its_terms(live: LiveGateway) -> None:
    last = UnixSeconds(live.now + 600)
    package = live.published([speech(31)], terms=replace(live.terms(), not_after=last))
    license_ = live.license(package, expiry=last + 1)
    live.fund(license_, 100_000)
    with pytest.raises(SessionOver):
        opened(live, license_, valid_until=UnixSeconds(last + 1))
    assert opened(live, license_, valid_until=last).valid_until == last


def test_a_revoked_session_and_an_ended_license_do_not_open(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    said = session_for(live, license_)
    digest = typed.digest(live.node.deployment.domains.usage, said)
    signed = live.sign("licensee", digest)
    values = tuple(getattr(said, name) for name in said.__slots__)
    live.send("licensee", "UsageLedger", "revokeSession", values, signed)
    with pytest.raises(SessionOver):
        live.client().open_session(said, signed)
    live.send("licensee", "DataAccess", "terminate", live.dataset_id(published), license_, ZERO32)
    with pytest.raises(refusal.LicenseEnded):
        opened(live, license_)


def test_other_bytes_in_the_same_place_suspend_the_session_and_both_are_kept(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    tape = Tape(live, published, opened(live, license_))
    first = tape.segment(2)
    acked = live.client().put_segment(*first)
    before = len(list(whole.cids(live.node.content)))
    second = tape.segment(2, units=2)
    with pytest.raises(Equivocated) as caught:
        live.client().put_segment(*second)
    assert caught.value.facts["acknowledged"] == "0x" + acked.ack.segment_hash.hex()
    for units in range(3, 6):  # two prove it; a third proves nothing more and costs the gateway no disk
        with pytest.raises(Equivocated):
            live.client().put_segment(*tape.segment(2, units=units))
    overlapping = Tape(live, published, tape.session)
    overlapping.seq = 1
    with pytest.raises(Equivocated):
        live.client().put_segment(*overlapping.segment(3))
    assert live.client().put_segment(*first) == acked
    tape.previous, tape.seq = first[0], 2
    with pytest.raises(SessionSuspended):
        tape.put(1)
    (row,) = live.client().listing("sessions", session="0x" + tape.of.hex()).rows
    assert row["suspended"] is True
    waiting = live.node.usage.pending()
    kept = [one.cid for one in waiting.equivocations if one.session_id == tape.of]
    assert kept == [str(unixfs.address([second[2]]))]
    assert len(list(whole.cids(live.node.content))) == before + 1


def test_a_gap_is_listed_and_closes_when_the_missing_run_arrives(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    tape = Tape(live, published, opened(live, license_))
    first = tape.segment(2)
    tape.previous, tape.seq = first[0], 2
    second = tape.segment(2)
    tape.previous, tape.seq = second[0], 4
    third = tape.segment(1)
    gateway = live.client()
    assert gateway.put_segment(*third).missing == ((0, 3),)
    assert gateway.put_segment(*second).missing == ((0, 1),)
    assert gateway.put_segment(*first).missing == ()
    assert gateway.put_segment(*third).missing == ()
    other = Tape(live, published, opened(live, license_))
    lone = other.segment(1)
    gateway.put_segment(*lone)
    far = Tape(live, published, other.session)
    far.seq, far.previous = 3, lone[0]
    gateway.put_segment(*far.segment(1))
    between = Tape(live, published, other.session)
    between.seq, between.previous = 1, lone[0]
    with pytest.raises(BadSegment):
        gateway.put_segment(*between.segment(2))


@pytest.mark.parametrize(
    "changes",
    [
        {"units_total": 7},
        {"count": 3},
        {"receipts_root": ZERO32},
        {"prev_segment_hash": Bytes32(b"\x01" * 32)},
        {"min_time_ms": UnixMs(1)},
        {"sha256": ZERO32},
        {"first_seq": 1},
    ],
)
def test_a_segment_that_says_other_than_its_receipts_is_refused(
    live: LiveGateway, published: Package, license_: Bytes32, changes: dict[str, object]
) -> None:
    tape = Tape(live, published, opened(live, license_))
    with pytest.raises(ProvenanceError) as caught:
        live.client().put_segment(*tape.segment(2, **changes))
    assert caught.value.http_status == 422
    assert live.node.usage.segments(tape.of) == ()


def test_a_receipt_from_the_future_a_foreign_key_and_garbage_are_refused(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    tape = Tape(live, published, opened(live, license_))
    uses = [tape.use(0, at_ms=(live.now + 400) * 1_000)]
    data = files.write(uses)
    made = usage.segment_of(tape.domain, tape.of, uses, next_seq=0, previous=None, file_sha256=sha256(data), last=False)
    with pytest.raises(BadSegment):
        live.client().put_segment(made, KEY.sign(usage.segment_hash(tape.domain, made)), data)
    good, signed, data = tape.segment(1)
    with pytest.raises(BadSignature):
        live.client().put_segment(good, Key("another").sign(usage.segment_hash(tape.domain, good)), data)
    with pytest.raises(ProvenanceError):
        live.client().put_segment(good, signed, data + b"x")
    garbage = replace(good, sha256=sha256(b"garbage"))
    with pytest.raises(ProvenanceError):
        live.client().put_segment(garbage, KEY.sign(usage.segment_hash(tape.domain, garbage)), b"garbage")
    with pytest.raises(UnknownSession):
        live.client().put_segment(replace(good, session_id=ZERO32), signed, data)


def test_receipts_past_max_units_and_after_the_last_segment_are_refused(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    tape = Tape(live, published, opened(live, license_, max_units=10))
    tape.put(1, units=9)
    with pytest.raises(UnitsExceeded):
        tape.put(1, units=2)
    tape.put(1, units=1, last=True)
    with pytest.raises(BadSegment):
        tape.put(1, units=0)


def test_nobody_hides_a_segment_by_sending_it_as_content(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    first, second = (Tape(live, published, opened(live, license_)) for _ in range(2))
    made, signed, data = first.segment(1)
    at = unixfs.address([data])
    live.client("thief").put_content(at, data)
    live.client().put_segment(made, signed, data)
    assert whole.fetch(live.client(), at) == data
    made, signed, data = second.segment(1)
    live.client().put_segment(made, signed, data)
    at = unixfs.address([data])
    live.client("thief")._send("PUT", f"/v1/content/{at}", body=data, signed=True)
    assert whole.fetch(live.client(), at) == data


def test_a_cap_closes_the_license_for_reading(live: LiveGateway) -> None:
    from provenance.domain.terms import Caps

    capped = live.published([speech(5)], terms=live.terms(caps=Caps(outputs=2)))
    license_id = live.license(capped)
    live.fund(license_id, 100_000)
    tape = Tape(live, capped, opened(live, license_id))
    live.open(capped, license_id, (0,))
    tape.put(2)
    with pytest.raises(refusal.CapReached):
        live.open(capped, license_id, (0,))


def test_everything_acknowledged_is_anchored_once_whatever_dies_before_the_transaction(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    chain, meter = live.world.chain, live.wallets["operator"].signer
    batches.anchor(live.node, lambda call: chain.send(call, meter))
    tape = Tape(live, published, opened(live, license_))
    tape.put(3)
    live.open(published, license_, (0,))
    with pytest.raises(ProvenanceError):
        live.open(published, license_, (0,), purpose=1)

    def killed(_call: Call) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batches.anchor(live.node, killed)
    tape.put(1)
    made = batches.anchor(live.node, lambda call: chain.send(call, meter))
    assert made is not None
    assert (made.batch.count, len(made.batch.sessions), len(made.batch.accesses)) == (3, 1, 1)
    assert made.batch.refusals is not None
    assert chain.read(Call("UsageLedger", "headOf", (live.node.address,)))[0] == made.head
    document = batch_.Batch.parse(whole.fetch(live.client(), made.cid))
    assert document == made.batch
    entry = document.segments[0]
    assert files.read(whole.fetch(live.client(), entry.cid), expected_sha256=entry.segment.sha256)
    after = batches.anchor(live.node, lambda call: chain.send(call, meter))
    assert after is not None
    assert after.batch.count == 1
    assert batches.anchor(live.node, lambda call: chain.send(call, meter)) is None


def test_a_split_stands_in_its_event_and_in_no_batch(live: LiveGateway, published: Package) -> None:
    chain, meter = live.world.chain, live.wallets["operator"].signer
    batches.anchor(live.node, lambda call: chain.send(call, meter))
    shares = splits.pack([splits.Split(Key("heir").address, Bps(10_000))])
    live.send("holder", "DatasetRegistry", "setSplit", live.dataset_id(published), shares)
    live.settle_down()
    assert batches.anchor(live.node, lambda call: chain.send(call, meter)) is None
    at, final = live.node.present()
    dataset = live.node.state(at, final, live.node.facts(at, live.dataset_id(published))).ledger.datasets
    [fact] = dataset[live.dataset_id(published)].splits
    assert (fact.event.shares, fact.event.effective_at) == (shares, fact.time + 7 * 86_400)


def test_reports_of_a_dataset_registered_under_another_manifest_are_not_anchored(live: LiveGateway) -> None:
    chain, meter = live.world.chain, live.wallets["operator"].signer
    package = live.package([speech(77)])
    live.deposit(package)
    said = package.manifest
    live.send("holder", "DatasetRegistry", "register", said.root(), sha256(b"nobody has this"), said.terms_hash,
                 said.split_hash(), 1)  # fmt: skip
    live.settle_down()
    made = batches.anchor(live.node, lambda call: chain.send(call, meter))
    reported = {entry.report.recording_id for entry in made.batch.gates} if made else set()
    assert recording_id(live.dataset_id(package), 0) not in reported
    honest = live.published([speech(78)])
    live.settle_down()
    made = batches.anchor(live.node, lambda call: chain.send(call, meter))
    assert made is not None
    assert {entry.report.recording_id for entry in made.batch.gates} == {recording_id(live.dataset_id(honest), 0)}


def test_two_segments_for_one_place_at_once_leave_one_acknowledged(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    import threading

    tape = Tape(live, published, opened(live, license_))
    made = [tape.segment(2, units=units) for units in (1, 2, 3, 4)]
    answers: list[object] = []

    def send(one: tuple[typed.Segment, bytes, bytes]) -> None:
        try:
            answers.append(live.client().put_segment(*one))
        except Conflict as error:
            answers.append(error)

    threads = [threading.Thread(target=send, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not isinstance(one, Conflict) for one in answers) == 1
    assert len(live.node.usage.segments(tape.of)) == 1
