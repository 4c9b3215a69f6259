"""A consent says what its owner signed, to whom, and for which recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from provenance.domain import typed
from provenance.domain.consent import BadConsent, Scope, SignedConsent, consents_hash, words_hash
from provenance.domain.purposes import ReservedPurpose
from provenance.domain.signature import BadSignature
from provenance.errors import Invalid
from provenance.types import ZERO32, Address, Bytes32
from tests import documents
from tests.documents import word

pytestmark = pytest.mark.unit
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "manifest.json").read_text())
WORDS = st.binary(min_size=32, max_size=32).map(Bytes32)
DOMAIN = documents.domains().consent


def _golden(entry: dict) -> SignedConsent:
    scope = json.loads(GOLDEN["scope"])
    document = {"format": "provenance/consent", "version": 1, **entry["fields"]}
    document |= {"signature": entry["signature"], "territories": ["EEA", "KR", "US"], "scope": scope}
    return SignedConsent.of(document)


def test_id_and_signature_equal_those_of_another_library() -> None:
    domain = typed.Domain("ConsentRegistry", 31_337, Address(bytes.fromhex(GOLDEN["contract"][2:])))
    for entry in GOLDEN["consents"]:
        consent = _golden(entry)
        assert "0x" + consent.id(domain).hex() == entry["id"]
        consent.check(domain)


def test_the_hash_of_consents_equals_the_contracts_encoding() -> None:
    ids = [Bytes32(bytes.fromhex(entry["id"][2:])) for entry in GOLDEN["consents"]]
    assert "0x" + consents_hash(ids).hex() == GOLDEN["both"] == "0x" + consents_hash(reversed(ids)).hex()
    assert consents_hash([]) == ZERO32


@given(st.none() | st.frozensets(WORDS, max_size=5), st.integers(0, (1 << 256) - 1))
def test_a_consent_survives_a_round_trip(recordings: frozenset[Bytes32] | None, nonce: int) -> None:
    consent = documents.consent(recordings=recordings, nonce=nonce)
    again = SignedConsent.parse(consent.encode())
    assert again == consent
    assert again.id(DOMAIN) == consent.id(DOMAIN)


def test_fields_we_do_not_know_survive_in_consent_and_scope() -> None:
    consent = replace(documents.consent(), extra={"note": "später"})
    assert SignedConsent.parse(consent.encode()).extra == {"note": "später"}
    scope = Scope(None, extra={"season": 2})
    assert Scope.parse(json.loads(scope.encode())) == scope


def test_somebody_elses_signature_is_refused() -> None:
    consent = documents.consent()
    thief = documents.Key("thief")
    forged = replace(consent, signature=thief.sign(consent.id(DOMAIN)))
    with pytest.raises(BadSignature):
        forged.check(DOMAIN)


def test_a_signature_for_another_chain_is_refused() -> None:
    with pytest.raises(BadSignature):
        documents.consent(chain_id=1).check(DOMAIN)


def test_a_contract_wallet_counts_only_by_its_approval_on_chain() -> None:
    by_contract = replace(documents.consent(), signature=b"what an ERC-1271 wallet takes")
    by_contract.check(DOMAIN, approved=True)
    with pytest.raises(BadSignature):
        by_contract.check(DOMAIN)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purposes": 0}, "purposes"),
        ({"purposes": 1 << 15}, "purposes"),
        ({"notBefore": "2000000000", "notAfter": "1999999999"}, "notBefore"),
        ({"territories": ["Mars"]}, "territories"),
        ({"scopeHash": "0x" + "00" * 32}, "scopeHash"),
        ({"nonce": str(1 << 256)}, "nonce"),
        ({"subject": "0x12"}, "subject"),
        ({"scope": {"format": "provenance/scope", "version": 1, "recordings": ["x"], "codes": []}}, "recordings"),
        ({"scope": []}, "scope"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(change: dict[str, object], field: str) -> None:
    document = {**json.loads(documents.consent().encode()), **change}
    with pytest.raises(Invalid) as caught:
        SignedConsent.of(document)
    assert caught.value.facts["field"] == field


def test_other_territories_than_the_signed_ones_break_the_signature() -> None:
    document = {**json.loads(documents.consent().encode()), "territories": ["WW"]}
    with pytest.raises(BadSignature):
        SignedConsent.of(document).check(DOMAIN)


def test_a_reserved_purpose_is_refused_where_the_consent_is_made() -> None:
    with pytest.raises(ReservedPurpose):
        documents.consent(purposes=1 << 20)


def test_a_scope_of_listed_recordings_covers_these_alone() -> None:
    consent = documents.consent(recordings=[word("a")])
    voices = [consent.consent.voice_id]
    assert consent.covers(voices, word("a"))
    assert not consent.covers(voices, word("b"))
    assert not consent.covers([word("another voice")], word("a"))


def test_a_scope_of_all_covers_every_recording_of_the_voice_and_no_other() -> None:
    consent = documents.consent()
    assert consent.covers([word("other"), consent.consent.voice_id], word("anything"))
    assert not consent.covers([word("other")], word("anything"))
    assert not consent.covers([], word("anything"))


def test_a_scope_larger_than_a_block_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        _ = Scope(frozenset(word(str(i)) for i in range(16_000))).scope_hash
    assert caught.value.facts["field"] == "scope"


def test_words_are_hidden_by_their_salt_and_equal_in_either_normal_form() -> None:
    assert words_hash("caf\u00e9", b"salt") == words_hash("cafe\u0301", b"salt")
    assert words_hash("café", b"salt") != words_hash("café", b"other")


def test_a_consent_whose_scope_was_swapped_is_refused() -> None:
    with pytest.raises(BadConsent):
        replace(documents.consent(recordings=[word("a")]), scope=Scope(None))
