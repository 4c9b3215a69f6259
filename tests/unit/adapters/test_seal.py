"""Sealed audio opens for the right key only, and every change to it is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from Crypto.Protocol import HPKE
from Crypto.Protocol.DH import import_x25519_private_key
from hypothesis import given, settings, strategies as st

from provenance.adapters import seal
from provenance.adapters.seal import (
    EnvelopeClosed,
    Opener,
    Sealer,
    SegmentTampered,
    WrongKey,
)
from provenance.domain.sealed import (
    SEALED_SEGMENT_BYTES,
    SEGMENT_BYTES,
    BadHeader,
    Header,
    KeyCommitment,
    PlaintextCommitment,
    PlaintextDiffers,
    Sealed,
    Secret,
    SegmentTree,
    envelope_info,
    plaintext_commitment,
)
from provenance.errors import Invalid
from provenance.types import Address, Bytes32
from tests import whole

GOLDEN = {
    name: bytes.fromhex(value) if isinstance(value, str) else value
    for name, value in json.loads((Path(__file__).parents[2] / "golden/pao1.json").read_text()).items()
}
SECRET = Secret(bytes(32), b"\x01" * 32)
PLAINTEXT = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(SEGMENT_BYTES * 2 // 32 + 3))
SIZES = st.sampled_from(
    [
        0,
        1,
        SEGMENT_BYTES - 1,
        SEGMENT_BYTES,
        SEGMENT_BYTES + 1,
        2 * SEGMENT_BYTES,
        len(PLAINTEXT),
    ]
)


def header(size: int, version: int = 1) -> Header:
    return Header(Bytes32(b"\x11" * 32), Address(b"\x22" * 20), size, version)


def info(**changed: object) -> bytes:
    words = {
        "chain_id": 31337,
        "contract": b"\x33" * 20,
        "object_id": b"\x11" * 32,
        "cid_digest": GOLDEN["sealedSha256"],
        "key_version": 3,
        "license_id": b"\x44" * 32,
        "licensee": b"\x55" * 20,
        "expiry": 1_800_000_000,
        "purposes": 257,
    }
    return envelope_info(**(words | changed))  # type: ignore[arg-type]


def test_the_format_is_the_one_another_library_writes() -> None:
    secret = Secret(GOLDEN["cek"], GOLDEN["salt"])
    assert hashlib.sha256(PLAINTEXT).digest() == GOLDEN["plaintextSha256"]
    head = Header(GOLDEN["objectId"], GOLDEN["holder"], len(PLAINTEXT), GOLDEN["keyVersion"])
    assert head.encode() == GOLDEN["header"]
    data, sealed = whole.seal(head, secret, PLAINTEXT)
    assert (len(data), data[:48], data[-48:]) == (
        GOLDEN["sealedBytes"],
        GOLDEN["sealedHead"],
        GOLDEN["sealedTail"],
    )
    assert hashlib.sha256(data).digest() == GOLDEN["sealedSha256"]
    assert sealed == Sealed(
        head,
        KeyCommitment(GOLDEN["keyCommitment"]),
        PlaintextCommitment(GOLDEN["plaintextCommitment"]),
    )
    assert whole.unseal(sealed, secret, data) == PLAINTEXT


def test_an_envelope_from_another_library_opens_and_ours_opens_there() -> None:
    assert info() == GOLDEN["info"]
    secret = Secret(GOLDEN["cek"], GOLDEN["salt"])
    assert seal.open_envelope(GOLDEN["readerPrivate"], GOLDEN["envelope"], GOLDEN["info"]) == secret
    ours = seal.seal_envelope(seal.public_key(GOLDEN["readerPrivate"]), secret, info())
    assert len(ours) == 32 + 64 + 16  # encapsulated key, CEK ‖ salt, tag
    theirs = HPKE.new(
        receiver_key=import_x25519_private_key(GOLDEN["readerPrivate"]),
        aead_id=HPKE.AEAD.AES256_GCM,
        enc=ours[:32],
        info=info(),
    )
    assert theirs.unseal(ours[32:]) == secret.encode()


@pytest.mark.parametrize(
    "changed",
    [
        {"chain_id": 1},
        {"contract": b"\x34" * 20},
        {"object_id": b"\x12" * 32},
        {"cid_digest": bytes(32)},
        {"key_version": 4},
        {"license_id": bytes(32)},
        {"licensee": b"\x56" * 20},
        {"expiry": 1_800_000_001},
        {"purposes": 256},
    ],
)
def test_an_envelope_opens_for_no_other_license_object_or_deployment(
    changed: dict[str, object],
) -> None:
    with pytest.raises(EnvelopeClosed):
        seal.open_envelope(GOLDEN["readerPrivate"], GOLDEN["envelope"], info(**changed))


@pytest.mark.parametrize("envelope", [b"", bytes(112), GOLDEN["envelope"][:-1], GOLDEN["envelope"] + b"\0"])
def test_a_cut_or_foreign_envelope_stays_closed(envelope: bytes) -> None:
    with pytest.raises(EnvelopeClosed):
        seal.open_envelope(GOLDEN["readerPrivate"], envelope, GOLDEN["info"])
    with pytest.raises(EnvelopeClosed):
        seal.open_envelope(b"\x09" * 32, GOLDEN["envelope"], GOLDEN["info"])


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes(33)])
def test_an_unusable_public_key_is_refused(key: bytes) -> None:
    with pytest.raises(Invalid):
        seal.seal_envelope(key, SECRET, info())


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(1, 3 * SEGMENT_BYTES))
def test_what_was_sealed_in_any_pieces_opens_to_the_same_bytes(size: int, piece: int) -> None:
    plain = PLAINTEXT[:size]
    sealer = Sealer(header(size), SECRET)
    data = b"".join(sealer.seal(plain[i : i + piece] for i in range(0, size, piece)))
    assert len(data) == header(size).sealed_bytes
    sealed = sealer.sealed()
    assert sealed.plaintext_commitment == plaintext_commitment(
        [plain[i : i + SEGMENT_BYTES] for i in range(0, size, SEGMENT_BYTES)] or [b""],
        SECRET.salt,
    )
    assert b"".join(Opener(sealed, SECRET).open(data[i : i + piece] for i in range(0, len(data), piece))) == plain


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=20))
def test_the_tree_of_segments_is_the_one_of_rfc_6962(segments: list[bytes]) -> None:
    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return hashlib.sha256(b"\0" + leaves[0]).digest()
        split = 1 << (len(leaves) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()

    tree = SegmentTree()
    for segment in segments:
        tree.add(segment)
    assert tree.root() == root(segments)


@settings(max_examples=40, deadline=None)
@given(SIZES.filter(bool), st.data())
def test_any_changed_bit_is_noticed(size: int, data: st.DataObject) -> None:
    cipher, sealed = whole.seal(header(size), SECRET, PLAINTEXT[:size])
    at = data.draw(st.integers(0, len(cipher) * 8 - 1))
    bad = bytearray(cipher)
    bad[at // 8] ^= 1 << at % 8
    with pytest.raises(SegmentTampered) as refused:
        whole.unseal(sealed, SECRET, bytes(bad))
    assert refused.value.facts["segment"] == at // 8 // SEALED_SEGMENT_BYTES


def test_a_cut_swapped_or_lengthened_object_is_refused() -> None:
    size = 2 * SEGMENT_BYTES
    cipher, sealed = whole.seal(header(size), SECRET, PLAINTEXT[:size])
    first, second = cipher[:SEALED_SEGMENT_BYTES], cipher[SEALED_SEGMENT_BYTES:]
    for bad in (first, second, second + first, cipher + first, cipher[:-1], b""):
        with pytest.raises(SegmentTampered):
            whole.unseal(sealed, SECRET, bad)


def test_a_key_that_was_not_committed_to_decrypts_nothing() -> None:
    _, sealed = whole.seal(header(10), SECRET, PLAINTEXT[:10])
    with pytest.raises(WrongKey):
        Opener(sealed, Secret(b"\x07" * 32, SECRET.salt))
    other = Sealed(header(10, version=2), sealed.key_commitment, sealed.plaintext_commitment)
    with pytest.raises(WrongKey):
        Opener(other, SECRET)


def test_authentic_audio_that_was_not_committed_to_is_refused() -> None:
    cipher, sealed = whole.seal(header(10), SECRET, PLAINTEXT[:10])
    lying = Sealed(sealed.header, sealed.key_commitment, PlaintextCommitment(bytes(32)))
    with pytest.raises(PlaintextDiffers):
        whole.unseal(lying, SECRET, cipher)
    with pytest.raises(PlaintextDiffers):
        whole.unseal(sealed, Secret(SECRET.cek, bytes(32)), cipher)


def test_a_file_that_changed_while_it_was_read_is_refused() -> None:
    for size in (9, 11):
        sealer = Sealer(header(10), SECRET)
        with pytest.raises(Invalid, match="changed while"):
            list(sealer.seal([PLAINTEXT[:size]]))


def test_a_header_survives_its_76_bytes_and_another_format_is_refused() -> None:
    head = header(123_456, version=7)
    assert Header.decode(head.encode()) == head
    assert len(head.encode()) == 76
    for bad in (
        b"",
        head.encode()[:-1],
        b"PAO2" + head.encode()[4:],
        head.encode()[:7] + b"\2" + head.encode()[8:],
    ):
        with pytest.raises(BadHeader):
            Header.decode(bad)
    for size, version in (
        (-1, 1),
        ((1 << 32) * SEGMENT_BYTES + 1, 1),
        (1, 0),
        (1, 1 << 32),
    ):
        with pytest.raises(BadHeader):
            header(size, version)


def test_a_secret_never_shows_itself() -> None:
    assert "00" not in repr(SECRET)
    with pytest.raises(Invalid):
        Secret.decode(bytes(63))
