"""Problem documents: every failure over HTTP. Source: RFC 9457."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from provenance.domain import canonical
from provenance.errors import Broken, Invalid, Missing, ProvenanceError, Unavailable
from provenance.types import Json

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
DRAINED_BYTES: Final = 64 << 10  # a refused body of this size is cheaper to pass over than a new connection


class NoRoute(Missing):
    """The gateway has no such address."""

    next = "Check the address; this program's commands know all of them."


class WrongMethod(Invalid):
    """The address takes another method."""

    next = "Use the method of the documentation."
    http_status = 405


class TooLarge(Invalid):
    """A body beyond the limit of its route."""

    next = "Send less at once."
    http_status = 413


def response(error: ProvenanceError) -> Response:
    """The problem document of an error, with the status of its kind."""
    headers = {"retry-after": str(RETRY_AFTER_S)} if isinstance(error, Unavailable) else {}
    return Response(canonical.dumps(_plain(error.problem())), error.http_status, headers, MEDIA_TYPE)


def install(app: FastAPI, report: Callable[[Exception], None]) -> None:
    """Every failure of every route is a problem document; what is a bug is told to the log."""

    def known(request: Request, error: Exception) -> Response:
        bug = "an invariant of the gateway failed; its log says which"
        ours = error if isinstance(error, ProvenanceError) else Broken(bug)
        if ours.http_status >= 500:
            report(error)
        answer = response(ours)
        length = request.headers.get("content-length", "")
        if getattr(request.state, "unread", False) and not (length.isdigit() and int(length) <= DRAINED_BYTES):
            answer.headers["connection"] = "close"  # nobody reads on
        return answer

    def routing(_request: Request, error: Exception) -> Response:
        wrong_method = isinstance(error, HTTPException) and error.status_code == 405
        return response(
            WrongMethod("this address takes another method") if wrong_method else NoRoute("there is no such address")
        )

    def unread(_request: Request, error: Exception) -> Response:
        return response(Invalid(f"the request cannot be read: {error}"[:300]))

    app.add_exception_handler(ProvenanceError, known)
    app.add_exception_handler(RequestValidationError, unread)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, known)


def _plain(problem: dict[str, Json]) -> dict[str, Json]:
    """Integers that JSON readers would round, as strings."""
    return {
        name: str(fact) if isinstance(fact, int) and not isinstance(fact, bool) and abs(fact) >= 1 << 53 else fact
        for name, fact in problem.items()
    }
