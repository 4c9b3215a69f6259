"""Which identifiers and units does everybody share? Bytes inside, hex outside.

What they mean is in the module that makes them; here they only get their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

Address = NewType("Address", bytes)
"""20 bytes of an account or contract."""

Bytes32 = NewType("Bytes32", bytes)
"""32 bytes: a digest, a root or an id."""

DatasetId: TypeAlias = Bytes32
RecordingId: TypeAlias = Bytes32
ConsentId: TypeAlias = Bytes32
LicenseId: TypeAlias = Bytes32
AccessId: TypeAlias = Bytes32
SessionId: TypeAlias = Bytes32
ReceiptId: TypeAlias = Bytes32
ArtifactId: TypeAlias = Bytes32
VoiceId: TypeAlias = Bytes32

Wei = NewType("Wei", int)
"""Base units of one ERC-20; never a float."""

Ppm = NewType("Ppm", int)
Bps = NewType("Bps", int)
BlockNumber = NewType("BlockNumber", int)
UnixSeconds = NewType("UnixSeconds", int)
UnixMs = NewType("UnixMs", int)

Json: TypeAlias = bool | int | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""What a document may hold: no float, so that money never meets one."""

ZERO32 = Bytes32(bytes(32))
ZERO_ADDRESS = Address(bytes(20))
PPM_ONE = Ppm(1_000_000)
BPS_ONE = Bps(10_000)
