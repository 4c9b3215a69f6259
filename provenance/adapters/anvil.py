"""The process of a local chain, kept under `home/devnet`.

Loopback only. The state is on disk when the process ends, so that a restart goes on; what is deployed
there is `app.deploy`'s.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from provenance import config
from provenance.adapters import interrupts
from provenance.adapters.chain import EvmNode, NodeSilent, Rpc
from provenance.adapters.chain.rpc import RpcRefused
from provenance.errors import Conflict, Invalid, Missing, Unavailable

Backend: TypeAlias = Literal["anvil", "ganache"]

CHAIN_ID: Final = config.DEVNET_CHAIN_ID
HOST: Final = "127.0.0.1"
MNEMONIC: Final = "test test test test test test test test test test test junk"
"""Known to every developer, so that nobody takes these accounts for safe ones."""
ACCOUNTS: Final = 24
ETHER_EACH: Final = 10_000
START_S: Final = 60.0
STOP_S: Final = 30.0
SAVE_EVERY_S: Final = 60
_POLL_S: Final = 0.03


class PortTaken(Conflict):
    """Another program listens on the given port."""

    next = "Leave --port out to have a free one chosen, or name another."


class NodeDied(Unavailable):
    """The node's process ended while it was starting."""

    next = "Read the end of the named log; `provenance devnet reset` starts afresh."


@dataclass(frozen=True, slots=True)
class Running:
    """A devnet process."""

    pid: int
    port: int
    backend: Backend
    lead_s: int = 0
    """How far its clock was moved before host time, when it was last seen [s]."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


class Devnet:
    """The local chain of one home."""

    def __init__(self, folder: Path) -> None:
        """`folder` is `home/devnet`; it need not exist."""
        self.folder = folder
        self.log = folder / "node.log"
        self._record = folder / "node.json"

    def running(self) -> Running | None:
        """The process, if it lives."""
        last = self._last()
        return last if last is not None and _is_ours(last) else None

    def start(self, backend: Backend = "anvil", port: int | None = None) -> Running:
        """The node that runs afterwards; the one that did is left alone.

        Raises:
            PortTaken: the given port is in use.
            Conflict: it runs already, on another port or backend.
            Missing: the node's program is not installed.
        """
        with self._locked():
            last, alive = self._last(), self.running()
            if alive is not None:
                if (port or alive.port) != alive.port or backend != alive.backend:
                    raise Conflict(
                        f"the devnet runs already: {alive.backend} on port {alive.port}",
                        next="Stop it first: `provenance devnet down`.",
                        port=alive.port,
                        backend=alive.backend,
                    )
                return alive
            if last is not None and last.backend != backend and self._kept(last.backend).exists():
                raise Conflict(
                    f"the devnet's chain was made by {last.backend}",
                    next=f"Go on with --backend {last.backend}, or start afresh: `provenance devnet reset`.",
                    backend=last.backend,
                )
            chosen = _port(port, last.port if last else None)
            with interrupts.held():
                process = self._spawn(backend, chosen)
                running = Running(process.pid, chosen, backend, last.lead_s if last else 0)
                self._write(running)
            self._await(process, running)
            self._restore_lead(running)
            return running

    def stop(self) -> bool:
        """No process runs; its state is on disk. Whether one ran."""
        with self._locked():
            running = self.running()
            if running is None:
                return False
            with contextlib.suppress(Unavailable):
                self._write(Running(running.pid, running.port, running.backend, lead_s(_node(running))))
            _end(running)
            return True

    def purge(self) -> None:
        """Nothing of the chain is left on disk.

        Raises:
            Conflict: it still runs.
        """
        if self.running() is not None:
            raise Conflict("the devnet still runs", next="Stop it first: `provenance devnet down --purge`.")
        shutil.rmtree(self.folder, ignore_errors=True)

    def advance(self, seconds: int) -> int:
        """The chain's clock has jumped ahead; its new lead over host time [s]."""
        if seconds <= 0:
            raise Invalid("the clock only goes forward: seconds must be above 0", field="seconds")
        running = self.running()
        if running is None:
            raise NodeSilent("the devnet does not run", next="Start it: `provenance devnet up`.")
        node = _node(running)
        node.rpc.call("evm_increaseTime", seconds)
        node.rpc.call("evm_mine")
        lead = lead_s(node)
        self._write(Running(running.pid, running.port, running.backend, lead))
        return lead

    def _last(self) -> Running | None:
        try:
            return Running(**json.loads(self._record.read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _write(self, running: Running) -> None:
        draft = self._record.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(running)), "utf-8")
        draft.replace(self._record)

    def _kept(self, backend: Backend) -> Path:
        return self.folder / ("state.json" if backend == "anvil" else "ganache")

    def _spawn(self, backend: Backend, port: int) -> subprocess.Popen[bytes]:
        line = _anvil(self.folder, port) if backend == "anvil" else _ganache(self._kept(backend), port)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=config.child_environment(),
                start_new_session=True,
            )

    def _await(self, process: subprocess.Popen[bytes], running: Running) -> None:
        until = time.monotonic() + START_S
        while True:
            if process.poll() is not None:
                raise NodeDied(f"{running.backend} ended at once, see {self.log}", log=str(self.log))
            with contextlib.suppress(Unavailable):
                _node(running, timeout_s=2).chain_id()
                return
            if time.monotonic() > until:
                _end(running)
                raise NodeDied(
                    f"{running.backend} did not answer in {START_S:.0f} s, see {self.log}", log=str(self.log)
                )
            time.sleep(_POLL_S)

    def _restore_lead(self, running: Running) -> None:
        """A node that restarts forgets how far its clock was moved."""
        node = _node(running)
        behind = max(running.lead_s - lead_s(node), node.block("latest").time - node.block("pending").time)
        if behind > 0:
            node.rpc.call("evm_increaseTime", behind)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def lead_s(node: EvmNode) -> int:
    """How far the chain's clock is ahead of host time [s]; at least 0.

    The next block's time tells it: anvil adds its lead to host time there.
    """
    try:
        ahead = node.block("pending").time
    except RpcRefused:
        ahead = node.block("latest").time
    return max(0, ahead - int(time.time()))  # noqa: TID251 - the difference to host time is what is asked


def tool(name: str) -> Path:
    """The native program of Foundry (`anvil`, `forge`, `cast`): from `node_modules`, else from PATH.

    The npm launchers are passed over: they swallow exit codes and leave the program behind when stopped.
    """
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}.get(platform.system(), "linux")
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "amd64"
    program = f"{name}.exe" if system == "win32" else name
    inside = Path("node_modules", "@foundry-rs", f"{name}-{system}-{machine}", "bin", program)
    for root in _roots():
        if (path := root / inside).is_file():
            return path
    on_path = shutil.which(name)
    if on_path and not _is_launcher(Path(on_path)):
        return Path(on_path)
    raise Missing(
        f"{name} is not installed",
        next="In a checkout run `make setup` (npm ci); elsewhere install Foundry, so that it is on PATH.",
        tool=name,
    )


def _roots() -> tuple[Path, ...]:
    return (Path(__file__).resolve().parents[2], Path.cwd())


def _is_launcher(file: Path) -> bool:
    with file.resolve().open("rb") as opened:
        return opened.read(2) == b"#!"


def _anvil(folder: Path, port: int) -> list[str]:
    options = {
        "--host": HOST,
        "--port": port,
        "--chain-id": CHAIN_ID,
        "--mnemonic": MNEMONIC,
        "--accounts": ACCOUNTS,
        "--balance": ETHER_EACH,
        "--hardfork": "osaka",
        "--order": "fifo",
        "--state": folder / "state.json",
        "--state-interval": SAVE_EVERY_S,
        "--cache-path": folder / "cache",
    }
    return [str(tool("anvil")), *(str(part) for pair in options.items() for part in pair), "--quiet"]


def _ganache(database: Path, port: int) -> list[str]:
    node = shutil.which("node")
    script = next((file for root in _roots() if (file := root / GANACHE).is_file()), None)
    if node is None or script is None:
        raise Missing(
            "ganache is not installed", next="Run `make setup` in a checkout; it needs Node 20.", tool="ganache"
        )
    database.mkdir(parents=True, exist_ok=True)
    options = {
        "--server.host": HOST,
        "--server.port": port,
        "--chain.chainId": CHAIN_ID,
        "--chain.networkId": CHAIN_ID,
        "--chain.hardfork": "shanghai",
        "--wallet.mnemonic": MNEMONIC,
        "--wallet.totalAccounts": ACCOUNTS,
        "--wallet.defaultBalance": ETHER_EACH,
        "--miner.blockGasLimit": 30_000_000,
        "--database.dbPath": database,
    }
    return [node, str(script), *(str(part) for pair in options.items() for part in pair), "--logging.quiet"]


GANACHE: Final = Path("node_modules", "ganache", "dist", "node", "cli.js")


def _node(running: Running, *, timeout_s: float = 20) -> EvmNode:
    return EvmNode(Rpc([running.url], timeout_s=timeout_s))


def _port(wanted: int | None, before: int | None) -> int:
    """The wanted port, else the one of the last time, else a free one."""
    if wanted is not None:
        if not _is_free(wanted):
            raise PortTaken(f"port {wanted} on {HOST} is in use", port=wanted)
        return wanted
    if before is not None and _is_free(before):
        return before
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    if not 0 < port < 1 << 16:
        raise Invalid(f"{port} is no port: 1 to 65535", field="port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _is_ours(running: Running) -> bool:
    """Whether that process still is the node that we started, and not another with its number."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(running.pid, os.WNOHANG)  # ours and dead: no zombie stays
    try:
        line = Path(f"/proc/{running.pid}/cmdline").read_bytes()
        if not line:  # it has given up its memory: gone once it is a zombie
            return "State:\tZ" not in Path(f"/proc/{running.pid}/status").read_text("ascii", "replace")
    except OSError:
        if Path("/proc/self").exists():
            return False
        asked = [shutil.which("ps") or "/bin/ps", "-p", str(running.pid), "-o", "command="]
        line = subprocess.run(asked, capture_output=True, check=False).stdout
    return running.backend.encode() in line and str(running.port).encode() in line


def _end(running: Running) -> None:
    until = time.monotonic() + STOP_S
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    while _is_ours(running):
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
        time.sleep(_POLL_S)
