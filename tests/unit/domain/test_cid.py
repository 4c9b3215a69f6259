"""Every spelling of an address names the same 32 bytes, and nothing else is let in."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, strategies as st

from provenance.domain import cid as cids
from provenance.domain.cid import BadCid, Cid
from provenance.types import Bytes32

HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
ADDRESSES = st.builds(
    Cid,
    st.sampled_from(["raw", "dag-pb"]),
    st.binary(min_size=32, max_size=32).map(Bytes32),
)


def positional(data: bytes, alphabet: str) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(alphabet))
        digits = alphabet[digit] + digits
    return digits


def test_the_address_of_a_document_is_the_one_kubo_gives() -> None:
    assert str(cids.of_raw(b"hello world")) == HELLO
    assert str(cids.of_raw(b"")) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    assert cids.parse(HELLO).digest == hashlib.sha256(b"hello world").digest()


@given(ADDRESSES)
def test_every_encoding_servers_answer_names_the_same_bytes(cid: Cid) -> None:
    data = cid.encode()
    b58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    texts = [
        str(cid),
        str(cid).upper(),
        "f" + data.hex(),
        "z" + positional(data, b58),
        "k" + positional(data, "0123456789abcdefghijklmnopqrstuvwxyz"),
    ]
    assert {cids.parse(text) for text in texts} == {cid}
    assert cids.decode(data) == cid


def test_version_zero_is_read_as_a_tree() -> None:
    # The empty UnixFS directory, as every Kubo answers it.
    cid = cids.parse("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
    assert cid.codec == "dag-pb"
    assert str(cid) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


@given(ADDRESSES)
def test_a_digest_on_chain_means_a_document_or_a_tree(cid: Cid) -> None:
    assert cid in cids.candidates(cid.digest)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "b",
        "../../etc/passwd",
        HELLO + "/../x",
        HELLO + "?format=raw",
        HELLO + "\n",
        HELLO[:-1] + "f",  # loose bits: a second spelling of the same bytes
        HELLO[:10] + HELLO[10:].upper(),
        HELLO + "a",
        HELLO[:-1],
        "b" * 500,
        "Qm",
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N0",
        "m" + HELLO[1:],
        "bafkqaaa",  # identity
        "f01551114" + "00" * 20,  # sha-1
        "f01711220" + "00" * 31,
        "f01a90212" + "00" * 32,
        "f01981220" + "00" * 32,  # another codec
        "f02551220" + "00" * 32,  # another version
        "ｂ" + HELLO[1:],
        "\0",
        "z" + "1" * 50,
    ],
)
def test_anything_that_is_not_a_sha256_address_is_refused(name: str) -> None:
    with pytest.raises(BadCid):
        cids.parse(name)


def test_an_address_cannot_be_made_with_a_short_digest() -> None:
    with pytest.raises(BadCid):
        Cid("raw", Bytes32(b"\0" * 31))
