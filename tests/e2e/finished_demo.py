"""A finished demo, left in place: its chain runs, its operator has stopped and his database is gone."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance import config
from provenance.adapters import localnet, wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.chain import EvmChain
from provenance.adapters.keys.keystore import Keystore, KeystoreWallet
from provenance.app import settle
from provenance.app.settle import Published
from provenance.cli import main
from provenance.cli.context import Session
from provenance.domain import cid
from provenance.domain.cid import Cid
from tests.e2e.parties import PROVENANCE, eventually

DEMO_WITHIN_S = 280


@dataclass(frozen=True, slots=True)
class FinishedDemo:
    """What `provenance demo --json --keep ROOM` left.

    Attributes:
        printed: its stdout.
        told: its stderr.
    """

    room: Path
    printed: str
    told: str

    @property
    def settings(self) -> Path:
        return self.room / config.FILE_NAME

    @property
    def content(self) -> Path:
        return self.room / "home" / "content"

    @property
    def rpc(self) -> str:
        return config.load(self.settings).chosen().rpc[0]

    @property
    def operator(self) -> tuple[int, ...]:
        """The process ids that the demo names."""
        found = re.search(r"`kill ([\d ]+)`", self.told)
        assert found, self.told
        return tuple(map(int, found[1].split()))

    def chain(self) -> EvmChain:
        return wire.chain(config.load(self.settings))

    def wallet(self, name: str) -> KeystoreWallet:
        return Keystore(self.room / "home" / "keystore").unlock(
            name, localnet.password(Devnet(self.room / "home" / "devnet"))
        )

    def published(self) -> Published:
        """The last epoch's documents."""
        return settle.latest(self.chain(), wire.store(config.load(self.settings)))[1]

    def copy(self, home: Path) -> Path:
        """Another home with a copy of all content; returns the copied folder."""
        shutil.copytree(self.content, home / "content")
        return home / "content"


def command(*arguments: str, status: int = 0) -> Any:
    """What a command printed, run in this process."""
    session = Session(io.StringIO(), io.StringIO())
    ended = main.run([*arguments, "--yes", "--json"], session)
    assert ended == status, session.stdout.getvalue() + session.stderr.getvalue()
    return json.loads(session.stdout.getvalue())


def judged(report: Mapping[str, Any]) -> dict[str, str]:
    """What each check that is not VERIFIED says, by its name."""
    return {one["name"]: one["detail"] for one in report["checks"] if one["verdict"] != "VERIFIED"}


def named(content: Path, of: str) -> list[Path]:
    """Every stored document of a format, by its file."""
    begins = f'"format":"provenance/{of}"'.encode()
    return [path for path in sorted(content.iterdir()) if path.is_file() and begins in path.read_bytes()[:400_000]]


def of_segments(content: Path) -> list[Path]:
    """Every stored segment, by its file."""
    return [path for path in sorted(content.iterdir()) if path.is_file() and path.read_bytes()[:4] == b"PAR1"]


def address(path: Path) -> Cid:
    return cid.parse(path.name)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def walk(room: Path) -> FinishedDemo:
    """The demo has run, and its network is left in place."""
    done = subprocess.run(
        [*PROVENANCE, "demo", "--json", "--keep", str(room)],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEMO_WITHIN_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return FinishedDemo(room, done.stdout, done.stderr)


@contextmanager
def finished_demo(room: Path) -> Iterator[FinishedDemo]:
    """A kept demo whose operator is gone; everything is ended and removed afterwards."""
    made = walk(room)
    try:
        for pid in made.operator:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(map(alive, made.operator)))
        for path in (room / "home" / "devnet").glob("node.db*"):
            path.unlink()
        yield made
    finally:
        command("devnet", "down", "--purge", "--config", str(made.settings))
        shutil.rmtree(room)
