"""Keys from a mnemonic are those that other wallets derive."""

from __future__ import annotations

import pytest
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

from provenance.adapters.anvil import MNEMONIC
from provenance.adapters.keys.mnemonic import keys


@pytest.mark.parametrize(
    "words", [MNEMONIC, "legal winner thank year wave sausage worth useful legal winner thank yellow"]
)
def test_keys_are_those_of_eth_account(words):
    seed = seed_from_mnemonic(words, "")
    assert keys(words, 5) == tuple(key_from_seed(seed, f"m/44'/60'/0'/0/{at}") for at in range(5))


def test_the_first_key_is_the_one_that_every_developer_knows():
    """Source: the accounts that Anvil and Hardhat print at their start."""
    assert keys(MNEMONIC, 1)[0].hex() == "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
