"""Segment files: uses as the Parquet file that a segment signs.

One row per receipt, sorted by seq: the receipt's fields, then its weights and quality. Written with
fixed options, so that the same uses and library give the same bytes; readers ask only for the schema.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from provenance.domain import typed
from provenance.domain.hashes import sha256
from provenance.domain.usage import Use
from provenance.errors import Failed, Invalid
from provenance.types import Ppm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from provenance.types import Bytes32

RECEIPTS: Final = 1 << 17  # in one segment; a Meter cuts at 1,000
VALUES: Final = 1 << 22  # in one column: the weights of all its receipts
PLAIN_BYTES: Final = 1 << 28
"""What everybody who settles or audits holds in memory for one segment; larger ones are nobody's."""
_NAMES = tuple(name for _, name in typed.members(typed.UsageReceipt.TYPE))


class BadSegmentFile(Invalid):
    """Not a Parquet file with the columns of usage."""

    next = "Give the .parquet file that a Meter wrote; do not convert it with another program."


class WrongSegmentFile(Failed):
    """Other bytes than the segment signs."""


@cache
def schema() -> pa.Schema:
    """The columns: integers and fixed binaries only, nothing that could be a float."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that most commands never need

    widths = {"bytes32": pa.binary(32), "bytes2": pa.binary(2)}
    of_kind = {
        "uint8": pa.uint8(),
        "uint16": pa.uint16(),
        "uint32": pa.uint32(),
        "uint64": pa.uint64(),
        **widths,
    }
    weight = pa.struct(
        [
            pa.field("recordingId", pa.binary(32), nullable=False),
            pa.field("ppm", pa.int32(), nullable=False),
        ]
    )
    columns = [pa.field(name, of_kind[kind], nullable=False) for kind, name in typed.members(typed.UsageReceipt.TYPE)]
    columns += [
        pa.field("weights", pa.list_(weight), nullable=False),
        pa.field("qualityPpm", pa.int32(), nullable=False),
    ]
    return pa.schema(columns)


def table(uses: Iterable[Use]) -> pa.Table:
    """The uses as rows."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that most commands never need

    rows = [
        {
            **dict(zip(_NAMES, _fields(use.receipt), strict=True)),
            "weights": [{"recordingId": recording, "ppm": ppm} for recording, ppm in use.weights],
            "qualityPpm": use.quality_ppm,
        }
        for use in uses
    ]
    return pa.Table.from_pylist(rows, schema=schema())


def write(uses: Sequence[Use]) -> bytes:
    """The file's bytes."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - 0.2 s that most commands never need

    out = io.BytesIO()
    pq.write_table(table(uses), out, compression="zstd", version="2.6", store_schema=False)
    return out.getvalue()


def read(parquet: bytes, *, expected_sha256: Bytes32 | None = None) -> tuple[Use, ...]:
    """The uses in a file, in its order.

    Args:
        data: the whole file.
        expected_sha256: what the segment signs.

    Raises:
        WrongSegmentFile: its bytes have another digest.
        BadSegmentFile: other columns, nulls, or not Parquet.
    """
    if expected_sha256 is not None and sha256(parquet) != expected_sha256:
        raise WrongSegmentFile(
            "the file is not the one that the segment signs",
            expected="0x" + expected_sha256.hex(),
        )
    rows: list[dict[str, Any]] = _checked(parquet).to_pylist()
    return tuple(_use(row) for row in rows)


def _checked(parquet: bytes) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that most commands never need
    import pyarrow.parquet as pq  # noqa: PLC0415 - 0.2 s that most commands never need

    try:
        file = pq.ParquetFile(pa.BufferReader(parquet))
        _check_size(file.metadata)
        rows = file.read().cast(schema())
        rows.validate(full=True)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise BadSegmentFile(f"not a usage file: {error}"[:300]) from error
    return rows


def _check_size(about: pq.FileMetaData) -> None:
    """The file unpacks to no more than a segment may hold: a few kilobytes can say billions of rows."""
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    columns = [group.column(j) for group in groups for j in range(group.num_columns)]
    for noun, there, most in (
        ("receipts", max(about.num_rows, sum(group.num_rows for group in groups)), RECEIPTS),
        ("values in one column", max((column.num_values for column in columns), default=0), VALUES),
        ("bytes unpacked", sum(column.total_uncompressed_size for column in columns), PLAIN_BYTES),
    ):
        if there > most:
            raise BadSegmentFile(f"{there} {noun}; a segment holds at most {most}")


def _fields(receipt: typed.UsageReceipt) -> tuple[object, ...]:
    return tuple(getattr(receipt, name) for name in receipt.__slots__)


def _use(row: dict[str, Any]) -> Use:
    receipt = typed.UsageReceipt(*(row[name] for name in _NAMES))
    weights = tuple((weight["recordingId"], Ppm(weight["ppm"])) for weight in row["weights"])
    return Use(receipt, weights, row["qualityPpm"])
