"""What is large, hours and gigabytes, passes through the adapters whole and in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from provenance.adapters.content import unixfs
from tests.whole import keystream


@pytest.mark.parametrize(
    ("seed", "size", "address"),
    [
        # Made by Kubo with the profile unixfs-v1-2025 (IPIP-0499).
        (b"v1-2025-seed", 1 << 30, "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
        (b"v1-2025-seed", (1 << 30) + 1, "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"),
    ],
)
def test_the_address_is_kubos_also_past_1024_leaves(seed: bytes, size: int, address: str) -> None:
    assert str(unixfs.address(keystream(seed, size))) == address


def test_memory_stays_small_whatever_the_size(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from provenance.adapters.content.embedded import Embedded\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform != 'darwin' else 1024)\n"
        "store = Embedded(Path(sys.argv[1])); before = peak()\n"
        "cid = store.put_chunks(bytes(1 << 20) for _ in range(200))\n"
        "assert sum(map(len, store.chunks(cid))) == 200 << 20\n"
        "assert sum(map(len, store.car(cid))) > 200 << 20\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, check=True, text=True)
    assert int(done.stdout) < 64 << 10  # KiB


def test_five_hours_that_announce_nothing_are_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 1_000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(5 * 60):
            file.write(np.zeros(60 * 1_000, np.int16))
    data = bytearray(path.read_bytes())
    assert len(data) < 1 << 20
    data[21] &= 0xF0  # STREAMINFO: 36 bits of total samples, 0 = unknown
    data[22:26] = bytes(4)
    path.write_bytes(data)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from provenance.adapters import codec\n"
        "import soundfile\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try: codec.examine(Path(sys.argv[1]))\n"
        "except codec.UnreadableAudio as error: print(peak() - before, error.facts['reason'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, check=True, text=True)
    grown, reason = done.stdout.strip().split(" ", 1)
    assert reason == "longer than 14400 s"
    assert int(grown) < 64 << 10  # KiB
