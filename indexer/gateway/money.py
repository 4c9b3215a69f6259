"""Balances: whether a license's money covers what it asks for.

The balance is what was funded less what the last proposed epoch says is spent; its document is
content under a digest on chain. Who earns what is `domain.settlement`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from provenance.domain import canonical, cid, fields, refusal
from provenance.domain.ledger import ChainBlock, Ledger
from provenance.domain.settlement import snapshots
from provenance.domain.settlement.carry import Carry
from provenance.errors import Denied, Failed, Missing, ProvenanceError, Unavailable
from provenance.types import Bytes32, Json, LicenseId, Wei

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.gateway.node import GatewayNode, State
    from provenance.app.ports import Content
    from provenance.domain.terms import Terms


EXIT_WINDOW_S: Final = 14 * 86_400
"""The window of a root by the exit; a publisher's may be as long. Source: contracts/mixins/Settlements.sol."""


class BalanceUnknown(Unavailable):
    """The last epoch's documents are not here."""

    next = "Run `provenance node settle` again, or add a content source that holds the epoch's manifest."


class Uncovered(Denied):
    """The balance does not cover what the session may use."""

    code = "balance-too-low"
    next = "Fund the license with `license fund LICENSE AMOUNT`, or open a session with fewer units."


def arrears(node: GatewayNode, license_id: LicenseId, state: State) -> ProvenanceError | None:
    """The refusal of a license that owes more than it was funded with, and has not been funded since."""
    debt = owed(node, license_id, state)
    if not debt or balance(node, license_id, state) >= debt:
        return None
    return refusal.InArrears(
        f"the license owes {node.deployment.token.words(debt)} beyond its balance",
        next="",
        license=fields.shown(license_id),
        arrears=str(debt),
    )


def cover(node: GatewayNode, license_id: LicenseId, terms: Terms, max_units: int, state: State) -> None:
    """The balance, less what is owed from earlier epochs, covers `max_units` at the terms' price.

    Raises:
        Uncovered: naming what is there and what is needed.
    """
    needed, words = max_units * terms.price.per_unit.amount, node.deployment.token.words
    there = balance(node, license_id, state) - owed(node, license_id, state)
    if there < needed:
        raise Uncovered(
            f"{words(there)} is free, {max_units:,} units of use need {words(needed)}",
            license=fields.shown(license_id),
            balance=str(there),
            needed=str(needed),
        )


def owed(node: GatewayNode, license_id: LicenseId, state: State) -> Wei:
    """What earlier epochs left unpaid."""
    return Wei(sum(debt.total for debt in carried(node, state.block).debts if debt.license_id == license_id))


def balance(node: GatewayNode, license_id: LicenseId, state: State) -> Wei:
    """What was funded under the license and not spent by the last epoch."""
    funded = Ledger.fold(node.facts(state.block, license_id)).funded(license_id, state.block.number)
    return Wei(funded - carried(node, state.block).spent.get(license_id, Wei(0)))


def carried(node: GatewayNode, block: ChainBlock) -> Carry:
    """The state after the newest epoch that was neither vetoed nor rejected; empty before the first.

    An open one with the window of the exit is passed over while its documents are not here: a stranger's root closes
    no license before it counts.

    Raises:
        BalanceUnknown: the documents of one that counts are not here.
    """
    for settlement in reversed(node.settlements(block)):
        if settlement.rejected:
            continue
        try:
            return _carry(node.content, settlement.proposed.event.manifest_digest)
        except (Missing, Failed) as error:
            planned = settlement.proposed.event.active_at - settlement.proposed.time
            if planned < EXIT_WINDOW_S or (settlement.active_at <= block.time and not settlement.disputed):
                raise BalanceUnknown(f"the last epoch cannot be read: {error}") from error
    return Carry()


@lru_cache(maxsize=4)
def _carry(content: Content, manifest_digest: Bytes32) -> Carry:
    """The state that an epoch leaves; kept, since every decision of the next epoch reads it."""
    document = canonical.loads(content.get_digest(manifest_digest)[1])
    body: Mapping[str, Json] = document if isinstance(document, dict) else {}
    names = fields.mapping(body, "snapshots") | {name: body.get(name) for name in ("tree", "debts")}
    return snapshots.carry(
        {
            name: content.get(cid.parse(fields.text(fields.mapping(names, name), "cid")), limit=1 << 32)
            for name in snapshots.CARRIED
        }
    )
