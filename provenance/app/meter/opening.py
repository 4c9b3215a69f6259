"""Sessions of a Meter: how a licensee opens one, says what it used in all, and ends one whose key was lost."""

from __future__ import annotations

from dataclasses import dataclass, fields

from provenance.app import license as licenses
from provenance.app.ports import Call, Chain, Signer
from provenance.domain import usage
from provenance.domain.events import SessionClosed
from provenance.domain.fields import checksummed, counted, shown
from provenance.domain.typed import Domain, MeterSession
from provenance.errors import Conflict, Denied, Invalid
from provenance.types import Address, SessionId


class ForeignSession(Denied):
    """The session is under another's license: this account's word about it counts for nothing."""

    next = "Use the licensee's account; `provenance license show LICENSE` names it."


class SessionClosedBefore(Conflict):
    """The licensee said before how many units the session used in all; the first word counts."""

    next = "Nothing to do; what is anchored beyond the units that were said is owed as well."


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


def closure(chain: Chain, session: MeterSession, units: int, signature: bytes, licensee: Address) -> Call:
    """The call that says on chain how many units a session used in all; its sender must be who signed it.

    Args:
        chain: where it is said.
        session: which.
        units: in all, at most what the session may use.
        signature: the licensee's over the session.
        licensee: the sender.

    Raises:
        Invalid: more units than the session may use.
        ForeignSession: the sender is not the licensee.
        SessionClosedBefore: it was said before.
    """
    owner = licenses.find(chain, session.license_id).grant.licensee
    if owner != licensee:
        raise ForeignSession(f"the session is under a license of {checksummed(owner)}", licensee=shown(owner))
    if units > session.max_units:
        raise Invalid(
            f"the session may use {counted(session.max_units, 'unit')}",
            next="Name the units that were used, refused and refunded ones left out.",
            field="units",
        )
    session_id = usage.session_id(chain.deployment.domains.usage, session)
    for logged in chain.about(session_id):
        if isinstance(logged.event, SessionClosed) and logged.event.licensee == licensee:
            raise SessionClosedBefore(
                f"{checksummed(licensee)} closed it at {counted(logged.event.units_total, 'unit')}",
                session=shown(session_id),
                units=str(logged.event.units_total),
            )
    return Call("UsageLedger", "closeSession", (_tuple(session), units, signature))


def revocation(session: MeterSession, signature: bytes) -> Call:
    """The call that revokes a session; its sender must be who signed it."""
    return Call("UsageLedger", "revokeSession", (_tuple(session), signature))


def _tuple(session: MeterSession) -> tuple[object, ...]:
    return tuple(getattr(session, field.name) for field in fields(session))
