"""Dates as users write them, to the second."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from provenance.errors import Invalid
from provenance.types import UnixSeconds

_FROM_NOW = re.compile(r"\+?(\d{1,5})([hdwy])\Z", re.ASCII)
_SECONDS = {"h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


class BadDate(Invalid):
    """A text that names no second."""

    next = "Write 2027-12-31 (UTC), 2027-12-31T18:00Z, 90d, 52w, 2y, or unix seconds."


def seconds(text: str, now: UnixSeconds, *, option: str, first: bool = False) -> UnixSeconds:
    """The second that a date, a time, a span from now or a unix time means.

    Args:
        text: what the user wrote; a day alone is its last second in UTC, or its first.
        now: where spans begin.
        option: the option to name in the error.
        first: whether something begins then, at the first second of a day.

    Raises:
        BadDate: none of these, or before 1970.
    """
    span = _FROM_NOW.match(text)
    if span:
        return UnixSeconds(now + int(span[1]) * _SECONDS[span[2]])
    if text.isascii() and text.isdigit() and 9 <= len(text) <= 12:
        return UnixSeconds(int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadDate(f"{option}: {text[:40]!r} is no date", field=option) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    moment_s = int(moment.timestamp()) + (86_399 if _DAY.match(text) and not first else 0)
    if moment_s < 0:
        raise BadDate(f"{option}: {text[:40]!r} is before 1970", field=option)
    return UnixSeconds(moment_s)
