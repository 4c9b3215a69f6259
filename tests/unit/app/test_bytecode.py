"""What is compared when code is verified: length, every byte, every immutable, and what the sources give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import pytest

from provenance import abi
from provenance.app.bytecode import Compiled, judge, words
from provenance.app.deploy import Record, Roles, ruleset_1
from provenance.app.ports import ContractName, TokenUnit
from provenance.domain import cid
from provenance.domain.fields import BadField
from provenance.domain.hashes import keccak
from provenance.domain.verdict import Verdict
from provenance.types import Address, BlockNumber, Bytes32, Json
from tests import documents

NAMES: tuple[ContractName, ...] = get_args(ContractName)
SHIPPED = {name: abi.load(name) for name in NAMES}
GIVEN = {
    name: Compiled(
        one.deployed_bytecode, tuple(sorted(place for places in one.immutables.values() for place in places))
    )
    for name, one in SHIPPED.items()
}
SOMEBODY = Address(b"\x51" * 20)
FIXED: dict[str, Json] = {
    "windowS": 3_600,
    "bond": "100000000",
    "stake": "1000000000",
    "deployedAt": 1_767_225_600,
}
DEPLOYED = Record(
    chain_id=31_337,
    first_block=BlockNumber(1),
    contracts={name: Address(bytes((n,)) * 20) for n, name in enumerate(NAMES, 1)},
    code_hashes={name: documents.word(name) for name in NAMES},
    roles=Roles(SOMEBODY, SOMEBODY, SOMEBODY, SOMEBODY, (SOMEBODY,)),
    ruleset=cid.of_raw(ruleset_1(SOMEBODY).encode()),
    token=TokenUnit(6, "TUSD"),
    extra={"distributor": FIXED},
)


def on_chain(record: Record = DEPLOYED) -> dict[ContractName, bytes | None]:
    """What a chain holds after an honest deployment."""
    code: dict[ContractName, bytes | None] = {}
    for name, one in SHIPPED.items():
        held, known = bytearray(one.deployed_bytecode), dict(words(name, record))
        for immutable, places in one.immutables.items():
            for start, length in places:
                held[start : start + length] = known[immutable].rjust(32, b"\0")
        code[name] = bytes(held)
    return code


def judged(
    code: Mapping[ContractName, bytes | None],
    given: Mapping[ContractName, Compiled] | str = GIVEN,
    record: Record = DEPLOYED,
) -> dict[str, tuple[Verdict, str]]:
    hashes = {name: Bytes32(keccak(held or b"")) for name, held in code.items()}
    checks = judge(replace(record, code_hashes=hashes), SHIPPED, code, given)
    return {one.name: (one.verdict, one.detail) for one in checks}


def test_an_honest_deployment_is_verified() -> None:
    assert {verdict for verdict, _ in judged(on_chain()).values()} == {Verdict.VERIFIED}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "Token"])
def test_every_immutable_counts(name: ContractName) -> None:
    """The file's hash fits the code on chain: the one who wrote the file is who deployed."""
    for immutable, ((start, length), *_) in SHIPPED[name].immutables.items():
        code = on_chain()
        held = bytearray(code[name] or b"")
        held[start + length - 1] ^= 1
        verdict, detail = judged(code | {name: bytes(held)})[name]
        assert (verdict, detail) == (Verdict.FAILED, f"byte {start + length - 1} differs: the immutable {immutable}")


def test_other_code_is_failed_with_its_first_difference() -> None:
    code, name = on_chain(), "DataAccess"
    held = code[name] or b""
    assert judged(code | {name: held[:7] + b"\xff" + held[8:]})[name] == (Verdict.FAILED, "byte 7 differs")
    assert judged(code | {name: held + b"\0"})[name][1].startswith(f"{len(held) + 1} bytes of code")
    assert judged(code | {name: b""})[name] == (Verdict.FAILED, "there is no code at its address")
    assert judged(code | {name: None})[name][0] is Verdict.INCOMPLETE
    (other, *_) = judge(DEPLOYED, SHIPPED, code, GIVEN)
    assert other.detail.startswith("its code has the hash ")


@pytest.mark.parametrize("name", NAMES)
def test_code_that_the_file_does_not_name_either_is_failed_with_its_first_difference(name: ContractName) -> None:
    code = on_chain()
    hashes = {one: Bytes32(keccak(held or b"")) for one, held in code.items()}
    held = code[name] or b""
    changed = code | {name: held[:100] + bytes((held[100] ^ 1,)) + held[101:]}
    found = {one.name: one for one in judge(replace(DEPLOYED, code_hashes=hashes), SHIPPED, changed, GIVEN)}[name]
    assert (found.verdict, found.detail.partition(";")[0]) == (Verdict.FAILED, "byte 100 differs")
    assert "the deployment file says another" in found.detail


def test_sources_that_give_other_code_are_failed() -> None:
    other = Compiled(GIVEN["UsageLedger"].code[:-1] + b"\x01", GIVEN["UsageLedger"].immutables)
    moved = Compiled(GIVEN["UsageLedger"].code, GIVEN["UsageLedger"].immutables[1:])
    for given in (other, moved):
        found = judged(on_chain(), GIVEN | {"UsageLedger": given})
        assert found["UsageLedger"] == (Verdict.FAILED, "its sources give other code than the package holds")
        assert found["DataAccess"][0] is Verdict.VERIFIED
    assert judged(on_chain(), "none here")["UsageLedger"][0] is Verdict.INCOMPLETE


def test_anothers_token_counts_by_its_hash() -> None:
    verdict, detail = judged(on_chain() | {"Token": b"\x60" * len(SHIPPED["Token"].deployed_bytecode)})["Token"]
    assert (verdict, detail.partition(";")[0]) == (Verdict.VERIFIED, "another's token")


def test_a_window_that_the_file_does_not_fix_keeps_its_bounds_and_is_the_same_everywhere() -> None:
    silent = replace(DEPLOYED, extra={})
    code, name = on_chain(), "RoyaltyDistributor"
    assert judged(code, record=silent)[name][0] is Verdict.VERIFIED
    held = bytearray(code[name] or b"")
    places = SHIPPED[name].immutables["window"]
    for start, length in places:
        held[start : start + length] = (60).to_bytes(length, "big")
    assert judged(code | {name: bytes(held)}, record=silent)[name] == (Verdict.FAILED, "its window is out of bounds")
    for immutable in ("bond", "stakeAmount"):
        amounts = SHIPPED[name].immutables[immutable]
        held = bytearray(code[name] or b"")
        held[amounts[-1][0] + 31] ^= 1
        assert (immutable in judged(code | {name: bytes(held)}, record=silent)[name][1]) is (len(amounts) > 1)


def test_a_window_of_an_hour_is_out_of_bounds_where_money_is() -> None:
    main = replace(DEPLOYED, chain_id=1, extra={})
    long = replace(main, extra={"distributor": {**FIXED, "windowS": 172_800}})
    name = "RoyaltyDistributor"
    short = on_chain(replace(main, extra={"distributor": FIXED}))
    assert judged(short, record=main)[name] == (Verdict.FAILED, "its window is out of bounds")
    assert judged(on_chain(long), record=long)[name][0] is Verdict.VERIFIED


@pytest.mark.parametrize(
    "wrong", [{"windowS": "x"}, {"bond": None}, {"bond": -1}, {"stake": None}, {"stake": -1}, {"deployedAt": "-1"}]
)
def test_a_document_that_fixes_the_window_or_the_bond_as_none_is_invalid(wrong: dict[str, Json]) -> None:
    with pytest.raises(BadField):
        judged(on_chain(), record=replace(DEPLOYED, extra={"distributor": {**FIXED, **wrong}}))


@pytest.mark.parametrize("fixed", [{}, *({name: 1} for name in ("windowS", "bond", "stake", "deployedAt")), None])
def test_a_document_that_fixes_a_part_only_is_invalid(fixed: Json) -> None:
    with pytest.raises(BadField):
        judged(on_chain(), record=replace(DEPLOYED, extra={"distributor": fixed}))
