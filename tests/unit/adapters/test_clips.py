"""The demo's recordings are good takes, and small."""

from __future__ import annotations

from pathlib import Path

from provenance.adapters import codec

ROOT = Path(__file__).parents[3]
CLIPS = sorted((ROOT / "provenance/cli/demo/clips").glob("*/*.flac"))


def test_three_holders_have_at_least_four_short_clips_each_in_little_space() -> None:
    for number in (1, 2, 3):
        assert sum(path.parent.name == f"holder-{number}" for path in CLIPS) >= 4
    assert sum(path.stat().st_size for path in CLIPS) < 1_500_000


def test_every_clip_passes_the_gate_and_no_two_are_the_same() -> None:
    examined = [codec.examine(path) for path in CLIPS]
    assert [found.report.findings for found in examined] == [()] * len(CLIPS)
    assert all(3_000 <= found.report.duration_ms <= 6_000 for found in examined)
    assert len({found.pcm_digest for found in examined}) == len(CLIPS)
