"""A program of web3.py calls the contracts, signs with eth-account, and reads our events."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception

from provenance.abi.bindings.data_access import Grant, LicenseGranted, LicenseInactive
from provenance.abi.bindings.royalty_distributor import Funded, NotRole
from provenance.adapters.anvil import MNEMONIC
from provenance.adapters.keys.mnemonic import keys
from provenance.errors import Missing
from provenance.sdk.contracts import DatasetRegistry, OtherNetwork, contracts
from provenance.types import Address

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount
    from web3.contract.contract import ContractConstructor, ContractFunction
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


def sent(w3: Web3, account: LocalAccount, call: ContractFunction | ContractConstructor) -> TxReceipt:
    fields: TxParams = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
    signed = account.sign_transaction({**call.build_transaction(fields)})
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1
    return receipt


def account(at: int) -> LocalAccount:
    made: LocalAccount = Account.from_key(keys(MNEMONIC, at + 1)[at])
    return made


def test_a_program_of_web3_funds_and_reads_the_event(chain_world: World, w3: Web3, document: Path) -> None:
    of, payer, memo = contracts(w3, document), account(5), bytes(31) + b"\x07"
    with chain_world.undone():
        sent(w3, payer, of.token.approve(of.royalties.address, 7_000))
        (event,) = of.royalties.emitted(sent(w3, payer, of.royalties.fund(7_000, memo)))
        assert event == Funded(payer.address, memo, 7_000)
        ours = chain_world.chain.events(chain_world.record.first_block, chain_world.chain.head().number)
        assert memo in [getattr(logged.event, "memo", None) for logged in ours]


def test_structs_views_and_events_are_typed(chain_world: World, w3: Web3, document: Path) -> None:
    of, holder, licensee = contracts(w3, document), account(4), account(5)
    root, terms = w3.keccak(text="root"), w3.keccak(text="terms")
    with chain_world.undone():
        sent(w3, holder, of.datasets.register(root, root, terms, root, 2))
        dataset = of.datasets.dataset_id_of(holder.address, root, root, terms)
        kept = of.datasets.dataset(dataset)
        assert (kept.holder, kept.items, kept.status, kept.superseded) == (holder.address, 2, 1, False)
        assert (kept.pool, kept.transfers) == (False, 0)
        standing = of.datasets.standing(dataset)
        assert (standing.holder, standing.status, standing.transfers) == (holder.address, 1, 0)
        pays_into = of.royalties.address
        terms_of = Grant(
            holder.address, root, root, terms, licensee.address, pays_into, 2_000_000_000, 0b10, 30, nonce=9
        )
        before = w3.eth.block_number
        (granted,) = of.access.emitted(sent(w3, holder, of.access.grant(terms_of)))
        assert isinstance(granted, LicenseGranted)
        assert (granted.dataset_id, granted.licensee, granted.notice_days) == (dataset, licensee.address, 30)
        asked = (dataset, granted.license_id, licensee.address)
        assert [of.access.check_license(*asked, bit) for bit in (0b10, 0b1)] == [0, 6]
        assert of.access.check_license(*asked, 0b10, block=before) == 1
        assert of.access.license(dataset, granted.license_id).purposes == 0b10


def test_refusals_are_the_contracts_own_errors(chain_world: World, w3: Web3, document: Path) -> None:
    of = contracts(w3, document)
    unknown = bytes(31) + b"\x09"
    with pytest.raises(Web3Exception) as refused:
        of.access.record_access(unknown, unknown, 1, 1, unknown).call({"from": account(5).address})
    error = of.access.refusal(refused.value)
    assert isinstance(error, LicenseInactive)
    assert (error.id, error.status) == (unknown, 0)
    with pytest.raises(Web3Exception) as refused:
        of.royalties.propose(1, unknown, 0, unknown, unknown).call({"from": account(5).address})
    error = of.royalties.refusal(refused.value)
    assert isinstance(error, NotRole)
    assert (error.role, error.caller.lower()) == (b"publisher".ljust(32, b"\0"), account(5).address.lower())
    assert of.royalties.refusal(ValueError("other")).args == ("other",)


def test_a_question_that_is_refused_raises_the_contracts_error(w3: Web3, document: Path) -> None:
    """No view of ours refuses; what is asked as one here does."""
    with pytest.raises(NotRole):
        contracts(w3, document).royalties.read("veto(uint64,bytes32,bytes32)", (1, bytes(32), bytes(32)), "latest")


def test_a_contract_is_created_from_its_binding(chain_world: World, w3: Web3) -> None:
    owner = account(6)
    with chain_world.undone():
        made = sent(w3, owner, DatasetRegistry.creation(w3, owner.address, owner.address))
        address = made["contractAddress"]
        assert address is not None
        assert DatasetRegistry(w3, address).role_holder(b"guardian".ljust(32, b"\0")) == owner.address


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


def test_the_bindings_load_without_web3() -> None:
    asked = "import sys, provenance.sdk.contracts; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False, timeout=60).returncode == 0
