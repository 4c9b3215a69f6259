"""The chain and gateway in memory answer publishing as a real node and a real gateway do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from indexer.gateway.deposits import DepositOfAnother
from provenance.adapters import seal
from provenance.adapters.gate import FileGate
from provenance.adapters.journal import FileJournal
from provenance.adapters.keys.envelopes import KeyFolder
from provenance.adapters.keys.keystore import SystemRandom
from provenance.app import consent as consents, dataset as datasets, license as licenses
from provenance.app.ports import AudioGate, AudioReport, Call, Chain, Gateway, Mined, Wallet
from provenance.app.publish import Given, Outcome, Request, Source, UploadPorts, register as registers, upload
from provenance.app.publish.request import AuthorizationNeeded, NothingToRegister
from provenance.app.publish.rotate import rotate
from provenance.app.publish.takes import SealingPorts, kept_secret
from provenance.domain import signature, typed
from provenance.domain.cid import Cid
from provenance.domain.consent import Scope, SignedConsent
from provenance.domain.manifest import Manifest, dataset_id
from provenance.domain.messages import DepositAuthorization
from provenance.domain.refusal import ConsentWithdrawn, DuplicateOf
from provenance.domain.splits import Split
from provenance.errors import Denied, Invalid, Reverted
from provenance.types import BPS_ONE, ZERO32, ZERO_ADDRESS, Address, Bytes32, UnixSeconds
from tests import anvil, documents, whole
from tests.fakes.chain import Killed, MemoryChain
from tests.fakes.content import MemoryContent
from tests.fakes.gateway import WALLET, MemoryGateway
from tests.live_gateway import live_gateway, speech, wav
from tests.unit.app.publishing import FakeGate, MemoryWallet, SilentProgress

pytestmark = pytest.mark.ports
SILENCE = wav(np.zeros(16_000))


class Deaf:
    """An gate that lets everything pass, so that the gateway has to say it."""

    def examine(self, path: Path) -> AudioReport:
        del path
        return AudioReport(2_000, 8_000, 1, "wav/pcm_16", {"verdict": "pass", "gateVersion": 1})


@dataclass
class Side:
    """One world: in memory, or a node and a gateway in processes and threads of their own."""

    chain: Chain
    wallets: dict[str, Wallet]
    gateways: dict[str, Gateway]
    folder: Path
    stored: Callable[[Cid], bool]
    """Whether the gateway has this content."""
    seed: int = 0
    contents: dict[str, MemoryContent] = field(default_factory=dict)

    def address(self, name: str) -> Address:
        return self.wallets[name].signer.address

    @property
    def now(self) -> UnixSeconds:
        return self.chain.head().time

    def consent(self, holder: str = "holder", voice: str = "voice") -> SignedConsent:
        asked = consents.Grant(
            voice="me",
            holder=self.address(holder),
            purposes=0b110,
            territories=("WW",),
            not_before=UnixSeconds(self.now - 10),
            not_after=UnixSeconds(self.now + 10**7),
            scope=Scope(None),
        )
        with FileJournal(self.folder / f"{voice}.jsonl") as journal:
            return consents.grant(
                asked,
                journal=journal,
                random=SystemRandom(),
                signer=self.wallets[voice].signer,
                chain=self.chain,
                now=self.now,
            ).consent

    def source(self, data: bytes) -> Source:
        self.seed += 1
        path = self.folder / f"take{self.seed}.wav"
        path.write_bytes(data)
        return Source(path, path.name)

    def request(self, takes: list[bytes], holder: str = "holder", **changes: object) -> Request:
        terms = documents.terms(not_before=UnixSeconds(1), not_after=UnixSeconds(self.now + 10**8))
        made: dict[str, object] = {
            "title": f"Title {self.seed} of {holder}",
            "kind": "voice",
            "language": "en",
            "terms": terms,
            "holder": self.address(holder),
            "splits": (Split(self.address(holder), BPS_ONE),),
            "sources": tuple(self.source(data) for data in takes),
        }
        if "consents" not in changes and changes.get("kind", "voice") == "voice":
            made["consents"] = (Given(self.consent(holder)),)
        return Request(**{**made, **changes})  # type: ignore[arg-type]

    def sealing_ports(self, name: str = "holder", gate: AudioGate | None = None) -> SealingPorts:
        return SealingPorts(
            content=self.contents.setdefault(name, MemoryContent()),
            keys=KeyFolder(self.folder / f"home of {name}" / "keys"),
            cipher=seal.Pao1(),
            gate=gate or FileGate(),
            random=SystemRandom(),
            wallet=self.wallets[name],
            chain=self.chain,
            progress=SilentProgress(),
        )

    def run(self, request: Request, name: str = "holder", gate: AudioGate | None = None) -> Outcome:
        home, sealing = self.folder / f"home of {name}", self.sealing_ports(name, gate)

        def write(suffix: str, data: bytes) -> Path:
            (home / suffix).write_bytes(data)
            return home / suffix

        with FileJournal(home / f"{documents.word(request.title).hex()}.jsonl") as journal:
            world = UploadPorts(
                sealing=sealing,
                gateway=self.gateways[name],
                journal=journal,
                transact=lambda call, _: self.chain.send(call, self.wallets[name].signer),
                agree=lambda _: None,
                write=write,
            )
            return upload(request, world, self.now)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    with (
        anvil.world(tmp_path_factory.mktemp("anvil") / "devnet") as world,
        live_gateway(world, tmp_path_factory.mktemp("gateway")) as counter,
    ):
        wallets: dict[str, Wallet] = dict(counter.wallets)
        gateways: dict[str, Gateway] = {name: counter.client(name) for name in wallets}
        yield Side(
            world.connect(), wallets, gateways, tmp_path_factory.mktemp("real"), counter.node.content.has, seed=1_000
        )


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Side:
    chain = MemoryChain((WALLET.address,))
    gateway = MemoryGateway(chain)
    gateway.unfit.add(SILENCE)
    names = ("guardian", "holder", "voice", "voice-2", "thief", "licensee")
    wallets: dict[str, Wallet] = {name: MemoryWallet(documents.Key(name)) for name in names}
    gateways: dict[str, Gateway] = {name: gateway.seen_by(wallets[name].signer.address) for name in names}  # type: ignore[misc]
    return Side(chain, wallets, gateways, tmp_path_factory.mktemp("fake"), gateway.content.has)


@pytest.fixture(params=["fake", "real"])
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.getfixturevalue(request.param)
    return found


def registration(name: str) -> tuple[Bytes32, Bytes32, Bytes32, Bytes32, int]:
    root, digest, terms, split = (documents.word(f"{part} of {name}") for part in ("root", "digest", "terms", "split"))
    return root, digest, terms, split, 3


def test_the_chain_knows_a_dataset_from_its_registration_on(side: Side) -> None:
    words, registry = registration("one"), side.chain.deployment.contracts["DatasetRegistry"]
    dataset = dataset_id(side.chain.deployment.chain_id, registry, side.address("holder"), *words[:3])
    known = Call("DatasetRegistry", "standing", (dataset,))
    assert side.chain.read(known) == (ZERO_ADDRESS, 0, 0)
    mined = side.chain.send(Call("DatasetRegistry", "register", words), side.wallets["holder"].signer)
    assert side.chain.read(known) == (side.address("holder"), 1, 0)
    event = mined.logs[0].event
    assert (event.dataset_id, event.holder, event.items) == (dataset, side.address("holder"), 3)  # type: ignore[union-attr]
    with pytest.raises(Reverted):
        side.chain.send(Call("DatasetRegistry", "register", words), side.wallets["holder"].signer)
    with pytest.raises(Reverted):
        side.chain.send(Call("DatasetRegistry", "register", (*words[:4], 0)), side.wallets["thief"].signer)


def test_a_dataset_changes_hands_and_status_by_those_who_may(side: Side) -> None:
    signers = {name: one.signer for name, one in side.wallets.items()}
    registry = side.chain.deployment.contracts["DatasetRegistry"]

    def register(name: str) -> Bytes32:
        words = registration(name)
        side.chain.send(Call("DatasetRegistry", "register", words), signers["holder"])
        return dataset_id(side.chain.deployment.chain_id, registry, side.address("holder"), *words[:3])

    def send(name: str, call: Call) -> None:
        side.chain.send(call, signers[name])

    one, two = register("changing"), register("its next version")
    holder, thief = side.address("holder"), side.address("thief")
    halt = Call("DatasetRegistry", "setStatus", (one, 4, documents.word("ruling")))
    for name in ("holder", "thief"):
        with pytest.raises(Reverted):
            send(name, halt)
    send("holder", datasets.suspension(one, holder, side.chain, wanted=2))
    assert datasets.standing(one, side.chain) == (holder, 2)
    guardian, ruling = side.address("guardian"), documents.word("ruling")
    send("guardian", datasets.suspension(one, guardian, side.chain, wanted=2, ruling=ruling))
    assert datasets.standing(one, side.chain) == (holder, 4)
    with pytest.raises(Reverted):
        send("holder", Call("DatasetRegistry", "setStatus", (one, 1, ZERO32)))
    send("guardian", datasets.suspension(one, guardian, side.chain, wanted=1, ruling=ruling))
    assert datasets.standing(one, side.chain) == (holder, 2)  # the holder's own suspension stands
    send("holder", datasets.suspension(one, holder, side.chain, wanted=1))
    send("holder", datasets.superseding(one, two, holder, side.chain))
    with pytest.raises(Reverted):
        send("holder", Call("DatasetRegistry", "supersede", (one, two)))
    send("holder", datasets.transfer(one, thief, holder, side.chain))
    assert datasets.standing(one, side.chain) == (holder, 1)
    send("thief", datasets.acceptance(one, thief, side.chain))
    assert datasets.standing(one, side.chain) == (thief, 1)
    with pytest.raises(datasets.NotHolder):
        datasets.suspension(one, holder, side.chain, wanted=2)
    send("thief", datasets.suspension(one, thief, side.chain, wanted=3))
    with pytest.raises(datasets.NothingToChange):
        datasets.suspension(one, thief, side.chain, wanted=1)


def test_anybody_may_send_what_the_holder_signed_and_nothing_else(side: Side) -> None:
    words = registration("two")
    deadline = UnixSeconds(side.now + 1_000)
    said = typed.Register(side.address("holder"), *words, deadline)
    digest = typed.digest(side.chain.deployment.domains.registry, said)
    signed = side.wallets["holder"].signer.sign(digest)
    assert signature.recover(digest, signed) == side.address("holder")
    changed = (*words[:4], 4)
    with pytest.raises(Reverted):
        side.chain.send(
            Call("DatasetRegistry", "registerFor", (said.holder, changed, deadline, signed)),
            side.wallets["thief"].signer,
        )
    mined = side.chain.send(
        Call("DatasetRegistry", "registerFor", (said.holder, words, deadline, signed)), side.wallets["thief"].signer
    )
    assert mined.logs[0].event.holder == side.address("holder")  # type: ignore[union-attr]


def test_a_meter_has_a_head_and_others_have_none(side: Side) -> None:
    meter = side.gateways["holder"].key().wallet
    assert side.chain.read(Call("UsageLedger", "headOf", (meter,)))[0] not in (ZERO32, 0)
    assert side.chain.read(Call("UsageLedger", "headOf", (side.address("thief"),)))[0] == ZERO32


def test_a_revocation_counts_for_its_sender_alone_and_once(side: Side) -> None:
    consent_id = documents.word("some consent")
    call = Call("ConsentRegistry", "revokeConsent", (consent_id, ZERO32))
    side.chain.send(call, side.wallets["thief"].signer)
    assert consents.withdrawn_at(consent_id, side.address("voice"), side.chain) is None
    side.chain.send(call, side.wallets["voice"].signer)
    assert consents.withdrawn_at(consent_id, side.address("voice"), side.chain) is not None
    with pytest.raises(Reverted):
        side.chain.send(call, side.wallets["voice"].signer)


def test_a_wallet_stands_by_a_digest_it_approved(side: Side) -> None:
    good = side.consent()
    forged = SignedConsent(good.consent, side.wallets["thief"].signer.sign(ZERO32), good.territories, good.scope)
    with pytest.raises(signature.BadSignature):
        consents.check_signed(forged, side.chain)
    digest = good.id(side.chain.deployment.domains.consent)
    side.chain.send(Call("ConsentRegistry", "approveDigest", (digest,)), side.wallets["voice"].signer)
    consents.check_signed(forged, side.chain)


def test_takes_are_deposited_judged_and_registered(side: Side) -> None:
    outcome = side.run(side.request([speech(11), speech(12)]))
    assert (outcome.recordings, outcome.refused) == (2, ())
    assert [(one.index, one.report.verdict) for one in outcome.reports] == [(0, 0), (1, 0)]
    assert registers.is_registered(outcome.dataset_id, side.chain)


def test_another_holders_audio_is_refused_by_number_unless_disputed(side: Side) -> None:
    takes = [speech(21), speech(22)]
    first = side.run(side.request(takes))
    same = side.request([*takes, speech(23)], "thief")
    outcome = side.run(same, "thief")
    assert outcome.recordings == 1
    assert [one.code for one in outcome.refused] == ["duplicate-of"] * 2
    assert all(first.dataset_id.hex() in one.reason for one in outcome.refused)
    with pytest.raises(DuplicateOf) as caught:
        side.run(side.request(takes, "thief"), "thief")
    assert caught.value.facts["dataset"] == "0x" + first.dataset_id.hex()
    disputed = side.run(side.request(takes, "thief", dispute=True), "thief")
    assert (disputed.recordings, disputed.refused) == (2, ())


def test_the_same_holder_may_offer_its_audio_again(side: Side) -> None:
    takes = [speech(31)]
    first = side.run(side.request(takes))
    second = side.run(side.request(takes))
    assert second.recordings == 1
    assert second.dataset_id != first.dataset_id


def test_what_the_gateway_finds_unfit_is_left_out(side: Side) -> None:
    outcome = side.run(side.request([speech(41), SILENCE], kind="sound"), gate=Deaf())
    assert outcome.recordings == 1
    assert [one.code for one in outcome.refused] == ["take-rejected"]
    with pytest.raises(NothingToRegister):
        side.run(side.request([SILENCE], kind="sound"), gate=Deaf())


def test_a_contributor_registers_with_the_holders_signature(side: Side) -> None:
    request = side.request([speech(51)])
    with pytest.raises(AuthorizationNeeded) as caught:
        side.run(request, "licensee")
    asked = registers.parse(Path(str(caught.value.facts["file"])).read_bytes()).register
    deadline = UnixSeconds(side.now + 1_000)
    given = registers.sign(asked, side.wallets["holder"].signer, side.chain, deadline)
    named = Bytes32(bytes.fromhex(str(caught.value.facts["dataset"])[2:]))
    assert not registers.is_registered(named, side.chain)
    outcome = side.run(replace(request, authorization=given), "licensee")
    assert outcome.dataset_id == named
    assert side.chain.read(Call("DatasetRegistry", "standing", (named,))) == (side.address("holder"), 1, 0)


def test_nobody_deposits_in_another_holders_name(side: Side) -> None:
    """A stranger knows the manifest, and all that it names is at the gateway already: it gets no report for it."""
    request = side.request([speech(53)], consents=(), kind="sound")
    outcome = side.run(request)
    manifest = side.sealing_ports().content.get(outcome.manifest_cid)  # type: ignore[arg-type]
    thief, asked = side.gateways["thief"], UnixSeconds(side.now + 1_000)
    with pytest.raises(DepositOfAnother):
        thief.deposit(manifest, {})
    struct = registers.words(Manifest.parse(manifest), outcome.manifest_cid, asked)  # type: ignore[arg-type]
    forged = side.wallets["thief"].signer.sign_typed(side.chain.deployment.domains.registry, struct)
    with pytest.raises(Denied):
        thief.deposit(manifest, {}, authorization=DepositAuthorization(asked, forged))
    signed = side.wallets["holder"].signer.sign_typed(side.chain.deployment.domains.registry, struct)
    other = replace(DepositAuthorization(asked, signed), deadline=UnixSeconds(asked + 1))
    with pytest.raises(Denied):
        thief.deposit(manifest, {}, authorization=other)
    given = thief.deposit(manifest, {}, authorization=DepositAuthorization(asked, signed))
    assert given == side.gateways["holder"].deposit(manifest, {}) == outcome.reports


def test_a_withdrawn_consent_carries_nothing_new(side: Side) -> None:
    consent = side.consent()
    digest = consent.id(side.chain.deployment.domains.consent)
    side.chain.send(Call("ConsentRegistry", "revokeConsent", (digest, ZERO32)), side.wallets["voice"].signer)
    with pytest.raises(ConsentWithdrawn):
        side.run(side.request([speech(61)], consents=(Given(consent),)))


def test_a_rotated_recording_has_a_new_key_and_the_old_ciphertext_is_gone(side: Side) -> None:
    outcome = side.run(side.request([speech(81), speech(82)]))
    sealing, gateway = side.sealing_ports(), side.gateways["holder"]
    old = licenses.dataset(side.chain, sealing.content, outcome.dataset_id).serving(1)

    def dies(call: Call, title: str) -> Mined:
        raise Killed(call, title)

    with pytest.raises(Killed):
        rotate(outcome.dataset_id, 1, sealing, gateway, dies)
    signer = side.wallets["holder"].signer
    done = rotate(outcome.dataset_id, 1, sealing, gateway, lambda call, _: side.chain.send(call, signer))
    assert done.key_version == 2
    assert (side.stored(done.cid), side.stored(old.cid)) == (True, False)
    now = licenses.dataset(side.chain, sealing.content, outcome.dataset_id).serving(1)
    assert (now.cid, now.sealed.header.key_version) == (done.cid, 2)
    assert now.leaf() != old.leaf()
    assert now.sealed.plaintext_commitment == old.sealed.plaintext_commitment
    secret = kept_secret(now.cid, now.sealed, keys=sealing.keys, wallet=sealing.wallet, chain=side.chain)
    assert whole.unseal(now.sealed, secret, sealing.content.get(now.cid)) == speech(82)
    before = kept_secret(old.cid, old.sealed, keys=sealing.keys, wallet=sealing.wallet, chain=side.chain)
    assert before.cek != secret.cek
    with pytest.raises(seal.WrongKey):
        whole.unseal(now.sealed, before, sealing.content.get(now.cid))
    with pytest.raises(datasets.NotHolder):
        rotate(outcome.dataset_id, 1, side.sealing_ports("thief"), gateway, dies)


def test_a_run_after_a_death_goes_on_with_the_key_that_was_made(side: Side) -> None:
    outcome = side.run(side.request([speech(91)]))
    sealing, gateway = side.sealing_ports(), side.gateways["holder"]
    asked: list[Call] = []

    def dies(call: Call, title: str) -> Mined:
        asked.append(call)
        raise Killed(title)

    for _ in range(2):
        with pytest.raises(Killed):
            rotate(outcome.dataset_id, 0, sealing, gateway, dies)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("gate", [FakeGate(), FileGate()], ids=["fake", "real"])
def test_ears_refuse_what_is_no_audio_and_judge_what_is(gate: AudioGate, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"")
    with pytest.raises(Invalid):
        gate.examine(path)
    path.write_bytes(b"good take" if isinstance(gate, FakeGate) else speech(71))
    heard = gate.examine(path)
    assert (heard.quality["verdict"], heard.quality["gateVersion"], heard.reasons) == ("pass", 1, ())
    path.write_bytes(b"reject" if isinstance(gate, FakeGate) else SILENCE)
    assert gate.examine(path).quality["verdict"] == "reject"
    assert gate.examine(path).reasons
