"""Python names and types of what the contracts declare."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from typing import Any, Final

from provenance.adapters.chain.abi import words
from provenance.adapters.chain.natspec import struct

_TAKEN: Final = frozenset({"self", "cls", "block", "w3"})  # arguments that every binding has


def snake(name: str) -> str:
    """`datasetIdOf` → `dataset_id_of`."""
    return words(name).replace(" ", "_")


def known(parameter: Any, index: int) -> str:
    """The parameter's name; one without is named for its place."""
    name = snake(parameter["name"]) or f"value{index}"
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
    return [f"{known(parameter, index)}: {typed(parameter, address)}" for index, parameter in enumerate(given)]


def values(given: Sequence[Any]) -> str:
    """The tuple of their names."""
    return f"({''.join(known(parameter, index) + ', ' for index, parameter in enumerate(given))})"
