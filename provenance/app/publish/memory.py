"""What earlier runs of an upload did: the entries of its journal, folded.

Only what cannot be made again is written: sealed takes (their keys are random), what the gateway
refused, the manifest's bytes (its private part is sealed with a random key, and the dataset's id is made of
them) and the registration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from provenance.app.ports import AudioReport
from provenance.domain import canonical, manifest as manifests, record
from provenance.domain.cid import Cid
from provenance.domain.manifest import Manifest
from provenance.domain.private import UNMARKED, Marks
from provenance.domain.record import text
from provenance.domain.recording import Recording
from provenance.types import Bytes32, DatasetId, Json


@record.dataclass(frozen=True, slots=True)
class Take:
    """One sealed file. `recording` has index 0 and no voices yet; its name is the file's."""

    path: Annotated[str, text(4_096)]
    size: Annotated[int, record.integer(63)]
    modified_ns: Annotated[int, record.decimal(63)]
    sha256: Bytes32
    recording: Recording
    reasons: Annotated[tuple[str, ...], record.items(text(400), 256)] = ()
    marks: Annotated[Marks, record.OPTIONAL] = UNMARKED

    @property
    def object_id(self) -> Bytes32:
        """What it is called in every manifest."""
        return self.recording.sealed.header.object_id

    def heard(self) -> AudioReport:
        """What was heard when it was sealed."""
        recording = self.recording
        return AudioReport(
            recording.duration_ms,
            recording.sample_rate,
            recording.channels,
            recording.codec,
            dict(recording.quality),
            self.reasons,
            self.marks,
        )

    def entry(self) -> dict[str, Json]:
        """Its line in the journal."""
        return {"step": "sealed", **record.write(self)}


@record.dataclass(frozen=True, slots=True)
class GateRefusal:
    """What the gateway would not take."""

    object_id: Bytes32
    code: str
    reason: Annotated[str, text(2_000)]
    dataset: DatasetId | None = None
    """Where another holder registered the same audio."""

    def entry(self) -> dict[str, Json]:
        """Its line in the journal."""
        return {"step": "refused", **record.write(self)}


@record.dataclass(frozen=True, slots=True)
class Composed:
    """The manifest that was made from these inputs, whole: its bytes make the dataset's id."""

    inputs: Bytes32
    manifest: Annotated[Mapping[str, Json], record.OBJECT]

    @classmethod
    def of(cls, inputs: Bytes32, manifest: Manifest) -> Self:
        """The manifest as its document is spelled."""
        return cls(inputs, canonical.headed(manifests.KIND, record.write(manifest)))

    def entry(self) -> dict[str, Json]:
        """Its line in the journal."""
        return {"step": "composed", **record.write(self)}


@record.dataclass(frozen=True, slots=True)
class Registration:
    """The dataset that a manifest was registered as."""

    dataset_id: DatasetId
    cid: Cid


@dataclass(slots=True)
class Memory:
    """The journal so far."""

    takes: dict[Bytes32, Take] = field(default_factory=dict)
    """By the file's sha-256."""
    seen: dict[tuple[str, int, int], Bytes32] = field(default_factory=dict)
    """(path, size, modified) → sha-256, so that an untouched file is not read again."""
    gate: dict[Bytes32, GateRefusal] = field(default_factory=dict)
    """By object id."""
    manifests: dict[Bytes32, bytes] = field(default_factory=dict)
    """By the digest of what they were made from, in their canonical bytes."""
    registered: list[tuple[DatasetId, Cid]] = field(default_factory=list)

    @classmethod
    def fold(cls, entries: Iterable[Mapping[str, Json]]) -> Memory:
        """What these entries say; unknown steps are of a newer version and say nothing here."""
        memory = cls()
        for entry in entries:
            memory.add(entry)
        return memory

    def name(self, object_id: Bytes32) -> str:
        """The file's name of a sealed take."""
        return next((take.recording.name for take in self.takes.values() if take.object_id == object_id), "?")

    def add(self, entry: Mapping[str, Json]) -> None:
        """What one more entry says."""
        match entry.get("step"):
            case "sealed":
                take = record.read(Take, entry)
                self.takes[take.sha256] = take
                self.seen[take.path, take.size, take.modified_ns] = take.sha256
            case "refused":
                refusal = record.read(GateRefusal, entry)
                self.gate[refusal.object_id] = refusal
            case "composed":
                composed = record.read(Composed, entry)
                self.manifests[composed.inputs] = canonical.dumps(composed.manifest)
            case "registered":
                registration = record.read(Registration, entry)
                self.registered.append((registration.dataset_id, registration.cid))
            case _:
                pass
