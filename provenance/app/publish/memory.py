"""What did earlier runs of this upload already do? The journal's entries, folded.

Only what cannot be made again is written: sealed takes (their keys are random), what the gateway
refused, the manifest (its private part is sealed with a random key) and the registration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.app.ports import Heard
from provenance.domain import cid, fields, manifest
from provenance.domain.private import UNMARKED, Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Recording
    from provenance.types import Bytes32, DatasetId, Json


@dataclass(frozen=True, slots=True)
class Take:
    """One sealed file. `recording` has index 0 and no voices yet; its name is the file's."""

    path: str
    size: int
    modified_ns: int
    sha256: Bytes32
    recording: Recording
    reasons: tuple[str, ...] = ()
    marks: Marks = UNMARKED

    @property
    def object_id(self) -> Bytes32:
        """What it is called in every manifest."""
        return self.recording.sealed.header.object_id

    def heard(self) -> Heard:
        """What was heard when it was sealed."""
        one = self.recording
        return Heard(
            one.duration_ms, one.sample_rate, one.channels, one.codec, dict(one.quality), self.reasons, self.marks
        )

    def entry(self) -> dict[str, Json]:
        """Its line in the journal."""
        return {
            "step": "sealed",
            "path": self.path,
            "size": self.size,
            "modifiedNs": str(self.modified_ns),
            "sha256": fields.shown(self.sha256),
            "recording": manifest.recording_document(self.recording),
            "reasons": list(self.reasons),
            "marks": self.marks.document(),
        }

    @classmethod
    def of(cls, entry: Mapping[str, Json]) -> Self:
        """The take in a line of the journal."""
        return cls(
            fields.text(entry, "path", max_chars=4_096),
            fields.integer(entry, "size", bits=63),
            fields.integer(entry, "modifiedNs", bits=63),
            fields.word(entry, "sha256"),
            manifest.read_recording(fields.mapping(entry, "recording")),
            fields.texts(entry, "reasons", max_chars=400),
            Marks.of(fields.mapping({"marks": {}, **entry}, "marks")),
        )


@dataclass(frozen=True, slots=True)
class GateRefusal:
    """What the gateway would not take."""

    object_id: Bytes32
    code: str
    reason: str
    dataset: DatasetId | None = None
    """Where another holder registered the same audio."""

    def entry(self) -> dict[str, Json]:
        """Its line in the journal."""
        return {
            "step": "refused",
            "objectId": fields.shown(self.object_id),
            "code": self.code,
            "reason": self.reason,
            "dataset": fields.shown(self.dataset) if self.dataset else None,
        }


@dataclass(slots=True)
class Memory:
    """The journal so far."""

    takes: dict[Bytes32, Take] = field(default_factory=dict)
    """By the file's sha-256."""
    seen: dict[tuple[str, int, int], Bytes32] = field(default_factory=dict)
    """(path, size, modified) → sha-256, so that an untouched file is not read again."""
    gate: dict[Bytes32, GateRefusal] = field(default_factory=dict)
    """By object id."""
    manifests: dict[Bytes32, Cid] = field(default_factory=dict)
    """By the digest of what they were made from."""
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
        return next((one.recording.name for one in self.takes.values() if one.object_id == object_id), "?")

    def add(self, entry: Mapping[str, Json]) -> None:
        """What one more entry says."""
        match entry.get("step"):
            case "sealed":
                take = Take.of(entry)
                self.takes[take.sha256] = take
                self.seen[take.path, take.size, take.modified_ns] = take.sha256
            case "refused":
                refusal = GateRefusal(
                    fields.word(entry, "objectId"),
                    fields.text(entry, "code"),
                    fields.text(entry, "reason", max_chars=2_000),
                    fields.word(entry, "dataset") if entry.get("dataset") else None,
                )
                self.gate[refusal.object_id] = refusal
            case "manifest":
                self.manifests[fields.word(entry, "inputs")] = cid.parse(fields.text(entry, "cid"))
            case "registered":
                self.registered.append((fields.word(entry, "datasetId"), cid.parse(fields.text(entry, "cid"))))
            case _:
                pass
