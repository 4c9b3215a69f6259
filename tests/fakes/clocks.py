"""Clocks that stand still or are moved by hand."""

from __future__ import annotations

from provenance.types import UnixMs, UnixSeconds


class Still:
    """Always the same second, unless `seconds` is set."""

    def __init__(self, seconds: int = 1_800_000_000) -> None:
        self.seconds = seconds

    def now(self) -> UnixSeconds:
        return UnixSeconds(self.seconds)

    def now_ms(self) -> UnixMs:
        return UnixMs(self.seconds * 1_000)
