"""Amounts of the network's token as people read them: by the deployment document's word, and no node's."""

from __future__ import annotations

from provenance.app.ports import Chain
from provenance.domain.fields import decimal


def in_tokens(chain: Chain, base_units: int) -> str:
    """An amount in tokens, with the token's symbol."""
    decimals, symbol = chain.deployment.token
    return f"{decimal(base_units, decimals)} {symbol}"
