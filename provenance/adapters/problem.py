"""Problem documents, turned back into the errors that they name.

A problem document becomes the error that it names, wherever that is defined; one that this version does
not know keeps its code under the kind of its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from provenance import errors
from provenance.domain import canonical, refusal
from provenance.domain.printable import brief
from provenance.errors import Invalid, ProvenanceError, Unavailable

if TYPE_CHECKING:
    import httpx2

PROBLEM_BYTES: Final = 1 << 20
CODE_CHARS: Final = 64
WORDS: Final = 2_000  # characters of a gateway's sentence that are repeated


def problem(response: httpx2.Response) -> ProvenanceError:
    """The error that a problem document names. Source: RFC 9457 §3."""
    try:
        document = canonical.loads(response.content, PROBLEM_BYTES)
    except canonical.BadDocument:
        document = {}
    body = dict(document) if isinstance(document, Mapping) else {}
    code = brief(str(body.pop("type", "")).rpartition("/")[2], CODE_CHARS)
    detail = brief(str(body.pop("detail", "")), WORDS) or f"the gateway answered {response.status_code}"
    step = brief(str(body.pop("next", "")), WORDS)
    facts = {name: fact for name, fact in body.items() if name not in ("title", "status", "self")}
    known = _known(ProvenanceError).get(code) or _by_status(response.status_code, code)
    return known(detail, next=step, **facts)


def _known(root: type[ProvenanceError]) -> dict[str, type[ProvenanceError]]:
    """Every error that is loaded, by its code; `refusal` is loaded with this module."""
    known = {root.code: root}
    for child in root.__subclasses__():
        known |= {code: kind for code, kind in _known(child).items() if code not in known or kind is child}
    return known


_KIND_BY_STATUS: Final[dict[int, type[ProvenanceError]]] = {
    kind.http_status: kind
    for kind in (
        errors.Failed,
        errors.Reverted,
        errors.Invalid,
        errors.Denied,
        errors.Missing,
        errors.Conflict,
        errors.Incomplete,
        errors.Unavailable,
    )
}


def _by_status(status: int, code: str) -> type[ProvenanceError]:
    """The kind behind a status, under the code that this version does not know."""
    kind = _KIND_BY_STATUS.get(status, Invalid if 400 <= status < 500 else Unavailable)
    return type(kind.__name__, (kind,), {"code": code}) if code else kind


__all__ = ["problem", "refusal"]
