"""Each refusal of a lease and of its keys, decided over ports: one row on record for each, and no socket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.gateway import leases
from indexer.gateway.leases import (
    AccessNotRecorded,
    BindingSuperseded,
    KeyNotHere,
    LeaseOver,
    NonceUsed,
    StaleRequest,
    UnknownAccess,
)
from indexer.gateway.node import MirrorBehind, SignatureNeeded
from provenance.domain import cid, events, fields, merkle, refusal, typed
from provenance.domain.ledger import DATASET_HALTED
from provenance.domain.sealed import Secret, envelope_info
from provenance.domain.signature import BadSignature
from provenance.domain.terms import Caps
from provenance.errors import Broken, Invalid, Missing, ProvenanceError
from provenance.types import ZERO32, Bytes32, LicenseId, UnixSeconds
from tests.documents import Key, word
from tests.live_gateway import Package
from tests.unit.gateway.memory import Gateway, gateway

MANY = 5_000  # more than an answer lists
TAKES = [b"good first", b"good second"]


@pytest.fixture
def live() -> Gateway:
    return gateway()


@pytest.fixture
def package(live: Gateway) -> Package:
    """Two takes of two voices, deposited and registered."""
    return live.published(TAKES, consents=[live.consent(voice="voice"), live.consent(voice="voice-2")])


@pytest.fixture
def license_(live: Gateway, package: Package) -> LicenseId:
    return live.license(package)


def recorded(live: Gateway) -> list[tuple[str, str, int | None, int]]:
    return [(row.step, row.code, row.recording, row.count) for row in live.rows.refusals]


def test_a_lease_carries_the_keys_of_its_recordings_to_the_licensee_alone(
    live: Gateway, package: Package, license_: LicenseId
) -> None:
    lease = live.lease(package, license_, (1, 0))
    signed = leases.access_of(lease)
    digest = typed.digest(live.node.deployment.domains.access, signed)
    assert (lease.access_id, lease.signature) == (digest, live.sign("operator", digest))
    live.recorded(lease, package)
    same, rows = leases.envelopes(live.node, lease.access_id, live.address("licensee"))
    assert same == lease
    assert [row.index for row in rows] == [0, 1]
    for row in rows:
        recording = package.manifest.recordings[row.index]
        binding = envelope_info(
            chain_id=live.node.deployment.chain_id, contract=live.node.deployment.contracts["DatasetRegistry"],
            object_id=recording.sealed.header.object_id, cid_digest=recording.cid.digest, key_version=1,
            license_id=license_, licensee=live.address("licensee"), expiry=UnixSeconds(live.now + 86_400), purposes=0b110,
        )  # fmt: skip
        opened = Secret.decode(live.wallets["licensee"].open_envelope(row.envelope, binding))
        assert opened == package.secrets[recording.sealed.header.object_id]
    assert recorded(live) == []


def refused_when_opened(
    live: Gateway, package: Package, license_: LicenseId, indexes: tuple[int, ...] = (0,), **changes: object
) -> ProvenanceError:
    before = dict(live.rows.rows)
    with pytest.raises(ProvenanceError) as caught:
        live.lease(package, license_, indexes, **changes)
    assert live.rows.rows == before
    return caught.value


def test_a_license_that_is_not_on_chain_is_refused_and_recorded(live: Gateway, package: Package) -> None:
    error = refused_when_opened(live, package, LicenseId(word("nothing")))
    assert type(error) is refusal.UnknownLicense
    assert recorded(live) == [("open", "unknown-license", None, 0)]


def test_another_accounts_license_is_refused_before_any_document_or_recording_is_looked_at(
    live: Gateway, package: Package, license_: LicenseId
) -> None:
    asked: list[object] = []
    content = live.node.content
    content.get = lambda *words, **_: asked.append(words)  # type: ignore[method-assign]
    error = refused_when_opened(live, package, license_, tuple(range(MANY)), name="thief")
    assert type(error) is refusal.WrongLicensee
    assert "refused" not in error.facts
    assert asked == []
    assert recorded(live) == [("open", "wrong-licensee", None, 0)]
    assert live.rows.refusals[0].root == ZERO32


def test_a_licensee_of_one_recording_who_asks_for_thousands_leaves_one_row(live: Gateway) -> None:
    package = live.published([b"good alone"])
    error = refused_when_opened(live, package, live.license(package), tuple(range(MANY)))
    assert type(error) is refusal.UnknownRecording
    assert recorded(live) == [("open", "unknown-recording", 1, MANY - 1)]
    assert live.rows.refusals[0].root == merkle.root(merkle.leaf(index) for index in range(1, MANY))
    listed = error.facts["refused"]
    assert isinstance(listed, list)
    assert len(listed) == refusal.LISTED
    assert len(error.problem().__repr__()) < 1 << 20


def halted(live: Gateway, package: Package, _license: LicenseId) -> None:
    """The guardian suspends the dataset."""
    live.facts.mine(
        events.DatasetStatusChanged(live.dataset_id(package), live.address("guardian"), DATASET_HALTED, word("ruling"))
    )


def terminated(live: Gateway, _package: Package, license_: LicenseId) -> None:
    live.facts.mine(events.LicenseTerminated(license_, live.address("licensee"), word("why"), live.now))


def withdrawn(live: Gateway, package: Package, _license: LicenseId) -> None:
    """The second voice takes her consent back."""
    consent = package.manifest.consents[1]
    live.facts.mine(
        events.ConsentRevoked(consent.id(live.node.deployment.domains.consent), consent.consent.subject, word("why"))
    )


def day_later(live: Gateway, _package: Package, _license: LicenseId) -> None:
    live.clock.seconds += 86_401
    live.facts.mine()


AFTERWARDS = [
    (halted, refusal.DatasetHalted, 2),
    (terminated, refusal.LicenseEnded, 2),
    (withdrawn, refusal.ConsentWithdrawn, 1),
]


@pytest.mark.parametrize(("event", "expected", "count"), [*AFTERWARDS, (day_later, refusal.LicenseExpired, 2)])
def test_what_happened_before_the_request_refuses_it(
    live: Gateway, package: Package, license_: LicenseId, event, expected: type[ProvenanceError], count: int
) -> None:
    event(live, package, license_)
    error = refused_when_opened(live, package, license_, (0, 1))
    assert type(error) is expected
    first = 1 if expected is refusal.ConsentWithdrawn else 0
    assert recorded(live) == [("open", error.code, first, count)]
    denied = range(first, 2)
    assert live.rows.refusals[0].root == merkle.root(merkle.leaf(index) for index in denied)


@pytest.mark.parametrize(("event", "expected", "count"), AFTERWARDS)
def test_what_happened_after_the_request_keeps_the_keys_back(
    live: Gateway, package: Package, license_: LicenseId, event, expected: type[ProvenanceError], count: int
) -> None:
    lease = live.lease(package, license_, (0, 1))
    live.recorded(lease, package)
    event(live, package, license_)
    with pytest.raises(expected):
        leases.envelopes(live.node, lease.access_id, live.address("licensee"))
    assert [(row.step, row.count) for row in live.rows.refusals] == [("release", count)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"purpose": 1}, refusal.PurposeNotLicensed),
        ({"territory": b"US"}, refusal.TerritoryNotLicensed),
    ],
)
def test_a_use_beyond_the_license_is_refused_and_recorded(
    live: Gateway, package: Package, license_: LicenseId, changes: dict[str, object], expected: type[ProvenanceError]
) -> None:
    error = refused_when_opened(live, package, license_, (0, 1), **changes)
    assert type(error) is expected
    assert recorded(live) == [("open", error.code, 0, 2)]


def test_a_grant_counts_only_once_it_is_final() -> None:
    live = gateway()
    live.facts.finality = 2
    package = live.published([b"good take"])
    license_ = live.license(package)
    assert type(refused_when_opened(live, package, license_)) is refusal.NotFinal
    for _ in range(2):
        live.facts.mine()
    live.lease(package, license_)


def test_a_cap_that_is_reached_closes_the_license(live: Gateway) -> None:
    capped = live.published([b"good take"], terms=live.terms(caps=Caps(outputs=0)))
    assert type(refused_when_opened(live, capped, live.license(capped))) is refusal.CapReached


@pytest.mark.parametrize(
    ("indexes", "changes"),
    [
        ((0,), {"purpose": 0b110}),
        ((0,), {"purpose": 0}),
        ((0,), {"purpose": 1 << 20}),
        ((0,), {"territory": b"de"}),
        ((0,), {"recordings_root": ZERO32}),
        ((0,), {"key_binding": ZERO32}),
        ((), {}),
        ((0, 0), {}),
        ((0, 1, 2), {}),
    ],
)
def test_what_is_wrong_whatever_the_state_is_invalid_and_no_refusal(
    live: Gateway,
    package: Package,
    license_: LicenseId,
    indexes: tuple[int, ...],
    changes: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "OPENED", 2)
    assert isinstance(refused_when_opened(live, package, license_, indexes, **changes), Invalid)
    assert recorded(live) == []


@pytest.mark.parametrize("offset_s", [-1, 3_601])
def test_a_request_is_for_its_hour(live: Gateway, package: Package, license_: LicenseId, offset_s: int) -> None:
    error = refused_when_opened(live, package, license_, deadline=UnixSeconds(live.now + offset_s))
    assert type(error) is StaleRequest


def test_a_key_binding_that_ended_is_refused(live: Gateway, package: Package, license_: LicenseId) -> None:
    old = replace(live.binding(), not_after=UnixSeconds(live.now - 1))
    assert type(refused_when_opened(live, package, license_, binding=old)) is StaleRequest


def test_an_older_binding_and_a_used_nonce_are_refused(live: Gateway, package: Package, license_: LicenseId) -> None:
    live.lease(package, license_, (0,), binding=live.binding(nonce=3), nonce=77)
    older = refused_when_opened(live, package, license_, binding=live.binding(nonce=2))
    assert type(older) is BindingSuperseded
    again = refused_when_opened(live, package, license_, (1,), binding=live.binding(nonce=3), nonce=77)
    assert type(again) is NonceUsed


def test_each_signature_is_asked_for(
    live: Gateway, package: Package, license_: LicenseId, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = live.sign
    for position in (0, 1):
        for wrong, expected in ((live.sign("thief", ZERO32), BadSignature), (b"", SignatureNeeded)):
            calls: list[bytes] = []

            def sign(name: str, digest: Bytes32, at: int = position, other: bytes = wrong) -> bytes:
                calls.append(digest)  # noqa: B023 - called within this turn
                return other if len(calls) - 1 == at else good(name, digest)  # noqa: B023

            monkeypatch.setattr(live, "sign", sign)
            assert type(refused_when_opened(live, package, license_)) is expected
    assert recorded(live) == []


def test_a_contract_wallets_request_counts_once_it_is_on_chain(
    live: Gateway, package: Package, license_: LicenseId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "sign", lambda _name, digest: approve(digest))

    def approve(digest: Bytes32) -> bytes:
        live.facts.mine(events.DigestApproved(live.address("licensee"), digest))
        return b""

    live.lease(package, license_)


def test_a_license_of_a_dataset_elsewhere_names_its_gateway(live: Gateway) -> None:
    package = live.package([b"good take"])
    live.register(package)
    error = refused_when_opened(live, package, live.license(package))
    assert type(error) is Missing
    assert error.facts["dataset"] == fields.shown(live.dataset_id(package))


def test_a_dataset_registered_under_another_manifest_opens_nothing(live: Gateway) -> None:
    package = live.package([b"good take"])
    live.deposit(package)
    live.register(package.but(title="other words"))
    assert type(refused_when_opened(live, package, live.license(package))) is refusal.UnknownDataset


def test_a_mirror_behind_the_chain_decides_nothing(live: Gateway, package: Package, license_: LicenseId) -> None:
    live.facts.behind = True
    assert type(refused_when_opened(live, package, license_)) is MirrorBehind


def test_a_rotated_recording_waits_for_its_new_key(live: Gateway, package: Package, license_: LicenseId) -> None:
    digest = cid.of_raw(b"encrypted again").digest
    live.facts.mine(events.ContentRotated(live.dataset_id(package), 0, digest, word("commitment"), 2))
    assert type(refused_when_opened(live, package, license_)) is KeyNotHere
    live.lease(package, license_, (1,))


def test_a_deposit_without_its_key_is_a_bug_and_says_so(live: Gateway, package: Package, license_: LicenseId) -> None:
    live.custody.keys.clear()
    assert type(refused_when_opened(live, package, license_)) is Broken


def test_keys_leave_only_for_the_licensee_of_a_lease_that_is_on_chain_and_running(
    live: Gateway, package: Package, license_: LicenseId
) -> None:
    lease, licensee = live.lease(package, license_, (0, 1)), live.address("licensee")
    with pytest.raises(UnknownAccess):
        leases.envelopes(live.node, Bytes32(word("nothing")), licensee)
    with pytest.raises(refusal.WrongLicensee):
        leases.envelopes(live.node, lease.access_id, Key("thief").address)
    with pytest.raises(AccessNotRecorded):
        leases.envelopes(live.node, lease.access_id, licensee)
    live.recorded(lease, package, units=1)
    with pytest.raises(AccessNotRecorded):
        leases.envelopes(live.node, lease.access_id, licensee)
    live.recorded(lease, package)
    leases.envelopes(live.node, lease.access_id, licensee)
    live.clock.seconds = lease.valid_until + 1
    with pytest.raises(LeaseOver):
        leases.envelopes(live.node, lease.access_id, licensee)


def test_the_same_request_gets_the_same_lease(live: Gateway, package: Package, license_: LicenseId) -> None:
    first = live.lease(package, license_, (1,), nonce=5)
    assert live.lease(package, license_, (1,), nonce=5) == first
