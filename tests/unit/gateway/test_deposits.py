"""Each refusal of a deposit, decided over ports: nothing is kept, nobody gets a report in another's name, no socket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.gateway import deposits
from indexer.gateway.deposits import DepositOfAnother, EnvelopeMissing, NotUploaded, OtherGateway
from indexer.gateway.node import SignatureNeeded
from provenance.app.publish.register import words
from provenance.domain import cid, events, refusal, typed
from provenance.domain.manifest import ForeignConsent, recording_id
from provenance.domain.messages import DepositAuthorization
from provenance.domain.sealed import Secret
from provenance.domain.signature import BadSignature
from provenance.errors import Invalid, Missing, ProvenanceError
from provenance.types import Bytes32, UnixSeconds
from tests import whole
from tests.documents import word
from tests.live_gateway import Package
from tests.unit.gateway.memory import Gateway, gateway


@pytest.fixture
def live() -> Gateway:
    return gateway()


def refused(live: Gateway, package: Package, name: str = "holder", **options: object) -> ProvenanceError:
    """The refusal of this deposit, after which nothing of it is on record."""
    before = dict(live.custody.datasets), list(live.custody.takes), dict(live.custody.keys)
    with pytest.raises(ProvenanceError) as caught:
        live.deposit(package, name, **options)
    assert (live.custody.datasets, live.custody.takes, live.custody.keys) == before
    return caught.value


def test_each_recording_gets_a_signed_report_and_repeating_it_changes_nothing(live: Gateway) -> None:
    package = live.package([b"good first", b"review second"])
    reports = live.deposit(package)
    assert [signed.report.recording_id for signed in reports] == [
        recording_id(live.dataset_id(package), index) for index in range(2)
    ]
    assert [signed.report.verdict for signed in reports] == [0, 1]
    for signed in reports:
        digest = typed.digest(live.node.deployment.domains.usage, signed.report)
        assert signed.signature == live.sign("operator", digest)
    assert live.deposit(package) == reports


def authorization(live: Gateway, package: Package, name: str = "holder", life_s: int = 100) -> DepositAuthorization:
    """The signature under the registration of this manifest."""
    deadline = UnixSeconds(live.now + life_s)
    struct = words(package.manifest, cid.of_raw(package.manifest.encode()), deadline)
    return DepositAuthorization(deadline, live.sign(name, typed.digest(live.node.deployment.domains.registry, struct)))


def test_a_stranger_gets_no_report_in_a_holders_name(live: Gateway) -> None:
    """Not for a manifest of its own making over the keys in custody, not for one that is deposited already."""
    victim = live.package([b"good take"])
    live.deposit(victim)
    renamed = victim.but(title="Buy from the thief")
    other_terms = replace(victim.terms, not_before=UnixSeconds(2))
    live.node.content.put(other_terms.encode())
    relicensed = victim.but(terms_cid=cid.of_raw(other_terms.encode()), terms_hash=other_terms.terms_hash)
    for package in (victim, renamed, relicensed):
        assert type(refused(live, package, "thief")) is DepositOfAnother
    assert type(refused(live, relicensed, "thief", authorization=authorization(live, relicensed, "thief"))) is (
        SignatureNeeded
    )
    live.deposit(relicensed)


def test_who_bears_the_holders_signature_deposits_for_it_until_its_deadline(live: Gateway) -> None:
    package = live.package([b"good take"])
    signed = authorization(live, package)
    other = live.package([b"good take"])
    assert type(refused(live, other, "licensee", authorization=signed)) is SignatureNeeded
    prolonged = replace(signed, deadline=UnixSeconds(signed.deadline + 1))
    assert type(refused(live, package, "licensee", authorization=prolonged)) is SignatureNeeded
    live.clock.seconds += 101
    assert type(refused(live, package, "licensee", authorization=signed)) is DepositOfAnother
    live.clock.seconds -= 101
    assert live.deposit(package, "licensee", authorization=signed) == live.deposit(package)


def test_a_contract_wallets_word_for_a_deposit_counts_once_it_is_on_chain(live: Gateway) -> None:
    package = live.package([b"good take"])
    unsigned = replace(authorization(live, package), signature=b"its own kind of signature")
    assert type(refused(live, package, "licensee", authorization=unsigned)) is SignatureNeeded
    struct = words(package.manifest, cid.of_raw(package.manifest.encode()), unsigned.deadline)
    digest = typed.digest(live.node.deployment.domains.registry, struct)
    live.facts.mine(events.DigestApproved(live.address("holder"), digest))
    live.deposit(package, "licensee", authorization=unsigned)


def test_who_holds_the_dataset_now_deposits_its_new_keys_and_nobody_else(live: Gateway) -> None:
    package = live.published([b"good take"])
    recording = package.manifest.recordings[0]
    secret = Secret(word("new key"), package.secrets[recording.sealed.header.object_id].salt)
    header = replace(recording.sealed.header, key_version=2)
    data, sealed = whole.seal(header, secret, package.plain[0])
    digest = cid.of_raw(data).digest
    live.facts.mine(
        events.DatasetTransferred(live.dataset_id(package), live.address("holder"), live.address("licensee")),
        events.ContentRotated(live.dataset_id(package), 0, digest, Bytes32(sealed.key_commitment), 2),
    )
    rotated = replace(recording, cid=cid.Cid("raw", digest), sealed=sealed)
    again = Package(
        replace(package.manifest, recordings=(rotated,)), package.terms, {}, {**package.secrets, header.object_id: secret}, []
    )  # fmt: skip
    object_id, manifest_cid = header.object_id, cid.of_raw(package.manifest.encode())
    envelopes = {object_id: live.envelopes(again, key_version=2)[object_id]}

    def deposit(name: str) -> object:
        return deposits.deposit(live.node, manifest_cid, envelopes, sender=live.address(name))

    with pytest.raises(DepositOfAnother):
        deposit("thief")
    with pytest.raises(NotUploaded):
        deposit("licensee")
    live.node.content.put(data)
    deposit("licensee")
    assert (object_id, 2) in live.custody.keys
    assert not live.node.content.has(recording.cid)


def test_another_gateways_manifest_is_refused(live: Gateway) -> None:
    assert type(refused(live, live.package([b"good take"]).but(gateway=live.address("thief")))) is OtherGateway


def test_other_words_about_the_same_recordings_are_another_dataset(live: Gateway) -> None:
    package = live.package([b"good take"])
    live.deposit(package)
    live.deposit(package.but(title="other words"))
    assert len(live.custody.datasets) == 2


def test_consents_are_the_holders_and_signed(live: Gateway) -> None:
    package = live.package([b"good take"])
    stolen = live.package([b"good take"], holder="thief", consents=list(package.manifest.consents))
    assert type(refused(live, stolen, "thief")) is ForeignConsent
    forged = replace(package.manifest.consents[0], signature=live.sign("thief", word("else")))
    assert type(refused(live, package.but(consents=(forged,)))) is BadSignature


def test_all_that_the_manifest_names_must_be_here_in_its_size(live: Gateway) -> None:
    package = live.package([b"good take"])
    for address in package.objects:
        lacking = Package(
            package.manifest, package.terms,
            {other: data for other, data in package.objects.items() if other != address}, package.secrets, package.plain,
        )  # fmt: skip
        live.node.content.remove(address)
        assert isinstance(refused(live, lacking), Missing)
    recording = replace(package.manifest.recordings[0], cid=package.manifest.private.cid)
    assert "the manifest says" in refused(live, package.but(recordings=(recording,))).detail


def test_terms_in_other_than_their_canonical_bytes_are_refused(live: Gateway) -> None:
    package = live.package([b"good take"])
    spaced = package.terms.encode() + b" "
    at = live.node.content.put(spaced)
    error = refused(live, package.but(terms_cid=at, terms_hash=at.digest))
    assert isinstance(error, Invalid)
    assert "canonical" in error.detail


def test_every_object_needs_the_key_that_the_manifest_commits_to(live: Gateway) -> None:
    package, other = live.package([b"good take"]), live.package([b"good take"])
    manifest_cid, envelopes = live.store(package), live.envelopes(package)
    object_id = package.manifest.recordings[0].sealed.header.object_id
    foreign = next(iter(live.envelopes(other).values()))
    for changed, code in (
        ({**envelopes, object_id: foreign}, "envelope-closed"),
        ({**envelopes, object_id: bytes(112)}, "envelope-closed"),
        ({**envelopes, object_id: b""}, EnvelopeMissing.code),
        ({name: key for name, key in envelopes.items() if name != object_id}, EnvelopeMissing.code),
    ):
        with pytest.raises(ProvenanceError) as caught:
            deposits.deposit(live.node, manifest_cid, changed, sender=live.address("holder"))
        assert caught.value.code == code
    assert live.custody.keys == {}


def test_unfit_takes_are_named_and_the_rest_can_go_on(live: Gateway) -> None:
    package = live.package([b"good take", b"reject take", b"no audio"])
    error = refused(live, package)
    assert type(error) is refusal.TakeRejected
    assert [row["index"] for row in error.facts["refused"]] == [2]  # type: ignore[union-attr,index]
    error = refused(live, package.but(recordings=package.manifest.recordings[:2]))
    assert [row["index"] for row in error.facts["refused"]] == [1]  # type: ignore[union-attr,index]
    live.deposit(package.but(recordings=package.manifest.recordings[:1]))


def test_another_holders_registered_audio_is_a_duplicate_unless_disputed(live: Gateway) -> None:
    first = live.published([b"good first", b"good second"])
    copied = live.package([b"good own", b"good second"], holder="thief")
    error = refused(live, copied, "thief")
    assert type(error) is refusal.DuplicateOf
    assert [(row["index"], row["recording"]) for row in error.facts["refused"]] == [(1, 1)]  # type: ignore[union-attr,index]
    assert error.facts["dataset"] == "0x" + live.dataset_id(first).hex()
    live.deposit(copied, "thief", dispute=(1,))
    live.deposit(live.package([b"good second"]))
