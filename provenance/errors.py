"""Errors: every way to fail, as one tree, with what the user should do next.

Nine kinds; only the edges know their numbers (`exit_status`, `http_status`). Every leaf has a
stable `code` (its name in hyphens, unless it states another), its facts as fields, and a `next` line.
Leaves that concern one area live in `errors/` modules of their own only when this file is full.
"""

from __future__ import annotations

import re
from typing import ClassVar

from provenance.types import Json


class ProvenanceError(Exception):
    """Anything we refuse or fail at, with its facts as fields."""

    kind: ClassVar[str] = "broken"
    exit_status: ClassVar[int] = 70
    http_status: ClassVar[int] = 500
    code: ClassVar[str] = "broken"
    next: ClassVar[str] = "This is a bug: please report it with the command you ran."

    def __init_subclass__(cls) -> None:
        """The code of `BadField` is `bad-field`, unless the class states another."""
        if "code" not in vars(cls):
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, detail: str = "", *, next: str = "", **facts: Json) -> None:  # noqa: A002 - the users' word
        super().__init__(detail or self.code.replace("-", " "))
        self.detail = detail or self.code.replace("-", " ")
        self.facts: dict[str, Json] = dict(facts)
        self.next_step: str = next or type(self).next
        self.add_note(f"Next: {self.next_step}")  # what Python prints below the error; commands print `next_step`

    def problem(self) -> dict[str, Json]:
        """The problem document that the CLI's --json and HTTP both send.

        Source: RFC 9457 §3.
        """
        return {
            "type": f"/problems/{self.code}",
            "title": self.code.replace("-", " "),
            "status": self.http_status,
            "detail": self.detail,
            "next": self.next_step,
            **self.facts,
        }


class Invalid(ProvenanceError):
    """Wrong whatever the state."""

    kind, exit_status, http_status = "invalid", 2, 422
    next = "Correct the named value and try again."


class Denied(ProvenanceError):
    """The rules say no: license, consent or key."""

    kind, exit_status, http_status = "denied", 5, 403
    next = "Ask the rights holder, or use another license."


class Missing(ProvenanceError):
    """Nothing under that name."""

    kind, exit_status, http_status = "missing", 6, 404
    next = "Check the name; the list command shows what there is."


class Conflict(ProvenanceError):
    """The state moved, or is not final yet."""

    kind, exit_status, http_status = "conflict", 7, 409
    next = "Look at the present state first, then repeat the command."


class Reverted(ProvenanceError):
    """A contract refused; its custom error in words."""

    kind, exit_status, http_status = "reverted", 9, 409
    next = "Nothing was changed on chain; correct what the error names."


class Failed(ProvenanceError):
    """A check failed: proof, hash, root or audit."""

    kind, exit_status, http_status = "failed", 10, 422
    next = "Do not use these bytes; fetch them from another place or report who served them."


class Incomplete(ProvenanceError):
    """Not everything could be checked."""

    kind, exit_status, http_status = "incomplete", 11, 424
    next = "Add a content source that holds what is missing and repeat."


class Unavailable(ProvenanceError):
    """A node, store or peer is silent."""

    kind, exit_status, http_status = "unavailable", 69, 503
    next = "Start it or check its address, then repeat; nothing was lost."


class Broken(ProvenanceError):
    """Our invariant failed: a bug."""
