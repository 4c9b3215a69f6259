"""Printable text: what somebody else wrote, on its way to a terminal, a log or a table.

Laws: no character of it commands a terminal, hides, turns the direction of writing or leaves its line; what cannot be
shown stands as its code, spelled as JSON spells it, so that a JSON document stays the same document; text that is
escaped already stays as it is. Everything that prints asks here, and nothing escapes elsewhere.

Source: Unicode 15 §23 (special areas and format characters); RFC 8259 §7 (the spelling).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARKS: Final = 4  # on one letter: pointed Hebrew with its accents needs no more; hundreds cover the lines around
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What Python calls printable though it shows nothing: joiners, fillers, selectors."""
_UNUSUAL: Final = re.compile(r"[^ -~\n]+|\n")
_EMOJI: Final = "\ufe0f"  # asks for the picture of the symbol before it


def escaped(text: str, *, lines: bool = False) -> str:
    """`text` as it may be printed.

    Args:
        lines: whether it is of several lines, set by us; else a line break is escaped too.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNUSUAL.sub(lambda match: _shown(match, lines=lines), text)


def brief(text: str, most: int) -> str:
    """The first `most` characters, and a sign that more followed."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _shown(match: re.Match[str], *, lines: bool) -> str:
    shown: list[str] = []
    before = match.string[match.start() - 1] if match.start() else "\n"
    marks = MARKS if before == "\n" else 0  # a mark without a letter would stand on ours
    for char in match.group():
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        good = char.isprintable() and marks <= MARKS and not _BLANK.match(char)
        if not (good or (char == "\n" and lines) or (char == _EMOJI and unicodedata.category(before) == "So")):
            units = char.encode("utf-16-be", "surrogatepass").hex()
            shown.append(re.sub("....", r"\\u\g<0>", units))
        else:
            shown.append(char)
        before = char
    return "".join(shown)
