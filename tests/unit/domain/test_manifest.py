"""A manifest is what it says, provable under its root, and refused when a voice lacks its consent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from provenance.domain import cid, splits
from provenance.domain.canonical import BadDocument
from provenance.domain.consent import consents_hash
from provenance.domain.manifest import BadManifest, ConsentNeeded, ForeignConsent, Manifest, dataset_id, recording_id
from provenance.domain.sealed import KeyCommitment, PlaintextCommitment, Sealed
from provenance.domain.signature import BadSignature
from provenance.domain.splits import BadSplits, Split
from provenance.errors import Invalid
from provenance.types import Address, Bps, Bytes32
from tests import documents, proofs
from tests.documents import word

pytestmark = pytest.mark.unit
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "manifest.json").read_text())
DOMAIN = documents.domains().consent


def _bytes(text: str) -> Bytes32:
    return Bytes32(bytes.fromhex(text[2:]))


def _golden_manifest() -> Manifest:
    made = []
    for entry in GOLDEN["recordings"]:
        index, digest, key, plaintext, _ = entry["words"]
        ids = tuple(map(_bytes, entry["consentIds"]))
        plain = documents.recording(index)
        sealed = Sealed(plain.sealed.header, KeyCommitment(_bytes(key)), PlaintextCommitment(_bytes(plaintext)))
        voices = (word("voice"),) if ids else ()
        made.append(
            replace(plain, cid=cid.Cid("raw", _bytes(digest)), sealed=sealed, consent_ids=ids, voice_ids=voices)
        )
    return documents.manifest(given=(), recordings=tuple(made), kind="sound")


def test_root_leaves_and_ids_equal_those_of_other_libraries() -> None:
    manifest = _golden_manifest()
    assert "0x" + manifest.root().hex() == GOLDEN["root"]
    for recording, entry in zip(manifest.recordings, GOLDEN["recordings"], strict=True):
        assert "0x" + recording.leaf().hex() == entry["leaf"]
        assert "0x" + recording.consents_hash.hex() == entry["words"][4]
    registry, holder = (Address(bytes.fromhex(text[2:])) for text in (GOLDEN["registry"], "0x" + "a1" * 20))
    named = (manifest.root(), _bytes(GOLDEN["manifestDigest"]), _bytes(GOLDEN["termsHash"]))
    made = dataset_id(31_337, registry, holder, *named)
    assert "0x" + made.hex() == GOLDEN["datasetId"]
    assert ["0x" + recording_id(made, i).hex() for i in range(7)] == GOLDEN["recordingIds"]


@settings(max_examples=40)  # slow to draw
@given(st.integers(1, 40), st.data())
def test_every_recording_proves_its_place(count: int, data: st.DataObject) -> None:
    manifest = documents.manifest(count)
    recording = data.draw(st.sampled_from(manifest.recordings))
    tree = manifest.tree()
    assert proofs.climb(recording.leaf(), tree.proof(recording.leaf())) == manifest.root()


@given(st.integers(1, 20))
def test_a_manifest_survives_a_round_trip(count: int) -> None:
    manifest = documents.manifest(count, extra={"später": [1]})
    again = Manifest.parse(manifest.encode())
    assert again == manifest
    assert again.encode() == manifest.encode()
    again.check(DOMAIN)


def test_a_stray_space_or_another_order_is_the_same_manifest() -> None:
    manifest = documents.manifest()
    loose = json.dumps(dict(reversed(json.loads(manifest.encode()).items())), indent=2).encode()
    assert Manifest.parse(loose).encode() == manifest.encode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "a\u001b[31m"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"kind": "video"}, "kind"),
        ({"language": "english!"}, "language"),
        ({"holder": "0x00"}, "holder"),
        ({"splits": [{"account": "0x" + "01" * 20, "bps": 9_999}]}, "splits"),
        ({"splits": [{"account": "0x" + "01" * 20, "bps": "-1"}]}, "bps"),
        ({"terms": {"cid": "../../etc/passwd", "termsHash": "0x" + "00" * 32}}, None),
        ({"terms": {"cid": str(cid.of_raw(b"x")), "termsHash": "0x" + "00" * 32}}, "terms"),
        ({"recordings": []}, "recordings"),
        ({"private": {}}, "cid"),
        ({"tags": ["x"] * 65}, "tags"),
    ],
)
def test_a_wrong_field_is_refused(change: dict[str, object], field: str | None) -> None:
    document = {**json.loads(documents.manifest().encode()), **change}
    with pytest.raises(Invalid) as caught:
        Manifest.parse(json.dumps(document).encode())
    assert caught.value.facts.get("field") == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"index": 1}, "index"),
        ({"cid": "bafkqaaa"}, None),  # the identity hash
        ({"sealedBytes": 1}, "sealedBytes"),
        ({"keyCommitment": "0x12"}, "keyCommitment"),
        ({"quality": {"gateVersion": 1}}, "verdict"),
        ({"quality": {"verdict": "pass"}}, "gateVersion"),
        ({"voiceIds": []}, "voiceIds"),
        ({"name": "a/../b\0"}, None),
    ],
)
def test_a_wrong_recording_is_refused(change: dict[str, object], field: str | None) -> None:
    document = json.loads(documents.manifest(1).encode())
    document["recordings"][0] |= change
    with pytest.raises(Invalid) as caught:
        Manifest.parse(json.dumps(document).encode())
    assert caught.value.facts.get("field") == field


def test_a_key_that_stands_twice_is_refused() -> None:
    data = documents.manifest().encode().replace(b'"kind":"voice"', b'"kind":"voice","kind":"sound"')
    with pytest.raises(BadDocument):
        Manifest.parse(data)


def test_an_object_cannot_stand_in_a_manifest_twice() -> None:
    manifest = documents.manifest(2)
    first, second = manifest.recordings
    with pytest.raises(BadManifest, match="objectId"):
        replace(manifest, recordings=(first, replace(second, sealed=first.sealed)))


def test_what_was_sealed_for_another_holder_is_refused() -> None:
    with pytest.raises(BadManifest, match="another holder"):
        documents.manifest(holder=documents.Key("thief").address)


def test_a_voice_dataset_needs_a_voice_in_every_recording() -> None:
    with pytest.raises(ConsentNeeded):
        documents.manifest(given=())


def test_a_sound_dataset_needs_no_consent_where_no_voice_is_heard() -> None:
    documents.manifest(given=(), kind="sound").check(DOMAIN)


def test_a_consent_to_another_holder_cannot_be_copied() -> None:
    foreign = documents.consent(holder=documents.Key("other holder").address)
    with pytest.raises(ForeignConsent):
        documents.manifest(given=(foreign,)).check(DOMAIN)


def test_a_consent_that_its_subject_did_not_sign_is_refused() -> None:
    consent = documents.consent()
    forged = replace(consent, signature=documents.Key("thief").sign(consent.id(DOMAIN)))
    manifest = documents.manifest(given=(forged,))
    with pytest.raises(BadSignature):
        manifest.check(DOMAIN)
    manifest.check(DOMAIN, approved={consent.id(DOMAIN)})


def test_a_recording_outside_the_scope_is_refused_by_its_number() -> None:
    covered = documents.recording(0).sealed.plaintext_commitment
    consent = documents.consent(recordings=[Bytes32(covered)])
    documents.manifest(1, given=(consent,)).check(DOMAIN)
    with pytest.raises(ConsentNeeded) as caught:
        documents.manifest(2, given=(consent,)).check(DOMAIN)
    assert caught.value.facts["recording"] == 1


def test_each_voice_of_a_recording_needs_a_consent_of_its_own() -> None:
    one, two = documents.consent(), documents.consent(voice_id=word("second voice"), voice=documents.Key("second"))
    duet = documents.manifest(1, given=(one, two))
    duet.check(DOMAIN)
    lonely = replace(duet.recordings[0], consent_ids=(one.id(DOMAIN),))
    with pytest.raises(ConsentNeeded):
        replace(duet, recordings=(lonely,)).check(DOMAIN)


def test_the_leaf_names_the_consents() -> None:
    one = documents.consent()
    plain, heard = documents.recording(0), documents.recording(0, [one])
    assert plain.leaf() != heard.leaf()
    assert heard.consents_hash == consents_hash([one.id(DOMAIN)])


ACCOUNTS = st.lists(st.binary(min_size=20, max_size=20).filter(any).map(Address), min_size=1, max_size=9, unique=True)


@given(ACCOUNTS, st.randoms())
def test_splits_hash_alike_in_any_order(accounts: list[Address], random) -> None:
    shares = [Split(account, Bps(10_000 // len(accounts))) for account in accounts]
    shares[0] = Split(accounts[0], Bps(10_000 - sum(share.bps for share in shares[1:])))
    mixed = list(shares)
    random.shuffle(mixed)
    assert splits.split_hash(mixed) == splits.split_hash(shares)
    assert splits.unpack(splits.pack(mixed)) == splits.check(shares)


@pytest.mark.parametrize("shares", [[], [5_000, 4_999], [10_001], [10_000, 0], [-1, 10_001]])
def test_shares_that_are_no_whole_are_refused_with_their_sum(shares: list[int]) -> None:
    with pytest.raises(BadSplits) as caught:
        splits.check(Split(Address(bytes((i + 1,)) * 20), Bps(share)) for i, share in enumerate(shares))
    assert caught.value.facts["field"] == "splits"
    if sum(shares) != 10_000:
        assert caught.value.facts["sum"] == sum(shares)


def test_an_account_has_one_share() -> None:
    half = Split(Address(b"\1" * 20), Bps(5_000))
    with pytest.raises(BadSplits):
        splits.check([half, half])
