"""Sessions of a Meter: how a licensee opens one, and ends one whose key was lost."""

from __future__ import annotations

from dataclasses import dataclass, fields

from provenance.app.ports import Call, Signer
from provenance.domain import usage
from provenance.domain.typed import Domain, MeterSession
from provenance.errors import Invalid
from provenance.types import SessionId


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session and the licensee's signature; segments are taken once the gateway has it."""

    id: SessionId
    session: MeterSession
    signature: bytes


def open_session(domain: Domain, session: MeterSession, licensee: Signer) -> OpenSession:
    """The session, signed by who owes what is recorded under it.

    Raises:
        Invalid: no units, or a time that ends before it begins.
    """
    if session.max_units <= 0:
        raise Invalid("maxUnits: at least one unit is expected", field="maxUnits")
    if session.valid_until <= session.valid_from:
        raise Invalid("the session would end before it begins: the license is over", field="validUntil")
    session_id = usage.session_id(domain, session)
    return OpenSession(session_id, session, licensee.sign(session_id))


def revocation(session: MeterSession, signature: bytes) -> Call:
    """The call that revokes a session; its sender must be who signed it."""
    values = tuple(getattr(session, field.name) for field in fields(session))
    return Call("UsageLedger", "revokeSession", (values, signature))
