"""A voice owner's consent reaches exactly one holder, and nobody else can take it back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from provenance.adapters.journal import FileJournal
from provenance.app import consent as use
from provenance.app.consent import AlreadyWithdrawn, Grant, NotTheSubject
from provenance.domain import canonical, refusal
from provenance.domain.consent import BadConsent, Scope, SignedExtension
from provenance.domain.purposes import ReservedPurpose
from provenance.domain.rules import consent as rules
from provenance.domain.signature import BadSignature
from provenance.errors import Missing
from provenance.types import UnixSeconds
from tests import documents
from tests.documents import HOLDER, VOICE, word
from tests.fakes.chain import MemoryChain
from tests.fakes.pools import PoolChain
from tests.unit.app.publishing import CountingRandom

pytestmark = pytest.mark.unit
NOW = UnixSeconds(documents.START)


def asked(**changes: object) -> Grant:
    made: dict[str, object] = {
        "voice": "me",
        "holder": HOLDER.address,
        "purposes": 0b110,
        "territories": ("EU", "KR"),
        "not_before": NOW,
        "not_after": documents.END,
        "scope": Scope(None),
    }
    return Grant(**{**made, **changes})  # type: ignore[arg-type]


class Owner:
    """One voice owner's journal; every `grant` is a run of its own."""

    def __init__(self, path: Path) -> None:
        self.path, self.runs, self.chain = path, 0, MemoryChain()

    def grant(self, key: documents.Key = VOICE, **changes: object) -> use.JournaledConsent:
        self.runs += 1
        random = CountingRandom(f"run {self.runs}")
        with FileJournal(self.path) as journal:
            return use.grant(asked(**changes), journal=journal, random=random, signer=key, chain=self.chain, now=NOW)

    def journaled(self) -> tuple[use.JournaledConsent, ...]:
        with FileJournal(self.path) as journal:
            return use.journaled(journal.entries(), documents.CHAIN)


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path / "consents.jsonl")


def test_a_granted_consent_is_signed_by_the_owner_and_kept(owner: Owner) -> None:
    given_ = owner.grant()
    use.check_signed(given_.consent, owner.chain)
    assert given_.consent.consent.subject == VOICE.address
    assert owner.journaled() == (given_,)
    found = use.find("0x" + given_.id.hex().upper(), [*FileJournal(owner.path).entries()], documents.CHAIN)
    assert found == given_


def test_a_voice_has_one_id_per_holder_and_none_in_common(owner: Owner) -> None:
    first, second = owner.grant(), owner.grant()
    other_holder = owner.grant(holder=documents.Key("other holder").address)
    other_voice = owner.grant(voice="my other voice")
    other_owner = owner.grant(key=documents.Key("another voice"))
    ids = [one.consent.consent.voice_id for one in (first, second, other_holder, other_voice, other_owner)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert first.id != second.id


@pytest.mark.parametrize(
    "changes",
    [
        {"not_before": UnixSeconds(1), "not_after": UnixSeconds(NOW - 1)},
        {"not_before": UnixSeconds(documents.END + 1)},
        {"purposes": 0},
    ],
)
def test_a_consent_that_would_never_count_is_not_given(owner: Owner, changes: dict[str, object]) -> None:
    with pytest.raises(BadConsent):
        owner.grant(**changes)
    assert owner.journaled() == ()


@pytest.mark.parametrize("words", ["only narration\0", "only narration \udce9", " \n"])
def test_a_consent_over_words_that_cannot_be_kept_is_not_given(owner: Owner, words: str) -> None:
    with pytest.raises(BadConsent, match="words: "):
        owner.grant(words=words)
    assert owner.journaled() == ()


def test_a_reserved_purpose_is_not_given(owner: Owner) -> None:
    with pytest.raises(ReservedPurpose):
        owner.grant(purposes=1 << 16)


def test_consents_of_another_chain_are_not_listed(owner: Owner) -> None:
    owner.grant()
    with FileJournal(owner.path) as journal:
        assert use.journaled(journal.entries(), 1) == ()
        with pytest.raises(Missing):
            use.find("0x" + "00" * 32, journal.entries(), documents.CHAIN)


@given(st.integers(-1_000, 1_000), st.booleans())
def test_a_state_follows_from_time_and_revocation(after_s: int, withdrawn: bool) -> None:
    consent = documents.consent()
    now = UnixSeconds(documents.END + after_s)
    found = rules.state(consent, UnixSeconds(documents.START) if withdrawn else None, now)
    assert found == ("WITHDRAWN" if withdrawn else "EXPIRED" if after_s > 0 else "GIVEN")


def test_a_revocation_is_the_subjects_alone_and_once(owner: Owner) -> None:
    given_ = owner.grant()
    with pytest.raises(NotTheSubject):
        use.revocation(given_.id, VOICE.address, HOLDER.address, owner.chain)
    call = use.revocation(given_.id, VOICE.address, VOICE.address, owner.chain)
    owner.chain.send(call, VOICE)
    assert use.withdrawn_at(given_.id, VOICE.address, owner.chain) == owner.chain.time
    assert use.withdrawn_at(given_.id, HOLDER.address, owner.chain) is None
    with pytest.raises(AlreadyWithdrawn, match=r"withdrawn at \d{4}-\d\d-\d\d") as caught:
        use.revocation(given_.id, VOICE.address, VOICE.address, owner.chain)
    assert "`consent grant`" in caught.value.next_step


def test_listed_recordings_are_those_of_the_holder_who_asks() -> None:
    rows = [{"name": "a.wav", "durationMs": 1, "plaintextCommitment": "0x" + word("a").hex()}]
    data = canonical.encode(
        "provenance/recordings", 1, {"title": "T", "holder": "0x" + HOLDER.address.hex(), "recordings": rows}
    )
    scope = use.listed_scope(data, HOLDER.address, ("role:b", "role:a", "role:b"))
    assert scope == Scope(frozenset([word("a")]), ("role:a", "role:b"))
    with pytest.raises(BadConsent):
        use.listed_scope(data, VOICE.address, ())
    none = canonical.encode("provenance/recordings", 1, {"holder": "0x" + HOLDER.address.hex(), "recordings": []})
    with pytest.raises(BadConsent):
        use.listed_scope(none, HOLDER.address, ())


def test_a_voice_lets_its_consent_serve_another_holder_and_nobody_else_does(owner: Owner) -> None:
    given_, buyer, chain = owner.grant(), documents.Key("buyer"), PoolChain()
    use.check_extendable(given_.id, given_.consent, buyer.address, VOICE.address, chain)
    with pytest.raises(NotTheSubject):
        use.check_extendable(given_.id, given_.consent, buyer.address, buyer.address, chain)
    with pytest.raises(use.ServesAlready):
        use.check_extendable(given_.id, given_.consent, HOLDER.address, VOICE.address, chain)
    chain.send(use.extension(given_.id, buyer.address), VOICE)
    with pytest.raises(use.ServesAlready):
        use.check_extendable(given_.id, given_.consent, buyer.address, VOICE.address, chain)


def test_a_withdrawn_consent_is_extended_to_nobody(owner: Owner) -> None:
    given_, chain = owner.grant(), PoolChain()
    chain.revoked[VOICE.address, given_.id] = NOW
    with pytest.raises(refusal.ConsentWithdrawn):
        use.check_extendable(given_.id, given_.consent, word("buyer")[:20], VOICE.address, chain)


def test_a_signed_extension_is_sent_by_anybody_until_its_deadline_and_once(owner: Owner) -> None:
    given_, buyer, chain = owner.grant(), documents.Key("buyer"), PoolChain()
    signed = use.sign_extension(given_.id, buyer.address, VOICE, chain, documents.END)
    assert SignedExtension.parse(signed.encode()) == signed
    with pytest.raises(use.ExtensionOver):
        use.relayed_extension(signed, chain, UnixSeconds(documents.END + 1))
    for forged in (replace(signed, subject=buyer.address), replace(signed, signature=bytes(65))):
        with pytest.raises(BadSignature):
            use.relayed_extension(forged, chain, NOW)
    chain.send(use.relayed_extension(signed, chain, NOW), buyer)
    assert chain.extended[VOICE.address, given_.id, buyer.address]
    with pytest.raises(use.ServesAlready):
        use.relayed_extension(signed, chain, NOW)
