"""The demo's commands and its narration.

Wallet commands run in this process, exactly as typed; the operator's run as processes of their own,
reached over HTTP and the chain only.
"""

from __future__ import annotations

import io
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from provenance.adapters import interrupts
from provenance.cli.context import Session
from provenance.cli.failure import INTERRUPTED
from provenance.cli.main import run
from provenance.cli.out import plain
from provenance.domain.printable import brief, escaped
from provenance.errors import Broken, Denied, Failed

STOP_WITHIN_S = 10
PARTLY = 1  # exit status of a command that refused some inputs and took the rest
_SHOWN_LINES = 40
_SHOWN_COLUMNS = 240


@dataclass(slots=True)
class Runner:
    """The demo's settings, its narration, and what was sent so far.

    Attributes:
        config: settings file of all parties.
        output: where the narration goes.
        gas: units of the latest transaction under each title.
        denied: how many commands the rules refused.
    """

    config: Path
    output: TextIO
    gas: dict[str, int] = field(default_factory=dict)
    denied: int = 0
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def section(self, title: str) -> None:
        """A new part begins."""
        self._tell(f"\n── {title}")

    def note(self, text: str) -> None:
        """A sentence between two commands."""
        self._tell(f"   {text}")

    def wallet(self, *arguments: str, refusal: str = "", partly: bool = False) -> Any:
        """The wallet command ended as the walkthrough expects.

        Args:
            arguments: what follows `provenance`.
            refusal: the code of the problem that it must end with, where it must not go through.
            partly: whether it may refuse some of what it was given, as an upload does with unfit takes.

        Returns:
            Its `--json` document.

        Raises:
            Failed: it ended otherwise.
        """
        self._tell(f"\n$ provenance {shlex.join(arguments)}")
        stdout, stderr = io.StringIO(), io.StringIO()
        session = Session(stdout, stderr)
        status = run([*arguments, "--config", str(self.config), "--yes", "--json"], session)
        counted = 0 if partly and status == PARTLY else status
        document = self._document(arguments, counted, refusal, stdout.getvalue(), stderr.getvalue())
        self.denied += status == Denied.exit_status
        if refusal:
            self._show([f"Error: {document['detail']}", f"Next: {document['next']}", f"exit {status}, as it should be"])
        else:
            self._show([line for words in session.texts for line in words()])
        for transaction in session.sent:
            self._sent(transaction.title, "0x" + transaction.mined.tx.hex(), transaction.mined.gas_used)
        return document

    def operator(self, *arguments: str) -> Any:
        """The operator's command has run in a process of its own; its `--json` document."""
        self._tell(f"\n$ provenance {shlex.join(arguments)}")
        done = subprocess.run(self._command(arguments), capture_output=True, text=True, check=False, env=self._clean())
        document = self._document(arguments, done.returncode, "", done.stdout, done.stderr)
        transactions = document.pop("transactions", [])
        self._show(plain(document).splitlines())
        for sent in transactions:
            self._sent(sent["title"], sent["tx"], int(sent["gas"]))
        return document

    def serve(self, *arguments: str, log: Path) -> None:
        """The operator's server runs until `stop_servers`."""
        self._tell(f"\n$ provenance {shlex.join(arguments)} &")
        with log.open("ab") as output, interrupts.held():
            self._running.append(
                subprocess.Popen(
                    self._command(arguments)[:-1],
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env=self._clean(),
                )
            )

    def remove_chain(self) -> None:
        """The local chain is gone, if it ever began."""
        run(["devnet", "down", "--purge", "--yes", "--config", str(self.config)], Session(io.StringIO(), io.StringIO()))

    def alive(self) -> bool:
        """Whether every started server still runs."""
        return all(process.poll() is None for process in self._running)

    def pids(self) -> tuple[int, ...]:
        """Process ids of the started servers."""
        return tuple(process.pid for process in self._running)

    def stop_servers(self) -> None:
        """Every started server has ended."""
        for process in reversed(self._running):
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [
            sys.executable,
            "-c",
            "from provenance.cli.main import main; main()",
            *arguments,
            "--config",
            str(self.config),
            "--yes",
            "--json",
        ]

    def _document(self, arguments: Sequence[str], status: int, refusal: str, stdout: str, stderr: str) -> Any:
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        try:
            document: Any = json.loads(stdout or "{}")
        except ValueError as error:
            raise Broken(f"{shlex.join(arguments)} did not print one JSON document: {stdout[:200]!r}") from error
        expected = f"/problems/{refusal}" if refusal else None
        problem = document.get("type") if isinstance(document, dict) else None
        if bool(status) != bool(refusal) or problem != expected:
            why = document.get("detail", "") if isinstance(document, dict) else ""
            raise Failed(
                f"`provenance {shlex.join(arguments)}` ended with {status}{f' instead of {refusal}' if refusal else ''}: "
                f"{why} {stderr[-2000:]}".rstrip(),
                next="Run it again with --keep DIR and look at DIR/*.log.",
            )
        return document

    def _show(self, lines: Sequence[str]) -> None:
        for line in lines[:_SHOWN_LINES]:
            self._tell(f"   {brief(escaped(line), _SHOWN_COLUMNS)}")
        if len(lines) > _SHOWN_LINES:
            self._tell(f"   … {len(lines) - _SHOWN_LINES} more lines")

    def _sent(self, title: str, tx: str, gas: int) -> None:
        self.gas[title] = gas
        self._tell(f"   {title}: tx {tx}, {gas:,} gas")

    @staticmethod
    def _clean() -> Mapping[str, str]:
        from provenance import config

        return config.child_environment()

    def _tell(self, line: str) -> None:
        self.output.write(escaped(line, lines=True) + "\n")
        self.output.flush()
