"""What `record` returned from is never lost, never handed over twice, never signed twice for one place."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.adapters import segments
from provenance.adapters.durable import Unwritable
from provenance.adapters.journal import JournalBusy
from provenance.adapters.keys.keystore import KeySigner
from provenance.adapters.queue import FolderQueue
from provenance.app.meter import (
    KeyGone,
    MeterClosed,
    MeteredOutput,
    MeterExtent,
    Recorder,
    SessionSpent,
    open_session,
    recorder as recorders,
)
from provenance.app.ports import SignedAck
from provenance.domain import signature, typed, usage
from provenance.domain.attribution import ELSEWHERE, UNATTRIBUTED, BadWeights
from provenance.domain.events import LicenseGranted
from provenance.domain.hashes import sha256
from provenance.domain.manifest import recording_id
from provenance.domain.territories import UnknownTerritory
from provenance.domain.usage import Unit
from provenance.errors import Invalid, Missing, ProvenanceError, Unavailable
from provenance.sdk.meter import finish, resume
from provenance.types import Bytes32, UnixMs, UnixSeconds, Wei
from tests import documents
from tests.fakes.chain import Killed
from tests.fakes.clocks import Still

DOMAIN = documents.domains().usage
GATEWAY, LICENSEE = documents.Key("gateway"), documents.Key("licensee")
A, B = documents.word("recording a"), documents.word("recording b")


class Counter:
    """The gateway's word for segments: refuses what is not whole, and can be silent or die."""

    def __init__(self) -> None:
        self.taken: list[tuple[typed.Segment, bytes]] = []
        self.answers: dict[Bytes32, SignedAck] = {}
        self.silent = False
        self.die_after = False
        self.key = GATEWAY
        self.session: typed.MeterSession | None = None

    def put_segment(self, segment: typed.Segment, signed: bytes, parquet: bytes) -> SignedAck:
        if self.silent:
            raise Unavailable("nobody answers")
        digest = usage.segment_hash(DOMAIN, segment)
        if digest not in self.answers:
            assert self.session is not None
            signature.check(digest, signed, self.session.session_key)
            uses = segments.read(parquet, expected_sha256=segment.sha256)
            previous = self.taken[-1][0] if self.taken else None
            usage.check(DOMAIN, self.session, segment, uses=uses, previous=previous)
            self.taken.append((segment, parquet))
            ack = typed.Ack(digest, UnixMs(1))
            self.answers[digest] = SignedAck(ack, self.key.sign(typed.digest(DOMAIN, ack)))
        if self.die_after:
            raise Killed
        return self.answers[digest]


def session_key() -> KeySigner:
    return KeySigner(sha256(b"session key"))


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def folder(tmp_path: Path, counter: Counter) -> Path:
    """A queue whose session has begun."""
    key = session_key()
    session = typed.MeterSession(
        GATEWAY.address, key.address, documents.word("license"), UnixSeconds(1_000), UnixSeconds(9_000), 50, 1
    )
    counter.session = session
    with FolderQueue(tmp_path / "queue", new=True) as queue:
        made = Recorder(queue.journal, queue, queue.keep_key(sha256(b"session key")), DOMAIN, Still(2_000))
        made.begin(open_session(DOMAIN, session, LICENSEE))
    return tmp_path / "queue"


@pytest.fixture
def opened(folder: Path) -> Iterator[Recorder]:
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    yield recorder
    queue.close()


def output(**changes: object) -> MeteredOutput:
    made = MeteredOutput(
        commitment=sha256(b"clip"), model=usage.model_id("tiny", "1"), purpose=2, territory="DE", weights={A: 1_000_000}
    )
    return replace(made, **changes)


def again(folder: Path, recorder: Recorder) -> Recorder:
    """What a process that starts after `kill -9` finds."""
    recorder._files.close()
    return resume(folder, DOMAIN, Still(2_000))[0]


def test_a_receipt_is_in_its_place_with_its_weights(opened: Recorder) -> None:
    first = opened.record(output())
    second = opened.record(output(weights={A: 1.0, B: 2.0}, outcome=usage.Outcome.DRAFT, units=3))
    assert [use.receipt.seq for use in (first, second)] == [0, 1]
    assert second.receipt.receipt_id == usage.receipt_id(opened.session_id, 1)
    assert dict(second.weights) == {A: 333_333, B: 666_667}
    assert (opened.units, opened.unsigned) == (4, 2)
    assert opened.record(output(weights={})).receipt.attribution_method == 0


def test_time_never_falls_even_if_the_clock_does(folder: Path) -> None:
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    with queue:
        recorder.record(output())
        recorder._clock = Still(500)
        assert recorder.record(output()).receipt.occurred_at_ms == 2_000_000


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"weights": {A: 999_999}}, BadWeights),
        ({"weights": {A: -1.0}}, BadWeights),
        ({"territory": "EU"}, UnknownTerritory),
        ({"purpose": 6}, Invalid),
        ({"units": -1}, Invalid),
        ({"units": 2**64, "purpose": 2}, Invalid),
        ({"quality_ppm": 1_000_001}, Invalid),
        ({"units": 51}, SessionSpent),
    ],
)
def test_what_is_no_receipt_leaves_no_trace(
    folder: Path, opened: Recorder, changes: dict[str, object], error: type[Exception]
) -> None:
    if changes.get("units") == 2**64:
        opened.session = replace(opened.session, max_units=2**65)
    size = (folder / "queue.jsonl").stat().st_size
    with pytest.raises(error):
        opened.record(output(**changes))
    assert (opened.uses, (folder / "queue.jsonl").stat().st_size) == ([], size)


DATASET = documents.word("dataset")
OURS = recording_id(DATASET, 1)


@pytest.fixture
def bounded(folder: Path) -> Iterator[Recorder]:
    """A recorder that knows its license, of train.tts and train.voice-conversion, and its terms, of the first in DE."""
    granted = LicenseGranted(
        documents.word("license"), DATASET, LICENSEE.address, GATEWAY.address, documents.word("terms"), 0b1010,
        UnixSeconds(9_000), 0, documents.DISTRIBUTOR, Wei(0),
    )  # fmt: skip
    terms = documents.terms(0b110, territories=("DE",), not_before=UnixSeconds(1_500), not_after=UnixSeconds(5_000))
    with FolderQueue(folder) as queue:
        yield Recorder(
            queue.journal, queue, queue.key(), DOMAIN, Still(2_000), extent=MeterExtent.of(granted, terms, items=2)
        )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": 0b100}, "purpose-not-licensed"),  # the terms allow it, the license does not
        ({"purpose": 0b1000}, "purpose-outside-terms"),  # the license names it, the terms do not
        ({"territory": "FR"}, "territory-not-licensed"),
        ({"unit": Unit.REQUEST}, "wrong-unit"),
        ({"weights": {A: 1_000_000}}, "foreign-recording"),
        ({"weights": {OURS: 500_000, recording_id(DATASET, 2): 500_000}}, "foreign-recording"),
    ],
)
def test_what_a_settlement_would_reject_is_refused_before_it_is_owed(
    folder: Path, bounded: Recorder, changes: dict[str, object], code: str
) -> None:
    size = (folder / "queue.jsonl").stat().st_size
    good = output(weights={OURS: 1_000_000})
    with pytest.raises(ProvenanceError) as refusal:
        bounded.record(replace(good, **changes))  # type: ignore[arg-type]
    assert refusal.value.code == code
    assert (bounded.uses, (folder / "queue.jsonl").stat().st_size) == ([], size)


def test_use_outside_the_terms_time_is_refused(bounded: Recorder) -> None:
    for now in (1_400, 5_001):
        bounded._clock = Still(now)
        with pytest.raises(ProvenanceError) as refusal:
            bounded.record(output(weights={}))
        assert refusal.value.code == "terms-not-in-force"


def test_what_the_license_covers_is_recorded_with_what_came_from_elsewhere(bounded: Recorder) -> None:
    weights = {OURS: 400_000, ELSEWHERE: 300_000, UNATTRIBUTED: 300_000}
    assert dict(bounded.record(output(weights=weights)).weights) == weights


def test_everything_is_handed_over_once_in_whole_chained_segments(
    folder: Path, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "RECEIPTS", 4)
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    for _ in range(10):
        recorder.record(output())
    assert finish(recorder, queue, counter) == 3
    assert [(one.first_seq, one.count, one.last) for one, _ in counter.taken] == [
        (0, 4, False),
        (4, 4, False),
        (8, 2, True),
    ]
    assert recorder.done
    assert not (folder / "session.key").exists()


def test_long_weight_lists_make_shorter_segments_which_readers_accept(
    folder: Path, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recorders.WEIGHTS <= segments.VALUES
    monkeypatch.setattr(recorders, "WEIGHTS", 5)
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    for size in (2, 3, 1, 9, 1):
        parts = {Bytes32(bytes([i]) * 32): float(i) for i in range(1, size + 1)}
        recorder.record(output(weights=parts))
    finish(recorder, queue, counter)
    assert [(one.first_seq, one.count, one.last) for one, _ in counter.taken] == [
        (0, 2, False),
        (2, 1, False),
        (3, 1, False),
        (4, 1, True),
    ]


def test_an_empty_session_closes_with_an_empty_last_segment(folder: Path, counter: Counter) -> None:
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    assert finish(recorder, queue, counter) == 1
    assert [(one.count, one.last) for one, _ in counter.taken] == [(0, True)]


def test_a_killed_process_goes_on_where_it_was(folder: Path, opened: Recorder, counter: Counter) -> None:
    opened.record(output())
    opened.record(output())
    second = again(folder, opened)
    assert [use.receipt.seq for use in second.uses] == [0, 1]
    second.cut()
    third = again(folder, second)
    assert third.unsubmitted == 1
    counter.die_after = True
    with pytest.raises(Killed):
        third.submit(counter)
    counter.die_after = False
    fourth = again(folder, third)
    fourth.record(output())
    fourth.cut(last=True)
    assert fourth.submit(counter) == 2
    assert [(one.first_seq, one.count) for one, _ in counter.taken] == [(0, 2), (2, 1)]
    assert fourth.submit(counter) == 0
    fourth._files.close()


def test_a_torn_line_never_happened(folder: Path, opened: Recorder) -> None:
    opened.record(output())
    opened.record(output())
    opened._files.close()
    journal = folder / "queue.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    with queue:
        assert len(recorder.uses) == 1
        assert recorder.record(output()).receipt.seq == 1


def test_a_file_kept_before_a_crash_is_replaced_and_never_signed_twice(
    folder: Path, opened: Recorder, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.record(output())

    def killed(_entry: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(opened._journal, "append", killed)
        with pytest.raises(Killed):
            opened.cut()
    second = again(folder, opened)
    second.record(output())
    second.cut(last=True)
    second.submit(counter)
    assert [(one.first_seq, one.count) for one, _ in counter.taken] == [(0, 2)]
    second._files.close()


def test_a_silent_gateway_loses_nothing_and_says_what_to_do(folder: Path, counter: Counter) -> None:
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    recorder.record(output())
    counter.silent = True
    with pytest.raises(Unavailable) as refused:
        finish(recorder, queue, counter)
    assert f"provenance usage submit {folder}" in refused.value.next_step
    told = "".join(traceback.format_exception(refused.value))
    assert (told.count("Traceback"), told.count("nobody answers")) == (1, 1)
    assert told.splitlines()[-1] == (
        f"Next: The receipts are kept in {folder}. Later: `provenance usage submit {folder}`."
    )
    counter.silent = False
    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    assert finish(recorder, queue, counter) == 1


def test_a_full_disk_is_told_as_that_and_not_as_a_silent_gateway(
    folder: Path, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Recorder, *, last: bool) -> None:
        assert last
        raise Unwritable("no space left")

    recorder, queue = resume(folder, DOMAIN, Still(2_000))
    monkeypatch.setattr(Recorder, "cut", full)
    with pytest.raises(Unwritable) as refused:
        finish(recorder, queue, counter)
    assert refused.value.next_step == Unwritable.next


def test_an_acknowledgement_of_somebody_else_is_not_believed(opened: Recorder, counter: Counter) -> None:
    counter.key = documents.Key("somebody")
    opened.record(output())
    opened.cut()
    with pytest.raises(signature.BadSignature):
        opened.submit(counter)
    assert opened.unsubmitted == 1


def test_a_closed_session_and_one_without_its_key_record_nothing(
    folder: Path, opened: Recorder, counter: Counter
) -> None:
    opened.cut(last=True)
    with pytest.raises(MeterClosed):
        opened.record(output())
    opened._files.close()
    (folder / "session.key").unlink()
    with FolderQueue(folder) as queue:
        lost = Recorder(queue.journal, queue, queue.key(), DOMAIN, Still(2_000))
        assert lost.submit(counter) == 1
        lost.cuts.clear()
        with pytest.raises(KeyGone):
            lost.cut(last=True)


def test_one_process_at_a_time_and_only_a_queue_is_one(folder: Path, opened: Recorder, tmp_path: Path) -> None:
    with pytest.raises(JournalBusy):
        resume(folder, DOMAIN, Still(2_000))
    with pytest.raises(Missing):
        resume(tmp_path / "nothing", DOMAIN, Still(2_000))
    assert not (tmp_path / "nothing").exists()


def test_the_key_is_readable_by_its_owner_only(folder: Path) -> None:
    assert (folder / "session.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("change", [{"max_units": 0}, {"valid_until": UnixSeconds(1_000)}])
def test_a_session_without_units_or_time_is_invalid(counter: Counter, folder: Path, change: dict[str, object]) -> None:
    assert counter.session is not None
    with pytest.raises(Invalid):
        open_session(DOMAIN, replace(counter.session, **change), LICENSEE)
