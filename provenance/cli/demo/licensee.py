"""The demo's licensee: a model server that makes outputs of licensed audio and meters each of them."""

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

    from provenance.cli.demo.runner import Runner
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
class LicensedAudio:
    """One license and the recordings read under it."""

    license: str
    takes: Mapping[RecordingId, Samples]


@dataclass(slots=True)
class ModelServer:
    """The licensee's model server: it works with `provenance.Meter` alone, as anybody's would.

    Attributes:
        receipts: ids of all receipts so far, in order.
    """

    runner: Runner
    folder: Path
    receipts: list[str] = field(default_factory=list)

    def settings(self) -> Settings:
        """The licensee's settings, as `provenance.config.load` gives them."""
        return config.load(self.runner.config, {"account": "licensee"})

    def make(self, licensed: Sequence[LicensedAudio], *, outputs: int) -> int:
        """So many outputs were made, each metered under every license it drew on; returns the receipts written.

        The takes of one call come from all that is licensed at once, so an output may draw on several licenses: it
        is then one receipt for each, with one `outputCommit`, and what came from the others is `elsewhere`.
        """
        takes = {recording: samples for audio in licensed for recording, samples in audio.takes.items()}
        before = len(self.receipts)
        with ExitStack() as open_meters:
            meters = [open_meters.enter_context(self._meter(audio, outputs)) for audio in licensed]
            for number in range(outputs):
                seed = f"{MODEL} {before} {number}".encode()
                output = speak(takes, rate_hz=RATE_HZ, snippets=SNIPPETS, seed=seed)
                outcome = OUTCOMES[number % len(OUTCOMES)]
                self._keep(number + before, output)
                for audio, meter in zip(licensed, meters, strict=True):
                    weights = _weights(output, audio)
                    if weights:
                        use = meter.record(output=output.pcm(), weights=weights, outcome=outcome)
                        self.receipts.append("0x" + use.receipt.receipt_id.hex())
        count = len(self.receipts) - before
        self.runner.note(
            f"{counted(outputs, 'output')} by {MODEL}, {counted(count, 'receipt')} in"
            f" {counted(len(licensed), 'session')}, all acknowledged"
        )
        return count

    def _meter(self, audio: LicensedAudio, outputs: int) -> provenance.Meter:
        return provenance.Meter(
            audio.license,
            model=MODEL,
            purpose=PURPOSE,
            territory=TERRITORY,
            max_units=outputs,
            hours=1,
            settings=self.settings(),
        )

    def _keep(self, number: int, output: Output) -> None:
        """The output is a file, as a model's user would have it."""
        folder = self.folder / "outputs"
        folder.mkdir(exist_ok=True)
        soundfile.write(folder / f"{number:04}.wav", output.samples, RATE_HZ, subtype="PCM_16")


def audio(license_id: str, paths: Mapping[RecordingId, Path]) -> LicensedAudio:
    """What was downloaded under a license, as mono at the model's rate."""
    return LicensedAudio(license_id, {recording: _mono(path) for recording, path in paths.items()})


def _mono(path: Path) -> Samples:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    resampled: Samples = mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ)
    return resampled.astype("float32")


def _weights(output: Output, licensed: LicensedAudio) -> dict[RecordingId, float]:
    """Frames by recording of this license, and what came from elsewhere; nothing if it gave nothing."""
    mine = {
        recording: frames for recording, frames in output.frames_by_recording.items() if recording in licensed.takes
    }
    elsewhere = sum(output.frames_by_recording.values()) - sum(mine.values())
    if not mine:
        return {}
    frames = mine | ({ELSEWHERE: elsewhere} if elsewhere else {})
    return {recording: float(count) for recording, count in frames.items()}
