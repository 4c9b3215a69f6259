"""What did the epoch pay, to whom, as the chain and the published documents say?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.app import settle
from provenance.domain import fields
from provenance.domain.events import RoyaltyClaimed
from provenance.domain.settlement.facts import Ruleset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.config import Settings
    from provenance.types import Address


@dataclass(frozen=True, slots=True)
class Royalties:
    """One epoch, the operator's fee left out of payouts and claims."""

    epoch: int
    pot: int
    fee: int
    held: int
    payouts: Mapping[Address, int]
    claimed: Mapping[Address, int]
    name_by_account: Mapping[Address, str]

    def document(self) -> dict[str, Any]:
        """Its part of the demo's `--json`."""
        return {
            "epoch": self.epoch,
            "pot": str(self.pot),
            "payouts": [{"payee": fields.shown(one), "amount": str(paid)} for one, paid in self.payouts.items()],
            "claimed": str(sum(self.claimed.values())),
        }

    def lines(self) -> list[str]:
        """The royalty table."""
        from provenance.cli.values import shown_address

        rows = [
            f"{self.name_by_account.get(one, '')[:24]:<24}  {shown_address(one)}  {owed:>12,}  {self.claimed.get(one, 0):>12,}"
            for one, owed in self.payouts.items()
        ]
        return [
            f"{'payee':<24}  {'account':<42}  {'owed':>12}  {'paid':>12}",
            *rows,
            f"{'pot':<24}  {'':<42}  {self.pot:>12,}  {sum(self.claimed.values()):>12,}",
            f"besides: {self.fee:,} fee of the operator, {self.held:,} held until a ruling (base units)",
        ]


def table(settings: Settings, names: Mapping[str, str]) -> Royalties:
    """The last epoch's royalties.

    Args:
        settings: network and content.
        names: what stands beside an account's name in the table.
    """
    from provenance.adapters import wire
    from provenance.adapters.keystore import Keystore

    chain, content, keystore = wire.chain(settings), wire.content(settings), Keystore(settings.home / "keystore")
    settlement, published = settle.latest(chain, content)
    pots = fields.objects(published.manifest, "pots", most=1 << 20)
    fee_payee = Ruleset.parse(content.get_digest(fields.word(published.manifest, "rulesetHash"))[1]).fee_payee
    payouts = {
        fields.address(row, "payee"): fields.integer(row, "gross", bits=256)
        for row in settle.statements(content, published)
    }
    claimed: dict[Address, int] = {}
    for logged in chain.events(chain.deployment.first_block, chain.head().number):
        event = logged.event
        if isinstance(event, RoyaltyClaimed) and event.payee != fee_payee:
            claimed[event.payee] = claimed.get(event.payee, 0) + event.amount
    return Royalties(
        epoch=settlement.epoch,
        pot=_sum(pots, "pot"),
        fee=_sum(pots, "fee"),
        held=_sum(pots, "held"),
        payouts={one: amount for one, amount in payouts.items() if one != fee_payee},
        claimed=claimed,
        name_by_account={keystore.address(name): f"{name} ({of})" for name, of in names.items()},
    )


def _sum(rows: tuple[dict[str, Any], ...], name: str) -> int:
    return sum(fields.integer(row, name, bits=256) for row in rows)
