"""Log lines: to stderr, from INFO with `-v` and DEBUG with `-vv`, as text or JSON lines.

structlog loads rich and costs 0.07 CPU seconds, so this is imported where something is logged: with `-v`, and in the
operator's processes.
"""

from __future__ import annotations

import logging
from typing import TextIO

import structlog

from provenance.config import no_color
from provenance.domain.printable import escaped

_SET_IN_LINES = ("exception", "trace")


def _printable(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What the line says, without what would command the terminal that shows it."""
    return {
        name: fact if fact is None or isinstance(fact, int) else escaped(str(fact), lines=name in _SET_IN_LINES)
        for name, fact in event.items()
    }


class _Printable(logging.Formatter):
    """Lines of our libraries, which log by themselves: uvicorn the traceback of a bug, with what was sent to it."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record), lines=True)


def configure(stream: TextIO, *, verbose: int, form: str) -> None:
    """From now on `structlog.get_logger()` writes to `stream`."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    renderers: tuple[structlog.typing.Processor, ...] = (
        (structlog.processors.JSONRenderer(),)  # all of ASCII, so nothing is left to escape
        if form == "json"
        else (_printable, structlog.dev.ConsoleRenderer(colors=stream.isatty() and not no_color()))
    )
    if logging.lastResort:
        logging.lastResort.setFormatter(_Printable())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
