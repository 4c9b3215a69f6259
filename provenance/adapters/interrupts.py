"""Ctrl-C, held back while a process is being started or everything is being stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

TOLD: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a polite kill, and a terminal that is gone."""


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """A polite kill and a lost terminal raise `KeyboardInterrupt` too, so that what was begun is cleared."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def held() -> Iterator[None]:
    """Nothing breaks in before the end of the block; `KeyboardInterrupt` is raised then."""
    seen: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        seen.append(number)

    with _handled(remember):
        yield
    if seen:
        raise KeyboardInterrupt


@contextmanager
def _handled(handler: object) -> Iterator[None]:
    """Only a process's main thread is told of signals; elsewhere nothing is changed."""
    handled = TOLD if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, handler) for number in handled}  # type: ignore[arg-type]  # a handler of either shape
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
