"""Log lines: to stderr, from INFO with `-v` and DEBUG with `-vv`, as text or JSON lines.

structlog loads rich and costs 0.07 CPU seconds, so this is imported where something is logged: with `-v`, and in the
operator's processes.
"""

from __future__ import annotations

import logging
from typing import TextIO

import structlog

from provenance.config import no_color


def configure(stream: TextIO, *, verbose: int, form: str) -> None:
    """From now on `structlog.get_logger()` writes to `stream`."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty() and not no_color())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
