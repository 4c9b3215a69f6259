"""Amounts of the network's token as people read them; the token knows its decimals, amounts are base units."""

from __future__ import annotations

from provenance.app.ports import Call, Chain
from provenance.domain.fields import decimal


def in_tokens(chain: Chain, base_units: int) -> str:
    """An amount in tokens, with the token's symbol."""
    decimals, symbol = unit(chain)
    return f"{decimal(base_units, decimals)} {symbol}"


def unit(chain: Chain) -> tuple[int, str]:
    """(decimals, symbol) of the network's token."""
    decimals, symbol = (chain.read(Call("Token", name, ()))[0] for name in ("decimals", "symbol"))
    return int(str(decimals)), str(symbol)
