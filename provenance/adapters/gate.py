"""The gate's report on one audio file, in the words of a manifest."""

from __future__ import annotations

from pathlib import Path

from provenance.app.ports import AudioReport
from provenance.domain.private import UNMARKED


class FileGate:
    """The `AudioGate` port over `adapters.codec`."""

    def examine(self, path: Path) -> AudioReport:
        """What was heard; `UnreadableAudio` if it is no audio, or not all of it can be read."""
        from provenance.adapters import codec  # noqa: PLC0415 - loads numpy and scipy
        from provenance.adapters.marks import Fingerprint, marks  # noqa: PLC0415 - loads numpy

        fingerprint = Fingerprint()
        examined = codec.examine(path, also=fingerprint.add)
        report = examined.report
        return AudioReport(
            duration_ms=report.duration_ms,
            sample_rate=report.sample_rate,
            channels=report.channels,
            codec=f"{examined.format.codec}/{examined.format.subtype.lower()}",
            quality=report.to_json(),
            reasons=tuple(str(finding) for finding in report.findings),
            marks=UNMARKED if report.verdict == "reject" else marks(path, fingerprint),
        )
