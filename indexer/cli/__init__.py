"""`provenance node …`: the operator's commands. Each parses, drives one process and renders."""

from __future__ import annotations

from provenance.cli.frame import group


@group("node")
def node() -> None:
    """The operator: mirror, gateway, settlement, payouts."""


from indexer.cli import anchor, chain, database, gateway, money  # noqa: E402, F401 - they add their commands to the group above
