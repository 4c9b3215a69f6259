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
from tests.live_gateway import LiveGateway, Package, live_gateway, speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(chain_world, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(scope="module")
def published(live: LiveGateway) -> Package:
    """Two takes: the first of one voice, the second of another."""
    consents = [live.consent(voice="voice"), live.consent(voice="voice-2")]
    return live.published([speech(1), speech(2)], consents=consents)


@pytest.fixture(scope="module")
def license_(live: LiveGateway, published: Package) -> Bytes32:
    return live.license(published)


def refused(live: LiveGateway, package: Package, of: Bytes32, indexes: tuple[int, ...] = (0,), **ask: object):
    with pytest.raises(ProvenanceError) as caught:
        live.open(package, of, indexes, **ask)
    return caught.value


def test_a_licensee_decrypts_exactly_the_audio_once_its_access_is_on_chain(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    access = live.open(published, license_, (0, 1))
    with pytest.raises(AccessNotRecorded):
        live.client("licensee").envelopes(access.id)
    live.record(published, license_, access.id, 2)
    envelopes = live.client("licensee").envelopes(access.id)
    assert [live.plain(published, license_, one) for one in envelopes] == published.plain
    rows = live.client().listing("accesses", license="0x" + license_.hex()).rows
    assert rows[-1]["accessId"] == "0x" + access.id.hex()
    assert rows[-1]["recorded"]["tx"].startswith("0x")


def test_an_access_recorded_for_fewer_recordings_or_another_purpose_opens_nothing(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    access = live.open(published, license_, (0, 1))
    live.record(published, license_, access.id, 1)
    live.record(published, license_, access.id, 2, purpose=0b100)
    with pytest.raises(AccessNotRecorded):
        live.client("licensee").envelopes(access.id)


def test_a_lease_is_nobody_elses(live: LiveGateway, published: Package, license_: Bytes32) -> None:
    access = live.open(published, license_, (0,))
    live.record(published, license_, access.id, 1)
    with pytest.raises(refusal.WrongLicensee):
        live.client("thief").envelopes(access.id)
    with pytest.raises(refusal.ProvenanceError, match="no lease"):
        live.client("licensee").envelopes(Bytes32(b"\x01" * 32))


def test_the_same_request_gets_the_same_lease(live: LiveGateway, published: Package, license_: Bytes32) -> None:
    ask = live.ask(published, license_, (1,))
    first = live.client("licensee").open_access(**ask)
    assert live.client("licensee").open_access(**ask) == first


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
    live: LiveGateway,
    published: Package,
    license_: Bytes32,
    changes: dict[str, object],
    expected: type[ProvenanceError],
) -> None:
    error = refused(live, published, license_, **changes)
    assert type(error) is expected
    assert error.exit_status == 5
    license_id = Bytes32(changes.get("license_id", license_))
    rows = live.client().listing("refusals", license="0x" + license_id.hex()).rows
    assert (rows[-1]["code"], rows[-1]["step"]) == (expected.code, "open")
    assert error.facts["license"] == "0x" + license_id.hex()


def test_what_is_wrong_whatever_the_state_is_invalid(live: LiveGateway, published: Package, license_: Bytes32) -> None:
    for changes in (
        {"purpose": 0b110},
        {"purpose": 1 << 20},
        {"purpose": 0},
        {"territory": b"de"},
        {"recordings_root": ZERO32},
        {"key_binding": ZERO32},
    ):
        assert refused(live, published, license_, **changes).exit_status == 2, changes
    assert refused(live, published, license_, (0, 0)).exit_status == 2
    assert refused(live, published, license_, ()).exit_status == 2


def test_a_recording_that_is_not_there_refuses_the_request(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    error = refused(live, published, license_, (0, 7))
    assert type(error) is refusal.UnknownRecording
    assert [one["recording"] for one in error.facts["refused"]] == [7]


def test_replays_and_old_keys_are_refused(live: LiveGateway, published: Package, license_: Bytes32) -> None:
    first = live.ask(published, license_, (0,), binding=live.binding(nonce=3))
    live.client("licensee").open_access(**first)
    again = live.ask(published, license_, (1,), binding=live.binding(nonce=3), nonce=first["request"].nonce)
    with pytest.raises(NonceUsed):
        live.client("licensee").open_access(**again)
    with pytest.raises(BindingSuperseded):
        live.open(published, license_, (0,), binding=live.binding(nonce=2))
    assert (
        type(refused(live, published, license_, deadline=UnixSeconds(live.now - 1), binding=live.binding(nonce=3)))
        is StaleRequest
    )
    day = UnixSeconds(live.now + 86_400)
    assert type(refused(live, published, license_, deadline=day, binding=live.binding(nonce=3))) is StaleRequest


def test_a_signature_of_another_key_or_chain_is_refused(
    live: LiveGateway, published: Package, license_: Bytes32
) -> None:
    ask = live.ask(published, license_, (0,), binding=live.binding(nonce=3))
    with pytest.raises(BadSignature):
        live.client("licensee").open_access(**{**ask, "signature": live.sign("thief", ZERO32)})
    with pytest.raises(BadSignature):
        live.client("licensee").open_access(**{**ask, "binding_signature": live.sign("thief", ZERO32)})
    other = replace(live.node.deployment.domains.access, chain_id=1)
    from provenance.domain import typed

    with pytest.raises(BadSignature):
        live.client("licensee").open_access(
            **{**ask, "signature": live.sign("licensee", typed.digest(other, ask["request"]))}
        )


def fresh(live: LiveGateway, seed: int, count: int = 1) -> tuple[Package, Bytes32]:
    """A dataset and a license of its own, for what cannot be undone."""
    voices = [live.consent(voice=name) for name in ("voice", "voice-2")[:count]]
    package = live.published([speech(seed + i) for i in range(count)], consents=voices)
    return package, live.license(package)


def test_one_voice_withdraws_and_her_recordings_alone_are_closed(live: LiveGateway) -> None:
    package, license_id = fresh(live, 10, count=2)
    binding = live.binding(nonce=3)
    access = live.open(package, license_id, (0, 1), binding=binding)
    live.record(package, license_id, access.id, 2)
    consent_id = package.manifest.recordings[0].consent_ids[0]
    live.send("thief", "ConsentRegistry", "revokeConsent", consent_id, ZERO32)
    live.client("licensee").envelopes(access.id)
    live.send("voice", "ConsentRegistry", "revokeConsent", consent_id, ZERO32)
    with pytest.raises(refusal.ConsentWithdrawn) as caught:
        live.client("licensee").envelopes(access.id)
    assert caught.value.facts["consent"] == "0x" + consent_id.hex()
    error = refused(live, package, license_id, (0, 1), binding=binding)
    assert [(one["recording"], one["code"]) for one in error.facts["refused"]] == [(0, "consent-withdrawn")]
    other = live.open(package, license_id, (1,), binding=binding)
    live.record(package, license_id, other.id, 1)
    (envelope,) = live.client("licensee").envelopes(other.id)
    assert live.plain(package, license_id, envelope) == package.plain[1]
    steps = [one["step"] for one in live.client().listing("refusals", license="0x" + license_id.hex()).rows]
    assert steps == ["release", "open"]
    (row,) = live.client().listing("consents", consent="0x" + consent_id.hex()).rows
    assert row["state"] == "WITHDRAWN"


def test_a_guardians_suspension_closes_the_dataset_and_its_lift_opens_it(live: LiveGateway) -> None:
    package, license_id = fresh(live, 20)
    binding, dataset = live.binding(nonce=3), live.dataset_id(package)
    live.send("guardian", "DatasetRegistry", "setStatus", dataset, 4, b"\x07" * 32)
    assert type(refused(live, package, license_id, binding=binding)) is refusal.DatasetHalted
    (row,) = live.client().listing("licenses", license="0x" + license_id.hex()).rows
    assert row["state"] == "SUSPENDED"
    live.send("guardian", "DatasetRegistry", "setStatus", dataset, 1, b"\x08" * 32)
    live.open(package, license_id, (0,), binding=binding)


def test_a_holders_suspension_closes_no_license(live: LiveGateway) -> None:
    package, license_id = fresh(live, 30)
    live.send("holder", "DatasetRegistry", "setStatus", live.dataset_id(package), 2, ZERO32)
    live.open(package, license_id, (0,), binding=live.binding(nonce=3))


def test_a_license_ends_by_termination_or_by_time(live: LiveGateway, published: Package) -> None:
    binding = live.binding(nonce=3)
    ended = live.license(published)
    live.send("licensee", "DataAccess", "terminate", live.dataset_id(published), ended, ZERO32)
    assert type(refused(live, published, ended, binding=binding)) is refusal.LicenseEnded
    short = live.license(published, expiry=live.now + 1_000)
    live.open(published, short, (0,), binding=binding)
    move(live, 1_000)
    assert type(refused(live, published, short, binding=binding)) is refusal.LicenseExpired


def test_a_lease_is_short(live: LiveGateway, published: Package, license_: Bytes32) -> None:
    access = live.open(published, license_, (0,), binding=live.binding(nonce=3))
    live.record(published, license_, access.id, 1)
    live.client("licensee").envelopes(access.id)
    move(live, access.access.valid_until - live.now + 1)
    with pytest.raises(LeaseOver):
        live.client("licensee").envelopes(access.id)


def test_an_offer_stands_in_the_catalogue_only_while_it_can_be_accepted(live: LiveGateway, published: Package) -> None:
    from indexer.gateway.offers import OfferNotCurrent
    from provenance.domain.offer import SignedOffer
    from provenance.domain.rules.terms import BroaderThanTerms

    offer = live.offer(published)
    live.client().publish_offer(offer.encode())
    shown = live.client().listing("offers", dataset="0x" + live.dataset_id(published).hex()).rows
    assert SignedOffer.parse(offer.encode()).offer.nonce == int(shown[-1]["offer"]["nonce"])
    for changes, error in (
        ({"purposes": 0b111}, BroaderThanTerms),
        ({"deadline": UnixSeconds(live.now - 10)}, OfferNotCurrent),
        ({"name": "thief"}, OfferNotCurrent),
    ):
        with pytest.raises(error):
            live.client().publish_offer(live.offer(published, **changes).encode())
    with pytest.raises(BadSignature):
        live.client().publish_offer(replace(offer, signature=live.sign("thief", ZERO32)).encode())


def test_the_gateway_decides_nothing_on_old_facts(live: LiveGateway, published: Package, license_: Bytes32) -> None:
    from indexer.gateway.node import MirrorBehind

    live.settle_down()
    live.follows.clear()
    try:
        live.world.chain.node.rpc.call("anvil_mine", 3)
        object.__setattr__(live.node, "wait_s", 0.2)
        ask = live.ask(published, license_, (0,), binding=live.binding(nonce=3))
        with pytest.raises(MirrorBehind):
            live.client("licensee").open_access(**ask)
        with pytest.raises(MirrorBehind):
            live.client().ready()
    finally:
        object.__setattr__(live.node, "wait_s", 5.0)
        live.follows.set()
    live.settle_down()
    assert live.client().ready()["status"] == "ready"


def move(live: LiveGateway, seconds: int) -> None:
    live.world.chain.node.rpc.call("evm_increaseTime", seconds)
    live.world.chain.node.rpc.call("anvil_mine", 1)
