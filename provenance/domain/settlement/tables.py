"""How is a long list published so that one line can be checked alone?

NDJSON: a canonical header line with format and version, then one canonical object a line. Its root
is the standard tree over `(bytes32 sha256 of the line)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from provenance.domain import canonical, merkle
from provenance.domain.canonical import BadDocument
from provenance.domain.hashes import sha256
from provenance.types import Bytes32, Json

VERSION: Final = 1


def encode(kind: str, rows: Iterable[Mapping[str, Json]], head: Mapping[str, Json] | None = None) -> bytes:
    """The table's bytes; rows in the order given."""
    lines = [canonical.encode(kind, VERSION, head or {}), *map(canonical.dumps, rows)]
    return b"\n".join(lines) + b"\n"


def parse(data: bytes, kind: str) -> tuple[dict[str, Json], list[dict[str, Json]]]:
    """(header, rows) of a table; every line must be canonical.

    Raises:
        BadDocument: naming the line.
    """
    lines = data.split(b"\n")
    if lines[-1]:
        raise BadDocument("the last line does not end", line=len(lines))
    head = canonical.parse(lines[0], kind=kind, version=VERSION)
    rows: list[dict[str, Json]] = []
    for number, line in enumerate(lines[1:-1], 2):
        row = canonical.loads(line)
        if not isinstance(row, dict) or canonical.dumps(row) != line:
            raise BadDocument(f"line {number} is not one canonical object", line=number)
        rows.append(row)
    return head, rows


def root(data: bytes) -> Bytes32:
    """The root over the rows' lines; zero for a table without rows."""
    return merkle.root(leaves(data))


def leaves(data: bytes) -> Sequence[Bytes32]:
    """One leaf for each row, in the table's order."""
    return [merkle.leaf(sha256(line)) for line in data.split(b"\n")[1:-1]]
