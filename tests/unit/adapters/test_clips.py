"""Are the demo's recordings good takes, small, and the ones that the script makes?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from provenance.adapters import codec
from tests import audio

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


def test_the_script_makes_these_very_samples(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts/clips.py", tmp_path], check=True, capture_output=True)
    made = sorted(tmp_path.glob("*/*.flac"))
    assert len(made) == len(CLIPS)
    for ours, committed in zip(made, CLIPS, strict=True):
        ours_16, committed_16 = audio.decode(ours).samples >> 16, audio.decode(committed).samples >> 16
        assert np.abs(ours_16 - committed_16).max() <= 1  # one step: processors round sines differently
