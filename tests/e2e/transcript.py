"""A transcript of real commands, of which only what differs from run to run is replaced."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provenance.cli import main
from provenance.cli.context import Session

_DIFFERS = (
    (re.compile(r"0x[0-9a-fA-F]{24,}"), "0x…"),
    (re.compile(r"\bbaf[a-z2-7]{20,}"), "baf…"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?( ?UTC|Z)?"), "TIME"),
    (re.compile(r"\bblock \d+"), "block N"),
    (re.compile(r"\b\d+ s ahead"), "N s ahead"),
)
_HOLDS = re.compile(r"VERIFIED  ")


@dataclass(slots=True)
class Transcript:
    """What was typed and what was answered."""

    settings: Path
    names: Mapping[str, str]
    """Words for addresses and ids, by their hex in lower case."""
    lines: list[str] = field(default_factory=list)

    def say(self, remark: str) -> None:
        self.lines += ["", f"# {remark}"] if self.lines else [f"# {remark}"]

    def run(self, *arguments: str, status: int = 0) -> str:
        """The command's words on stdout; it ended as expected."""
        session = Session(io.StringIO(), io.StringIO())
        ended = main.run([*arguments, "--config", str(self.settings), "--yes"], session)
        answer = session.stdout.getvalue()
        assert ended == status, session.stderr.getvalue() + answer
        self.lines.append(self._stable("$ provenance " + " ".join(arguments)))
        self.lines += [self._stable(line) for line in _shortened(answer)]
        if status:
            self.lines.append(f"(exit {status})")
        return answer

    def text(self) -> str:
        return "\n".join(self.lines)

    def _stable(self, line: str) -> str:
        line = re.sub(r"0x[0-9a-fA-F]{40,}", lambda found: self.names.get(found[0].lower(), found[0]), line)
        for pattern, word in _DIFFERS:
            line = pattern.sub(word, line)
        return line.rstrip()


def _shortened(answer: str) -> list[str]:
    """An audit's report without the checks that hold and what no audit proves."""
    kept, skipping = list[str](), False
    for line in answer.splitlines():
        if line.startswith("Not proved by this"):
            skipping = True
        elif not line.startswith("  - "):
            skipping = skipping and not line.strip()
        if skipping or _HOLDS.match(line) or not line.strip():
            if kept[-1:] != ["…"]:
                kept.append("…")
        else:
            kept.append(line)
    return kept
