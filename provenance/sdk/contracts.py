"""The contracts of a deployment, for a Python program that speaks web3.py.

    from web3 import HTTPProvider, Web3
    from provenance.sdk.contracts import contracts

    deployed = contracts(Web3(HTTPProvider("http://127.0.0.1:8545")), Path("deployments/31337.json"))
    deployed.access.check_license(dataset, license, account, purpose)

The bindings are generated from the ABIs with the contracts' own comments (`provenance.abi.bindings`). The
wallet's own commands go through web3 too, over a provider with limits (`docs/decisions/json-rpc.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.abi.bindings.artifact_registry import ArtifactRegistry
from provenance.abi.bindings.consent_registry import ConsentRegistry
from provenance.abi.bindings.data_access import DataAccess
from provenance.abi.bindings.dataset_registry import DatasetRegistry
from provenance.abi.bindings.royalty_distributor import RoyaltyDistributor
from provenance.abi.bindings.token import Token
from provenance.abi.bindings.usage_ledger import UsageLedger
from provenance.app.deploy import Record
from provenance.domain.fields import checksummed
from provenance.errors import Conflict, Missing

if TYPE_CHECKING:
    from pathlib import Path

    from web3 import Web3

__all__ = [
    "ArtifactRegistry",
    "ConsentRegistry",
    "Contracts",
    "DataAccess",
    "DatasetRegistry",
    "OtherNetwork",
    "RoyaltyDistributor",
    "Token",
    "UsageLedger",
    "contracts",
]


class OtherNetwork(Conflict):
    """The node is not one of the deployment's network."""

    next = "Give the node of the network that the deployment document names."


@dataclass(frozen=True, slots=True)
class Contracts:
    """Every contract of a deployment, bound to a connection."""

    artifacts: ArtifactRegistry
    consents: ConsentRegistry
    access: DataAccess
    datasets: DatasetRegistry
    royalties: RoyaltyDistributor
    token: Token
    usage: UsageLedger


def contracts(w3: Web3, deployment: Path) -> Contracts:
    """Every contract of a deployment, bound to a connection.

    Args:
        w3: connected to the deployment's network; web3.py 7.12 or newer.
        deployment: the document that `provenance devnet up` or `contracts deploy` wrote.

    Raises:
        Missing: there is no such document, or no code at one of its addresses.
        OtherNetwork: the node's chain id is not the document's.
    """
    if not deployment.is_file():
        raise Missing(f"no deployment document {deployment}", path=str(deployment))
    record = Record.parse(deployment.read_bytes())
    if w3.eth.chain_id != record.chain_id:
        raise OtherNetwork(f"the node is of chain {w3.eth.chain_id}, the deployment of {record.chain_id}")
    for name, address in record.contracts.items():
        if not w3.eth.get_code(w3.to_checksum_address(address)):
            raise Missing(f"no code of {name} at {checksummed(address)}", contract=name)
    places = record.contracts
    return Contracts(
        artifacts=ArtifactRegistry(w3, places["ArtifactRegistry"]),
        consents=ConsentRegistry(w3, places["ConsentRegistry"]),
        access=DataAccess(w3, places["DataAccess"]),
        datasets=DatasetRegistry(w3, places["DatasetRegistry"]),
        royalties=RoyaltyDistributor(w3, places["RoyaltyDistributor"]),
        token=Token(w3, places["Token"]),
        usage=UsageLedger(w3, places["UsageLedger"]),
    )
