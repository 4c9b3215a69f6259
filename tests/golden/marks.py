"""Makes marks.json: what AcoustID's own program hears in a signal that is the same on every machine.

python tests/golden/marks.py; it needs fpcalc (Debian's libchromaprint-tools).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

RATE_HZ = 16_000
SECONDS = 130  # longer than the two minutes that a fingerprint tells of


def signal() -> np.ndarray:
    """Three gliding triangles that stop and start, in whole numbers: int16 [frames]."""
    n = np.arange(SECONDS * RATE_HZ, dtype=np.int64)
    at = [(hz * n + glide * n * n // (2 * RATE_HZ * 64)) % RATE_HZ for hz, glide in ((220, 3), (587, -1), (1_309, 5))]
    tones = [np.abs(2 * phase - RATE_HZ) - RATE_HZ // 2 for phase in at]
    chord = 2 * tones[0] + tones[1] + tones[2] // 2  # near full scale
    loud = (n // (RATE_HZ // 3)) * 7 % 11 > 2
    return np.where(loud, chord, chord // 16).astype(np.int16)


def main() -> None:
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signal.wav"
        soundfile.write(path, signal(), RATE_HZ, subtype="PCM_16")
        # it ends with status 3 where ffmpeg has something to say; its answer is whole all the same
        line = ["fpcalc", "-json", str(path)]
        short = json.loads(subprocess.run(line, capture_output=True, check=False).stdout)
        whole = json.loads(
            subprocess.run([*line, "-raw", "-signed", "-length", "0"], capture_output=True, check=False).stdout
        )
        version = subprocess.run(["fpcalc", "-version"], capture_output=True, text=True, check=True).stdout.split(" (")[
            0
        ]
    import iscc_core

    made = {
        "madeBy": version,
        "fingerprint": short["fingerprint"],
        "values": len(whole["fingerprint"]),
        "audioCode": iscc_core.gen_audio_code(whole["fingerprint"], bits=64)["iscc"],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
