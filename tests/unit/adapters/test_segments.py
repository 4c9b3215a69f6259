"""A usage file brings back exactly what was written, and nothing else is read as one."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.adapters import segments
from provenance.domain import typed
from provenance.domain.hashes import sha256
from provenance.domain.usage import Use
from provenance.types import ZERO32, Bytes32, Ppm, UnixMs

RECEIPT = typed.UsageReceipt(
    receipt_id=Bytes32(b"\x01" * 32),
    session_id=Bytes32(b"\x02" * 32),
    seq=2**64 - 1,
    license_id=Bytes32(b"\x03" * 32),
    purpose=2**32 - 1,
    territory=b"KR",
    model_id=Bytes32(b"\x04" * 32),
    output_commit=Bytes32(b"\x05" * 32),
    outcome=3,
    unit=4,
    units=2**64 - 1,
    attribution_root=ZERO32,
    attribution_method=65_535,
    occurred_at_ms=UnixMs(2**64 - 1),
    corrects=ZERO32,
)
USES = (
    Use(RECEIPT, ((ZERO32, Ppm(1)), (Bytes32(b"\x06" * 32), Ppm(999_999))), 990_000),
    Use(RECEIPT),
)


def test_extreme_values_survive() -> None:
    data = segments.write(USES)
    assert segments.read(data, expected_sha256=sha256(data)) == USES
    assert segments.read(segments.write(())) == ()


def test_the_same_uses_give_the_same_bytes() -> None:
    assert segments.write(USES) == segments.write(USES)


def test_no_column_could_hold_a_float() -> None:
    kinds = [field.type for field in segments.schema()]
    assert not any(pa.types.is_floating(kind) for kind in kinds)
    assert segments.schema().names[:2] == ["receiptId", "sessionId"]


def test_other_bytes_than_the_signed_ones_are_refused() -> None:
    data = segments.write(USES)
    with pytest.raises(segments.WrongSegmentFile):
        segments.read(data + b"\0", expected_sha256=sha256(data))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"\0" * 100])
def test_what_is_no_parquet_is_refused(data: bytes) -> None:
    with pytest.raises(segments.BadSegmentFile):
        segments.read(data)


def test_another_table_is_refused() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"units": [1.5]}), out)
    with pytest.raises(segments.BadSegmentFile):
        segments.read(out.getvalue())


def bomb(rows: int, weights: int) -> bytes:
    """A file of a few kilobytes that unpacks to many equal receipts, each with equal weights."""
    whole, rest = divmod(rows, 100)
    row = segments.table([Use(RECEIPT, ((ZERO32, Ppm(1)),) * weights)])
    hundred = row.take(pa.array([0] * 100))
    out = io.BytesIO()
    pq.write_table(pa.concat_tables([*[hundred] * whole, *[row] * rest]), out, compression="zstd", store_schema=False)
    return out.getvalue()


@pytest.mark.parametrize(
    ("rows", "weights", "what"),
    [(segments.RECEIPTS + 1, 0, "receipts"), (8_400, 500, "values in one column")],
)
def test_a_small_file_that_unpacks_to_more_than_memory_may_hold_is_refused(rows: int, weights: int, what: str) -> None:
    data = bomb(rows, weights)
    assert len(data) < 1 << 20
    with pytest.raises(segments.BadSegmentFile, match=what):
        segments.read(data)
    assert len(segments.read(bomb(1_000, 4))) == 1_000
