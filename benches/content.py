"""How fast is audio judged, sealed, addressed, kept and read back? One JSON document: medians, spreads, machine.

Run: python benches/content.py [MIB]. MB/s of plaintext on one core, and times real time for the gate.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from provenance.adapters import seal
from provenance.adapters.content import unixfs
from provenance.adapters.content.embedded import Embedded
from provenance.domain import audio
from provenance.domain.sealed import Header, Secret
from provenance.types import Address, Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROUNDS = 5
SECRET = Secret(bytes(32), bytes(32))
GATE_S, GATE_HZ = 600, 48_000


def speeds(units: float, run: Callable[[], object]) -> dict[str, float]:
    """Units a second over the rounds, the first of which only warms up."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        run()
        taken.append(units / (time.perf_counter() - began))
    measured = taken[1:]
    return {"median": round(statistics.median(measured), 1), "spread": round(max(measured) - min(measured), 1)}


def drained(parts: Iterable[bytes]) -> int:
    return sum(map(len, parts))


def content(mebibytes: int, folder: Path) -> dict[str, dict[str, float]]:
    """MB/s of each step and of those that share a pass."""
    leaf, size = os.urandom(unixfs.LEAF_BYTES), mebibytes << 20
    header = Header(Bytes32(bytes(32)), Address(bytes(20)), size)
    store = Embedded(folder)

    def plain() -> Iterator[bytes]:
        return (leaf for _ in range(mebibytes))

    def sealing() -> Iterator[bytes]:
        return seal.Sealer(header, SECRET).seal(plain())

    sealer = seal.Sealer(header, SECRET)
    cid = store.put_chunks(sealer.seal(plain()))
    opener = seal.Opener(sealer.sealed(), SECRET)
    megabytes = size / 1e6
    return {
        "address": speeds(megabytes, lambda: unixfs.address(plain())),
        "seal": speeds(megabytes, lambda: drained(sealing())),
        "seal and address": speeds(megabytes, lambda: unixfs.address(sealing())),
        "put": speeds(megabytes, lambda: store.put_chunks(plain())),
        "verified get": speeds(megabytes, lambda: drained(store.chunks(cid))),
        "get and open": speeds(megabytes, lambda: drained(opener.open(store.chunks(cid)))),
    }


def gate() -> dict[str, float]:
    """Ten minutes of noise in bursts, a second at a time: how many times faster than it plays."""
    rng = np.random.default_rng(1)
    second = (rng.normal(0, 0.05, (GATE_HZ, 1)) * audio.FULL_SCALE * (rng.random((GATE_HZ, 1)) > 0.5)).astype(np.int32)

    def run() -> None:
        gauge = audio.Gauge(GATE_HZ, 1)
        for _ in range(GATE_S):
            gauge.add(second)
        gauge.report()

    return speeds(GATE_S, run)


def main() -> None:
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    with tempfile.TemporaryDirectory() as folder:
        found = {"MB/s": content(mebibytes, Path(folder)), "times real time": {"gate, 48 kHz mono": gate()}}
    machine = {"machine": platform.machine(), "system": platform.platform(), "cores": os.cpu_count()}
    print(json.dumps({**found, "rounds": ROUNDS, "mebibytes": mebibytes, **machine}, indent=1))


if __name__ == "__main__":
    main()
