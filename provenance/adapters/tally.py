"""Sums of units times weights over millions of rows, without one wrong unit.

One Ibis expression over integers, on DuckDB in this process; another engine is another connection.
The bound of the greatest sum is proved first; past 126 bits the units go in two limbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from provenance.adapters import segments
from provenance.adapters.content import unixfs
from provenance.app.settle import Engine
from provenance.domain.settlement.documents import ONE_PASS_BITS, bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend

    from provenance.domain.settlement.scoring import Counts, Row
    from provenance.types import LicenseId, RecordingId

EXACT: Final = "decimal(38,0)"
LIMB_BITS: Final = 32


def count(rows: Sequence[Row]) -> Counts:
    """Σ units x ppm by license and recording; exact, whatever the order and the threads."""
    if not rows:
        return {}
    import ibis  # noqa: PLC0415 - seconds of start-up that most commands never need

    return count_on(ibis.duckdb.connect(), rows)


def count_on(engine: BaseBackend, rows: Sequence[Row]) -> Counts:
    """The same sums on any engine that Ibis speaks to.

    Args:
        engine: a connection; the rows are given to it as one table.
        rows: of one epoch.
    """
    import ibis  # noqa: PLC0415 - seconds of start-up that most commands never need

    licenses, recordings = _places(row.license_id for row in rows), _places(row.recording_id for row in rows)
    split = bits(max(row.units for row in rows), max(row.ppm for row in rows), len(rows)) > ONE_PASS_BITS
    answer = engine.to_pyarrow(expression(ibis.memtable(_columns(rows, licenses, recordings)), limbs=split))
    by_license, by_recording = list(licenses), list(recordings)
    sums: dict[tuple[LicenseId, RecordingId], int] = {}
    for row in answer.to_pylist():
        key = by_license[row["license"]], by_recording[row["recording"]]
        sums[key] = int(row["low"]) + (int(row["high"]) << LIMB_BITS)
    return sums


def expression(table: ir.Table, *, limbs: bool) -> ir.Table:
    """The sums as one query; every product and sum is a decimal of 38 digits, which no engine wraps.

    Args:
        table: columns license, recording, high, low, ppm: units = high x 2^32 + low.
        limbs: sum the halves apart.
    """
    import ibis  # noqa: PLC0415 - seconds of start-up that most commands never need

    low, high = table.low.cast(EXACT), table.high.cast(EXACT)
    whole = low if limbs else low + high * ibis.literal(1 << LIMB_BITS).cast(EXACT)
    rest = high if limbs else ibis.literal(0).cast(EXACT)
    ppm = table.ppm.cast(EXACT)
    return table.group_by(["license", "recording"]).aggregate(
        low=(whole * ppm).cast(EXACT).sum().cast(EXACT), high=(rest * ppm).cast(EXACT).sum().cast(EXACT)
    )


def _places(ids: Any) -> dict[Any, int]:
    """Each id's place in order of appearance."""
    places: dict[Any, int] = {}
    for id_ in ids:
        places.setdefault(id_, len(places))
    return places


def _columns(rows: Sequence[Row], licenses: dict[LicenseId, int], recordings: dict[RecordingId, int]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - seconds of start-up that most commands never need

    mask = (1 << LIMB_BITS) - 1
    return pa.table(
        {
            "license": pa.array((licenses[row.license_id] for row in rows), pa.int32()),
            "recording": pa.array((recordings[row.recording_id] for row in rows), pa.int32()),
            "high": pa.array((row.units >> LIMB_BITS for row in rows), pa.int64()),
            "low": pa.array((row.units & mask for row in rows), pa.int64()),
            "ppm": pa.array((row.ppm for row in rows), pa.int64()),
        }
    )


def engine() -> Engine:
    """The tools of a settlement in this process: DuckDB, Parquet, our content addresses."""
    return Engine("duckdb", count, segments.read, lambda document: unixfs.address([document]))
