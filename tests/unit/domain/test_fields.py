"""Addresses as documents and people write them."""

from __future__ import annotations

import pytest

from provenance.domain import consent, fields, typed
from provenance.domain.canonical import dumps, loads
from provenance.domain.manifest import Manifest
from provenance.errors import Invalid
from tests import documents

WRITTEN = (  # Source: EIP-55, Test Cases
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
)


def mistyped(address: str) -> str:
    """The same with its last digit another one, as a finger slips."""
    return address[:-1] + format(int(address[-1], 16) ^ 1, "X" if address[-1].isupper() else "x")


@pytest.mark.parametrize("address", WRITTEN)
def test_an_address_is_read_with_its_checksum_and_without_any(address: str):
    digits = bytes.fromhex(address[2:])
    for spelling in (address, address.lower(), "0x" + address[2:].upper(), "0X" + address[2:].upper()):
        assert fields.address({"holder": spelling}, "holder") == digits


@pytest.mark.parametrize("address", WRITTEN[:4])
def test_one_wrong_digit_under_a_checksum_is_refused_by_the_fields_name(address: str):
    for wrong in (mistyped(address), address.swapcase()):
        with pytest.raises(fields.WrongChecksum, match=r"holder: .*checksum") as refused:
            fields.address({"holder": wrong}, "holder")
        assert refused.value.facts["field"] == "holder"


def test_a_document_with_one_wrong_digit_in_a_payee_is_refused():
    document = loads(documents.manifest().encode())
    document["splits"][0]["account"] = mistyped(WRITTEN[0])
    with pytest.raises(Invalid, match=r"splits\[0\]\.account: .*checksum"):
        Manifest.parse(dumps(document))


def test_a_signed_struct_with_one_wrong_digit_in_its_holder_is_refused():
    given = documents.consent().document()
    given["holder"] = mistyped(WRITTEN[0])
    with pytest.raises(Invalid, match=r"holder: .*checksum"):
        consent.SignedConsent.of(given)
    with pytest.raises(Invalid, match=r"holder: .*checksum"):
        typed.parsed("address", {"holder": mistyped(WRITTEN[1])}, "holder")
