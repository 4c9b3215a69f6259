"""Comparison of the code on chain with what the sources compile to, immutables included.

Sources are compiled again by whatever compiler there is; what they give is compared with the package, and the
package, with every immutable filled in from the deployment document, with the chain, byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app.deploy import windows
from provenance.domain import fields
from provenance.domain.hashes import keccak
from provenance.domain.typed import Domain
from provenance.domain.verdict import Check, Verdict
from provenance.errors import Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.abi import Artifact
    from provenance.app.deploy import Record
    from provenance.app.ports import ContractName
    from provenance.types import Address

DOMAINS: Final[Mapping[str, str]] = {"Token": "Test Dollar"}
"""The EIP-712 name of a contract that is not its own."""


class CompilerMissing(Missing):
    """No compiler of the contracts' version was found."""

    next = "With Node: `npm install solc@0.8.37`, then repeat in that folder; or name a compiler with --solc FILE."


class CompilerFailed(Invalid):
    """The compiler did not compile the package's sources."""

    next = "Name the compiler solc 0.8.37 (native, or npm's solcjs) with --solc FILE."


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiler gave for one contract: runtime code, and where its immutables stand (start, length)."""

    code: bytes
    immutables: tuple[tuple[int, int], ...]


def words(name: ContractName, record: Record) -> Iterator[tuple[str, bytes]]:
    """What each immutable of the contract must hold, by its name; one that the document does not fix is left out."""
    places: Mapping[ContractName, Address] = record.contracts
    domain = Domain(DOMAINS.get(name, name), record.chain_id, places[name])
    yield "_cachedThis", places[name]
    yield "_cachedChainId", record.chain_id.to_bytes(32, "big")
    yield "_cachedDomainSeparator", domain.separator()
    for kind, text in (("Name", domain.name.encode()), ("Version", b"1")):
        yield f"_hashed{kind}", keccak(text)
        yield f"_{kind.lower()}", text.ljust(31, b"\0") + bytes((len(text),))  # OpenZeppelin's ShortString
    yield "DATASETS", places["DatasetRegistry"]
    yield "CONSENTS", places["ConsentRegistry"]
    yield "TOKEN", places["Token"]
    yield "rulesetHash", record.ruleset.digest
    yield "access", places["DataAccess"]
    if "distributor" in record.extra:
        fixed = fields.mapping(record.extra, "distributor")
        yield "window", fields.integer(fixed, "windowS", bits=256).to_bytes(32, "big")
        yield "bond", fields.integer(fixed, "bond", bits=256).to_bytes(32, "big")
        yield "stakeAmount", fields.integer(fixed, "stake", bits=256).to_bytes(32, "big")
        yield "DEPLOYED_AT", fields.integer(fixed, "deployedAt", bits=256).to_bytes(32, "big")


def judge(
    record: Record,
    shipped: Mapping[ContractName, Artifact],
    code: Mapping[ContractName, bytes | None],
    compiled: Mapping[ContractName, Compiled] | str,
) -> tuple[Check, ...]:
    """One check a contract, by its name.

    Args:
        record: the deployment.
        shipped: the package's compiled contracts.
        code: the runtime code at each address; None where no node told it.
        compiled: what the sources give; or why they could not be compiled.

    Raises:
        BadField: the document fixes the distributor's window, bond, stake or time as something that is none.
    """
    return tuple(Check(name, *_judged(name, record, shipped[name], code[name], compiled)) for name in record.contracts)


def _judged(
    name: ContractName,
    record: Record,
    shipped: Artifact,
    code: bytes | None,
    compiled: Mapping[ContractName, Compiled] | str,
) -> tuple[Verdict, str]:
    if code is None:
        return Verdict.INCOMPLETE, "no node told its code"
    if not code:
        return Verdict.FAILED, "there is no code at its address"
    difference = _difference(name, record, shipped, code)
    if keccak(code) != record.code_hashes[name]:
        other = f"its code has the hash 0x{keccak(code).hex()}, the deployment file says another"
        return Verdict.FAILED, f"{difference}; {other}" if difference else other
    if difference and name == "Token" and not shipped.is_code(code):
        return Verdict.VERIFIED, "another's token; its code is the one that the deployment file names"
    if difference:
        return Verdict.FAILED, difference
    if isinstance(compiled, str):
        return Verdict.INCOMPLETE, f"the package's code, immutables included; not compiled again: {compiled}"
    ours = Compiled(shipped.deployed_bytecode, tuple(sorted(shipped.places())))
    if compiled.get(name) != ours:
        return Verdict.FAILED, "its sources give other code than the package holds"
    return Verdict.VERIFIED, "compiled from its sources, immutables included"


def _difference(name: ContractName, record: Record, shipped: Artifact, code: bytes) -> str:
    """The first place at which the code is not the package's with its immutables filled in; nothing if it is."""
    if len(code) != len(shipped.deployed_bytecode):
        return f"{len(code)} bytes of code, the package's has {len(shipped.deployed_bytecode)}"
    known = {immutable: word.rjust(32, b"\0") for immutable, word in words(name, record)}
    wanted = bytearray(shipped.deployed_bytecode)
    owners = dict.fromkeys(range(0), "")
    for immutable, places in shipped.immutables.items():
        for start, length in places:
            word = known.get(immutable, code[places[0][0] : places[0][0] + length])
            wanted[start : start + length] = word
            owners |= dict.fromkeys(range(start, start + length), immutable)
        fixed = int.from_bytes(wanted[places[0][0] : places[0][0] + 32], "big")
        if immutable == "window" and fixed not in windows(record.chain_id):
            return "its window is out of bounds"
    differs = next((i for i, (byte, other) in enumerate(zip(code, wanted, strict=True)) if byte != other), None)
    if differs is None:
        return ""
    return f"byte {differs} differs" + (f": the immutable {owners[differs]}" if differs in owners else "")
