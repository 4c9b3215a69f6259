"""How are the names and types of the contracts said in Python?"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any, Final

from provenance.adapters.chain.abi import words
from provenance.adapters.chain.natspec import struct

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAKEN: Final = frozenset({"self", "cls", "block", "w3"})  # arguments that every binding has


def snake(name: str) -> str:
    """`datasetIdOf` → `dataset_id_of`."""
    return words(name).replace(" ", "_")


def known(parameter: Any, at: int) -> str:
    """The parameter's name; one without is named for its place."""
    name = snake(parameter["name"]) or f"value{at}"
    return name + "_" * (name in _TAKEN or keyword.iskeyword(name))


def typed(parameter: Any, address: str = "Account") -> str:
    """The Python type of a Solidity one; an address is whatever `address` says."""
    declared = parameter["type"]
    if declared.endswith("]"):
        return f"Sequence[{typed({**parameter, 'type': declared.rpartition('[')[0]}, address)}]"
    if "components" in parameter:
        return struct(parameter)
    named = {"bool": "bool", "string": "str", "address": address}
    return named.get(declared) or ("bytes" if declared.startswith("bytes") else "int")


def parameters(given: Sequence[Any], address: str = "Account") -> list[str]:
    """`name: type` of each."""
    return [f"{known(one, at)}: {typed(one, address)}" for at, one in enumerate(given)]


def values(given: Sequence[Any]) -> str:
    """The tuple of their names."""
    return f"({''.join(known(one, at) + ', ' for at, one in enumerate(given))})"
