"""The demo's recordings come from a script, to the sample."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests import audio

ROOT = Path(__file__).parents[2]
CLIPS = sorted((ROOT / "provenance/cli/demo/clips").glob("*/*.flac"))


def test_the_script_makes_these_very_samples(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts/clips.py", tmp_path], check=True, capture_output=True)
    made = sorted(tmp_path.glob("*/*.flac"))
    assert len(made) == len(CLIPS)
    for ours, committed in zip(made, CLIPS, strict=True):
        ours_16, committed_16 = audio.decode(ours).samples >> 16, audio.decode(committed).samples >> 16
        assert np.abs(ours_16 - committed_16).max() <= 1  # one step: processors round sines differently
