"""The demo's royalty table: what an epoch paid to whom, as the chain and the published documents say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.adapters import wire
from provenance.adapters.keys.keystore import Keystore
from provenance.app import settle
from provenance.cli.values import shown_address, shown_amount
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
    decimals: int
    symbol: str

    def document(self) -> dict[str, Any]:
        """Its part of the demo's `--json`."""
        return {
            "epoch": self.epoch,
            "pot": str(self.pot),
            "payouts": [{"payee": fields.shown(payee), "amount": str(paid)} for payee, paid in self.payouts.items()],
            "claimed": str(sum(self.claimed.values())),
        }

    def lines(self) -> list[str]:
        """The royalty table."""

        def row(name: str, account: str, *amounts: int) -> str:
            shown = "".join(f"  {shown_amount(amount, self.decimals):>12}" for amount in amounts)
            return f"{name[:24]:<24}  {account:<42}{shown}"

        fee, held = (shown_amount(amount, self.decimals) for amount in (self.fee, self.held))
        return [
            f"{'payee':<24}  {'account':<42}  {'owed ' + self.symbol:>12}  {'paid ' + self.symbol:>12}",
            *(
                row(self.name_by_account.get(payee, ""), shown_address(payee), owed, self.claimed.get(payee, 0))
                for payee, owed in self.payouts.items()
            ),
            row("pot", "", self.pot, sum(self.claimed.values())),
            f"besides: {fee} {self.symbol} fee of the operator, {held} {self.symbol} held until a ruling",
        ]


def table(settings: Settings, names: Mapping[str, str]) -> Royalties:
    """The last epoch's royalties.

    Args:
        settings: network and content.
        names: what stands beside an account's name in the table.
    """
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
    decimals, symbol = chain.deployment.token
    return Royalties(
        epoch=settlement.epoch,
        pot=_sum(pots, "pot"),
        fee=_sum(pots, "fee"),
        held=_sum(pots, "held"),
        payouts={payee: amount for payee, amount in payouts.items() if payee != fee_payee},
        claimed=claimed,
        name_by_account={keystore.address(name): f"{name} ({holder})" for name, holder in names.items()},
        decimals=decimals,
        symbol=symbol,
    )


def _sum(rows: tuple[dict[str, Any], ...], name: str) -> int:
    return sum(fields.integer(row, name, bits=256) for row in rows)
