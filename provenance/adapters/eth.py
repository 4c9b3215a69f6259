"""eth-account, loaded without the BLS12-381 tables that only keystores of version 4 need.

eth-keyfile imports py_ecc, which computes tables of pairings at import (0.4 of web3's 1.2 CPU seconds) and raises the
interpreter's recursion limit to 100,000, at which deeply nested JSON ends the process. Nothing here reads version 4;
a program that does finds everything in its place: the scheme loads when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

_ORDER: Final = 0x73EDA753_299D7D48_3339D808_09A1D805_53BDA402_FFFE5BFE_FFFFFFFF_00000001  # of BLS12-381's subgroups


class _Scheme:
    """py_ecc's BLS signatures, loaded when they are first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("py_ecc.bls").G2ProofOfPossession, name)


def load() -> None:
    """eth-keyfile is loaded, and with it what is slow in `eth_account` and `web3`, which are imported after this."""
    if "eth_keyfile" in sys.modules:
        return
    limit = sys.getrecursionlimit()
    standing_in: dict[str, dict[str, Any]] = {
        "py_ecc.bls": {"G2ProofOfPossession": _Scheme()},
        "py_ecc.bls12_381": {"curve_order": _ORDER},
    }
    for name in (absent := standing_in.keys() - sys.modules.keys()):
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(standing_in[name])
    try:
        import_module("eth_keyfile")
    finally:
        for name in absent:
            del sys.modules[name]
        sys.setrecursionlimit(limit)
