"""Log lines: to stderr, from INFO with `-v` and DEBUG with `-vv`, as text or JSON lines."""

from __future__ import annotations

import logging
from typing import TextIO

import structlog

from provenance.config import no_color


def _without_retries(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A request tried again is news for `-v` only; that it failed in the end is the command's error."""
    if str(event.get("event", "")).startswith("stamina."):
        raise structlog.DropEvent
    return event


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
            *(() if verbose else (_without_retries,)),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
