"""CPU time of every command that speaks to a chain: user + system, median of several runs, as JSON.

Run: python benches/commands.py [--tree DIR] [--rounds N]. A devnet, a gateway and a mirror are started in a new
folder; what a command sends is undone before its next run (`evm_snapshot`, `evm_revert`). `--tree` measures
another checkout of this repository with the same Python packages. What a process and the children that it awaited
(the compiler of `contracts verify`) spend on the CPU counts; waiting does not, nor the devnet's chain.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from provenance import config

MAIN = "from provenance.cli.main import main; main()"
LIMIT_S = 2.0


class Bench:
    """One home with a devnet in it, and how much CPU each command took."""

    def __init__(self, room: Path, tree: Path, rounds: int) -> None:
        self.room, self.tree, self.rounds = room, tree, rounds
        self.seconds: dict[str, float] = {}
        self.servers: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-c", MAIN, *arguments, "--config", "provenance.toml", "--home", "home"]
        environment = config.child_environment(
            PYTHONPATH=str(self.tree),
            NO_COLOR="1",
            PYTHONDONTWRITEBYTECODE="",  # bytecode as an installation has it
        )
        with (self.room / "log").open("ab") as log:
            return subprocess.Popen(line, cwd=self.room, env=environment, stdout=subprocess.PIPE, stderr=log)

    def run(self, *arguments: str) -> tuple[Any, float]:
        """What the command printed, and its CPU seconds."""
        process = self.start(*arguments, "--json", "--yes")
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(arguments)}: {process.returncode} {printed.decode()}")
        return json.loads(printed or b"null"), usage.ru_utime + usage.ru_stime

    def measure(self, *arguments: str, undo: bool = True) -> Any:
        """The command's document; its median CPU time is kept under its name."""
        runs = []
        for _ in range(self.rounds if undo else 1):
            mark = self.rpc("evm_snapshot") if undo else None
            document, taken = self.run(*arguments)
            runs.append(taken)
            if undo:
                self.rpc("evm_revert", mark)
        name = " ".join(arguments[:2])
        self.seconds[name] = round(statistics.median(runs), 2)
        sys.stderr.write(f"{self.seconds[name]:5.2f}  {name}\n")
        return document

    def rpc(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())["result"]

    def sent(self, *arguments: str) -> Any:
        """Measured with every send undone, then sent for good."""
        self.measure(*arguments)
        return self.run(*arguments)[0]

    def walk(self) -> None:
        """From an empty folder to a claimed license."""
        port = free_port()
        (self.room / "provenance.toml").write_text(
            f'network = "devnet"\n[node]\nlisten = "127.0.0.1:{port}"\nmeter = "operator"\n'
        )
        self.url = self.measure("devnet", "up", undo=False)["rpc"]
        self.servers += [self.start("node", "serve"), self.start("node", "follow")]
        for process in self.servers:
            assert process.stdout is not None
        await_port(port)
        self.reading()
        self.run("terms", "new", "terms.json", "--per-unit", "output=0.001", "--account", "holder-1")
        self.measure(
            "consent",
            "grant",
            "--voice",
            "me",
            "--holder",
            "holder-1",
            "--purpose",
            "train.tts",
            "--territory",
            "WW",
            "--until",
            "1y",
            "--out",
            "consent.json",
            "--account",
            "voice-1",
            undo=False,
        )
        self.measure("consent", "show", "consent.json")
        self.measure("consent", "revoke", "consent.json", "--account", "voice-1")
        clips = min((self.tree / "provenance" / "cli" / "demo" / "clips").glob("*/"))
        shutil.copytree(clips, self.room / "takes")
        made = self.measure(
            "upload",
            "takes",
            "--dataset",
            "Bench",
            "--terms",
            "terms.json",
            "--kind",
            "sound",
            "--language",
            "en",
            "--account",
            "holder-1",
            "--accept-review",
            undo=False,
        )
        self.licensed(made["datasetId"])

    def reading(self) -> None:
        for line in (
            "account balance licensee", "consent list --account voice-1", "dataset list", "license list --account licensee",
            "role show", "contracts addresses", "contracts verify", "audit run",
            "doctor", "devnet status",
        ):  # fmt: skip
            self.measure(*line.split())
        for line in (
            "role offer publisher voice-8 --account operator", "role admit voice-8 --account operator",
            "role pause --until 2d --account guardian",
        ):  # fmt: skip
            self.measure(*line.split())

    def licensed(self, dataset: str) -> None:
        self.measure("dataset", "show", dataset)
        self.measure("dataset", "suspend", dataset, "--account", "holder-1")
        self.measure("dataset", "split", dataset, "holder-1=6000", "voice-1=4000", "--account", "holder-1")
        self.mirrored()
        self.measure(
            "license",
            "offer",
            dataset,
            "--purpose",
            "train.tts",
            "--expires",
            "1y",
            "--out",
            "offer.json",
            "--account",
            "holder-1",
            undo=False,
        )
        license_id = self.sent("license", "accept", "offer.json", "--account", "licensee")["license"]
        self.measure("license", "show", license_id)
        self.measure("license", "fund", license_id, "5", "--account", "licensee")
        self.measure("license", "terminate", license_id, "--account", "holder-1")
        self.measure("usage", "list", license_id)
        self.mirrored()
        self.measure(
            "access", "open", license_id, "--purpose", "train.tts", "--territory", "DE", "--account", "licensee"
        )

    def mirrored(self) -> None:
        """The gateway knows that what was undone is gone: the mirror takes a block back when it sees a later one."""
        for _ in range(2):
            self.rpc("evm_mine")
        time.sleep(5)

    def end(self) -> None:
        for process in self.servers:
            process.terminate()
            process.wait()
        process = self.start("devnet", "down", "--purge", "--yes")
        process.communicate()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def await_port(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), asked.tree.resolve(), asked.rounds)
        try:
            bench.walk()
        except BaseException:
            sys.stderr.write((bench.room / "log").read_text()[-2_000:])
            raise
        finally:
            bench.end()
    over = sorted(name for name, seconds in bench.seconds.items() if seconds > LIMIT_S)
    print(
        json.dumps(
            {"machine": platform.platform(), "load": os.getloadavg(), "cpuS": bench.seconds, "over": over}, indent=1
        )
    )


if __name__ == "__main__":
    main()
