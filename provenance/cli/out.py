"""The output of commands: results on stdout, everything else on stderr.

One answer serves both readers: `emit` prints it as text for people, or with `--json` as one document.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeAlias

import click

from provenance.domain.printable import escaped
from provenance.errors import Invalid

if TYPE_CHECKING:
    from provenance.app.ports import Mined
    from provenance.types import Json

Words: TypeAlias = str | Sequence[str]
"""One line, or several: a line break within one of them is somebody else's, and is escaped."""

_REPORT_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction that a command sent."""

    title: str
    mined: Mined


class Declined(Exception):
    """The user was asked and said no."""


class Out:
    """Where one command's words go."""

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        *,
        as_json: bool = False,
        quiet: bool = False,
        yes: bool = False,
        sent: Sequence[Sent] = (),
        texts: list[Callable[[], list[str]]] | None = None,
    ) -> None:
        self.stdout, self.stderr, self._sent, self._texts = stdout, stderr, sent, texts
        self.as_json, self.quiet, self.yes = as_json, quiet, yes
        self.progress = Bar(stderr, quiet=quiet)

    def emit(
        self, answer: Json, *, text: Words | Callable[[], Words] | None = None, columns: Sequence[str] = ()
    ) -> None:
        """The command's result is on stdout; a document also names the transactions that were sent.

        Args:
            answer: what `--json` prints.
            text: the line or lines that people read instead of the plain rendering of `answer`; a function makes them
                only if they are read.
            columns: for a list of mappings, which fields people see and in what order.
        """
        self.progress.close()

        def words() -> list[str]:
            chosen = text() if callable(text) else text
            if chosen is None:
                return plain(answer, columns).splitlines()
            return [escaped(line) for line in ([chosen] if isinstance(chosen, str) else chosen)]

        if self._texts is not None:
            self._texts.append(words)
        rendered = document(self._with_transactions(answer), self.stdout) if self.as_json else "\n".join(words())
        if rendered:
            self.stdout.write(rendered + "\n")
            self.stdout.flush()

    def _with_transactions(self, answer: Json) -> Json:
        if not self._sent or not isinstance(answer, Mapping) or "transactions" in answer:
            return answer
        return {
            **answer,
            "transactions": [
                {
                    "title": transaction.title,
                    "tx": "0x" + transaction.mined.tx.hex(),
                    "block": transaction.mined.block.number,
                    "gas": transaction.mined.gas_used,
                }
                for transaction in self._sent
            ],
        }

    def say(self, *lines: str) -> None:
        """Lines for the person at the terminal, on stderr; `-q` keeps them back."""
        if not self.quiet:
            self.warn(*lines)

    def warn(self, *lines: str) -> None:
        """Lines on stderr that `-q` does not keep back."""
        self.progress.close()
        self.stderr.writelines(escaped(line) + "\n" for line in lines)
        self.stderr.flush()

    def confirm(self, question: str) -> None:
        """The user said yes; `--yes` says it beforehand.

        Raises:
            Invalid: nobody is there to answer.
            Declined: the answer was no.
        """
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise Invalid(f"not confirmed: {question}", next="Repeat with --yes, or --dry-run to see the cost only.")
        self.progress.close()
        if not click.confirm(escaped(question), err=True):
            raise Declined


def document(content: Json, stream: TextIO) -> str:
    """JSON that is valid in whatever the stream writes: all of ASCII where that is not Unicode."""
    unicode = (stream.encoding or "utf-8").lower().startswith("utf")
    return escaped(json.dumps(content, ensure_ascii=not unicode, indent=2), lines=True)


class Bar:
    """Progress by phase with real bytes: one moving line on a terminal, one line a phase elsewhere."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream, self._quiet = stream, quiet
        self._moving = not quiet and stream.isatty()
        self._name, self._total_bytes, self._done_bytes, self._shown_at = "", 0, 0, 0.0

    def phase(self, name: str, total_bytes: int = 0) -> None:
        """The phase before is closed and `name` has begun."""
        self.close()
        self._name, self._total_bytes, self._done_bytes = escaped(name), total_bytes, 0
        self._draw()

    def advance(self, size_bytes: int) -> None:
        """So many more bytes are done."""
        self._done_bytes += size_bytes
        if time.monotonic() - self._shown_at >= _REPORT_EVERY_S:
            self._draw()

    def note(self, text: str) -> None:
        """A line that stays, between two states of the bar."""
        if self._quiet:
            return
        if self._moving and self._name:
            self._stream.write("\r\x1b[K")
        self._stream.write(f"  {escaped(text)}\n")
        self._draw()

    def close(self) -> None:
        """The phase's last state stays on screen."""
        if self._name and not self._quiet:
            self._stream.write(("\r\x1b[K" if self._moving else "") + self._line() + "\n")
            self._stream.flush()
        self._name = ""

    def _draw(self) -> None:
        if self._moving and self._name:
            self._stream.write("\r\x1b[K" + self._line())
            self._stream.flush()
        self._shown_at = time.monotonic()

    def _line(self) -> str:
        if not self._total_bytes and not self._done_bytes:
            return self._name
        total = f" of {size(self._total_bytes)}" if self._total_bytes else ""
        return f"{self._name}: {size(self._done_bytes)}{total}"


def size(count_bytes: int) -> str:
    """`count_bytes` for people, in binary units."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count_bytes >= 1 << shift:
            return f"{count_bytes >> shift}.{(count_bytes * 10 >> shift) % 10} {unit}"
    return f"{count_bytes} B"


def plain(document: Json, columns: Sequence[str] = ()) -> str:
    """A document as aligned text: a table for a list of mappings, `name  value` lines for a mapping.

    On a terminal too narrow for the table its rows stand below each other, a line for each column.
    """
    if isinstance(document, Mapping):
        pairs = [(_title(name), _cell(field)) for name, field in document.items()]
        lines = _aligned(pairs)
        return _aligned(pairs, gap=1) if _too_wide(lines) else lines
    if isinstance(document, Sequence) and not isinstance(document, str):
        rows = [row for row in document if isinstance(row, Mapping)]
        if len(rows) != len(document):
            return "\n".join(_cell(field) for field in document)
        names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
        if not rows:
            return ""
        titles, body = [_title(name) for name in names], [tuple(_cell(row.get(name)) for name in names) for row in rows]
        table = _aligned([tuple(title.upper() for title in titles), *body])
        if not _too_wide(table):
            return table
        return "\n\n".join(_aligned(list(zip(titles, row, strict=True))) for row in body)
    return _cell(document)


def _too_wide(table: str) -> bool:
    from rich.cells import cell_len

    columns = shutil.get_terminal_size().columns
    return sys.stdout.isatty() and any(cell_len(line) > columns for line in table.splitlines())


def paragraphs(text: str) -> str:
    """Somebody's words as they were set, without what would command a terminal."""
    return "\n".join(_cell(line) for line in text.rstrip().splitlines())


def _title(name: str) -> str:
    return escaped("".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip())


def _cell(content: Json) -> str:
    if content is None:
        return "-"
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, Mapping):
        return ", ".join(f"{_title(name)} {_cell(part)}" for name, part in content.items()) or "-"
    if isinstance(content, Sequence) and not isinstance(content, str):
        return ", ".join(_cell(part) for part in content) or "-"
    console = sys.stdout.encoding or "utf-8"
    return (
        escaped(str(content)).encode(console, "backslashreplace").decode(console)
    )  # as it will stand there, so that columns align


def _aligned(rows: Sequence[tuple[str, ...]], *, gap: int = 2) -> str:
    from rich.cells import cell_len

    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []

    def line(row: tuple[str, ...]) -> str:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        return (" " * gap).join(cells).rstrip()

    return "\n".join(line(row) for row in rows)
