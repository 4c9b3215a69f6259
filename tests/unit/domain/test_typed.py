"""What is signed for one contract on one chain is signed for no other, whatever it says."""

from __future__ import annotations

import dataclasses

import pytest

from provenance import abi
from provenance.domain import typed
from provenance.domain.typed import Domain
from provenance.errors import Invalid
from provenance.types import Address, Bytes32

pytestmark = pytest.mark.unit
KINDS = sorted(
    (one for one in vars(typed).values() if isinstance(getattr(one, "TYPE", None), str)), key=lambda one: one.TYPE
)
CHANGED = 9
HERE = Domain("DataAccess", 31_337, Address(b"\x01" * 20))
ELSEWHERE = (
    dataclasses.replace(HERE, chain_id=1),
    dataclasses.replace(HERE, contract=Address(b"\x02" * 20)),
    dataclasses.replace(HERE, name="UsageLedger"),
)


def sample(kind: str, seed: int) -> object:
    """A value of an ABI type."""
    if kind == "address":
        return Address(bytes([seed]) * 20)
    if kind.startswith("bytes"):
        size = int(kind.removeprefix("bytes") or 32)
        return Bytes32(bytes([seed]) * size)
    if kind == "bool":
        return seed != CHANGED
    return f"word {seed}" if kind == "string" else seed


def made(kind: type, changed: int | None = None) -> object:
    members = typed.members(kind.TYPE)
    return kind(*(sample(of, CHANGED if at == changed else at + 10) for at, (of, _) in enumerate(members)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
def test_a_digest_is_of_one_chain_and_contract(kind: type) -> None:
    assert len({typed.digest(domain, made(kind)) for domain in (HERE, *ELSEWHERE)}) == 4


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
def test_every_field_is_signed(kind: type) -> None:
    """Nonce and deadline among them: no two messages share a digest."""
    count = len(typed.members(kind.TYPE))
    digests = {typed.digest(HERE, made(kind, changed)) for changed in (None, *range(count))}
    assert len(digests) == count + 1


def test_every_type_is_signed_for_a_contract() -> None:
    assert set(typed.CONTRACT_BY_TYPE) == set(KINDS)
    assert set(typed.CONTRACT_BY_TYPE.values()) <= set(abi.NAMES)


def test_every_type_is_looked_at() -> None:
    assert {one.__name__ for one in KINDS} >= {
        "Access", "Ack", "Attribution", "Consent", "GateReport", "KeyBinding", "MeterSession", "Offer", "OpenAccess",
        "Reassign", "Register", "Request", "RevokeConsent", "Segment", "UsageReceipt",
    }  # fmt: skip


@pytest.mark.parametrize("digits", ["1" * 5_000, "9" * 78, "-1", "1_0", "١", "²", "1\n"])
def test_digits_that_are_no_member_are_refused_as_such(digits: str) -> None:
    with pytest.raises(Invalid, match="not a uint256"):
        typed.parsed("uint256", {"nonce": digits}, "nonce")
