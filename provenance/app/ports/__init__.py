"""What do the use-cases need of the world?

Each port is one role; adapters are named by the tool behind them. Every fake passes the same suite
under `tests/ports` as the real thing.
"""

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
    Call,
    Chain,
    Cipher,
    Clock,
    Content,
    ContractName,
    Cost,
    Deployment,
    Ear,
    Events,
    Heard,
    Journal,
    Keys,
    Mined,
    Opening,
    Progress,
    Random,
    Sealing,
    Signer,
    Wallet,
)
from provenance.domain.ledger import ChainBlock, Logged

__all__ = [
    "Call",
    "Chain",
    "ChainBlock",
    "Cipher",
    "Clock",
    "Content",
    "ContractName",
    "Cost",
    "Deployment",
    "Ear",
    "Events",
    "Gateway",
    "GatewayKey",
    "Heard",
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
    "Wallet",
]
