"""Does every good take end in a registered dataset once, whatever happens on the way?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.adapters import seal
from provenance.app.consent import ConsentOver
from provenance.app.publish import Given, Outcome, register as registers
from provenance.app.publish.pipeline import NotAMeter, TermsOver
from provenance.app.publish.register import OtherRegistration
from provenance.app.publish.request import AuthorizationNeeded, NothingToRegister
from provenance.domain.manifest import ConsentNeeded, ForeignConsent, Manifest
from provenance.domain.refusal import ConsentWithdrawn, DuplicateOf
from provenance.domain.sealed import Secret
from provenance.domain.signature import BadSignature
from provenance.domain.splits import BadSplits, Split
from provenance.types import Bps, UnixSeconds
from tests import documents, whole
from tests.fakes.chain import Killed
from tests.unit.app.studio import NOW, Desk

pytestmark = pytest.mark.unit
DOMAIN = documents.domains().consent


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def manifest_of(desk: Desk, outcome: Outcome) -> Manifest:
    assert outcome.manifest_cid is not None
    return Manifest.parse(desk.gateway.content.get(outcome.manifest_cid))


def test_a_folder_becomes_a_registered_dataset_that_its_manifest_describes(desk: Desk) -> None:
    outcome = desk.run(desk.request(desk.takes(3)))
    manifest = manifest_of(desk, outcome)
    manifest.check(DOMAIN)
    assert outcome.mined is not None
    assert outcome.refused == ()
    assert desk.chain.datasets[outcome.dataset_id] == (documents.HOLDER.address, 1)
    assert manifest.dataset_id(documents.CHAIN, documents.domains().registry.contract) == outcome.dataset_id
    assert [one.name for one in manifest.recordings] == ["0001.wav", "0002.wav", "0003.wav"]
    assert len(outcome.reports) == 3
    call = desk.chain.sent[0]
    assert call.args == (
        manifest.root(),
        outcome.manifest_cid.digest,  # type: ignore[union-attr]
        manifest.terms_hash,
        manifest.split_hash(),
        3,
    )


def test_no_name_of_a_file_or_person_is_public_unless_asked_for(desk: Desk) -> None:
    takes = (desk.file("Анна Иванова 声.wav", "good take"),)
    desk.run(desk.request(takes))
    assert "Анна".encode() not in b"".join(desk.gateway.content.objects.values())
    other = Desk(desk.root / "other")
    shown = other.run(other.request(takes, publish_names=True))
    assert manifest_of(other, shown).recordings[0].name == "Анна Иванова 声.wav"


def test_other_words_in_the_manifest_are_no_second_dataset(desk: Desk) -> None:
    request = desk.request(desk.takes(1))
    first = desk.run(request)
    again = desk.run(replace(request, language="de", publish_names=True))
    assert (again.dataset_id, again.manifest_cid, again.mined) == (first.dataset_id, first.manifest_cid, None)


def test_the_holder_can_open_what_was_uploaded_and_nobody_without_the_key(desk: Desk) -> None:
    outcome = desk.run(desk.request(desk.takes(1)))
    recording = manifest_of(desk, outcome).recordings[0]
    from provenance.app.publish.takes import kept_secret
    from tests.unit.app.studio import DeskWallet, KeyFolder

    keys = KeyFolder(desk.root / "keys")
    wallet = DeskWallet(documents.HOLDER)
    secret = kept_secret(recording.cid, recording.sealed, keys=keys, wallet=wallet, chain=desk.chain)
    ciphertext = desk.gateway.content.get(recording.cid)
    assert whole.unseal(recording.sealed, secret, ciphertext) == b"good take number 0"
    assert b"good take" not in ciphertext
    with pytest.raises(seal.WrongKey):
        whole.unseal(recording.sealed, Secret(bytes(32), secret.salt), ciphertext)


def test_one_bad_take_never_loses_the_rest(desk: Desk) -> None:
    takes = (
        *desk.takes(2),
        desk.file("empty.wav", ""),
        desk.file("text.wav", "hello"),
        desk.file("clipped.wav", "reject clipped"),
        desk.file("hot.wav", "review hot"),
    )
    outcome = desk.run(desk.request(takes))
    assert outcome.recordings == 2
    assert [(one.name, one.code) for one in outcome.refused] == [
        ("empty.wav", "invalid"),
        ("text.wav", "invalid"),
        ("clipped.wav", "take-rejected"),
        ("hot.wav", "take-needs-review"),
    ]
    assert "clippedPpm 2000 is above 1000" in outcome.refused[2].reason


def test_a_take_for_review_is_registered_only_if_accepted(desk: Desk) -> None:
    takes = (*desk.takes(1), desk.file("hot.wav", "review hot"))
    assert desk.run(desk.request(takes)).recordings == 1
    both = desk.run(desk.request(takes, accept_review=True))
    assert both.recordings == 2
    assert manifest_of(desk, both).recordings[1].quality["verdict"] == "review"


def test_nothing_is_registered_when_no_take_is_good(desk: Desk) -> None:
    with pytest.raises(NothingToRegister, match="of 1 recording none can"):
        desk.run(desk.request((desk.file("a.wav", "reject a"),)))
    with pytest.raises(NothingToRegister, match="of 2 recordings none can") as caught:
        desk.run(desk.request((desk.file("a.wav", "reject a"), desk.file("b.wav", "noise"))))
    assert len(caught.value.facts["refused"]) == 2  # type: ignore[arg-type]
    assert desk.chain.sent == []


def test_a_voice_without_consent_is_sealed_and_waits(desk: Desk) -> None:
    takes = desk.takes(2)
    with pytest.raises(ConsentNeeded) as caught:
        desk.run(desk.request(takes, consents=()))
    assert "consent grant --recordings" in caught.value.next_step
    assert desk.chain.sent == []
    assert desk.gateway.uploads == []
    wanted = json.loads(Path(str(caught.value.facts["file"])).read_bytes())
    assert wanted["holder"] == "0x" + documents.HOLDER.address.hex()
    listed = [bytes.fromhex(row["plaintextCommitment"][2:]) for row in wanted["recordings"]]
    given = Given(documents.consent(recordings=listed))  # type: ignore[arg-type]
    desk.gate.listened.clear()
    outcome = desk.run(desk.request(takes, consents=(given,)))
    assert desk.gate.listened == []  # what was sealed is not heard again
    assert {bytes(one.sealed.plaintext_commitment) for one in manifest_of(desk, outcome).recordings} == set(listed)


def test_a_listed_consent_does_not_speak_for_a_take_added_later(desk: Desk) -> None:
    takes = desk.takes(2)
    with pytest.raises(ConsentNeeded) as caught:
        desk.run(desk.request(takes, consents=()))
    rows = json.loads(Path(str(caught.value.facts["file"])).read_bytes())["recordings"]
    given = Given(documents.consent(recordings=[bytes.fromhex(rows[0]["plaintextCommitment"][2:])]))  # type: ignore[list-item]
    with pytest.raises(ConsentNeeded) as again:
        desk.run(desk.request(takes, consents=(given,)))
    assert again.value.facts["recordings"] == ["take001.wav"]


def test_each_pattern_gives_its_voice_to_its_files(desk: Desk) -> None:
    takes = (desk.file("anna/1.wav", "good anna"), desk.file("boris/1.wav", "good boris"))
    anna, boris = documents.consent(), documents.consent(voice_id=documents.word("boris"), voice=documents.Key("boris"))
    outcome = desk.run(desk.request(takes, consents=(Given(anna, "anna/*"), Given(boris, "boris/*"))))
    first, second = manifest_of(desk, outcome).recordings
    assert first.consent_ids == (anna.id(DOMAIN),)
    assert second.voice_ids == (documents.word("boris"),)
    assert first.consents_hash != second.consents_hash


def test_music_needs_no_consent_and_a_voice_named_in_it_does(desk: Desk) -> None:
    takes = desk.takes(2)
    plain = desk.run(desk.request(takes, consents=(), kind="music"))
    assert manifest_of(desk, plain).consents == ()
    other = Given(documents.consent(recordings=[documents.word("another recording")]), "take000*")
    with pytest.raises(ConsentNeeded):
        desk.run(desk.request(takes, consents=(other,), kind="music"))


def test_a_consent_to_another_holder_is_invalid(desk: Desk) -> None:
    foreign = documents.consent(holder=documents.Key("another").address)
    with pytest.raises(ForeignConsent):
        desk.run(desk.request(desk.takes(1), consents=(Given(foreign),)))
    assert desk.gate.listened == []


def test_a_forged_withdrawn_or_expired_consent_stops_the_upload(desk: Desk) -> None:
    good = documents.consent()
    forged = replace(good, signature=documents.Key("thief").sign(good.id(DOMAIN)))
    takes = desk.takes(1)
    with pytest.raises(BadSignature):
        desk.run(desk.request(takes, consents=(Given(forged),)))
    desk.chain.approved.add((forged.consent.subject, forged.id(DOMAIN)))
    outcome = desk.run(desk.request(takes, consents=(Given(forged),), title="Approved on chain"))
    assert outcome.mined is not None
    desk.chain.revoked[good.consent.subject, good.id(DOMAIN)] = NOW
    with pytest.raises(ConsentWithdrawn) as caught:
        desk.run(desk.request(takes, consents=(Given(good),)))
    assert "`consent grant`" in caught.value.next_step
    assert "`dataset supersede OLD NEW`" in caught.value.next_step
    desk.chain.revoked.clear()
    old = replace(good, consent=replace(good.consent, not_before=UnixSeconds(1), not_after=UnixSeconds(2)))
    with pytest.raises(ConsentOver):
        desk.run(desk.request(takes, consents=(Given(old),)))


def test_what_is_wrong_whatever_the_files_is_said_before_they_are_read(desk: Desk) -> None:
    takes = desk.takes(1)
    with pytest.raises(BadSplits) as caught:
        desk.run(desk.request(takes, splits=(Split(documents.HOLDER.address, Bps(9_999)),)))
    assert caught.value.facts["sum"] == 9_999
    with pytest.raises(TermsOver):
        desk.run(desk.request(takes, terms=documents.terms(not_before=UnixSeconds(1), not_after=UnixSeconds(2))))
    desk.chain.meters.clear()
    with pytest.raises(NotAMeter):
        desk.run(desk.request(takes))
    assert desk.gate.listened == []


def test_running_it_again_does_nothing_twice(desk: Desk) -> None:
    request = desk.request(desk.takes(3))
    first = desk.run(request)
    desk.gate.listened.clear()
    sent, stored = len(desk.chain.sent), len(desk.gateway.uploads)
    again = desk.run(request)
    assert again.dataset_id == first.dataset_id
    assert again.mined is None
    assert (len(desk.chain.sent), len(desk.gateway.uploads)) == (sent, stored)
    assert desk.gate.listened == []


def test_a_file_that_was_only_touched_is_known_by_its_bytes(desk: Desk) -> None:
    first = desk.run(desk.request(desk.takes(2)))
    moved = tuple(desk.file("elsewhere/" + one.name, one.path.read_text()) for one in desk.takes(2))
    assert desk.run(desk.request(moved)).dataset_id == first.dataset_id


def test_a_changed_file_is_sealed_anew(desk: Desk) -> None:
    first = desk.run(desk.request(desk.takes(2)))
    second = desk.run(desk.request((*desk.takes(1), desk.file("take001.wav", "good again"))))
    assert second.dataset_id != first.dataset_id
    assert second.mined is not None


def test_the_same_bytes_twice_are_one_recording(desk: Desk) -> None:
    takes = (desk.file("a.wav", "good same"), desk.file("b.wav", "good same"), desk.file("c.wav", "good other"))
    outcome = desk.run(desk.request(takes))
    assert outcome.recordings == 2
    assert any("same bytes as a.wav" in line for line in desk.progress.lines)


def test_what_this_holder_registered_elsewhere_is_registered_already(desk: Desk) -> None:
    from provenance.app.publish.takes import sha256_of

    takes = desk.takes(2)
    earlier = documents.word("earlier dataset")
    desk.elsewhere = {sha256_of(one.path): earlier for one in takes}
    outcome = desk.run(desk.request(takes))
    assert (outcome.dataset_id, outcome.mined, outcome.refused) == (earlier, None, ())
    assert [one.code for one in outcome.already] == ["already-registered"] * 2
    with_a_bad_one = desk.run(desk.request((*takes, desk.file("bad.wav", "noise"))))
    assert (with_a_bad_one.dataset_id, len(with_a_bad_one.refused)) == (earlier, 1)
    mixed = desk.run(desk.request((*takes, desk.file("new.wav", "good new"))))
    assert (mixed.recordings, len(mixed.already), mixed.mined is not None) == (1, 2, True)


def test_another_holders_audio_is_left_out_by_its_number(desk: Desk) -> None:
    desk.gateway.earlier[b"good take number 1"] = documents.word("stranger's dataset")
    outcome = desk.run(desk.request(desk.takes(3)))
    assert outcome.recordings == 2
    assert [(one.name, one.code) for one in outcome.refused] == [("take001.wav", "duplicate-of")]
    assert documents.word("stranger's dataset").hex() in outcome.refused[0].reason
    assert [one.index for one in manifest_of(desk, outcome).recordings] == [0, 1]


def test_a_dispute_registers_all_the_same(desk: Desk) -> None:
    desk.gateway.earlier[b"good take number 1"] = documents.word("stranger's dataset")
    request = desk.request(desk.takes(3), dispute=True)
    outcome = desk.run(request)
    assert (outcome.recordings, outcome.refused) == (3, ())
    assert desk.gateway.disputes == [(), (1,)]


@pytest.mark.parametrize(("takes", "told"), [(1, "1 recording before"), (2, "2 recordings before")])
def test_audio_that_is_all_anothers_is_a_conflict_with_the_earlier_dataset(desk: Desk, takes: int, told: str) -> None:
    for i in range(2):
        desk.gateway.earlier[b"good take number %d" % i] = documents.word("stranger's dataset")
    with pytest.raises(DuplicateOf, match=f"another holder registered {told}, in 0x") as caught:
        desk.run(desk.request(desk.takes(takes)))
    assert caught.value.facts["dataset"] == "0x" + documents.word("stranger's dataset").hex()
    assert desk.chain.sent == []


def test_what_the_gateway_finds_unfit_is_left_out(desk: Desk) -> None:
    desk.gateway.unfit.add(b"good take number 0")
    desk.gateway.earlier[b"good take number 2"] = documents.word("stranger's dataset")
    outcome = desk.run(desk.request(desk.takes(4)))
    assert outcome.recordings == 2
    assert sorted(one.code for one in outcome.refused) == ["duplicate-of", "take-rejected"]


STEPS = ["hearing the third file", "uploading the second object", "depositing", "before sending", "after sending"]


@pytest.mark.parametrize("step", STEPS)
def test_a_run_after_a_death_at_any_step_ends_the_same(desk: Desk, step: str) -> None:
    takes = desk.takes(2)
    late = desk.file("take002.wav", "kill" if step == STEPS[0] else "good take number 2")
    desk.gateway.die_at_upload = 1 if step == STEPS[1] else -1
    desk.gateway.die_at_deposit = step == STEPS[2]
    desk.chain.die_before_send, desk.chain.die_after_send = step == STEPS[3], step == STEPS[4]
    request = desk.request((*takes, late))
    with pytest.raises(Killed):
        desk.run(request)
    desk.file("take002.wav", "good take number 2")
    desk.gateway.die_at_upload, desk.gateway.die_at_deposit = -1, False
    desk.chain.die_before_send = desk.chain.die_after_send = False
    outcome = desk.run(request)
    assert outcome.recordings == 3
    assert list(desk.chain.datasets) == [outcome.dataset_id]
    assert len(desk.chain.sent) == 1
    assert len(set(desk.gateway.uploads)) == len(desk.gateway.uploads)
    assert desk.run(request).dataset_id == outcome.dataset_id
    assert desk.journal_path.read_text().count('"step":"registered"') == 1


def test_a_torn_line_of_the_journal_is_as_if_never_written(desk: Desk) -> None:
    request = desk.request(desk.takes(3))
    desk.run(request)
    whole = desk.journal_path.read_bytes().splitlines(keepends=True)
    desk.journal_path.write_bytes(b"".join(whole[:2]) + whole[2][:40])
    desk.gate.listened.clear()
    outcome = desk.run(request)
    assert desk.gate.listened == ["take002.wav"]
    assert outcome.recordings == 3


def test_lost_content_is_sealed_again(desk: Desk) -> None:
    request = desk.request(desk.takes(2))
    desk.gateway.die_at_deposit = True
    with pytest.raises(Killed):
        desk.run(request)
    desk.gateway.die_at_deposit = False
    desk.content.objects.clear()
    assert desk.run(request).recordings == 2


def test_a_chain_that_forgot_the_dataset_gets_it_again(desk: Desk) -> None:
    request = desk.request(desk.takes(2))
    first = desk.run(request)
    desk.chain.datasets.clear()
    again = desk.run(request)
    assert again.dataset_id == first.dataset_id
    assert again.mined is not None


def test_a_contributor_registers_for_a_holder_only_with_the_holders_signature(desk: Desk) -> None:
    desk.wallet = documents.Key("contributor")
    request = desk.request(desk.takes(2))
    with pytest.raises(AuthorizationNeeded) as caught:
        desk.run(request)
    asked = registers.parse(Path(str(caught.value.facts["file"])).read_bytes())
    deadline = UnixSeconds(NOW + 1_000)
    with pytest.raises(OtherRegistration):
        registers.sign(asked.register, documents.Key("stranger"), desk.chain, deadline)
    signed = registers.sign(asked.register, documents.HOLDER, desk.chain, deadline)
    again = registers.parse(registers.encode(signed.register, signed.signature))
    outcome = desk.run(replace(request, authorization=again))
    assert desk.chain.datasets[outcome.dataset_id][0] == documents.HOLDER.address
    assert desk.chain.sent[0].function == "registerFor"


def test_a_signature_for_something_else_is_refused_before_it_is_sent(desk: Desk) -> None:
    desk.wallet = documents.Key("contributor")
    request = desk.request(desk.takes(2))
    with pytest.raises(AuthorizationNeeded) as caught:
        desk.run(request)
    asked = registers.parse(Path(str(caught.value.facts["file"])).read_bytes())
    signed = registers.sign(asked.register, documents.HOLDER, desk.chain, UnixSeconds(NOW + 1_000))
    with pytest.raises(OtherRegistration) as other:
        desk.run(replace(request, sources=desk.takes(1), authorization=signed))
    assert "items" in other.value.facts["fields"]  # type: ignore[operator]
    stolen = replace(signed, signature=documents.Key("thief").sign(documents.word("x")))
    with pytest.raises(BadSignature):
        desk.run(replace(request, authorization=stolen))
    assert desk.chain.sent == []


def test_many_takes_end_in_one_dataset(desk: Desk) -> None:
    outcome = desk.run(desk.request(desk.takes(120)))
    assert outcome.recordings == 120
    assert len(manifest_of(desk, outcome).tree().proof(manifest_of(desk, outcome).recordings[119].leaf())) in (6, 7)
