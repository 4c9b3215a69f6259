"""A signature is the account's, in the one form that the contracts take."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from provenance.domain.signature import BadSignature, check, recover
from provenance.types import Address, Bytes32
from tests.documents import Key, word

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = Key("signer")


def test_another_tools_signature_names_its_account() -> None:
    from eth_account import Account

    account = Account.from_key(bytes(word("a key")))
    digest = word("a digest")
    signed = account.unsafe_sign_hash(digest)
    assert recover(digest, bytes(signed.signature)) == bytes.fromhex(account.address[2:])
    with pytest.raises(BadSignature, match=f"(?m)not signed by {account.address}$") as caught:  # as that tool shows it
        check(digest, KEY.sign(digest), Address(bytes.fromhex(account.address[2:])))
    assert caught.value.facts["signer"] == account.address.lower()


@given(st.binary(min_size=32, max_size=32))
def test_only_the_signer_is_recovered(digest: bytes) -> None:
    signed = KEY.sign(Bytes32(digest))
    assert recover(Bytes32(digest), signed) == KEY.address
    check(Bytes32(digest), signed, KEY.address)
    with pytest.raises(BadSignature):
        check(Bytes32(digest), signed, Address(bytes(20)))


def test_the_second_form_of_a_signature_is_refused() -> None:
    signed = KEY.sign(word("digest"))
    s = int.from_bytes(signed[32:64], "big")
    twin = signed[:32] + (ORDER - s).to_bytes(32, "big") + bytes((55 - signed[64],))
    with pytest.raises(BadSignature, match="high s"):
        recover(word("digest"), twin)


@pytest.mark.parametrize(
    "signed", [b"", b"\0" * 65, b"\xff" * 65, b"\0" * 64 + b"\x1b", b"\x01" * 64 + b"\0", b"\x01" * 66]
)
def test_what_no_key_gives_is_refused(signed: bytes) -> None:
    with pytest.raises(BadSignature):
        recover(word("digest"), signed)


@pytest.mark.parametrize(
    ("form", "words", "step"),
    [
        (lambda rsv: rsv[:32] + bytes([rsv[32] | (rsv[64] - 27) << 7]) + rsv[33:64], "compact form of EIP-2098: 64 bytes", "top bit"),
        (lambda rsv: rsv[:64] + b"\0", "ends with v = 0, ", "write 27 in place of 0"),
        (lambda rsv: rsv[:64] + b"\1", "ends with v = 1, ", "write 28 in place of 1"),
        (lambda rsv: rsv[:64] + b"\x25", "ends with v = 37; ", "writes r, s and v"),
        (lambda rsv: rsv + b"\0", "has 66 bytes; ", "writes r, s and v"),
        (lambda rsv: b"", "has 0 bytes; ", "writes r, s and v"),
    ],
)  # fmt: skip
def test_a_signature_in_another_form_is_named_for_what_it_is(form: Callable[[bytes], bytes], words: str, step: str):
    with pytest.raises(BadSignature) as refused:
        check(word("digest"), form(KEY.sign(word("digest"))), KEY.address)
    assert words in refused.value.detail
    assert "65 bytes are expected, r, s and a last byte v of 27 or 28" in refused.value.detail
    assert step in refused.value.next_step


@given(st.binary(min_size=32, max_size=32))
def test_the_way_from_the_compact_form_that_the_refusal_tells_is_right(digest: bytes) -> None:
    signed = KEY.sign(Bytes32(digest))
    compact = signed[:32] + bytes([signed[32] | (signed[64] - 27) << 7]) + signed[33:64]
    v = 27 + (compact[32] >> 7)
    assert compact[:32] + bytes([compact[32] & 0x7F]) + compact[33:] + bytes([v]) == signed
