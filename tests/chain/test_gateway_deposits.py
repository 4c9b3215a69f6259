"""What does the gateway take, and what does it refuse, naming each recording?"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.gateway.deposits import EnvelopeMissing, NotUploaded, OtherGateway, OtherManifest
from indexer.gateway.node import SignatureNeeded
from provenance.domain import audio, fields, refusal, typed
from provenance.domain.manifest import recording_id
from provenance.domain.signature import BadSignature
from provenance.errors import ProvenanceError
from provenance.types import Bytes32
from tests import whole
from tests.desk import Desk, desk, speech, wav

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World


@pytest.fixture(scope="module")
def counter(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(chain_world, tmp_path_factory.mktemp("desk")) as made:
        yield made


def test_every_recording_gets_a_signed_report_of_what_the_gateway_heard_itself(counter: Desk) -> None:
    package = counter.package([speech(1), speech(2, seconds=0.3)])
    reports = counter.deposit(package)
    assert [one.report.recording_id for one in reports] == [
        recording_id(counter.dataset_id(package), index) for index in range(2)
    ]
    assert all(one.report.verdict == 0 for one in reports)
    assert len({one.report.cluster for one in reports}) == 2
    quality = counter.node.content.get_digest(reports[0].report.metrics_digest)[1]
    assert b'"durationMs":2000' in quality
    assert counter.deposit(package) == reports


def test_each_object_is_opened_once(counter: Desk) -> None:
    package = counter.package([speech(3), speech(4)])
    counter.deposit(package)
    known = package.manifest.recordings[0]
    object_id = known.sealed.header.object_id
    judged = counter.node.custody.judged([object_id])
    smaller = replace(package.manifest, recordings=(known,))
    counter.node.content.remove(known.cid)
    counter.put(package)
    counter.client("holder").deposit(smaller.encode(), {})
    assert counter.node.custody.judged([object_id]) == judged


def test_the_same_audio_of_another_holder_names_the_earlier_dataset(counter: Desk) -> None:
    first = counter.published([speech(5), speech(6)])
    own = counter.package([speech(5)], holder="holder")
    counter.deposit(own)
    copied = counter.package([speech(7), speech(6), speech(5)], holder="thief")
    with pytest.raises(refusal.DuplicateOf) as caught:
        counter.deposit(copied, "thief")
    rows = caught.value.facts["refused"]
    assert [(one["index"], one["recording"]) for one in rows] == [(1, 1), (2, 0)]
    assert {one["dataset"] for one in rows} == {fields.shown(counter.dataset_id(first))}
    assert caught.value.exit_status == 7
    assert caught.value.detail == "another holder registered 2 recordings before"
    with pytest.raises(refusal.DuplicateOf, match="registered 1 recording before"):
        counter.deposit(copied, "thief", dispute=(1,))
    reports = counter.deposit(copied, "thief", dispute=(1, 2))
    first_reports = counter.deposit(first)
    assert reports[2].report.cluster == first_reports[0].report.cluster


def test_a_report_is_anchored_only_once_its_dataset_is_registered(counter: Desk) -> None:
    def waiting() -> set[bytes]:
        counter.settle_down()
        return {row.dataset_id for row in counter.node.usage.pending().reports}

    package = counter.package([speech(10)])
    counter.deposit(package)
    assert counter.dataset_id(package) not in waiting()
    counter.register(package)
    assert counter.dataset_id(package) in waiting()


def test_an_unregistered_deposit_blocks_nobody(counter: Desk) -> None:
    counter.deposit(counter.package([speech(8)], holder="thief"), "thief")
    counter.published([speech(8)])


@pytest.mark.parametrize(
    ("plain", "code"),
    [
        (wav(np.zeros(16_000)), "take-rejected"),
        (wav(np.random.default_rng(1).normal(0, 0.4, 16_000)), "take-rejected"),
        (b"PK\x03\x04" + b"\0" * 1_000, "unreadable-audio"),
        (b"", "unreadable-audio"),
        (speech(9)[:400], "unreadable-audio"),
    ],
)
def test_an_unfit_take_is_named_and_the_rest_can_go_on(counter: Desk, plain: bytes, code: str) -> None:
    package = counter.package([speech(1), plain])
    with pytest.raises(refusal.TakeRejected) as caught:
        counter.deposit(package)
    (row,) = caught.value.facts["refused"]
    assert (row["index"], row["code"]) == (1, code)
    counter.deposit(package.but(recordings=package.manifest.recordings[:1]))


def test_a_review_is_reported_and_not_refused(counter: Desk) -> None:
    loud = np.frombuffer(speech(11)[44:], dtype="<i2").astype(float) / 32_768
    take = np.rint(loud[:, None] * 2**31).astype(np.int32)
    quieter_db = -43_500 - audio.judge(take, 8_000).loudness_milli_db
    (report,) = counter.deposit(counter.package([wav(loud * 10 ** (quieter_db / 20_000))]))
    assert report.report.verdict == audio.CODE_BY_VERDICT["review"]


def test_nothing_is_judged_by_another_key_than_the_committed_one(counter: Desk) -> None:
    package = counter.package([speech(12)])
    envelopes = counter.envelopes(package)
    gateway = counter.put(package)
    object_id = package.manifest.recordings[0].sealed.header.object_id
    other = counter.package([speech(12)])
    foreign = next(iter(counter.envelopes(other).values()))
    for changed, expected in (
        ({**envelopes, object_id: foreign}, "envelope-closed"),
        ({**envelopes, object_id: bytes(32 + 64 + 16)}, "envelope-closed"),
        ({**envelopes, object_id: b""}, "envelope-missing"),
    ):
        with pytest.raises(ProvenanceError) as caught:
            gateway.deposit(package.manifest.encode(), changed)
        assert caught.value.code == expected
    del envelopes[object_id]
    with pytest.raises(EnvelopeMissing):
        gateway.deposit(package.manifest.encode(), envelopes)


def test_what_the_manifest_names_must_be_there_in_its_size(counter: Desk) -> None:
    package = counter.package([speech(13)])
    with pytest.raises(NotUploaded):
        counter.client("holder").deposit(package.manifest.encode(), counter.envelopes(package))
    other = replace(package.manifest.recordings[0], cid=package.manifest.private.cid)
    with pytest.raises(ProvenanceError, match="the manifest says"):
        counter.deposit(package.but(recordings=(other,)))


def test_a_tampered_ciphertext_is_refused_by_its_index(counter: Desk) -> None:
    package = counter.package([speech(14)])
    recording = package.manifest.recordings[0]
    data = bytearray(package.objects.pop(recording.cid))
    data[100] ^= 1
    at = counter.node.content.put(bytes(data))
    package.objects[at] = bytes(data)
    changed = package.but(recordings=(replace(recording, cid=at),))
    with pytest.raises(refusal.TakeRejected) as caught:
        counter.deposit(changed)
    assert caught.value.facts["refused"][0]["code"] in ("segment-tampered", "envelope-closed")


def test_another_gateways_manifest_and_foreign_consents_are_refused(counter: Desk) -> None:
    package = counter.package([speech(15)])
    with pytest.raises(OtherGateway):
        counter.deposit(package.but(gateway=counter.address("thief")))
    stolen = counter.package([speech(15)], holder="thief", consents=list(package.manifest.consents))
    with pytest.raises(ProvenanceError) as caught:
        counter.deposit(stolen, "thief")
    assert caught.value.code == "foreign-consent"
    forged = replace(package.manifest.consents[0], signature=counter.sign("thief", Bytes32(b"\x01" * 32)))
    with pytest.raises(BadSignature):
        counter.deposit(package.but(consents=(forged,)))


def test_no_key_is_in_the_clear_anywhere(counter: Desk) -> None:
    package = counter.package([speech(16)])
    counter.deposit(package)
    folder = counter.node.content._root.parent
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in package.secrets.values():
        assert secret.cek not in written
        assert secret.salt not in written
        assert secret.cek.hex().encode() not in written


def test_sealed_audio_is_for_its_holder_and_who_leased_it(counter: Desk) -> None:
    package = counter.published([speech(17)])
    at = package.manifest.recordings[0].cid
    assert whole.fetch(counter.client("holder"), at) == package.objects[at]
    for name in (None, "licensee", "thief"):
        with pytest.raises(ProvenanceError) as caught:
            whole.fetch(counter.client(name), at)
        assert caught.value.code == "sealed-content"
    license_ = counter.license(package)
    access = counter.open(package, license_, (0,))
    with pytest.raises(ProvenanceError):
        whole.fetch(counter.client("licensee"), at)
    counter.record(package, license_, access.id, 1)
    counter.settle_down()
    assert whole.fetch(counter.client("licensee"), at) == package.objects[at]
    for public in (package.manifest.terms_cid, *(one for one in package.objects if package.objects[one][:1] == b"{")):
        assert whole.fetch(counter.client(), public) == package.objects[public]


def test_two_deposits_of_one_manifest_at_once_are_one(counter: Desk) -> None:
    package = counter.package([speech(18), speech(19)])
    counter.put(package)
    envelopes, found = counter.envelopes(package), []

    def one() -> None:
        found.append(counter.client("holder").deposit(package.manifest.encode(), envelopes))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]


def test_the_catalogue_shows_what_is_registered_and_finds_it_by_any_case(counter: Desk) -> None:
    package = counter.published([speech(20)])
    dataset = fields.shown(counter.dataset_id(package))
    shown = counter.client().listing("datasets", q="ГОЛОС ёлка").rows
    row = next(one for one in shown if one["datasetId"] == dataset)
    assert (row["status"], row["title"], row["items"]) == ("ACTIVE", "Голос 声音 🎙", 1)
    assert counter.client().listing("datasets", q="нет такого").rows == ()
    (recording,) = counter.client().listing("recordings", dataset=dataset).rows
    assert recording["quality"]["verdict"] == "pass"
    assert fields.word(recording, "recordingId") == recording_id(counter.dataset_id(package), 0)
    listing = counter.client().listing("events", about=dataset)
    assert [one["event"] for one in listing.rows] == ["DatasetRegistered"]
    head = counter.node.history.head()
    assert listing.block <= head.number


def test_one_dataset_has_one_manifest_here_and_on_chain(counter: Desk) -> None:
    package = counter.package([speech(21)])
    counter.deposit(package)
    retold = package.but(title="another title")
    with pytest.raises(OtherManifest):
        counter.deposit(retold)
    counter.register(retold)
    with pytest.raises(refusal.UnknownDataset):
        counter.open(package, counter.license(package), (0,))


def test_a_contract_wallets_word_counts_once_it_is_on_chain(counter: Desk) -> None:
    package = counter.published([speech(22)])
    license_ = counter.license(package)
    ask = {**counter.ask(package, license_, (0,)), "signature": b"", "binding_signature": b""}
    with pytest.raises(SignatureNeeded):
        counter.client("licensee").open_access(**ask)
    domain = counter.node.deployment.domains.access
    for digest in (typed.digest(domain, ask["request"]), typed.digest(domain, ask["binding"])):
        counter.send("licensee", "ConsentRegistry", "approveDigest", digest)
    counter.settle_down()
    counter.client("licensee").open_access(**ask)
