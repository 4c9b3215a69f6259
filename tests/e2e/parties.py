"""Real commands in real processes: a devnet, an operator, and whoever acts against them."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance import config
from provenance.cli import main
from provenance.cli.context import Session

PROVENANCE = [sys.executable, "-c", "from provenance.cli.main import main; main()"]
WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@dataclass(slots=True)
class Parties:
    """A devnet's folder and the processes that run on it."""

    room: Path
    settings: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [*PROVENANCE, *arguments, "--config", str(self.settings), "--yes"]

    def run(self, *arguments: str, status: int | None = 0) -> Answer:
        """The command has ended; with the expected status, unless `status` is None."""
        done = subprocess.run(
            self.command(*arguments, "--json"), capture_output=True, text=True, check=False, timeout=300, cwd=self.room
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        if status is not None:
            assert answer.status == status, f"{arguments}: {answer}"
        return answer

    def document(self, *arguments: str, status: int = 0) -> Any:
        return self.run(*arguments, status=status).document

    def inside(self, *arguments: str, status: int = 0, yes: bool = True) -> Any:
        """What the command printed, run in this process: for tests that need no process of its own."""
        session = Session(io.StringIO(), io.StringIO())
        said = ["--config", str(self.settings), "--json", *(["--yes"] if yes else [])]
        ended = main.run([*arguments, *said], session)
        assert ended == status, session.stderr.getvalue() + session.stdout.getvalue()
        return json.loads(session.stdout.getvalue())

    def start(self, name: str, *arguments: str) -> None:
        with (self.room / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(*arguments), stdout=log, stderr=log, cwd=self.room, start_new_session=True
            )

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.running.pop(name)
        process.send_signal(how)
        process.wait(20)

    def kill(self, name: str) -> None:
        """The process is gone without a word."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)

    def start_operator(self) -> None:
        self.start("follow", "node", "follow")
        self.start("serve", "node", "serve")
        self.ready()

    def ready(self) -> None:
        from provenance.adapters import wire
        from provenance.errors import ProvenanceError

        gateway = wire.gateway(config.load(self.settings))

        def answers() -> bool:
            try:
                gateway.ready()
            except ProvenanceError:
                return False
            return True

        eventually(answers)

    def close(self) -> None:
        for name in list(self.running):
            self.stop(name)
        subprocess.run(
            [*PROVENANCE, "devnet", "down", "--purge", "--yes", "--config", str(self.settings)],
            capture_output=True,
            check=False,
        )

    def kill_during(self, *arguments: str, when: Callable[[], bool]) -> bool:
        """The command was killed with SIGKILL as soon as `when` held; False if it ended before."""
        process = subprocess.Popen(
            self.command(*arguments, "--json"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.room,
            start_new_session=True,
        )
        until = time.monotonic() + WITHIN_S
        while process.poll() is None and time.monotonic() < until:
            if when():
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.002)
        process.wait(WITHIN_S)
        return False


def eventually(holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """`holds` became true in time."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, "it never held"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def parties(room: Path) -> Iterator[Parties]:
    """A devnet with its operator's processes not started yet."""
    room.mkdir(parents=True, exist_ok=True)
    settings, port = room / config.FILE_NAME, free_port()
    config.save({"": {"home": "home", "network": "devnet"}, "node": {"listen": f"127.0.0.1:{port}"}}, path=settings)
    here = Parties(room, settings)
    try:
        here.run("devnet", "up")
        config.save_network("devnet", {"gateway": f"http://127.0.0.1:{port}"}, path=settings)
        yield here
    finally:
        here.close()
