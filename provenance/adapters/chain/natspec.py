"""The comments of the contracts: Solidity's NatSpec tags, by what they stand at.

Where a tag is missing, the comment leaves it empty. Tags of no interest to a caller
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
class Comment:
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


def parse(text: str) -> Comment:
    """The comment's tags; text before the first one counts as the notice."""
    pieces = _TAG.split("\n" + text if text.lstrip().startswith("@") else "\n@notice " + text)
    tags = [(name, " ".join(words.split())) for name, words in zip(pieces[1::2], pieces[2::2], strict=True)]
    params = (words.partition(" ") for name, words in tags if name == "param")
    return Comment(
        title=" ".join(words for name, words in tags if name == "title"),
        notice=" ".join(words for name, words in tags if name == "notice"),
        params={name: words for name, _, words in params},
        returns=tuple(words for name, words in tags if name == "return"),
    )


def comments(compiled: Artifact) -> dict[str, Comment]:
    """Every comment of a contract and what it inherits, by `key`; the nearest counts."""
    parts = reversed([*compiled.natspec.values()])
    return {key: parse(text) for part in parts for key, text in part.items() if text}


def key(entry: Mapping[str, Any]) -> str:
    """Topic of an event, selector of a function or an error: hex."""
    return keccak(signature(entry).encode()).hex() if entry["type"] == "event" else selector(entry).hex()


def structs(parts: Iterable[Any]) -> dict[str, list[Any]]:
    """The members of every struct among these parameters, by its name; what is inside of another comes first."""
    members_by_struct: dict[str, list[Any]] = {}
    for part in parts:
        if "components" in part:
            members_by_struct |= {**structs(part["components"]), struct(part): part["components"]}
    return members_by_struct


def struct(parameter: Mapping[str, Any]) -> str:
    """The name of a struct, whoever declares it."""
    declared = str(parameter["internalType"]).removeprefix("struct ")
    return declared.rpartition(".")[2].partition("[")[0]
