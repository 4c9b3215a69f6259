"""Commands that die by SIGKILL before or after their n-th change of state.

A change of state is what outlives the process: a transaction of the database, a file's fsync or
rename, bytes sent to the gateway, a transaction sent to the chain. A warm process forks one child
per command, because starting Python anew costs more than most commands; nothing but the commands
runs in it, so that no thread of a test is lost in the fork.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

PRELOADED = (
    "duckdb",
    "ibis.backends.duckdb",
    "pyarrow.parquet",
    "numpy",
    "soundfile",
    "httpx2",
    "sqlmodel",
    "alembic.command",
)
STEP, END = "\x1e", "\x1d"  # the ASCII record and group separators


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended: its status (negative: the signal), what it printed, every step it came to."""

    status: int
    printed: str
    steps: tuple[str, ...]

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def document(self) -> Any:
        return json.loads(self.printed)


class KillableCommands:
    """The warm process, seen from a test."""

    def __init__(self, room: Path, settings: Path) -> None:
        self.settings = settings
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from tests.e2e.killable import main; main()", str(room), str(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, at: int | None = None, after_s: float | None = None) -> End:
        """The command has ended: by itself, at its `at`-th step, or killed after so many seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = [*arguments, "--config", str(self.settings), "--yes", "--json"]
        print(json.dumps({"arguments": line, "at": at, "after": after_s}), file=self.process.stdin, flush=True)
        status, printed, *steps = json.loads(self.process.stdout.readline())
        return End(status, printed, tuple(steps))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


@contextmanager
def killable_commands(room: Path, settings: Path) -> Iterator[KillableCommands]:
    made = KillableCommands(room, settings)
    try:
        yield made
    finally:
        made.close()


def chances(seed: int, count: int, within_s: float) -> Iterator[float]:
    """So many moments of a command's life."""
    chance = random.Random(seed)
    for _ in range(count):
        yield chance.uniform(0.0, within_s)


def main() -> NoReturn:
    """Forks for every line that comes in, until there is none."""
    os.chdir(sys.argv[1])
    _warm(sys.argv[2])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_life(**json.loads(line))) + "\n")
        sys.stdout.flush()
    os._exit(0)


def _warm(settings: str) -> None:
    """What every command loads is loaded; nothing that starts threads has run."""
    import indexer
    import provenance
    from provenance.cli import main
    from provenance.cli.context import Session

    for name in PRELOADED:
        importlib.import_module(name)
    for package in (provenance, indexer):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    main.run(["node", "anchor", "--dry-run", "--config", settings], Session(io.StringIO(), io.StringIO()))
    gc.collect()
    gc.freeze()


def _life(arguments: list[str], at: int | None, after: float | None) -> list[object]:
    """[status, printed, step, …] of one command in a process of its own."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        _lead(arguments, at, writes)
    os.close(writes)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps, _, printed = said.partition(END)
    return [status, printed, *filter(None, steps.split(STEP))]


def _lead(arguments: list[str], at: int | None, out: int) -> NoReturn:
    """The child: one command, and no return to the loop above."""
    from provenance.cli import main
    from provenance.cli.context import Session

    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    count = 0

    def step(name: str) -> None:
        nonlocal count
        count += 1
        os.write(out, (name + STEP).encode())
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(step)
    session = Session(io.StringIO(), io.StringIO())
    status = main.run(arguments, session)
    os.write(out, (END + (session.stdout.getvalue() or session.stderr.getvalue())).encode())
    os._exit(status)


def watch(step: Callable[[str], None]) -> None:
    """`step` is called before and after every change of state of this process."""
    import httpx2

    from indexer.store.database import Database
    from provenance.adapters.chain.node import EvmNode

    _around(os, "fsync", step, lambda *_, **__: "fsync")
    _around(Path, "rename", step, lambda *_, **__: "rename")
    _around(Path, "replace", step, lambda *_, **__: "rename")
    _around(os, "replace", step, lambda *_, **__: "rename")
    _around(EvmNode, "broadcast", step, lambda *_, **__: "transaction")
    _around(httpx2.Client, "send", step, _request)
    begin = Database.write

    @contextmanager
    def write(self: Database) -> Iterator[Any]:
        with begin(self) as connection:
            yield connection
            step("before commit")
        step("after commit")

    Database.write = write  # type: ignore[method-assign]  # only this child's


def _request(_client: object, request: Any, **_: object) -> str:
    """Bytes for the gateway change its state; questions to the node do not."""
    writes = request.method == "PUT" or (request.method == "POST" and request.url.path.startswith("/v1"))
    return f"{request.method} {request.url.path}" if writes else ""


def _around(owner: Any, name: str, step: Callable[[str], None], told: Callable[..., str]) -> None:
    original = getattr(owner, name)

    def crossed(*arguments: Any, **named: Any) -> Any:
        what = told(*arguments, **named)
        if what:
            step(f"before {what}")
        done = original(*arguments, **named)
        if what:
            step(f"after {what}")
        return done

    setattr(owner, name, crossed)
