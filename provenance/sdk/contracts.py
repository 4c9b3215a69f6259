"""How does a Python program that already speaks web3.py call the contracts?

    from web3 import HTTPProvider, Web3
    from provenance.sdk.contracts import contracts

    of = contracts(Web3(HTTPProvider("http://127.0.0.1:8545")), Path("deployments/31337.json"))
    of["DataAccess"].functions.checkLicense(dataset, license, account, purpose).call()

The wallet's own commands speak JSON-RPC without web3 (`docs/decisions/json-rpc.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.abi import load
from provenance.app.deploy import Record
from provenance.errors import Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from web3 import Web3
    from web3.contract import Contract

    from provenance.app.ports import ContractName


class OtherNetwork(Conflict):
    """The node is not one of the deployment's network."""

    code = "other-network"
    next = "Give the node of the network that the deployment document names."


def contracts(w3: Web3, deployment: Path) -> Mapping[ContractName, Contract]:
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
    bound: dict[ContractName, Contract] = {}
    for name, address in record.contracts.items():
        if not w3.eth.get_code(w3.to_checksum_address(address)):
            raise Missing(f"no code of {name} at 0x{address.hex()}", contract=name)
        bound[name] = w3.eth.contract(address=w3.to_checksum_address(address), abi=load(name).abi)
    return bound
