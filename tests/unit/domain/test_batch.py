"""A batch survives its document; its root, count and head are those that the contract sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.domain import batch, canonical, cid, merkle, typed, usage
from provenance.domain.batch import AccessEntry, AttributionEntry, Batch, GateEntry, SegmentEntry, SessionEntry
from provenance.domain.hashes import keccak
from provenance.errors import Invalid
from provenance.types import ZERO32, Address, Ppm, UnixMs, UnixSeconds
from tests.documents import domains, word
from tests.fakes.epochs import DOMAIN, METER, World

USAGE = domains().usage


def whole() -> Batch:
    """One of everything."""
    world = World()
    license_ = world.license("L")
    session = world.session(license_)
    world.segment(session, world.use(session, 0), world.use(session, 1), last=True)
    segment = world.segments[0].segment
    request = typed.OpenAccess(license_, word("recordings"), 2, b"DE", word("binding"), 2**255, UnixSeconds(5))
    return Batch(
        meter=METER,
        prev_head=word("head"),
        segments=(SegmentEntry(cid.of_raw(b"file"), segment, b"\x01" * 65, UnixMs(2**60), b"\x02" * 65),),
        sessions=(SessionEntry(world.sessions[session].session, b"\x03" * 65),),
        accesses=(
            AccessEntry(
                request, (word("r1"), word("r2")), typed.Access(word("q"), word("e"), UnixSeconds(9)), b"\x04", b"\x05"
            ),
        ),
        gates=(GateEntry(typed.GateReport(word("r1"), 1, word("m"), word("c"), 3), b"\x06" * 65),),
        attributions=(
            AttributionEntry(
                typed.Attribution(word("receipt"), word("root"), 1, 999_999),
                ((word("r1"), Ppm(1)), (word("r2"), Ppm(999_999))),
                b"\x07" * 65,
            ),
        ),
        refusals=cid.of_raw(b"refusals"),
        refusals_root=word("refusals"),
        extra={"later": "kept"},
    )


def test_a_batch_survives_its_document_with_fields_of_later_versions() -> None:
    made = whole()
    assert Batch.parse(made.encode()) == made
    assert canonical.parse(made.encode(), kind="provenance/batch")["later"] == "kept"
    empty = Batch(METER, ZERO32)
    assert Batch.parse(empty.encode()) == empty


def test_root_and_count_are_of_the_segments() -> None:
    made = whole()
    [entry] = made.segments
    assert made.count == 2
    assert made.root(USAGE) == merkle.leaf(usage.segment_hash(USAGE, entry.segment))
    assert made.root(USAGE) != made.root(DOMAIN)
    assert (Batch(METER, ZERO32).count, Batch(METER, ZERO32).root(USAGE)) == (0, ZERO32)


def test_heads_chain_as_the_ledger_chains_them() -> None:
    words = (word("prev"), word("root"), (7).to_bytes(32, "big"), word("digest"))
    assert batch.head(words[0], words[1], 7, words[3]) == keccak(b"".join(words))
    assert batch.first_head(METER) == keccak(METER.rjust(32, b"\0"))
    low, high = Address(b"\x01" * 20), Address(b"\x02" * 20)
    expected = keccak(low.rjust(32, b"\0") + word("l") + high.rjust(32, b"\0") + word("h"))
    assert batch.usage_head({high: word("h"), low: word("l")}) == expected


@pytest.mark.parametrize("name", ["meter", "prevHead", "segments", "sessions", "refusals"])
def test_a_missing_field_is_named(name: str) -> None:
    body = dict(canonical.parse(whole().encode(), kind="provenance/batch"))
    del body[name]
    with pytest.raises(Invalid, match=name):
        Batch.parse(canonical.encode("provenance/batch", 1, body))


def test_a_number_out_of_its_range_is_refused() -> None:
    made = whole()
    wide = replace(made.gates[0].report, verdict=256)
    with pytest.raises(Invalid, match="verdict"):
        Batch.parse(replace(made, gates=(GateEntry(wide, b""),)).encode())


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_one_receipt_stands_for_all_leases_that_are_on_record_together(count: int) -> None:
    ids = [word(f"access {n}") for n in range(count)]
    root, paths = batch.receipts(ids)
    assert {batch.receipt(one, paths[one]) for one in ids} == {root}
    assert (root == ids[0]) == (count == 1)
    assert batch.receipt(word("another"), paths[ids[0]]) != root or count == 1
    assert all(batch.receipt(one) == one for one in ids)
