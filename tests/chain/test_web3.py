"""A program of web3.py calls the contracts, signs with eth-account, and reads our events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.logs import DISCARD

from provenance.adapters.anvil import MNEMONIC
from provenance.adapters.mnemonic import keys
from provenance.errors import Missing
from provenance.sdk.contracts import OtherNetwork, contracts
from provenance.types import Address

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount
    from web3.contract.contract import ContractFunction
    from web3.types import TxParams, TxReceipt

    from tests.anvil import World


@pytest.fixture
def w3(chain_world: World) -> Web3:
    return Web3(HTTPProvider(chain_world.url))


@pytest.fixture
def document(chain_world: World, tmp_path: Path) -> Path:
    path = tmp_path / "31337.json"
    path.write_bytes(chain_world.record.encode())
    return path


def sent(w3: Web3, account: LocalAccount, call: ContractFunction) -> TxReceipt:
    fields: TxParams = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
    signed = account.sign_transaction({**call.build_transaction(fields)})
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1
    return receipt


def test_a_program_of_web3_funds_and_reads_the_event(chain_world: World, w3: Web3, document: Path) -> None:
    of, account, memo = contracts(w3, document), Account.from_key(keys(MNEMONIC, 6)[5]), bytes(31) + b"\x07"
    with chain_world.undone():
        sent(w3, account, of["Token"].functions.approve(of["RoyaltyDistributor"].address, 7_000))
        receipt = sent(w3, account, of["RoyaltyDistributor"].functions.fund(7_000, memo))
        (event,) = of["RoyaltyDistributor"].events.Funded().process_receipt(receipt, errors=DISCARD)
        assert (event["args"]["memo"], event["args"]["received"]) == (memo, 7_000)
        ours = chain_world.chain.events(chain_world.record.first_block, chain_world.chain.head().number)
        assert memo in [getattr(logged.event, "memo", None) for logged in ours]


def test_a_deployment_of_another_chain_is_refused(chain_world: World, w3: Web3, tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.write_bytes(replace(chain_world.record, chain_id=1).encode())
    with pytest.raises(OtherNetwork):
        contracts(w3, path)


def test_an_address_without_code_is_refused(chain_world: World, w3: Web3, tmp_path: Path) -> None:
    path = tmp_path / "31337.json"
    elsewhere = {**chain_world.record.contracts, "Token": Address(b"\x01" * 20)}
    path.write_bytes(replace(chain_world.record, contracts=elsewhere).encode())
    with pytest.raises(Missing, match="no code of Token"):
        contracts(w3, path)
