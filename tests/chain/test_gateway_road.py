"""Leases over real HTTP beside a real chain: who gets which key, and who is told why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from indexer.gateway.leases import AccessNotRecorded, BindingSuperseded, LeaseOver, NonceUsed, StaleRequest
from provenance.domain import refusal
from provenance.domain.signature import BadSignature
from provenance.errors import ProvenanceError
from provenance.types import ZERO32, Bytes32, UnixSeconds
from tests.desk import Desk, Package, desk, speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World


@pytest.fixture(scope="module")
def counter(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(chain_world, tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture(scope="module")
def published(counter: Desk) -> Package:
    """Two takes: the first of one voice, the second of another."""
    consents = [counter.consent(voice="voice"), counter.consent(voice="voice-2")]
    return counter.published([speech(1), speech(2)], consents=consents)


@pytest.fixture(scope="module")
def license_(counter: Desk, published: Package) -> Bytes32:
    return counter.license(published)


def refused(counter: Desk, package: Package, of: Bytes32, indexes: tuple[int, ...] = (0,), **ask: object):
    with pytest.raises(ProvenanceError) as caught:
        counter.open(package, of, indexes, **ask)
    return caught.value


def test_a_licensee_decrypts_exactly_the_audio_once_its_access_is_on_chain(
    counter: Desk, published: Package, license_: Bytes32
) -> None:
    access = counter.open(published, license_, (0, 1))
    with pytest.raises(AccessNotRecorded):
        counter.client("licensee").envelopes(access.id)
    counter.record(published, license_, access.id, 2)
    envelopes = counter.client("licensee").envelopes(access.id)
    assert [counter.plain(published, license_, one) for one in envelopes] == published.plain
    rows = counter.client().listing("accesses", license="0x" + license_.hex()).rows
    assert rows[-1]["accessId"] == "0x" + access.id.hex()
    assert rows[-1]["recorded"]["tx"].startswith("0x")


def test_an_access_recorded_for_fewer_recordings_or_another_purpose_opens_nothing(
    counter: Desk, published: Package, license_: Bytes32
) -> None:
    access = counter.open(published, license_, (0, 1))
    counter.record(published, license_, access.id, 1)
    counter.record(published, license_, access.id, 2, purpose=0b100)
    with pytest.raises(AccessNotRecorded):
        counter.client("licensee").envelopes(access.id)


def test_a_lease_is_nobody_elses(counter: Desk, published: Package, license_: Bytes32) -> None:
    access = counter.open(published, license_, (0,))
    counter.record(published, license_, access.id, 1)
    with pytest.raises(refusal.WrongLicensee):
        counter.client("thief").envelopes(access.id)
    with pytest.raises(refusal.ProvenanceError, match="no lease"):
        counter.client("licensee").envelopes(Bytes32(b"\x01" * 32))


def test_the_same_request_gets_the_same_lease(counter: Desk, published: Package, license_: Bytes32) -> None:
    ask = counter.ask(published, license_, (1,))
    first = counter.client("licensee").open_access(**ask)
    assert counter.client("licensee").open_access(**ask) == first


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"purpose": 1}, refusal.PurposeNotLicensed),
        ({"territory": b"US"}, refusal.TerritoryNotLicensed),
        ({"license_id": ZERO32}, refusal.UnknownLicense),
        ({"name": "thief"}, refusal.WrongLicensee),
    ],
)
def test_a_refusal_names_its_reason_and_is_recorded(
    counter: Desk, published: Package, license_: Bytes32, changes: dict[str, object], expected: type[ProvenanceError]
) -> None:
    error = refused(counter, published, license_, **changes)
    assert type(error) is expected
    assert error.exit_status == 5
    license_id = Bytes32(changes.get("license_id", license_))
    rows = counter.client().listing("refusals", license="0x" + license_id.hex()).rows
    assert (rows[-1]["code"], rows[-1]["step"]) == (expected.code, "open")
    assert error.facts["license"] == "0x" + license_id.hex()


def test_what_is_wrong_whatever_the_state_is_invalid(counter: Desk, published: Package, license_: Bytes32) -> None:
    for changes in (
        {"purpose": 0b110},
        {"purpose": 1 << 20},
        {"purpose": 0},
        {"territory": b"de"},
        {"recordings_root": ZERO32},
        {"key_binding": ZERO32},
    ):
        assert refused(counter, published, license_, **changes).exit_status == 2, changes
    assert refused(counter, published, license_, (0, 0)).exit_status == 2
    assert refused(counter, published, license_, ()).exit_status == 2


def test_a_recording_that_is_not_there_refuses_the_request(
    counter: Desk, published: Package, license_: Bytes32
) -> None:
    error = refused(counter, published, license_, (0, 7))
    assert type(error) is refusal.UnknownRecording
    assert [one["recording"] for one in error.facts["refused"]] == [7]


def test_replays_and_old_keys_are_refused(counter: Desk, published: Package, license_: Bytes32) -> None:
    first = counter.ask(published, license_, (0,), binding=counter.binding(nonce=3))
    counter.client("licensee").open_access(**first)
    again = counter.ask(published, license_, (1,), binding=counter.binding(nonce=3), nonce=first["request"].nonce)
    with pytest.raises(NonceUsed):
        counter.client("licensee").open_access(**again)
    with pytest.raises(BindingSuperseded):
        counter.open(published, license_, (0,), binding=counter.binding(nonce=2))
    assert (
        type(
            refused(
                counter, published, license_, deadline=UnixSeconds(counter.now - 1), binding=counter.binding(nonce=3)
            )
        )
        is StaleRequest
    )
    day = UnixSeconds(counter.now + 86_400)
    assert type(refused(counter, published, license_, deadline=day, binding=counter.binding(nonce=3))) is StaleRequest


def test_a_signature_of_another_key_or_chain_is_refused(counter: Desk, published: Package, license_: Bytes32) -> None:
    ask = counter.ask(published, license_, (0,), binding=counter.binding(nonce=3))
    with pytest.raises(BadSignature):
        counter.client("licensee").open_access(**{**ask, "signature": counter.sign("thief", ZERO32)})
    with pytest.raises(BadSignature):
        counter.client("licensee").open_access(**{**ask, "binding_signature": counter.sign("thief", ZERO32)})
    other = replace(counter.node.deployment.domains.access, chain_id=1)
    from provenance.domain import typed

    with pytest.raises(BadSignature):
        counter.client("licensee").open_access(
            **{**ask, "signature": counter.sign("licensee", typed.digest(other, ask["request"]))}
        )


def fresh(counter: Desk, seed: int, count: int = 1) -> tuple[Package, Bytes32]:
    """A dataset and a license of its own, for what cannot be undone."""
    voices = [counter.consent(voice=name) for name in ("voice", "voice-2")[:count]]
    package = counter.published([speech(seed + i) for i in range(count)], consents=voices)
    return package, counter.license(package)


def test_one_voice_withdraws_and_her_recordings_alone_are_closed(counter: Desk) -> None:
    package, license_id = fresh(counter, 10, count=2)
    binding = counter.binding(nonce=3)
    access = counter.open(package, license_id, (0, 1), binding=binding)
    counter.record(package, license_id, access.id, 2)
    consent_id = package.manifest.recordings[0].consent_ids[0]
    counter.send("thief", "ConsentRegistry", "revokeConsent", consent_id, ZERO32)
    counter.client("licensee").envelopes(access.id)
    counter.send("voice", "ConsentRegistry", "revokeConsent", consent_id, ZERO32)
    with pytest.raises(refusal.ConsentWithdrawn) as caught:
        counter.client("licensee").envelopes(access.id)
    assert caught.value.facts["consent"] == "0x" + consent_id.hex()
    error = refused(counter, package, license_id, (0, 1), binding=binding)
    assert [(one["recording"], one["code"]) for one in error.facts["refused"]] == [(0, "consent-withdrawn")]
    other = counter.open(package, license_id, (1,), binding=binding)
    counter.record(package, license_id, other.id, 1)
    (envelope,) = counter.client("licensee").envelopes(other.id)
    assert counter.plain(package, license_id, envelope) == package.plain[1]
    steps = [one["step"] for one in counter.client().listing("refusals", license="0x" + license_id.hex()).rows]
    assert steps == ["release", "open"]
    (row,) = counter.client().listing("consents", consent="0x" + consent_id.hex()).rows
    assert row["state"] == "WITHDRAWN"


def test_a_guardians_suspension_closes_the_dataset_and_its_lift_opens_it(counter: Desk) -> None:
    package, license_id = fresh(counter, 20)
    binding, dataset = counter.binding(nonce=3), counter.dataset_id(package)
    counter.send("guardian", "DatasetRegistry", "setStatus", dataset, 4, b"\x07" * 32)
    assert type(refused(counter, package, license_id, binding=binding)) is refusal.DatasetHalted
    (row,) = counter.client().listing("licenses", license="0x" + license_id.hex()).rows
    assert row["state"] == "SUSPENDED"
    counter.send("guardian", "DatasetRegistry", "setStatus", dataset, 1, b"\x08" * 32)
    counter.open(package, license_id, (0,), binding=binding)


def test_a_holders_suspension_closes_no_license(counter: Desk) -> None:
    package, license_id = fresh(counter, 30)
    counter.send("holder", "DatasetRegistry", "setStatus", counter.dataset_id(package), 2, ZERO32)
    counter.open(package, license_id, (0,), binding=counter.binding(nonce=3))


def test_a_license_ends_by_termination_or_by_time(counter: Desk, published: Package) -> None:
    binding = counter.binding(nonce=3)
    ended = counter.license(published)
    counter.send("licensee", "DataAccess", "terminate", counter.dataset_id(published), ended, ZERO32)
    assert type(refused(counter, published, ended, binding=binding)) is refusal.LicenseEnded
    short = counter.license(published, expiry=counter.now + 1_000)
    counter.open(published, short, (0,), binding=binding)
    move(counter, 1_000)
    assert type(refused(counter, published, short, binding=binding)) is refusal.LicenseExpired


def test_a_lease_is_short(counter: Desk, published: Package, license_: Bytes32) -> None:
    access = counter.open(published, license_, (0,), binding=counter.binding(nonce=3))
    counter.record(published, license_, access.id, 1)
    counter.client("licensee").envelopes(access.id)
    move(counter, access.access.valid_until - counter.now + 1)
    with pytest.raises(LeaseOver):
        counter.client("licensee").envelopes(access.id)


def test_an_offer_stands_in_the_catalogue_only_while_it_can_be_accepted(counter: Desk, published: Package) -> None:
    from indexer.gateway.offers import OfferNotCurrent
    from provenance.domain.offer import SignedOffer
    from provenance.domain.rules.terms import BroaderThanTerms

    offer = counter.offer(published)
    counter.client().publish_offer(offer.encode())
    shown = counter.client().listing("offers", dataset="0x" + counter.dataset_id(published).hex()).rows
    assert SignedOffer.parse(offer.encode()).offer.nonce == int(shown[-1]["offer"]["nonce"])
    for changes, error in (
        ({"purposes": 0b111}, BroaderThanTerms),
        ({"deadline": UnixSeconds(counter.now - 10)}, OfferNotCurrent),
        ({"name": "thief"}, OfferNotCurrent),
    ):
        with pytest.raises(error):
            counter.client().publish_offer(counter.offer(published, **changes).encode())
    with pytest.raises(BadSignature):
        counter.client().publish_offer(replace(offer, signature=counter.sign("thief", ZERO32)).encode())


def test_the_gateway_decides_nothing_on_old_facts(counter: Desk, published: Package, license_: Bytes32) -> None:
    from indexer.gateway.node import MirrorBehind

    counter.settle_down()
    counter.follows.clear()
    try:
        counter.world.chain.node.rpc.call("anvil_mine", 3)
        object.__setattr__(counter.node, "wait_s", 0.2)
        ask = counter.ask(published, license_, (0,), binding=counter.binding(nonce=3))
        with pytest.raises(MirrorBehind):
            counter.client("licensee").open_access(**ask)
        with pytest.raises(MirrorBehind):
            counter.client().ready()
    finally:
        object.__setattr__(counter.node, "wait_s", 5.0)
        counter.follows.set()
    counter.settle_down()
    assert counter.client().ready()["status"] == "ready"


def move(counter: Desk, seconds: int) -> None:
    counter.world.chain.node.rpc.call("evm_increaseTime", seconds)
    counter.world.chain.node.rpc.call("anvil_mine", 1)
