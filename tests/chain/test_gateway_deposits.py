"""What the gateway takes, and what it refuses, naming each recording."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.gateway.deposits import EnvelopeMissing, NotUploaded, OtherGateway
from indexer.gateway.node import SignatureNeeded
from provenance.domain import audio, fields, refusal, typed
from provenance.domain.manifest import recording_id
from provenance.domain.signature import BadSignature
from provenance.errors import ProvenanceError
from provenance.types import Bytes32
from tests import whole
from tests.live_gateway import LiveGateway, live_gateway, speech, wav

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(chain_world, tmp_path_factory.mktemp("gateway")) as made:
        yield made


def test_every_recording_gets_a_signed_report_of_what_the_gateway_heard_itself(live: LiveGateway) -> None:
    package = live.package([speech(1), speech(2, seconds=0.3)])
    reports = live.deposit(package)
    assert [one.report.recording_id for one in reports] == [
        recording_id(live.dataset_id(package), index) for index in range(2)
    ]
    assert all(one.report.verdict == 0 for one in reports)
    assert len({one.report.cluster for one in reports}) == 2
    quality = live.node.content.get_digest(reports[0].report.metrics_digest)[1]
    assert b'"durationMs":2000' in quality
    assert live.deposit(package) == reports


def test_each_object_is_opened_once(live: LiveGateway) -> None:
    package = live.package([speech(3), speech(4)])
    live.deposit(package)
    known = package.manifest.recordings[0]
    object_id = known.sealed.header.object_id
    judged = live.node.custody.judged([object_id])
    smaller = replace(package.manifest, recordings=(known,))
    live.node.content.remove(known.cid)
    live.put(package)
    live.client("holder").deposit(smaller.encode(), {})
    assert live.node.custody.judged([object_id]) == judged


def test_the_same_audio_of_another_holder_names_the_earlier_dataset(live: LiveGateway) -> None:
    first = live.published([speech(5), speech(6)])
    own = live.package([speech(5)], holder="holder")
    live.deposit(own)
    copied = live.package([speech(7), speech(6), speech(5)], holder="thief")
    with pytest.raises(refusal.DuplicateOf) as caught:
        live.deposit(copied, "thief")
    rows = caught.value.facts["refused"]
    assert [(one["index"], one["recording"]) for one in rows] == [(1, 1), (2, 0)]
    assert {one["dataset"] for one in rows} == {fields.shown(live.dataset_id(first))}
    assert caught.value.exit_status == 7
    assert caught.value.detail == "another holder registered 2 recordings before"
    with pytest.raises(refusal.DuplicateOf, match="registered 1 recording before"):
        live.deposit(copied, "thief", dispute=(1,))
    reports = live.deposit(copied, "thief", dispute=(1, 2))
    first_reports = live.deposit(first)
    assert reports[2].report.cluster == first_reports[0].report.cluster


def test_a_report_is_anchored_only_once_its_dataset_is_registered(live: LiveGateway) -> None:
    def waiting() -> set[bytes]:
        live.settle_down()
        return {row.dataset_id for row in live.node.usage.pending().reports}

    package = live.package([speech(10)])
    live.deposit(package)
    assert live.dataset_id(package) not in waiting()
    live.register(package)
    assert live.dataset_id(package) in waiting()


def test_an_unregistered_deposit_blocks_nobody(live: LiveGateway) -> None:
    live.deposit(live.package([speech(8)], holder="thief"), "thief")
    live.published([speech(8)])


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
def test_an_unfit_take_is_named_and_the_rest_can_go_on(live: LiveGateway, plain: bytes, code: str) -> None:
    package = live.package([speech(1), plain])
    with pytest.raises(refusal.TakeRejected) as caught:
        live.deposit(package)
    (row,) = caught.value.facts["refused"]
    assert (row["index"], row["code"]) == (1, code)
    live.deposit(package.but(recordings=package.manifest.recordings[:1]))


def test_a_review_is_reported_and_not_refused(live: LiveGateway) -> None:
    loud = np.frombuffer(speech(11)[44:], dtype="<i2").astype(float) / 32_768
    take = np.rint(loud[:, None] * 2**31).astype(np.int32)
    quieter_db = -43_500 - audio.judge(take, 8_000).loudness_milli_db
    (report,) = live.deposit(live.package([wav(loud * 10 ** (quieter_db / 20_000))]))
    assert report.report.verdict == audio.CODE_BY_VERDICT["review"]


def test_nothing_is_judged_by_another_key_than_the_committed_one(live: LiveGateway) -> None:
    package = live.package([speech(12)])
    envelopes = live.envelopes(package)
    gateway = live.put(package)
    object_id = package.manifest.recordings[0].sealed.header.object_id
    other = live.package([speech(12)])
    foreign = next(iter(live.envelopes(other).values()))
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


def test_what_the_manifest_names_must_be_there_in_its_size(live: LiveGateway) -> None:
    package = live.package([speech(13)])
    with pytest.raises(NotUploaded):
        live.client("holder").deposit(package.manifest.encode(), live.envelopes(package))
    other = replace(package.manifest.recordings[0], cid=package.manifest.private.cid)
    with pytest.raises(ProvenanceError, match="the manifest says"):
        live.deposit(package.but(recordings=(other,)))


def test_a_tampered_ciphertext_is_refused_by_its_index(live: LiveGateway) -> None:
    package = live.package([speech(14)])
    recording = package.manifest.recordings[0]
    data = bytearray(package.objects.pop(recording.cid))
    data[100] ^= 1
    at = live.node.content.put(bytes(data))
    package.objects[at] = bytes(data)
    changed = package.but(recordings=(replace(recording, cid=at),))
    with pytest.raises(refusal.TakeRejected) as caught:
        live.deposit(changed)
    assert caught.value.facts["refused"][0]["code"] in ("segment-tampered", "envelope-closed")


def test_another_gateways_manifest_and_foreign_consents_are_refused(live: LiveGateway) -> None:
    package = live.package([speech(15)])
    with pytest.raises(OtherGateway):
        live.deposit(package.but(gateway=live.address("thief")))
    stolen = live.package([speech(15)], holder="thief", consents=list(package.manifest.consents))
    with pytest.raises(ProvenanceError) as caught:
        live.deposit(stolen, "thief")
    assert caught.value.code == "foreign-consent"
    forged = replace(package.manifest.consents[0], signature=live.sign("thief", Bytes32(b"\x01" * 32)))
    with pytest.raises(BadSignature):
        live.deposit(package.but(consents=(forged,)))


def test_no_key_is_in_the_clear_anywhere(live: LiveGateway) -> None:
    package = live.package([speech(16)])
    live.deposit(package)
    folder = live.node.content._root.parent
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in package.secrets.values():
        assert secret.cek not in written
        assert secret.salt not in written
        assert secret.cek.hex().encode() not in written


def test_sealed_audio_is_for_its_holder_and_who_leased_it(live: LiveGateway) -> None:
    package = live.published([speech(17)])
    at = package.manifest.recordings[0].cid
    assert whole.fetch(live.client("holder"), at) == package.objects[at]
    for name in (None, "licensee", "thief"):
        with pytest.raises(ProvenanceError) as caught:
            whole.fetch(live.client(name), at)
        assert caught.value.code == "sealed-content"
    license_ = live.license(package)
    access = live.open(package, license_, (0,))
    with pytest.raises(ProvenanceError):
        whole.fetch(live.client("licensee"), at)
    live.record(package, license_, access.id, 1)
    live.settle_down()
    assert whole.fetch(live.client("licensee"), at) == package.objects[at]
    for public in (package.manifest.terms_cid, *(one for one in package.objects if package.objects[one][:1] == b"{")):
        assert whole.fetch(live.client(), public) == package.objects[public]


def test_two_deposits_of_one_manifest_at_once_are_one(live: LiveGateway) -> None:
    package = live.package([speech(18), speech(19)])
    live.put(package)
    envelopes, found = live.envelopes(package), []

    def one() -> None:
        found.append(live.client("holder").deposit(package.manifest.encode(), envelopes))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]


def test_the_catalogue_shows_what_is_registered_and_finds_it_by_any_case(live: LiveGateway) -> None:
    package = live.published([speech(20)])
    dataset = fields.shown(live.dataset_id(package))
    shown = live.client().listing("datasets", q="ГОЛОС ёлка").rows
    row = next(one for one in shown if one["datasetId"] == dataset)
    assert (row["status"], row["title"], row["items"]) == ("ACTIVE", "Голос 声音 🎙", 1)
    assert live.client().listing("datasets", q="нет такого").rows == ()
    (recording,) = live.client().listing("recordings", dataset=dataset).rows
    assert recording["quality"]["verdict"] == "pass"
    assert fields.word(recording, "recordingId") == recording_id(live.dataset_id(package), 0)
    listing = live.client().listing("events", about=dataset)
    assert [one["event"] for one in listing.rows] == ["DatasetRegistered"]
    head = live.node.history.head()
    assert listing.block <= head.number


def test_another_manifest_of_the_same_recordings_takes_no_datasets_place(live: LiveGateway) -> None:
    """Whoever deposits it first, before or after the registration: the dataset's id is that of its own manifest."""
    package = live.package([speech(21)])
    retold = package.but(title="another title")
    live.deposit(retold)
    live.deposit(package)
    live.register(package)
    live.deposit(package.but(title="a third title"))
    assert len({live.dataset_id(package), live.dataset_id(retold)}) == 2
    [shown] = live.client().listing("datasets", dataset=fields.shown(live.dataset_id(package))).rows
    assert shown["title"] == package.manifest.title
    assert live.open(package, live.license(package), (0,))


def test_a_contract_wallets_word_counts_once_it_is_on_chain(live: LiveGateway) -> None:
    package = live.published([speech(22)])
    license_ = live.license(package)
    ask = {**live.ask(package, license_, (0,)), "signature": b"", "binding_signature": b""}
    with pytest.raises(SignatureNeeded):
        live.client("licensee").open_access(**ask)
    domain = live.node.deployment.domains.access
    for digest in (typed.digest(domain, ask["request"]), typed.digest(domain, ask["binding"])):
        live.send("licensee", "ConsentRegistry", "approveDigest", digest)
    live.settle_down()
    live.client("licensee").open_access(**ask)
