"""What does an uploader hear in a file? The codec's report in the words of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.app.ports import Heard
from provenance.domain.private import UNMARKED

if TYPE_CHECKING:
    from pathlib import Path


class FileEar:
    """The `Ear` port over `adapters.codec`."""

    def listen(self, path: Path) -> Heard:
        """What was heard; `UnreadableAudio` if it is no audio, or not all of it can be read."""
        from provenance.adapters import codec  # noqa: PLC0415 - loads numpy and scipy
        from provenance.adapters.marks import Fingerprint, marks  # noqa: PLC0415 - loads numpy

        fingerprint = Fingerprint()
        found = codec.examine(path, also=fingerprint.add)
        report = found.report
        return Heard(
            duration_ms=report.duration_ms,
            sample_rate=report.sample_rate,
            channels=report.channels,
            codec=f"{found.format.codec}/{found.format.subtype.lower()}",
            quality=report.to_json(),
            reasons=tuple(str(finding) for finding in report.findings),
            marks=UNMARKED if report.verdict == "reject" else marks(path, fingerprint),
        )
