"""The audit of leases is stopped by nobody who fills a pool with junk, or repeats another's receipt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from provenance.app.audit.evidence import Evidence
from provenance.app.audit.licensed import accesses
from provenance.app.ports import Chain
from provenance.domain import batch, cid, events as e, typed
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import RECORDINGS, recording_id
from provenance.domain.pool import Members, SignedJoin
from provenance.domain.verdict import Verdict
from provenance.errors import Incomplete
from provenance.types import ZERO32, Bytes32, DatasetId, LicenseId, UnixSeconds
from tests import documents
from tests.documents import HOLDER, word
from tests.facts import LICENSE, block, chain, granted
from tests.fakes.content import MemoryContent

POOL, ONE, HUGE = (DatasetId(word(name)) for name in ("pool", "one", "huge"))
METER = documents.Key("meter")


def listed(*datasets: DatasetId) -> Members:
    signed = (SignedJoin(typed.Join(POOL, one, documents.END), HOLDER.address, bytes(65)) for one in datasets)
    return Members(POOL, ()).changed(tuple(signed), ())


def lease(recording: Bytes32) -> batch.AccessEntry:
    asked = typed.OpenAccess(LICENSE, recording, 2, b"DE", word("binding"), 1, UnixSeconds(9))
    answered = typed.Access(word("request"), word("envelopes"), UnixSeconds(9))
    return batch.AccessEntry(asked, (recording,), answered, bytes(65), bytes(65))


def report(recording: Bytes32) -> batch.GateEntry:
    words = typed.GateReport(recording, 1, word("metrics"), word("cluster"), 1)
    return batch.GateEntry(words, bytes(65))


def gathered(
    *lists: bytes, reported: bool = True, leases: tuple[batch.AccessEntry, ...] = (), **more: e.Event
) -> Evidence:
    """The evidence of a pool with these lists of members, and of a batch that reports each real recording."""
    content = MemoryContent()
    real = tuple(report(recording_id(ONE, index)) for index in range(3))
    anchored = batch.Batch(METER.address, batch.first_head(METER.address), gates=real, accesses=leases)
    if reported:
        content.put(anchored.encode())
    said: list[e.Event] = [
        e.DatasetRegistered(POOL, HOLDER.address, ZERO32, word("m"), word("t"), word("s"), 30),
        e.DatasetRegistered(HUGE, HOLDER.address, word("r"), word("m"), word("t"), word("s"), RECORDINGS),
        e.DatasetRegistered(ONE, HOLDER.address, word("r"), word("m"), word("t"), word("s"), 3),
        granted(dataset=POOL),
        *(e.MembersSet(POOL, word("root"), content.put(document).digest) for document in lists),
        e.UsageAnchored(METER.address, ZERO32, word("head"), 0, cid.of_raw(anchored.encode()).digest),
    ]
    logs = tuple(chain([*said, *more.values()]))
    nothing = lambda data, expected_sha256=None: ()  # noqa: E731 - no segment is read here
    return Evidence(
        cast("Chain", SimpleNamespace(deployment=SimpleNamespace(domains=documents.domains()))),
        content,
        nothing,
        block(20),
        Ledger.fold(logs),
        logs,
    )


def test_a_member_of_a_hundred_thousand_recordings_that_nobody_judged_is_not_counted_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evidence, counted = gathered(listed(ONE, HUGE).encode()), 0

    def counting(dataset: DatasetId, index: int) -> Bytes32:
        nonlocal counted
        counted += 1
        return recording_id(dataset, index)

    monkeypatch.setattr("provenance.domain.manifest.recording_id", counting)
    assert evidence.opened(lease(recording_id(ONE, 2))).id == ONE
    assert counted < 10


def test_a_strangers_record_with_the_receipt_of_a_lease_opens_nothing_and_fails_nobody() -> None:
    entry, strange = lease(recording_id(ONE, 0)), LicenseId(word("the stranger's license"))
    receipt = entry.receipt(documents.domains().access)
    copied = e.AccessRecorded(strange, POOL, METER.address, 2, 1, receipt)
    check = accesses(gathered(listed(ONE).encode(), leases=(entry,), copied=copied))
    assert (check.verdict, check.detail) == (
        Verdict.VERIFIED,
        "0 accesses were licensed and consented when recorded; 1 recorded whose lease is in no batch open nothing",
    )


def test_a_list_that_is_none_names_nobody_and_hides_no_other() -> None:
    evidence = gathered(listed(ONE).encode(), b"{}")
    assert evidence.opened(lease(recording_id(ONE, 0))).id == ONE


def test_whose_a_recording_is_cannot_be_said_without_the_batch_that_reported_it() -> None:
    with pytest.raises(Incomplete):
        gathered(listed(ONE).encode(), reported=False).opened(lease(recording_id(ONE, 0)))
    assert gathered(listed(ONE).encode()).opened(lease(word("nobody's"))).id == POOL
