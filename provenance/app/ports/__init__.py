"""The ports of the use-cases.

Each port is one role; adapters are named by the tool behind them. Every fake passes the same suite
under `tests/ports` as the real thing.
"""

from provenance.app.ports.creator import Created, Creator
from provenance.app.ports.gateway import (
    Gateway,
    GatewayKey,
    Listing,
    RecordingKey,
    SignedAccess,
    SignedAck,
    SignedGateReport,
)
from provenance.app.ports.world import (
    AudioGate,
    AudioReport,
    Call,
    Chain,
    Cipher,
    Clock,
    Content,
    ContractName,
    Cost,
    Deployment,
    Events,
    Journal,
    Keys,
    Mined,
    Opening,
    Progress,
    Random,
    Sealing,
    Signer,
    TokenUnit,
    Wallet,
)
from provenance.domain.ledger import ChainBlock, Logged

__all__ = [
    "AudioGate",
    "AudioReport",
    "Call",
    "Chain",
    "ChainBlock",
    "Cipher",
    "Clock",
    "Content",
    "ContractName",
    "Cost",
    "Created",
    "Creator",
    "Deployment",
    "Events",
    "Gateway",
    "GatewayKey",
    "Journal",
    "Keys",
    "Listing",
    "Logged",
    "Mined",
    "Opening",
    "Progress",
    "Random",
    "RecordingKey",
    "Sealing",
    "SignedAccess",
    "SignedAck",
    "SignedGateReport",
    "Signer",
    "TokenUnit",
    "Wallet",
]
