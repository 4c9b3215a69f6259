"""Records: whatever is written is read again byte for byte, and a wrong field is refused by its whole path."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, Any

import pytest
from hypothesis import given, settings, strategies as st

from provenance.app.leases import Lease
from provenance.app.publish.memory import Take
from provenance.domain import canonical, cid, record, typed
from provenance.domain.batch import AccessEntry, AttributionEntry, Batch, GateEntry, SegmentEntry, SessionEntry
from provenance.domain.cid import Cid
from provenance.domain.consent import SignedConsent, Words
from provenance.domain.manifest import Manifest
from provenance.domain.messages import (
    AsOf,
    DepositAnswer,
    DepositRequest,
    EnvelopesAnswer,
    LeaseRequest,
    Page,
    RecordingKey,
    SignedAck,
    SignedGateReport,
)
from provenance.domain.offer import SignedOffer
from provenance.domain.private import Contributor, Marks, Original, Private
from provenance.domain.record import INLINE, OMITTED, OPTIONAL, at, by_name, decimal, integer, items, most, pairs
from provenance.domain.settlement.carry import Cursor, Debt, Hold, Move, Settled
from provenance.domain.settlement.facts import Method, Ruleset, Ruling
from provenance.domain.splits import Split
from provenance.domain.terms import Terms
from provenance.domain.usage import Use
from provenance.errors import Invalid
from provenance.types import Address, BlockNumber, Bps, Bytes32, Json, Ppm, UnixMs, UnixSeconds, Wei
from tests import documents
from tests.documents import HOLDER, VOICE, word

pytestmark = pytest.mark.unit
KIND = "provenance/example"


@record.dataclass(frozen=True, slots=True)
class Payee:
    account: Address
    amount: Wei


@record.dataclass(frozen=True, slots=True)
class Inner:
    name: Annotated[str, record.text(8)]
    payees: Annotated[tuple[Payee, ...], most(3)]
    note: Annotated[str | None, OMITTED] = None


@record.dataclass(frozen=True, slots=True)
class Beside:
    sample_rate: Annotated[int, integer(32)]


@record.dataclass(frozen=True, slots=True)
class Example:
    """One field of every way in which records spell."""

    at_ms: UnixMs
    since: UnixSeconds
    digest: Bytes32
    octets: bytes
    flag: bool
    address: Cid
    inner: Inner
    beside: Annotated[Beside, INLINE]
    ack: Annotated[typed.Ack, at("signed.ack")]
    signature: Annotated[bytes, at("signed.signature")]
    maybe: Inner | None
    limit: Annotated[int, decimal(64)] | None
    tags: Annotated[tuple[str, ...], items(record.text(4), 2)]
    texts: Annotated[dict[str, Payee], by_name(record.record(Payee), 2)]
    paid: Annotated[dict[Address, Wei], pairs(Payee, "account", "amount", 2)]
    anything: Annotated[dict[str, Json], record.OBJECT]
    late: Annotated[tuple[Bytes32, ...], most(2), OPTIONAL] = ()
    extra: dict[str, Json] = field(default_factory=dict)


LINE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=4)
ADDRESS = st.binary(min_size=20, max_size=20).map(Address)
WORD = st.binary(min_size=32, max_size=32).map(Bytes32)
WEI = st.integers(0, 2**128 - 1).map(Wei)
SECOND = st.integers(0, 2**40 - 1).map(UnixSeconds)
PAYEE = st.builds(Payee, ADDRESS, WEI)
INNER = st.builds(Inner, LINE, st.lists(PAYEE, max_size=3).map(tuple), st.none() | LINE)
EXAMPLE = st.builds(
    Example,
    at_ms=st.integers(0, 2**64 - 1).map(UnixMs),
    since=SECOND,
    digest=WORD,
    octets=st.binary(max_size=9),
    flag=st.booleans(),
    address=st.builds(Cid, st.sampled_from(["raw", "dag-pb"]), WORD),
    inner=INNER,
    beside=st.builds(Beside, st.integers(0, 2**32 - 1)),
    ack=st.builds(typed.Ack, WORD, st.integers(0, 2**64 - 1)),
    signature=st.binary(max_size=65),
    maybe=st.none() | INNER,
    limit=st.none() | st.integers(0, 2**64 - 1),
    tags=st.lists(LINE, max_size=2).map(tuple),
    texts=st.dictionaries(LINE, PAYEE, max_size=2),
    paid=st.dictionaries(ADDRESS, WEI, max_size=2),
    anything=st.dictionaries(LINE, st.integers(0, 9) | LINE, max_size=3),
    late=st.lists(WORD, max_size=2).map(tuple),
    extra=st.dictionaries(st.sampled_from(["später", "newer"]), st.integers(0, 9) | LINE),
)


@settings(max_examples=60)  # slow to draw
@given(EXAMPLE)
def test_any_record_survives_a_round_trip_byte_for_byte(example: Example) -> None:
    data = record.encode(example, KIND)
    again = record.parse(Example, data, KIND)
    assert again == example
    assert record.encode(again, KIND) == data


SEGMENT = typed.Segment(word("s"), 0, 1, 2, 3, word("root"), word("prev"), UnixMs(4), UnixMs(5), word("sha"), True)
RECEIPT = typed.UsageReceipt(
    word("id"), word("s"), 0, word("l"), 2, b"DE", word("m"), word("o"), 1, 1, 5, word("w"), 1, UnixMs(2**50), word("c")
)
EXAMPLES: dict[type, object] = {
    Example: Example(
        UnixMs(2**60), UnixSeconds(9), word("d"), b"\x01", True, cid.of_raw(b"x"),
        Inner("name", (Payee(HOLDER.address, Wei(3)),), "note"), Beside(16_000), typed.Ack(word("s"), UnixMs(7)), b"\x02",
        Inner("other", ()), 5, ("tag",), {"en": Payee(HOLDER.address, Wei(1))}, {VOICE.address: Wei(2)}, {"a": 1},
        (word("late"),), {"newer": {"kept": [1]}},
    ),
    Terms: documents.terms(),
    Words: Words("Только закадровый текст.", word("salt")),
    SignedOffer: SignedOffer(
        typed.Offer(
            word("d"), HOLDER.address, 3, VOICE.address, documents.DISTRIBUTOR, Wei(2**90), UnixSeconds(9), 6, UnixSeconds(8), 14,
            word("t"), 2**200,
        ),
        b"\x01" * 65,
    ),
    SignedConsent: documents.consent(recordings=[word("r")], words=Words("a", word("salt"))),
    Manifest: documents.manifest(2),
    Private: Private(
        "T", HOLDER.address, (Contributor("Ann", "narrator", HOLDER.address, word("v")),), {word("c"): Words("w", word("s"))},
        (Original(word("o"), "a.wav", word("h"), Marks("ISCC:X", "fp")),),
    ),
    Batch: Batch(
        HOLDER.address, word("head"),
        (SegmentEntry(cid.of_raw(b"file"), SEGMENT, b"\x01", UnixMs(2**60), b"\x02"),),
        (SessionEntry(typed.MeterSession(HOLDER.address, VOICE.address, word("l"), UnixSeconds(1), UnixSeconds(2), 3, 4), b"\x03"),),
        (AccessEntry(
            typed.OpenAccess(word("l"), word("rs"), 2, b"DE", word("b"), 2**255, UnixSeconds(5)), (word("r1"),),
            typed.Access(word("q"), word("e"), UnixSeconds(9)), b"\x04", b"\x05",
        ),),
        (GateEntry(typed.GateReport(word("r1"), 1, word("m"), word("c"), 3), b"\x06"),),
        (AttributionEntry(typed.Attribution(word("x"), word("y"), 1, 9), ((word("r1"), Ppm(1_000_000)),), b"\x07"),),
        cid.of_raw(b"refusals"), word("refusals"),
    ),
    DepositRequest: DepositRequest(cid.of_raw(b"m"), {word("o"): b"\x01"}, (1, 2)),
    DepositAnswer: DepositAnswer((SignedGateReport(0, typed.GateReport(word("r"), 1, word("m"), word("c"), 3), b"\x02"),)),
    LeaseRequest: LeaseRequest(
        typed.OpenAccess(word("l"), word("rs"), 2, b"DE", word("b"), 7, UnixSeconds(5)), (1, 2), b"\x03",
        typed.KeyBinding(HOLDER.address, word("k"), UnixSeconds(9), 1), b"\x04",
    ),
    EnvelopesAnswer: EnvelopesAnswer(
        typed.Access(word("q"), word("e"), UnixSeconds(9)), (RecordingKey(1, word("r"), b"\x05"),)
    ),
    SignedAck: SignedAck(typed.Ack(word("s"), UnixMs(7)), b"\x06", ((0, 3), (5, 2**40))),
    Page: Page(({"a": 1},), "200", AsOf(BlockNumber(7), word("h"), "final")),
    Ruleset: Ruleset(Bps(500), HOLDER.address, 600, Ppm(3), (Method(1, Ppm(5)), Method(2, Ppm(0)))),
    Ruling: Ruling(
        {word("c"): HOLDER.address},
        {word("r"): (Split(HOLDER.address, Bps(10_000)),)},
        {word("l"): (Split(HOLDER.address, Bps(6_000)), Split(VOICE.address, Bps(4_000)))},
    ),
    Cursor: Cursor(word("s"), (Settled(0, 3, 2**63, word("h")),), 2**127, 9, "charged"),
    Debt: Debt(word("l"), 3, Wei(1), ((HOLDER.address, Wei(5)), (Hold("cluster", word("c")), Wei(6)))),
    Move: Move(word("l"), word("r"), word("x"), word("y"), 10**30),
    Use: Use(RECEIPT, ((word("r1"), Ppm(400_000)), (word("r2"), Ppm(600_000))), 7),
    Take: Take("/a/b.wav", 9, 2**62, word("file"), documents.recording(), ("quiet",), Marks("ISCC:X")),
    Lease: Lease(
        word("access"), typed.OpenAccess(word("l"), word("rs"), 2, b"DE", word("b"), 7, UnixSeconds(5)),
        typed.Access(word("q"), word("e"), UnixSeconds(9)), b"\x04", (1, 2), {1: b"\x05", 2: b"\x06"},
    ),
}  # fmt: skip


BYTES: dict[type, str] = {  # SHA-256 of what each module wrote by hand, before it had a codec
    Terms: "83598cfbfb4a5f462ec0d94692832be6ba0d4a04666a8bcdac45dae61820c8d8",
    Words: "99d318634e6214798ca0e96b1c2a06e39bd12b7a36e0f8906e08ca83e7fd2691",
    SignedOffer: "cfad55f21b4436dc610e1ce2e92c0b6ee90c1c4445a90ce83282f65b6e1da388",
    SignedConsent: "c2ceb3bb3ce0d8ffe9fac8b91002e020384a70bc1e7b23d2cbf54462442c2aff",
    Manifest: "d972384546f795f141e557ed5d1025cb47eca51e0b83aa74a79e1af2e338dd54",
    Private: "1022515be42fa2766aabd89a896eb504a311d9716de7fd768948f78ca6d5943e",
    Batch: "dd9a27c6c7b03da9ab9bfce9adb51e8f0a3d58f853d6e7bec931e0fa3efb3f7d",
    Ruleset: "9c0a18d00e5f5cc58d9727d29a60da28a52f2cec72f202e0d2f36c13117c4953",
    Ruling: "d802683beb2118438875c46fc0e2d507e1395218304b35e7d79771bc2c807a78",
}


@pytest.mark.parametrize("cls", BYTES, ids=lambda cls: cls.__name__)
def test_a_document_has_the_bytes_that_it_had_when_it_was_spelled_by_hand(cls: type) -> None:
    data = EXAMPLES[cls].encode()  # type: ignore[attr-defined]
    assert hashlib.sha256(data).hexdigest() == BYTES[cls]
    assert cls.parse(data).encode() == data  # type: ignore[attr-defined]


def steps(path: str) -> list[str]:
    return path.replace("[]", ".0").split(".")


def places(value: object, path: list[str]) -> Iterator[tuple[Any, str | int, str]]:
    """Every (container, key, whole path) that a row of a table names in a document."""
    if not path:
        return
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        keys: list[Any] = [0] if value else []
    elif isinstance(value, dict):
        keys = list(value) if head == "*" else [head] if head in value else []
    else:
        keys = []
    for key in keys:
        step = f"[{key}]" if isinstance(key, int) else str(key)
        if not rest:
            yield value, key, step
        for container, last, inner in places(value[key], rest):  # type: ignore[index]
            yield container, last, step + ("" if inner.startswith("[") else ".") + inner


def wrong(row: record.Field) -> Iterator[object]:
    """Values that the row's type and limit exclude."""
    yield 1.5 if row.type == "object of any fields" else [[1]] if row.type.startswith("list") else [1]
    if match := row.limit.removeprefix("below 2^") if row.limit.startswith("below") else "":
        yield str(1 << int(match))
        yield -1
    if row.type == "text" and "characters" in row.limit:
        yield "x" * (int(row.limit.split()[2]) + 1)
        if not row.optional:
            yield ""
    if row.limit.startswith("at most"):
        most_ = int(row.limit.split()[2].rstrip(","))
        if row.type.startswith("list"):
            yield ["x"] * (most_ + 1)
        elif row.type != "object of any fields":
            yield {str(i): {} for i in range(most_ + 1)}
    if row.limit.endswith(" bytes") and row.type == "0x-hex":
        yield "0x" + "11" * (int(row.limit.split()[0]) + 1)


@pytest.mark.parametrize("cls", EXAMPLES, ids=lambda cls: cls.__name__)
def test_each_field_that_is_missing_wrong_or_too_long_is_refused_by_its_path(cls: type) -> None:
    document = json.loads(json.dumps(record.write(EXAMPLES[cls])))
    assert record.write(record.read(cls, document)) == record.write(EXAMPLES[cls])
    tried = 0
    rows = [row for row in record.table(cls) if (cls, row.path) != (Cursor, "closed")]  # what is no text is none there
    for row in rows:
        for number, (_, key, path) in enumerate(places(document, steps(row.path))):
            changes = [*wrong(row), *([] if row.optional or isinstance(key, int) or row.path.endswith("*") else [None])]
            for change in changes:
                mutant = copy.deepcopy(document)
                container, key, path = list(places(mutant, steps(row.path)))[number]  # noqa: PLW2901
                if change is None:
                    del container[key]
                else:
                    container[key] = change
                with pytest.raises(Invalid) as refused:
                    record.read(cls, mutant)
                named = str(refused.value.facts["path"])
                assert named == path or named.startswith(path + "["), (path, change)
                assert str(refused.value).startswith(named + ": ")
                tried += 1
    assert tried >= len(rows)


def test_a_table_names_every_field_with_its_type_and_limit() -> None:
    rows = {row.path: row for row in record.table(Example)}
    assert len(rows) == len(record.table(Example))
    assert rows["inner.payees[].amount"] == ("inner.payees[].amount", "decimal digits", "below 2^128", False)
    assert rows["tags"] == ("tags", "list of text", "at most 2, each 1 to 4 characters", False)
    assert rows["sampleRate"] == ("sampleRate", "integer", "below 2^32", False)
    assert rows["signed.ack.receivedAtMs"] == ("signed.ack.receivedAtMs", "uint64", "", False)
    assert rows["texts.*.account"] == ("texts.*.account", "0x-hex", "20 bytes", False)
    assert rows["maybe"].optional
    assert rows["late"].optional
    assert "extra" not in rows


def test_what_may_be_missing_is_read_as_none_or_as_its_default() -> None:
    document = record.write(EXAMPLES[Example])
    for name in ("maybe", "limit", "late"):
        del document[name]
    again = record.read(Example, document)
    assert (again.maybe, again.limit, again.late) == (None, None, ())
    assert "note" not in record.write(Inner("n", ()))


def test_a_field_without_a_limit_is_a_mistake_of_ours() -> None:
    @record.dataclass(frozen=True, slots=True)
    class Unbounded:
        names: tuple[str, ...]
        count: Annotated[int, integer(8)]

    Unbounded.__annotations__["names"] = tuple[str, ...]
    with pytest.raises(TypeError, match="needs a codec"):
        record.table(Unbounded)


def test_a_document_of_another_kind_is_refused() -> None:
    with pytest.raises(canonical.BadDocument, match="format"):
        record.parse(Terms, record.encode(EXAMPLES[Words], "provenance/words"), "provenance/terms")
