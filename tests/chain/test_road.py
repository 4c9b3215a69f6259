"""The road's chain part on a real node: register, offer, accept, fund, read, withdraw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.adapters.chain import AbiMismatch, EvmChain, EvmNode, NoCode, NodeSilent, Rpc, WrongChain
from provenance.app import access, license, offers  # noqa: A004 - the trade's word
from provenance.app.ports import Call, Listing
from provenance.domain import canonical, events, refusal
from provenance.domain.fields import checksummed
from provenance.domain.rules.terms import BroaderThanTerms
from provenance.errors import Conflict, Denied, Invalid, Missing, Reverted
from provenance.types import ZERO32, Address, BlockNumber, UnixSeconds, Wei
from tests.anvil import World
from tests.chain.datasets import consent, registered
from tests.fakes.content import MemoryContent

MUCH_LATER = UnixSeconds(10**8)


class At:
    """The chain's own time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self):
        return UnixSeconds(self._world.chain.head().time)

    def now_ms(self):
        return self.now() * 1000


class Counting:
    def __init__(self) -> None:
        self.next = 0

    def bytes(self, size: int) -> bytes:
        self.next += 1
        return self.next.to_bytes(size, "big")


RANDOM = Counting()


class Road:
    """One dataset with two voices, and a license of it."""

    def __init__(self, world: World, title: str) -> None:
        self.world, self.content, self.clock = world, MemoryContent(), At(world)
        self.holder, self.licensee, *self.voices = world.signers[4:8]
        self.consents = tuple(
            consent(world, one, self.holder.address, f"{title}{i}") for i, one in enumerate(self.voices)
        )
        self.manifest, self.dataset_id, self.mined = registered(world, self.content, self.holder, self.consents, title)
        self.dataset = license.dataset(world.chain, self.content, self.dataset_id)
        self.sent: list[str] = []
        self.told: list[str] = []

    def send_as(self, signer):
        def send(call, title):
            self.sent.append(title)
            return self.world.chain.send(call, signer)

        return send

    def offer(self, **changes):
        said = {"purposes": 0b10, "expiry": self.clock.now() + 10_000} | changes
        return license.offer(self.world.chain, self.dataset, self.holder, self.clock, RANDOM, **said)

    def licensed(self):
        return self.accept(self.offer())

    def accept(self, offer):
        send, who = self.send_as(self.licensee), self.licensee.address
        return license.accept(self.world.chain, self.content, offer, who, self.clock, send, self.told.append)


@pytest.fixture
def road(chain_world, request):
    with chain_world.undone():
        yield Road(chain_world, request.node.name)


def test_a_registered_dataset_is_found_with_its_documents(road):
    (logged,) = [one for one in road.mined.logs if isinstance(one.event, events.DatasetRegistered)]
    assert logged.event.dataset_id == road.dataset_id
    assert road.dataset.manifest == road.manifest
    assert road.dataset.holder == road.holder.address
    assert road.mined.gas_used < 52_000


def test_events_are_the_same_by_range_and_by_subject(road):
    chain = road.world.chain
    made = road.licensed()
    everything = list(chain.events(chain.deployment.first_block, chain.head().number))
    named = tuple(one for one in everything if made in {getattr(one.event, n) for n in one.event.__slots__})
    assert chain.about(made) == named
    assert [type(one.event).__name__ for one in named] == ["LicenseGranted"]
    assert list(chain.upto(chain.head().number)) == everything


def test_accepting_pays_the_holder_exactly_and_once(road):
    chain, before = road.world.chain, license.balance(road.world.chain, road.holder.address)
    chain.send(Call("Token", "approve", (chain.deployment.contracts["DataAccess"], 0)), road.licensee)
    offer = road.offer()
    made = road.accept(offer)
    assert license.balance(chain, road.holder.address) - before == 5_000_000
    assert road.sent == ["approve tokens", "accept license"]
    again = road.accept(offer)
    assert again == made
    assert len(road.sent) == 2
    assert license.balance(chain, road.holder.address) - before == 5_000_000
    found = license.find(chain, made)
    assert found.state(road.clock.now()) == "ACTIVE"
    assert found.grant.purposes == 0b10
    assert [one.id for one in license.licenses_of(chain, road.licensee.address)] == [made]
    assert [one.id for one in license.licenses_of(chain, road.holder.address)] == [made]


def test_an_offer_for_another_account_is_denied_by_us_and_by_the_contract(road):
    offer = road.offer(licensee=road.voices[0].address)
    with pytest.raises(Denied):
        road.accept(offer)
    assert road.sent == []
    words = (license._tuple(offer.offer), road.holder.address, road.manifest.root(), offer.signature)
    with pytest.raises(Reverted) as caught:
        road.world.chain.send(Call("DataAccess", "accept", words), road.licensee)
    assert caught.value.code == "wrong-licensee"
    assert caught.value.facts["expected"].lower() == "0x" + road.voices[0].address.hex()


def test_an_offer_beyond_the_terms_is_never_signed(road):
    with pytest.raises(BroaderThanTerms):
        road.offer(purposes=0b1_0000)
    with pytest.raises(Invalid):
        road.offer(expiry=road.clock.now() - 1)
    with pytest.raises(license.NotHolder):
        license.offer(
            road.world.chain,
            road.dataset,
            road.licensee,
            road.clock,
            RANDOM,
            purposes=0b10,
            expiry=road.clock.now() + 10_000,
        )


def test_a_changed_offer_has_no_signature(road):
    offer = road.offer()
    cheaper = license.SignedOffer(license.typed.Offer(**{**_fields(offer.offer), "price": Wei(1)}), offer.signature)
    with pytest.raises(Denied):
        road.accept(cheaper)


def test_a_cancelled_offer_cannot_be_accepted(road):
    offer = road.offer()
    license.cancel(offer, road.holder.address, road.send_as(road.holder))
    with pytest.raises(Reverted) as caught:
        road.accept(offer)
    assert caught.value.code == "offer-used"


def withdraw(road, index: int):
    consent_id = road.consents[index].id(road.world.chain.deployment.domains.consent)
    road.world.chain.send(Call("ConsentRegistry", "revokeConsent", (consent_id, ZERO32)), road.voices[index])
    return consent_id


def test_nobody_pays_for_a_license_that_would_open_nothing(road):
    chain, offer = road.world.chain, road.offer()
    withdraw(road, 0)
    late = withdraw(road, 1)
    before = license.balance(chain, road.licensee.address)
    with pytest.raises(license.NothingToOpen) as caught:
        road.accept(offer)
    assert (caught.value.exit_status, caught.value.facts["reason"]) == (5, "consent-withdrawn")
    assert caught.value.facts["consent"] in {
        "0x" + one.id(chain.deployment.domains.consent).hex() for one in road.consents
    }
    assert caught.value.next_step.startswith("Pay nothing for it. Its holder asks the voice owner for a new consent")
    assert (road.sent, license.balance(chain, road.licensee.address)) == ([], before)
    assert "0x" + late.hex() not in caught.value.detail


def test_who_pays_for_less_than_all_recordings_is_told_before(road):
    gone = withdraw(road, 1)
    made = road.licensed()
    [told] = road.told
    assert told.startswith("1 of 2 recordings can be opened under this offer: the voice owner withdrew it in block ")
    assert "0x" + gone.hex() in told
    use = access.LicensedUse(made, 0b10, b"DE")
    verdicts = [
        access.contract_verdict(road.world.chain, road.dataset, use, road.licensee.address, n)[0] for n in (0, 1)
    ]
    assert verdicts == ["allowed", "consent-withdrawn"]


def test_a_gateway_that_sends_another_offer_than_the_one_asked_for_is_not_believed(road):
    chain, cheap = road.world.chain, road.offer()
    asked = license.typed.digest(chain.deployment.domains.access, cheap.offer)

    class Gateway:
        def __init__(self, *rows) -> None:
            self.rows = rows

        def listing(self, kind, **filters):
            assert (kind, filters) == ("offers", {"offer": "0x" + asked.hex()})
            return Listing(tuple({"offer": canonical.loads(one.encode())} for one in self.rows), 1, ZERO32, "latest")

    assert offers.published(Gateway(cheap), chain, asked) == cheap
    with pytest.raises(offers.OfferDiffers):
        offers.published(Gateway(road.offer()), chain, asked)
    with pytest.raises(Missing):
        offers.published(Gateway(), chain, asked)


def test_a_consent_that_ended_or_a_purpose_nobody_gave_opens_nothing(road):
    chain, offer = road.world.chain, road.offer()
    given = replace(offer.offer, purposes=0b1000, nonce=7)
    wide = license.SignedOffer(given, road.holder.sign(license.typed.digest(chain.deployment.domains.access, given)))
    with pytest.raises(license.NothingToOpen, match=r"the terms do not allow train.voice-conversion") as caught:
        road.accept(wide)
    assert caught.value.next_step == "Pay nothing for it; ask its holder for another offer."
    with pytest.raises(license.NothingToOpen) as caught:
        license.check_prospects(chain, road.dataset, given, road.clock, road.told.append, offering=True)
    assert caught.value.next_step.startswith("Offer another purpose (--purpose)")
    said = replace(
        offer.offer,
        expiry=UnixSeconds(road.clock.now() + 2 * 10**8),
        deadline=UnixSeconds(road.clock.now() + 2 * 10**8 - 1),
    )
    late = license.SignedOffer(said, road.holder.sign(license.typed.digest(chain.deployment.domains.access, said)))
    chain.node.rpc.call("evm_increaseTime", 10**8 + 60)
    chain.node.rpc.call("evm_mine")
    with pytest.raises(license.NothingToOpen):
        road.accept(late)
    assert road.sent == []


def test_funding_counts_for_the_license(road):
    made = road.licensed()
    license.fund(road.world.chain, made, Wei(7), road.licensee.address, road.send_as(road.licensee))
    license.fund(road.world.chain, made, Wei(5), road.holder.address, road.send_as(road.holder))
    assert license.find(road.world.chain, made).funded == 12
    with pytest.raises(refusal.UnknownLicense):
        license.fund(road.world.chain, ZERO32, Wei(1), road.holder.address, road.send_as(road.holder))
    with pytest.raises(
        license.TooFewTokens, match=f"^{checksummed(road.holder.address)} has [0-9.]+ TUSD, [0-9.]+ TUSD are needed"
    ):
        license.fund(road.world.chain, made, Wei(10**30), road.holder.address, road.send_as(road.holder))


def test_the_licensee_ends_a_license_at_once_and_the_holder_with_notice(road):
    chain, first, second = road.world.chain, road.licensed(), road.licensed()
    license.terminate(chain, first, road.send_as(road.licensee))
    license.terminate(chain, second, road.send_as(road.holder))
    now = road.clock.now()
    assert license.find(chain, first).state(now) == "TERMINATED"
    assert license.find(chain, second).state(now) == "ACTIVE"
    assert license.find(chain, second).terminations


def test_the_contract_answers_in_our_words_and_one_voice_stops_its_own_recordings_only(road):
    chain, made = road.world.chain, road.licensed()
    use = access.LicensedUse(made, 0b10, b"DE")
    who = road.licensee.address

    def verdicts(use=use, who=who):
        return [access.contract_verdict(chain, road.dataset, use, who, index) for index in (0, 1)]

    assert verdicts() == [("allowed", ZERO32)] * 2
    assert verdicts(who=road.holder.address) == [("wrong-licensee", made)] * 2
    assert verdicts(access.LicensedUse(made, 0b100, b"DE")) == [("purpose-not-licensed", made)] * 2
    assert verdicts(access.LicensedUse(ZERO32, 0b10, b"DE")) == [("unknown-license", ZERO32)] * 2
    withdrawn = road.consents[0].id(chain.deployment.domains.consent)
    chain.send(Call("ConsentRegistry", "revokeConsent", (withdrawn, ZERO32)), road.voices[0])
    assert verdicts() == [("consent-withdrawn", withdrawn), ("allowed", ZERO32)]


def test_a_refusal_names_the_custom_error_and_changes_nothing(road):
    chain, made = road.world.chain, road.licensed()
    nonce = chain.node.nonce(road.licensee.address)
    with pytest.raises(Reverted) as caught:
        chain.send(Call("DataAccess", "recordAccess", (road.dataset_id, made, 0b100, 1, ZERO32)), road.licensee)
    assert caught.value.code == "purpose-not-licensed"
    assert caught.value.facts == {"contract": "DataAccess", "asked": 4, "granted": 2}
    assert chain.node.nonce(road.licensee.address) == nonce
    with pytest.raises(Reverted):
        chain.cost(Call("DataAccess", "recordAccess", (road.dataset_id, made, 0b100, 1, ZERO32)), road.licensee.address)


def test_a_value_that_does_not_fit_is_invalid_before_anything_is_asked(road):
    for value in (-1, 1 << 256, "1", 1.5):
        with pytest.raises(Invalid):
            road.world.chain.send(Call("Token", "approve", (road.holder.address, value)), road.holder)
    with pytest.raises(Invalid):
        road.world.chain.read(Call("Token", "no such function", ()))


def test_reads_are_pinned_to_their_block(road):
    chain, before = road.world.chain, road.world.chain.head().number
    made = road.licensed()
    slot = Call("DataAccess", "license", (road.dataset_id, made))
    assert chain.read(slot, at=before)[0][0] == bytes(20)
    assert chain.read(slot)[0][0] == road.licensee.address


def test_two_processes_of_one_account_do_not_lose_a_transaction(road):
    """Both signed with the same nonce: the slower one signs again."""
    chain, other = road.world.chain, road.world.connect()
    stale = other.node.nonce(road.licensee.address)
    chain.send(Call("Token", "approve", (road.holder.address, 1)), road.licensee)
    answers = iter([stale])
    fresh = other.node.nonce
    other.node.nonce = lambda address: next(answers) if answers.__length_hint__() else fresh(address)  # type: ignore[method-assign]
    mined = other.send(Call("Token", "approve", (road.holder.address, 2)), road.licensee)
    assert mined.gas_used
    assert chain.read(Call("Token", "allowance", (road.licensee.address, road.holder.address))) == (2,)


def test_a_transaction_sent_twice_is_mined_once(road):
    chain = road.world.chain
    signed = chain.sign(Call("Token", "transfer", (road.holder.address, 5)), road.licensee)
    before = license.balance(chain, road.holder.address)
    for _ in range(3):
        chain.broadcast(signed)
    assert chain.mined(signed.tx).gas_used
    assert license.balance(chain, road.holder.address) == before + 5


def test_a_replaced_nonce_is_a_conflict(road):
    chain = road.world.chain
    signed = chain.sign(Call("Token", "transfer", (road.holder.address, 5)), road.licensee)
    chain.send(Call("Token", "transfer", (road.holder.address, 6)), road.licensee)
    with pytest.raises(Conflict):
        chain.broadcast(signed)
    assert chain.mined(signed.tx) is None


def test_finality_is_the_setting(chain_world):
    chain = chain_world.chain
    deep = EvmChain(chain.node, chain.deployment, finality="latest-3")
    assert deep.head(final=True).number == chain.head().number - 3
    assert deep.head().number == chain.head().number
    assert EvmChain(chain.node, chain.deployment, finality="finalized").head(final=True).number <= chain.head().number


def test_a_wrong_chain_missing_code_and_foreign_code_are_refused_at_once(chain_world):
    chain, made = chain_world.chain, chain_world.chain.deployment
    with pytest.raises(WrongChain):
        EvmChain(chain.node, type(made)(1, made.first_block, made.contracts, made.domains))
    nowhere = {**made.contracts, "DataAccess": Address(b"\x01" * 20)}
    with pytest.raises(NoCode):
        EvmChain(chain.node, type(made)(made.chain_id, made.first_block, nowhere, made.domains))
    swapped = {**made.contracts, "DataAccess": made.contracts["Token"], "Token": made.contracts["DataAccess"]}
    with pytest.raises(AbiMismatch):
        EvmChain(chain.node, type(made)(made.chain_id, made.first_block, swapped, made.domains))
    with pytest.raises(AbiMismatch):
        EvmChain(chain.node, made, code_hashes={"DataAccess": ZERO32})


def test_a_silent_node_is_unavailable_and_the_next_endpoint_is_tried(chain_world):
    with pytest.raises(NodeSilent) as caught:
        EvmNode(Rpc(["http://127.0.0.1:9/secret-key"], timeout_s=2)).chain_id()
    assert "secret" not in str(caught.value.problem())
    assert EvmNode(Rpc(["http://127.0.0.1:9", chain_world.url], timeout_s=2)).chain_id() == 31_337


def test_missing_blocks_are_named(chain_world):
    with pytest.raises(Exception, match="no block 99999"):
        chain_world.chain.block(BlockNumber(99_999))


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__slots__}
