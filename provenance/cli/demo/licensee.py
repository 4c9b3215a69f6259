"""What does the demo's licensee do with licensed audio? It makes outputs and meters each of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import soundfile
import soxr

import provenance
from provenance import config
from provenance.cli.demo.synthesizer import Output, Samples, speak
from provenance.domain.attribution import ELSEWHERE
from provenance.domain.fields import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from provenance.cli.demo.stage import Stage
    from provenance.config import Settings
    from provenance.types import RecordingId

RATE_HZ: Final = 16_000
SNIPPETS: Final = 12
OUTCOMES: Final = ("delivered", "delivered", "draft", "delivered", "delivered", "rejected")
"""Drafts and rejected outputs are owed like the others, and nobody's score."""
MODEL: Final = "cut-and-join@1"
PURPOSE: Final = "inference.reference"
TERRITORY: Final = "DE"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One license and the recordings read under it."""

    license: str
    takes: Mapping[RecordingId, Samples]


@dataclass(slots=True)
class Studio:
    """The licensee's model server: it works with `provenance.Meter` alone, as anybody's would.

    Attributes:
        receipts: ids of all receipts so far, in order.
    """

    stage: Stage
    room: Path
    receipts: list[str] = field(default_factory=list)

    def settings(self) -> Settings:
        """The licensee's settings, as `provenance.config.load` gives them."""
        return config.load(self.stage.config, {"account": "licensee"})

    def make(self, shelves: Sequence[Shelf], *, outputs: int) -> int:
        """So many outputs were made, each metered under every license it drew on; returns the receipts written.

        The takes of one call come from all the shelves at once, so an output may draw on several licenses: it
        is then one receipt for each, with one `outputCommit`, and what came from the others is `elsewhere`.
        """
        takes = {recording: samples for shelf in shelves for recording, samples in shelf.takes.items()}
        before = len(self.receipts)
        with ExitStack() as open_meters:
            meters = [open_meters.enter_context(self._meter(shelf, outputs)) for shelf in shelves]
            for number in range(outputs):
                seed = f"{MODEL} {before} {number}".encode()
                made = speak(takes, rate_hz=RATE_HZ, snippets=SNIPPETS, seed=seed)
                outcome = OUTCOMES[number % len(OUTCOMES)]
                self._keep(number + before, made)
                for shelf, meter in zip(shelves, meters, strict=True):
                    weights = _weights(made, shelf)
                    if weights:
                        use = meter.record(output=made.pcm(), weights=weights, outcome=outcome)
                        self.receipts.append("0x" + use.receipt.receipt_id.hex())
        count = len(self.receipts) - before
        self.stage.remark(
            f"{counted(outputs, 'output')} by {MODEL}, {counted(count, 'receipt')} in"
            f" {counted(len(shelves), 'session')}, all acknowledged"
        )
        return count

    def _meter(self, shelf: Shelf, outputs: int) -> provenance.Meter:
        return provenance.Meter(
            shelf.license,
            model=MODEL,
            purpose=PURPOSE,
            territory=TERRITORY,
            max_units=outputs,
            hours=1,
            settings=self.settings(),
        )

    def _keep(self, number: int, made: Output) -> None:
        """The output is a file, as a model's user would have it."""
        folder = self.room / "outputs"
        folder.mkdir(exist_ok=True)
        soundfile.write(folder / f"{number:04}.wav", made.samples, RATE_HZ, subtype="PCM_16")


def shelf(license_id: str, paths: Mapping[RecordingId, Path]) -> Shelf:
    """What was downloaded under a license, as mono at the model's rate."""
    return Shelf(license_id, {recording: _mono(path) for recording, path in paths.items()})


def _mono(path: Path) -> Samples:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    resampled: Samples = mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ)
    return resampled.astype("float32")


def _weights(made: Output, of: Shelf) -> dict[RecordingId, float]:
    """Frames by recording of this license, and what came from elsewhere; nothing if it gave nothing."""
    mine = {one: frames for one, frames in made.frames_by_recording.items() if one in of.takes}
    elsewhere = sum(made.frames_by_recording.values()) - sum(mine.values())
    if not mine:
        return {}
    frames = mine | ({ELSEWHERE: elsewhere} if elsewhere else {})
    return {one: float(count) for one, count in frames.items()}
