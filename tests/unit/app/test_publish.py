"""Every good take ends in a registered dataset once, whatever happens on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.adapters import seal
from provenance.app.consent import ConsentOver
from provenance.app.payee import NoPayee
from provenance.app.publish import Given, Outcome, register as registers
from provenance.app.publish.pipeline import NotAMeter, TermsOver
from provenance.app.publish.register import OtherRegistration
from provenance.app.publish.request import AuthorizationNeeded, NothingToRegister
from provenance.domain.manifest import ConsentNeeded, ForeignConsent, Manifest
from provenance.domain.refusal import ConsentWithdrawn, DuplicateOf
from provenance.domain.sealed import Secret
from provenance.domain.signature import BadSignature
from provenance.domain.splits import BadSplits, Split
from provenance.types import BPS_ONE, Bps, UnixSeconds
from tests import documents, whole
from tests.fakes.chain import Killed
from tests.unit.app.publishing import NOW, Uploader

pytestmark = pytest.mark.unit
DOMAIN = documents.domains().consent


@pytest.fixture
def uploader(tmp_path: Path) -> Uploader:
    return Uploader(tmp_path)


def manifest_of(uploader: Uploader, outcome: Outcome) -> Manifest:
    assert outcome.manifest_cid is not None
    return Manifest.parse(uploader.gateway.content.get(outcome.manifest_cid))


def test_a_folder_becomes_a_registered_dataset_that_its_manifest_describes(uploader: Uploader) -> None:
    outcome = uploader.run(uploader.request(uploader.takes(3)))
    manifest = manifest_of(uploader, outcome)
    manifest.check(DOMAIN)
    assert outcome.mined is not None
    assert outcome.refused == ()
    assert uploader.chain.datasets[outcome.dataset_id] == (documents.HOLDER.address, 1)
    assert outcome.manifest_cid is not None
    named = documents.CHAIN, documents.domains().registry.contract, outcome.manifest_cid.digest
    assert manifest.dataset_id(*named) == outcome.dataset_id
    assert [one.name for one in manifest.recordings] == ["0001.wav", "0002.wav", "0003.wav"]
    assert len(outcome.reports) == 3
    call = uploader.chain.sent[0]
    assert call.args == (
        manifest.root(),
        outcome.manifest_cid.digest,
        manifest.terms_hash,
        manifest.split_hash(),
        3,
    )


def test_no_name_of_a_file_or_person_is_public_unless_asked_for(uploader: Uploader) -> None:
    takes = (uploader.file("Анна Иванова 声.wav", "good take"),)
    uploader.run(uploader.request(takes))
    assert "Анна".encode() not in b"".join(uploader.gateway.content.objects.values())
    other = Uploader(uploader.root / "other")
    shown = other.run(other.request(takes, publish_names=True))
    assert manifest_of(other, shown).recordings[0].name == "Анна Иванова 声.wav"


def test_other_words_in_the_manifest_are_no_second_dataset(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(1))
    first = uploader.run(request)
    again = uploader.run(replace(request, language="de", publish_names=True))
    assert (again.dataset_id, again.manifest_cid, again.mined) == (first.dataset_id, first.manifest_cid, None)


def test_the_holder_can_open_what_was_uploaded_and_nobody_without_the_key(uploader: Uploader) -> None:
    outcome = uploader.run(uploader.request(uploader.takes(1)))
    recording = manifest_of(uploader, outcome).recordings[0]
    from provenance.app.publish.takes import kept_secret
    from tests.unit.app.publishing import KeyFolder, MemoryWallet

    keys = KeyFolder(uploader.root / "keys")
    wallet = MemoryWallet(documents.HOLDER)
    secret = kept_secret(recording.cid, recording.sealed, keys=keys, wallet=wallet, chain=uploader.chain)
    ciphertext = uploader.gateway.content.get(recording.cid)
    assert whole.unseal(recording.sealed, secret, ciphertext) == b"good take number 0"
    assert b"good take" not in ciphertext
    with pytest.raises(seal.WrongKey):
        whole.unseal(recording.sealed, Secret(bytes(32), secret.salt), ciphertext)


def test_one_bad_take_never_loses_the_rest(uploader: Uploader) -> None:
    takes = (
        *uploader.takes(2),
        uploader.file("empty.wav", ""),
        uploader.file("text.wav", "hello"),
        uploader.file("clipped.wav", "reject clipped"),
        uploader.file("hot.wav", "review hot"),
    )
    outcome = uploader.run(uploader.request(takes))
    assert outcome.recordings == 2
    assert [(one.name, one.code) for one in outcome.refused] == [
        ("empty.wav", "invalid"),
        ("text.wav", "invalid"),
        ("clipped.wav", "take-rejected"),
        ("hot.wav", "take-needs-review"),
    ]
    assert "clippedPpm 2000 is above 1000" in outcome.refused[2].reason


def test_a_take_for_review_is_registered_only_if_accepted(uploader: Uploader) -> None:
    takes = (*uploader.takes(1), uploader.file("hot.wav", "review hot"))
    assert uploader.run(uploader.request(takes)).recordings == 1
    both = uploader.run(uploader.request(takes, accept_review=True))
    assert both.recordings == 2
    assert manifest_of(uploader, both).recordings[1].quality["verdict"] == "review"


def test_nothing_is_registered_when_no_take_is_good(uploader: Uploader) -> None:
    with pytest.raises(NothingToRegister, match="of 1 recording none can"):
        uploader.run(uploader.request((uploader.file("a.wav", "reject a"),)))
    with pytest.raises(NothingToRegister, match="of 2 recordings none can") as caught:
        uploader.run(uploader.request((uploader.file("a.wav", "reject a"), uploader.file("b.wav", "noise"))))
    assert len(caught.value.facts["refused"]) == 2  # type: ignore[arg-type]
    assert uploader.chain.sent == []


def test_a_voice_without_consent_is_sealed_and_waits(uploader: Uploader) -> None:
    takes = uploader.takes(2)
    with pytest.raises(ConsentNeeded) as caught:
        uploader.run(uploader.request(takes, consents=()))
    assert "consent grant --recordings" in caught.value.next_step
    assert uploader.chain.sent == []
    assert uploader.gateway.uploads == []
    wanted = json.loads(Path(str(caught.value.facts["file"])).read_bytes())
    assert wanted["holder"] == "0x" + documents.HOLDER.address.hex()
    listed = [bytes.fromhex(row["plaintextCommitment"][2:]) for row in wanted["recordings"]]
    given = Given(documents.consent(recordings=listed))  # type: ignore[arg-type]
    uploader.gate.listened.clear()
    outcome = uploader.run(uploader.request(takes, consents=(given,)))
    assert uploader.gate.listened == []  # what was sealed is not heard again
    assert {bytes(one.sealed.plaintext_commitment) for one in manifest_of(uploader, outcome).recordings} == set(listed)


def test_a_listed_consent_does_not_speak_for_a_take_added_later(uploader: Uploader) -> None:
    takes = uploader.takes(2)
    with pytest.raises(ConsentNeeded) as caught:
        uploader.run(uploader.request(takes, consents=()))
    rows = json.loads(Path(str(caught.value.facts["file"])).read_bytes())["recordings"]
    given = Given(documents.consent(recordings=[bytes.fromhex(rows[0]["plaintextCommitment"][2:])]))  # type: ignore[list-item]
    with pytest.raises(ConsentNeeded) as again:
        uploader.run(uploader.request(takes, consents=(given,)))
    assert again.value.facts["recordings"] == ["take001.wav"]


def test_each_pattern_gives_its_voice_to_its_files(uploader: Uploader) -> None:
    takes = (uploader.file("anna/1.wav", "good anna"), uploader.file("boris/1.wav", "good boris"))
    anna, boris = documents.consent(), documents.consent(voice_id=documents.word("boris"), voice=documents.Key("boris"))
    outcome = uploader.run(uploader.request(takes, consents=(Given(anna, "anna/*"), Given(boris, "boris/*"))))
    first, second = manifest_of(uploader, outcome).recordings
    assert first.consent_ids == (anna.id(DOMAIN),)
    assert second.voice_ids == (documents.word("boris"),)
    assert first.consents_hash != second.consents_hash


def test_music_needs_no_consent_and_a_voice_named_in_it_does(uploader: Uploader) -> None:
    takes = uploader.takes(2)
    plain = uploader.run(uploader.request(takes, consents=(), kind="music"))
    assert manifest_of(uploader, plain).consents == ()
    other = Given(documents.consent(recordings=[documents.word("another recording")]), "take000*")
    with pytest.raises(ConsentNeeded):
        uploader.run(uploader.request(takes, consents=(other,), kind="music"))


def test_a_consent_to_another_holder_is_invalid(uploader: Uploader) -> None:
    foreign = documents.consent(holder=documents.Key("another").address)
    with pytest.raises(ForeignConsent):
        uploader.run(uploader.request(uploader.takes(1), consents=(Given(foreign),)))
    assert uploader.gate.listened == []


def test_a_forged_withdrawn_or_expired_consent_stops_the_upload(uploader: Uploader) -> None:
    good = documents.consent()
    forged = replace(good, signature=documents.Key("thief").sign(good.id(DOMAIN)))
    takes = uploader.takes(1)
    with pytest.raises(BadSignature):
        uploader.run(uploader.request(takes, consents=(Given(forged),)))
    uploader.chain.approved.add((forged.consent.subject, forged.id(DOMAIN)))
    outcome = uploader.run(uploader.request(takes, consents=(Given(forged),), title="Approved on chain"))
    assert outcome.mined is not None
    uploader.chain.revoked[good.consent.subject, good.id(DOMAIN)] = NOW
    with pytest.raises(ConsentWithdrawn) as caught:
        uploader.run(uploader.request(takes, consents=(Given(good),)))
    assert "`consent grant`" in caught.value.next_step
    assert "`dataset supersede OLD NEW`" in caught.value.next_step
    uploader.chain.revoked.clear()
    old = replace(good, consent=replace(good.consent, not_before=UnixSeconds(1), not_after=UnixSeconds(2)))
    with pytest.raises(ConsentOver):
        uploader.run(uploader.request(takes, consents=(Given(old),)))


def test_what_is_wrong_whatever_the_files_is_said_before_they_are_read(uploader: Uploader) -> None:
    takes = uploader.takes(1)
    with pytest.raises(BadSplits) as caught:
        uploader.run(uploader.request(takes, splits=(Split(documents.HOLDER.address, Bps(9_999)),)))
    assert caught.value.facts["sum"] == 9_999
    for contract in ("Token", "RoyaltyDistributor"):
        lost = uploader.chain.deployment.contracts[contract]
        with pytest.raises(NoPayee, match=f"splits: .* is the network's {contract}"):
            uploader.run(uploader.request(takes, splits=(Split(lost, BPS_ONE),)))
    with pytest.raises(TermsOver):
        uploader.run(
            uploader.request(takes, terms=documents.terms(not_before=UnixSeconds(1), not_after=UnixSeconds(2)))
        )
    uploader.chain.meters.clear()
    with pytest.raises(NotAMeter):
        uploader.run(uploader.request(takes))
    assert uploader.gate.listened == []


def test_running_it_again_does_nothing_twice(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(3))
    first = uploader.run(request)
    uploader.gate.listened.clear()
    sent, stored = len(uploader.chain.sent), len(uploader.gateway.uploads)
    again = uploader.run(request)
    assert again.dataset_id == first.dataset_id
    assert again.mined is None
    assert (len(uploader.chain.sent), len(uploader.gateway.uploads)) == (sent, stored)
    assert uploader.gate.listened == []


def test_a_file_that_was_only_touched_is_known_by_its_bytes(uploader: Uploader) -> None:
    first = uploader.run(uploader.request(uploader.takes(2)))
    moved = tuple(uploader.file("elsewhere/" + one.name, one.path.read_text()) for one in uploader.takes(2))
    assert uploader.run(uploader.request(moved)).dataset_id == first.dataset_id


def test_a_changed_file_is_sealed_anew(uploader: Uploader) -> None:
    first = uploader.run(uploader.request(uploader.takes(2)))
    second = uploader.run(uploader.request((*uploader.takes(1), uploader.file("take001.wav", "good again"))))
    assert second.dataset_id != first.dataset_id
    assert second.mined is not None


def test_the_same_bytes_twice_are_one_recording(uploader: Uploader) -> None:
    takes = (
        uploader.file("a.wav", "good same"),
        uploader.file("b.wav", "good same"),
        uploader.file("c.wav", "good other"),
    )
    outcome = uploader.run(uploader.request(takes))
    assert outcome.recordings == 2
    assert any("same bytes as a.wav" in line for line in uploader.progress.lines)


def test_what_this_holder_registered_elsewhere_is_registered_already(uploader: Uploader) -> None:
    from provenance.app.publish.takes import sha256_of

    takes = uploader.takes(2)
    earlier = documents.word("earlier dataset")
    uploader.elsewhere = {sha256_of(one.path): earlier for one in takes}
    outcome = uploader.run(uploader.request(takes))
    assert (outcome.dataset_id, outcome.mined, outcome.refused) == (earlier, None, ())
    assert [one.code for one in outcome.already] == ["already-registered"] * 2
    with_a_bad_one = uploader.run(uploader.request((*takes, uploader.file("bad.wav", "noise"))))
    assert (with_a_bad_one.dataset_id, len(with_a_bad_one.refused)) == (earlier, 1)
    mixed = uploader.run(uploader.request((*takes, uploader.file("new.wav", "good new"))))
    assert (mixed.recordings, len(mixed.already), mixed.mined is not None) == (1, 2, True)


def test_another_holders_audio_is_left_out_by_its_number(uploader: Uploader) -> None:
    uploader.gateway.earlier[b"good take number 1"] = documents.word("stranger's dataset")
    outcome = uploader.run(uploader.request(uploader.takes(3)))
    assert outcome.recordings == 2
    assert [(one.name, one.code) for one in outcome.refused] == [("take001.wav", "duplicate-of")]
    assert documents.word("stranger's dataset").hex() in outcome.refused[0].reason
    assert [one.index for one in manifest_of(uploader, outcome).recordings] == [0, 1]


def test_a_dispute_registers_all_the_same(uploader: Uploader) -> None:
    uploader.gateway.earlier[b"good take number 1"] = documents.word("stranger's dataset")
    request = uploader.request(uploader.takes(3), dispute=True)
    outcome = uploader.run(request)
    assert (outcome.recordings, outcome.refused) == (3, ())
    assert uploader.gateway.disputes == [(), (1,)]


@pytest.mark.parametrize(("takes", "told"), [(1, "1 recording before"), (2, "2 recordings before")])
def test_audio_that_is_all_anothers_is_a_conflict_with_the_earlier_dataset(
    uploader: Uploader, takes: int, told: str
) -> None:
    for i in range(2):
        uploader.gateway.earlier[b"good take number %d" % i] = documents.word("stranger's dataset")
    with pytest.raises(DuplicateOf, match=f"another holder registered {told}, in 0x") as caught:
        uploader.run(uploader.request(uploader.takes(takes)))
    assert caught.value.facts["dataset"] == "0x" + documents.word("stranger's dataset").hex()
    assert uploader.chain.sent == []


def test_what_the_gateway_finds_unfit_is_left_out(uploader: Uploader) -> None:
    uploader.gateway.unfit.add(b"good take number 0")
    uploader.gateway.earlier[b"good take number 2"] = documents.word("stranger's dataset")
    outcome = uploader.run(uploader.request(uploader.takes(4)))
    assert outcome.recordings == 2
    assert sorted(one.code for one in outcome.refused) == ["duplicate-of", "take-rejected"]


STEPS = ["hearing the third file", "uploading the second object", "depositing", "before sending", "after sending"]


@pytest.mark.parametrize("step", STEPS)
def test_a_run_after_a_death_at_any_step_ends_the_same(uploader: Uploader, step: str) -> None:
    takes = uploader.takes(2)
    late = uploader.file("take002.wav", "kill" if step == STEPS[0] else "good take number 2")
    uploader.gateway.die_at_upload = 1 if step == STEPS[1] else -1
    uploader.gateway.die_at_deposit = step == STEPS[2]
    uploader.chain.die_before_send, uploader.chain.die_after_send = step == STEPS[3], step == STEPS[4]
    request = uploader.request((*takes, late))
    with pytest.raises(Killed):
        uploader.run(request)
    uploader.file("take002.wav", "good take number 2")
    uploader.gateway.die_at_upload, uploader.gateway.die_at_deposit = -1, False
    uploader.chain.die_before_send = uploader.chain.die_after_send = False
    outcome = uploader.run(request)
    assert outcome.recordings == 3
    assert list(uploader.chain.datasets) == [outcome.dataset_id]
    assert len(uploader.chain.sent) == 1
    assert len(set(uploader.gateway.uploads)) == len(uploader.gateway.uploads)
    assert uploader.run(request).dataset_id == outcome.dataset_id
    assert uploader.journal_path.read_text().count('"step":"registered"') == 1


def test_a_torn_line_of_the_journal_is_as_if_never_written(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(3))
    uploader.run(request)
    whole = uploader.journal_path.read_bytes().splitlines(keepends=True)
    uploader.journal_path.write_bytes(b"".join(whole[:2]) + whole[2][:40])
    uploader.gate.listened.clear()
    outcome = uploader.run(request)
    assert uploader.gate.listened == ["take002.wav"]
    assert outcome.recordings == 3


def test_lost_content_is_sealed_again(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(2))
    uploader.gateway.die_at_deposit = True
    with pytest.raises(Killed):
        uploader.run(request)
    uploader.gateway.die_at_deposit = False
    uploader.content.objects.clear()
    assert uploader.run(request).recordings == 2


def test_a_chain_that_forgot_the_dataset_gets_it_again(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(2))
    first = uploader.run(request)
    uploader.chain.datasets.clear()
    again = uploader.run(request)
    assert again.dataset_id == first.dataset_id
    assert again.mined is not None


def test_a_contributor_registers_for_a_holder_only_with_the_holders_signature(uploader: Uploader) -> None:
    uploader.wallet = documents.Key("contributor")
    request = uploader.request(uploader.takes(2))
    with pytest.raises(AuthorizationNeeded) as caught:
        uploader.run(request)
    asked = registers.parse(Path(str(caught.value.facts["file"])).read_bytes())
    deadline = UnixSeconds(NOW + 1_000)
    with pytest.raises(OtherRegistration):
        registers.sign(asked.register, documents.Key("stranger"), uploader.chain, deadline)
    signed = registers.sign(asked.register, documents.HOLDER, uploader.chain, deadline)
    again = registers.parse(registers.encode(signed.register, signed.signature))
    outcome = uploader.run(replace(request, authorization=again))
    assert uploader.chain.datasets[outcome.dataset_id][0] == documents.HOLDER.address
    assert uploader.chain.sent[0].function == "registerFor"


def test_a_signature_for_something_else_is_refused_before_it_is_sent(uploader: Uploader) -> None:
    uploader.wallet = documents.Key("contributor")
    request = uploader.request(uploader.takes(2))
    with pytest.raises(AuthorizationNeeded) as caught:
        uploader.run(request)
    asked = registers.parse(Path(str(caught.value.facts["file"])).read_bytes())
    signed = registers.sign(asked.register, documents.HOLDER, uploader.chain, UnixSeconds(NOW + 1_000))
    with pytest.raises(OtherRegistration) as other:
        uploader.run(replace(request, sources=uploader.takes(1), authorization=signed))
    assert "items" in other.value.facts["fields"]  # type: ignore[operator]
    stolen = replace(signed, signature=documents.Key("thief").sign(documents.word("x")))
    with pytest.raises(BadSignature):
        uploader.run(replace(request, authorization=stolen))
    assert uploader.chain.sent == []


def test_many_takes_end_in_one_dataset(uploader: Uploader) -> None:
    outcome = uploader.run(uploader.request(uploader.takes(120)))
    assert outcome.recordings == 120
    assert len(manifest_of(uploader, outcome).tree().proof(manifest_of(uploader, outcome).recordings[119].leaf())) in (
        6,
        7,
    )
