"""The chain as the wallet sees it: the only place of it that speaks JSON-RPC."""

from __future__ import annotations

from provenance.adapters.chain.deployment import AbiMismatch, EvmChain, EvmCreator, NoCode, TokenDiffers, WrongChain
from provenance.adapters.chain.facts import Signed
from provenance.adapters.chain.funds import InsufficientFunds, afford
from provenance.adapters.chain.node import EvmNode, NotMined
from provenance.adapters.chain.outbox import Outbox
from provenance.adapters.chain.rpc import NodeBusy, NodeSilent, Rpc

__all__ = [
    "AbiMismatch",
    "EvmChain",
    "EvmCreator",
    "EvmNode",
    "InsufficientFunds",
    "NoCode",
    "NodeBusy",
    "NodeSilent",
    "NotMined",
    "Outbox",
    "Rpc",
    "Signed",
    "TokenDiffers",
    "WrongChain",
    "afford",
]
