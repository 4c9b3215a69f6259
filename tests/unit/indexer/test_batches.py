"""A batch takes what fits into a document, and the next one goes on where it stopped: nothing is lost, doubled or moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from indexer import records
from indexer.gateway import batches
from indexer.ports import Unbatched
from indexer.store import usage as usage_store
from indexer.store.database import Database
from indexer.store.leases import LeaseStore
from indexer.store.usage import UsageStore
from provenance.domain import canonical, record, typed
from provenance.domain.batch import RefusalEntry, RefusalList
from provenance.errors import Broken
from provenance.types import ZERO32, Bytes32, UnixMs, UnixSeconds
from tests.documents import Key, word
from tests.unit.gateway.memory import Gateway, gateway

ANNA = Key("anna").address


@pytest.fixture
def live(new_database: Callable[[], Database]) -> Gateway:
    """A gateway over a real database that holds some of everything strangers and licensees cause."""
    database = new_database()
    made = gateway()
    node = replace(made.node, stores=replace(made.node.stores, usage=UsageStore(database), leases=LeaseStore(database)))
    made.node = node
    for number in range(4):
        session = typed.MeterSession(
            node.address, ANNA, word("license"), UnixSeconds(1), UnixSeconds(9), 2**100, number
        )
        session_id = typed.digest(node.deployment.domains.usage, session)
        node.usage.add_session(
            records.SessionRecord(
                session_id=session_id, license_id=word("license"), licensee=ANNA, signature=b"s" * 65, at_s=1,
                session=json.dumps(record.write(session)),
            )
        )  # fmt: skip
        for first in range(6):
            segment = typed.Segment(
                session_id,
                first,
                first,
                1,
                1,
                word("r"),
                ZERO32,
                UnixMs(1),
                UnixMs(1),
                word(f"{number} {first}"),
                False,
            )
            node.usage.add_segment(
                records.ReceivedSegment(
                    segment_hash=typed.digest(node.deployment.domains.usage, segment), session_id=session_id,
                    license_id=word("license"), first_seq=first, count=1, units=1, outputs=1, output_ms=0, last=False,
                    cid=str(node.content.put(b"file")), segment=json.dumps(record.write(segment)), signature=b"s" * 65,
                    received_at_ms=1, ack_signature=b"a" * 65,
                )
            )  # fmt: skip
    for number in range(30):
        node.leases.add_refusal(
            records.Refusal(
                at_s=number, step="open", license_id=word("license"), licensee=ANNA, purpose=2, territory="DE",
                code="wrong-licensee", detail="the license is another's", count=0, root=ZERO32, block=number,
            )
        )  # fmt: skip
    return made


def drained(live: Gateway, most_bytes: int) -> list[tuple[batches.Batch, Unbatched]]:
    """Every batch, one after the other, until nothing waits."""
    made, head = [], Bytes32(word("head"))
    while (pending := live.node.usage.pending()) != Unbatched():
        batch, taken = batches.document(live.node, pending, head, most_bytes)
        if taken == Unbatched():
            raise Broken("a batch that takes nothing")
        encoded = batch.encode()
        head = Bytes32(word(f"head {len(made)}"))
        row = records.AnchoredBatch(
            prev_head=batch.prev_head, root=ZERO32, count=batch.count, digest=head, cid="", at_s=1
        )
        live.node.usage.add_batch(row, taken)
        made.append((batch, taken))
        assert len(encoded) <= most_bytes
        assert batch.refusals is None or live.node.content.size(batch.refusals) <= most_bytes
    return made


@pytest.mark.parametrize("most_bytes", [4_000, 5_000, 9_000, 64 << 20])
def test_what_does_not_fit_goes_into_the_next_batch_in_order(live: Gateway, most_bytes: int) -> None:
    everything = live.node.usage.pending()
    made = drained(live, most_bytes)
    assert (len(made) == 1) == (most_bytes == 64 << 20)
    for kind in fields(Unbatched):
        rows = [row for _, taken in made for row in getattr(taken, kind.name)]
        assert rows == list(getattr(everything, kind.name)), kind.name
    listed = [row.refused_at for batch, _ in made if batch.refusals for row in refusals(live, batch)]
    assert listed == list(range(30))


def test_a_lease_recorded_under_a_root_while_its_batch_was_written_goes_into_the_next(live: Gateway) -> None:
    request = typed.OpenAccess(word("license"), word("root"), 2, b"DE", word("binding"), 1, UnixSeconds(9))
    lease = records.LeaseRecord(
        access_id=word("lease"), request_id=word("request"), license_id=word("license"), dataset_id=word("dataset"),
        licensee=ANNA, request=json.dumps(record.write(request)), request_signature=b"s" * 65, binding_nonce=1,
        envelopes_root=word("e"), valid_until=9, signature=b"g" * 65, at_s=1,
    )  # fmt: skip
    key = records.EnvelopeRecord(access_id=word("lease"), index=0, recording_id=word("r"), cid="cid", envelope=b"k")
    live.node.leases.add_lease(lease, [key])
    head, path = Bytes32(word("head")), word("sibling")
    batch, taken = batches.document(live.node, live.node.usage.pending(), head)
    live.node.leases.recorded_under(word("lease"), path)
    row = records.AnchoredBatch(prev_head=head, root=ZERO32, count=batch.count, digest=head, cid="", at_s=1)
    live.node.usage.add_batch(row, taken)
    (waiting,) = live.node.usage.pending().leases
    assert waiting.path == path
    later, taken = batches.document(live.node, live.node.usage.pending(), head)
    assert later.accesses[0].path == (path,)


def refusals(live: Gateway, batch: batches.Batch) -> tuple[RefusalEntry, ...]:
    assert batch.refusals is not None
    listed = RefusalList.parse(live.node.content.get(batch.refusals))
    assert listed.root() == batch.refusals_root
    return listed.refusals


@pytest.mark.parametrize(("most_bytes", "waiting"), [(4_000, 1_000), (64 << 20, 1)])
def test_no_segment_goes_before_its_session(
    live: Gateway, most_bytes: int, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_store, "WAITING", waiting)
    known: set[bytes] = set()
    for batch, _ in drained(live, most_bytes):
        known |= {typed.digest(live.node.deployment.domains.usage, entry.session) for entry in batch.sessions}
        assert {entry.segment.session_id for entry in batch.segments} <= known


def test_refusals_take_no_room_from_what_licensees_did(live: Gateway) -> None:
    without = batches.document(live.node, replace(live.node.usage.pending(), refusals=()), ZERO32, 5_000)
    beside = batches.document(live.node, live.node.usage.pending(), ZERO32, 5_000)
    assert replace(beside[0], refusals=None, refusals_root=ZERO32) == without[0]


def test_what_waits_is_looked_at_in_parts_so_that_memory_is_bounded(
    live: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_store, "WAITING", 7)
    pending = live.node.usage.pending()
    assert (len(pending.refusals), len(pending.segments), len(pending.sessions)) == (7, 7, 4)
    assert len(drained(live, canonical.DOCUMENT_BYTES)) == 5
