"""How does a use-case reach the chain? The only place of the wallet that speaks JSON-RPC."""

from __future__ import annotations

from provenance.adapters.evm.chain import AbiMismatch, EvmChain, EvmCreator, NoCode, WrongChain
from provenance.adapters.evm.facts import Signed
from provenance.adapters.evm.funds import InsufficientFunds, afford
from provenance.adapters.evm.node import Node, NotMined
from provenance.adapters.evm.outbox import Outbox
from provenance.adapters.evm.rpc import NodeBusy, NodeSilent, Rpc

__all__ = [
    "AbiMismatch",
    "EvmChain",
    "EvmCreator",
    "InsufficientFunds",
    "NoCode",
    "Node",
    "NodeBusy",
    "NodeSilent",
    "NotMined",
    "Outbox",
    "Rpc",
    "Signed",
    "WrongChain",
    "afford",
]
