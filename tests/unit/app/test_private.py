"""What only two may read is kept from all others, and none of it is under a dataset's root."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.adapters import seal
from provenance.adapters.keys.envelopes import KeyFolder
from provenance.app.ports import AudioReport, SignedGateReport
from provenance.app.publish import Given, Outcome, Request
from provenance.app.publish.memory import Take
from provenance.app.publish.private import NOT_YOURS, private
from provenance.app.publish.takes import SealedToAnother, SealingPorts, info_for, sha256_of
from provenance.domain import fields, record
from provenance.domain.consent import Words
from provenance.domain.manifest import Manifest
from provenance.domain.private import UNMARKED, Contributor, Marks, Private
from provenance.errors import Missing
from provenance.types import Bytes32
from tests import documents, whole
from tests.documents import HOLDER, VOICE, word
from tests.fakes.chain import Killed
from tests.fakes.gateway import KEY, WALLET, MemoryGateway
from tests.unit.app.publishing import CountingRandom, FakeGate, MemoryWallet, SilentProgress, Uploader

pytestmark = pytest.mark.unit
STRANGER, OWN = documents.Key("stranger"), MemoryWallet(HOLDER)
WORDS = Words("Только закадровый текст. 仅限旁白。", word("salt"))
ANNA = Contributor("Анна Иванова 声", "narrator", VOICE.address, word("voice"))
MARKS = Marks("ISCC:KUAFVC5DMJJGYKZ4MQV6B6THIBBUG", "AQAAA0mSbEqiKJrAC88ByAQ")


class MarkingGate(FakeGate):
    """Hears the marks that it is told to."""

    marks = MARKS

    def examine(self, path: Path) -> AudioReport:
        return replace(super().examine(path), marks=self.marks)


class KeepingGateway(MemoryGateway):
    """Remembers the keys that it was given."""

    def deposit(
        self, manifest: bytes, envelopes: Mapping[Bytes32, bytes], **options: object
    ) -> tuple[SignedGateReport, ...]:
        self.envelopes = dict(envelopes)
        return super().deposit(manifest, envelopes, **options)  # type: ignore[arg-type]


@pytest.fixture
def uploader(tmp_path: Path) -> Uploader:
    return Uploader(tmp_path, gate=MarkingGate())


def asked(uploader: Uploader, **changes: object) -> Request:
    sources = (uploader.file("Анна 声.wav", "good take of Анна"), uploader.file("second.wav", "good take"))
    given = Given(documents.consent(words=WORDS), words=WORDS)
    return uploader.request(sources, **{"consents": (given,), "contributors": (ANNA,), **changes})


def manifest_of(uploader: Uploader, outcome: Outcome) -> Manifest:
    assert outcome.manifest_cid is not None
    return Manifest.parse(uploader.gateway.content.get(outcome.manifest_cid))


class Renewed(MemoryWallet):
    """The same account, whose envelope key is another one by now."""

    @property
    def _private(self) -> bytes:
        return word("another envelope key")


def opened(uploader: Uploader, outcome: Outcome, wallet: MemoryWallet = OWN) -> Private:
    sealing = SealingPorts(
        content=uploader.content,
        keys=KeyFolder(uploader.root / "keys"),
        cipher=seal.Pao1(),
        gate=uploader.gate,
        random=CountingRandom(),
        wallet=wallet,
        chain=uploader.chain,
        progress=SilentProgress(),
    )
    return private(manifest_of(uploader, outcome), sealing)


def test_the_holder_reads_people_words_names_and_marks(uploader: Uploader) -> None:
    outcome = uploader.run(asked(uploader))
    found = opened(uploader, outcome)
    (consent_id,) = manifest_of(uploader, outcome).consents_by_id(documents.domains().consent)
    assert (found.uploader, found.contributors, found.words) == (HOLDER.address, (ANNA,), {consent_id: WORDS})
    assert [(one.file, one.marks) for one in found.recordings] == [("Анна 声.wav", MARKS), ("second.wav", MARKS)]
    ids = [one.sealed.header.object_id for one in manifest_of(uploader, outcome).recordings]
    assert [one.object_id for one in found.recordings] == ids
    WORDS.check(manifest_of(uploader, outcome).consents[0].scope)


def test_the_gateway_reads_it_and_nobody_else(uploader: Uploader) -> None:
    gateway = uploader.gateway = KeepingGateway(uploader.chain)
    outcome = uploader.run(asked(uploader))
    sent = manifest_of(uploader, outcome).private
    info = info_for(uploader.chain, sent.cid, sent.sealed, WALLET.address)
    secret = seal.open_envelope(KEY, gateway.envelopes[sent.sealed.header.object_id], info)
    assert Private.parse(whole.unseal(sent.sealed, secret, gateway.content.get(sent.cid))) == opened(uploader, outcome)
    with pytest.raises(SealedToAnother, match=f"opens for {fields.checksummed(HOLDER.address)} alone, who uploaded it"):
        opened(uploader, outcome, MemoryWallet(STRANGER))
    with pytest.raises(seal.EnvelopeClosed, match="sealed to a key that this account no longer has"):
        opened(uploader, outcome, Renewed(HOLDER))


def test_nothing_of_it_stands_in_a_public_byte(uploader: Uploader) -> None:
    uploader.run(asked(uploader))
    public = [
        *uploader.gateway.content.objects.values(),
        *uploader.content.objects.values(),
        repr(uploader.chain.sent).encode(),
    ]
    secrets = (
        "Анна",
        "second.wav",
        WORDS.text,
        WORDS.salt.hex(),
        MARKS.iscc,
        MARKS.fingerprint,
        *(sha256_of(path).hex() for path in (uploader.root / "takes").iterdir()),
    )
    for secret in secrets:
        assert not [one for one in public if secret.encode() in one], secret
    assert any(WORDS.hash.hex().encode() in one for one in public)


def test_a_machine_that_hears_more_goes_on_with_what_was_heard(uploader: Uploader) -> None:
    uploader.gate.marks = UNMARKED  # type: ignore[attr-defined]
    uploader.gateway.die_at_deposit = True
    request = asked(uploader)
    with pytest.raises(Killed):
        uploader.run(request)
    made = dict.fromkeys(uploader.content.objects)
    uploader.gateway.die_at_deposit = False
    uploader.gate.marks = MARKS  # type: ignore[attr-defined]
    outcome = uploader.run(request)
    assert dict.fromkeys(uploader.content.objects) == made
    assert [one.marks for one in opened(uploader, outcome).recordings] == [UNMARKED, UNMARKED]


def test_marks_and_names_make_no_other_recordings(tmp_path: Path) -> None:
    first, second = (Uploader(tmp_path / name, gate=gate) for name, gate in (("1", MarkingGate()), ("2", FakeGate())))
    roots = [
        manifest_of(one, one.run(asked(one, contributors=people))).root()
        for one, people in ((first, (ANNA,)), (second, ()))
    ]
    assert roots[0] == roots[1]


def test_other_ears_and_names_after_a_death_make_no_second_dataset(uploader: Uploader) -> None:
    uploader.chain.die_after_send = True
    with pytest.raises(Killed):
        uploader.run(asked(uploader))
    uploader.chain.die_after_send, uploader.gate = False, FakeGate()
    outcome = uploader.run(asked(uploader, contributors=()))
    assert (list(uploader.chain.datasets), outcome.mined) == ([outcome.dataset_id], None)
    assert opened(uploader, outcome).contributors == (ANNA,)


def test_other_people_make_another_manifest_until_it_is_registered(uploader: Uploader) -> None:
    uploader.gateway.die_at_deposit = True
    with pytest.raises(Killed):
        uploader.run(asked(uploader))
    uploader.gateway.die_at_deposit = False
    other = replace(ANNA, name="Мария")
    outcome = uploader.run(asked(uploader, contributors=(other,)))
    assert opened(uploader, outcome).contributors == (other,)
    again = uploader.run(asked(uploader))
    assert (again.manifest_cid, again.mined) == (outcome.manifest_cid, None)


def test_words_of_a_consent_that_no_take_rests_on_are_left_out(uploader: Uploader) -> None:
    other = Words("about others", word("other salt"))
    unused = Given(documents.consent(voice_id=word("another voice"), nonce=7, words=other), "third*", other)
    (first,) = asked(uploader).consents
    found = opened(uploader, uploader.run(asked(uploader, consents=(first, unused))))
    assert list(found.words.values()) == [WORDS]


def test_a_journal_of_before_has_takes_without_marks(uploader: Uploader) -> None:
    request = asked(uploader)
    uploader.gateway.die_at_deposit = True
    with pytest.raises(Killed):
        uploader.run(request)
    uploader.gateway.die_at_deposit = False
    lines = uploader.journal_path.read_text("utf-8").splitlines()
    entry = next(one for one in map(json.loads, lines) if one["step"] == "sealed")
    assert record.read(Take, entry).marks == MARKS
    del entry["marks"]
    assert record.read(Take, entry).marks == UNMARKED


def test_a_key_that_is_not_here_is_missing(uploader: Uploader) -> None:
    outcome = uploader.run(asked(uploader))
    (uploader.root / "keys").rename(uploader.root / "elsewhere")
    with pytest.raises(Missing, match="no key of object") as caught:
        opened(uploader, outcome)
    assert "`account export`" in caught.value.next_step
    with pytest.raises(Missing, match="no key of object") as caught:
        opened(uploader, outcome, MemoryWallet(STRANGER))
    assert caught.value.next_step == NOT_YOURS
