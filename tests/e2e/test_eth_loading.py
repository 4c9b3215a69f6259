"""eth-account loads without pairing tables, and a program that reads keystores of version 4 still can."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import sys
from provenance.adapters import eth
limit = sys.getrecursionlimit()
eth.load()
import eth_account, web3, eth_keyfile
from provenance.adapters.keys import v3
assert sys.getrecursionlimit() == limit
assert not [name for name in sys.modules if name.startswith("py_ecc.") and "bls" in name]
key = (7).to_bytes(32, "big")
assert v3.decrypt(v3.encrypt(key, b"word", scrypt_n=2, address=bytes(20)), b"word") == key
"""
VERSION_4 = """
fourth = eth_keyfile.create_keyfile_json(key, b"word", version=4, kdf="pbkdf2", iterations=2)
assert eth_keyfile.decode_keyfile_json(fourth, b"word") == key
from py_ecc.bls import G2ProofOfPossession
from py_ecc.bls12_381 import curve_order
assert fourth["pubkey"] == G2ProofOfPossession.SkToPk(7).hex()
assert eth_keyfile.keyfile.curve_order == curve_order
eth.load()
"""


def test_no_table_of_pairings_is_computed_and_version_4_still_opens() -> None:
    subprocess.run([sys.executable, "-c", LOADED + VERSION_4], check=True, capture_output=True)


def test_a_program_that_has_loaded_eth_account_keeps_what_it_has() -> None:
    script = "import eth_account, sys; before = dict(sys.modules);" + "exec(sys.argv[1])"
    then = "from provenance.adapters import eth; eth.load(); assert before.items() <= sys.modules.items()"
    subprocess.run([sys.executable, "-c", script, then], check=True, capture_output=True)
