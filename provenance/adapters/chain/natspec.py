"""What do the comments of the contracts say about what they stand at?

Solidity's NatSpec tags, taken apart; where a tag is missing, nothing is said. Tags of no interest to a caller
(`@dev`, `@author`, `@custom:…`) are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from provenance.adapters.chain.abi import selector, signature
from provenance.domain.hashes import keccak

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.abi import Artifact

_TAG: Final = re.compile(r"(?:^|\n)\s*@([a-z:]+)\s*")


@dataclass(frozen=True, slots=True)
class Said:
    """One comment.

    Attributes:
        title: of a contract.
        notice: what is true, in one line.
        params: by the parameter's or member's name.
        returns: in the order of the values, each with its name first where it has one.
    """

    title: str = ""
    notice: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    returns: tuple[str, ...] = ()


def parse(text: str) -> Said:
    """The comment's tags; text before the first one counts as the notice."""
    pieces = _TAG.split("\n" + text if text.lstrip().startswith("@") else "\n@notice " + text)
    tags = [(name, " ".join(said.split())) for name, said in zip(pieces[1::2], pieces[2::2], strict=True)]
    params = (said.partition(" ") for name, said in tags if name == "param")
    return Said(
        title=" ".join(said for name, said in tags if name == "title"),
        notice=" ".join(said for name, said in tags if name == "notice"),
        params={name: said for name, _, said in params},
        returns=tuple(said for name, said in tags if name == "return"),
    )


def comments(compiled: Artifact) -> dict[str, Said]:
    """Every comment of a contract and what it inherits, by `key`; the nearest counts."""
    parts = reversed([*compiled.natspec.values()])
    return {key: parse(text) for part in parts for key, text in part.items() if text}


def key(entry: Mapping[str, Any]) -> str:
    """Topic of an event, selector of a function or an error: hex."""
    return keccak(signature(entry).encode()).hex() if entry["type"] == "event" else selector(entry).hex()


def structs(parts: Iterable[Any]) -> dict[str, list[Any]]:
    """The members of every struct among these parameters, by its name; what is inside of another comes first."""
    found: dict[str, list[Any]] = {}
    for one in parts:
        if "components" in one:
            found |= {**structs(one["components"]), struct(one): one["components"]}
    return found


def struct(parameter: Mapping[str, Any]) -> str:
    """The name of a struct, whoever declares it."""
    declared = str(parameter["internalType"]).removeprefix("struct ")
    return declared.rpartition(".")[2].partition("[")[0]
