"""Wordings of JSON-RPC providers: what a refusal means, by its message, its code or the HTTP status.

The wallet and the mirror read refusals here and nowhere else. No specification fixes the texts, so an unknown one is
no verdict: whoever asked for several blocks or several calls asks for half (`narrowable`), down to one of them.
Laws: a contract's own words count as a revert, whatever they say; a limit on requests is told before a limit on sizes,
because "rate limit exceeded" holds both words; what a message proposes is taken only as numbers.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Meaning(Enum):
    """What a node's refusal asks of us."""

    BUSY = "come back later"
    NARROWER = "ask for fewer blocks, or send fewer calls at once"
    BEHIND = "the node lacks the block"
    NO_METHOD = "the node does not offer the method"
    REVERTED = "the EVM refused the call"
    HELD = "the node has this transaction"
    NONCE_TAKEN = "another transaction of the account has the nonce"
    NO_FUNDS = "the account cannot pay"
    SILENT = "the endpoint, not the question, is at fault"
    UNKNOWN = "nobody knows"


_WORDINGS: Final = tuple(
    (meant, re.compile("|".join(words), re.IGNORECASE))
    for meant, words in (
        (Meaning.REVERTED, (r"(?:\b|_)revert", "vm exception")),
        (Meaning.NARROWER, (r"\bbatch(es)?\b.*(size|limit|exceed|more than|too (large|many))", "requests in batch")),
        (
            Meaning.BUSY,
            (
                *("rate limit", "rate[- ]limited", "too many (requests|connections)", "request (rate|count|limit)"),
                *("compute units", "capacity", "throttl", "credits", "quota", "try again (later|in)", "slow down"),
                *("per second", "/sec"),
            ),
        ),
        (
            Meaning.NO_METHOD,
            (
                r"method .*(not (supported|found|available|allowed|enabled|whitelisted)|does not exist|disabled)",
                *("(unsupported|unknown|no such) (rpc )?method", "not whitelisted", "allow-?list"),
            ),
        ),
        (Meaning.HELD, ("already ?known", "already imported")),
        (Meaning.NONCE_TAKEN, ("nonce too low", "replacement transaction underpriced", "correct nonce")),
        (Meaning.NO_FUNDS, ("insufficient (funds|balance)", "doesn't have enough funds")),
        (
            Meaning.BEHIND,
            (
                *("unknown block", "(header|block) not found", "cannot be found", "beyond", "future block", "not yet"),
                *("invalid block(?! range)", "after last accepted block"),
            ),
        ),
        (
            Meaning.NARROWER,
            (
                "(response|result|reply|entity|content|payload|body)s? .*(size|too (big|large)|exceed)",
                *("returned more than", r"more than \d[\d,]* (results|logs|blocks)", "(block|max) ?range"),
                *(
                    "ranges? .*(too|exceed|large|limit|over|support)",
                    r"(exceed|over|larger than)s? (the )?(max|limit|range)",
                ),
                *("limit(ed)? (exceeded|to)", "too (many|wide|large|long)", r"max(imum)? (results|range|block|\[from)"),
                *("blocks? (distance|span)", "query (timeout|exceeds)", "timed? ?out", "reduce", r"up to a [\d,]+"),
            ),
        ),
    )
)
_CODES: Final = {429: Meaning.BUSY, -32_601: Meaning.NO_METHOD, -32_005: Meaning.NARROWER}
_STATUSES: Final = {
    429: Meaning.BUSY,
    413: Meaning.NARROWER,
    **dict.fromkeys((408, 425, *range(500, 600)), Meaning.SILENT),
}
_PROPOSED: Final = re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*,\s*(0x[0-9a-f]{1,16})\s*\]", re.IGNORECASE)


def meaning(message: str, code: object = 0) -> Meaning:
    """What an error object of JSON-RPC means; its words count before its code, which providers use freely."""
    return next(
        (meant for meant, words in _WORDINGS if words.search(message)),
        _CODES.get(code, Meaning.UNKNOWN) if isinstance(code, int) else Meaning.UNKNOWN,
    )


def of_status(status: int) -> Meaning:
    """What an HTTP status means where the body is no JSON-RPC."""
    return _STATUSES.get(status, Meaning.SILENT)


def narrowable(refused: Meaning) -> bool:
    """Whether half as many blocks or calls may be answered where these were not."""
    return refused in (Meaning.NARROWER, Meaning.UNKNOWN)


def proposed(message: str) -> tuple[int, int] | None:
    """The first and last block that the message proposes, where they can be read and stand in order."""
    blocks = _PROPOSED.search(message)
    if blocks is None or (first := int(blocks[1], 16)) > (last := int(blocks[2], 16)):
        return None
    return first, last
