"""What does an uploader hear in a file? The codec's report in the words of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.app.ports import Heard

if TYPE_CHECKING:
    from pathlib import Path


class FileEar:
    """The `Ear` port over `adapters.codec`."""

    def listen(self, path: Path) -> Heard:
        """What was heard; `UnreadableAudio` if it is no audio, or not all of it can be read."""
        from provenance.adapters import codec  # noqa: PLC0415 - loads numpy and scipy

        found = codec.examine(path)
        report = found.report
        return Heard(
            duration_ms=report.duration_ms,
            sample_rate=report.sample_rate,
            channels=report.channels,
            codec=f"{found.format.codec}/{found.format.subtype.lower()}",
            quality=report.to_json(),
            reasons=tuple(str(finding) for finding in report.findings),
        )
