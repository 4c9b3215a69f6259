"""What would `access open` get, as far as this side can tell? The gateway's rules, without asking the gateway.

What only the gateway knows stays open: how much was made under the terms' caps, and arrears.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.app import access
from provenance.app import license as licenses
from provenance.app.ports import Call
from provenance.domain import refusal
from provenance.domain.rules.access import AccessRequest, DatasetState, evaluate

if TYPE_CHECKING:
    from provenance.app.ports import Chain, Content
    from provenance.types import Address, Json


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Which recordings would be opened, which refused why, and the transaction that would put the access on chain."""

    opened: tuple[int, ...]
    refused: tuple[dict[str, Json], ...]
    record: Call


def foresee(chain: Chain, content: Content, use: access.Use, who: Address, names: tuple[str, ...] = ()) -> Foreseen:
    """What `access.open_lease` would come to, of all recordings if none is named.

    Raises:
        Denied: named recordings, or all of them, would be refused; each with its reason.
    """
    license_ = licenses.find(chain, use.license_id)
    of = licenses.dataset(chain, content, license_.grant.dataset_id)
    wanted = access.chosen(of, names) if names else tuple(one.index for one in of.manifest.recordings)
    consents = of.manifest.consents_by_id(chain.deployment.domains.consent)
    ledger, final = licenses.facts(chain, of, use.license_id), chain.head(final=True).number
    state = DatasetState(ledger, of.manifest, of.terms, consents, chain.head(), final)
    decisions = evaluate(state, AccessRequest(use.license_id, who, use.purpose, use.territory, wanted))
    error = refusal.refused(decisions)
    if error is not None and (names or not any(decision.allowed for decision in decisions)):
        raise error
    opened = tuple(one.recording for one in decisions if one.allowed and one.recording is not None)
    refused = tuple(decision.document() for decision in decisions if not decision.allowed)
    receipt = use.license_id  # any word: that of the lease is not known yet
    record = Call("DataAccess", "recordAccess", (of.id, use.license_id, use.purpose, len(opened), receipt))
    return Foreseen(opened, refused, record)
