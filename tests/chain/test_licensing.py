"""Licensing on a real node: register, offer, accept, fund, read, withdraw."""

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


class Licensing:
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
def licensing(chain_world, request):
    with chain_world.undone():
        yield Licensing(chain_world, request.node.name)


def test_a_registered_dataset_is_found_with_its_documents(licensing):
    (logged,) = [one for one in licensing.mined.logs if isinstance(one.event, events.DatasetRegistered)]
    assert logged.event.dataset_id == licensing.dataset_id
    assert licensing.dataset.manifest == licensing.manifest
    assert licensing.dataset.holder == licensing.holder.address
    assert licensing.mined.gas_used < 52_000


def test_events_are_the_same_by_range_and_by_subject(licensing):
    chain = licensing.world.chain
    made = licensing.licensed()
    everything = list(chain.events(chain.deployment.first_block, chain.head().number))
    named = tuple(one for one in everything if made in {getattr(one.event, n) for n in one.event.__slots__})
    assert chain.about(made) == named
    assert [type(one.event).__name__ for one in named] == ["LicenseGranted"]
    assert list(chain.upto(chain.head().number)) == everything


def test_accepting_pays_the_holder_exactly_and_once(licensing):
    chain, before = licensing.world.chain, license.balance(licensing.world.chain, licensing.holder.address)
    chain.send(Call("Token", "approve", (chain.deployment.contracts["DataAccess"], 0)), licensing.licensee)
    offer = licensing.offer()
    made = licensing.accept(offer)
    assert license.balance(chain, licensing.holder.address) - before == 5_000_000
    assert licensing.sent == ["approve tokens", "accept license"]
    again = licensing.accept(offer)
    assert again == made
    assert len(licensing.sent) == 2
    assert license.balance(chain, licensing.holder.address) - before == 5_000_000
    found = license.find(chain, made)
    assert found.state(licensing.clock.now()) == "ACTIVE"
    assert found.grant.purposes == 0b10
    assert [one.id for one in license.licenses_of(chain, licensing.licensee.address)] == [made]
    assert [one.id for one in license.licenses_of(chain, licensing.holder.address)] == [made]


def test_an_offer_for_another_account_is_denied_by_us_and_by_the_contract(licensing):
    offer = licensing.offer(licensee=licensing.voices[0].address)
    with pytest.raises(Denied):
        licensing.accept(offer)
    assert licensing.sent == []
    words = (license._tuple(offer.offer), licensing.holder.address, licensing.manifest.root(), offer.signature)
    with pytest.raises(Reverted) as caught:
        licensing.world.chain.send(Call("DataAccess", "accept", words), licensing.licensee)
    assert caught.value.code == "wrong-licensee"
    assert caught.value.facts["expected"].lower() == "0x" + licensing.voices[0].address.hex()


def test_an_offer_beyond_the_terms_is_never_signed(licensing):
    with pytest.raises(BroaderThanTerms):
        licensing.offer(purposes=0b1_0000)
    with pytest.raises(Invalid):
        licensing.offer(expiry=licensing.clock.now() - 1)
    with pytest.raises(license.NotHolder):
        license.offer(
            licensing.world.chain,
            licensing.dataset,
            licensing.licensee,
            licensing.clock,
            RANDOM,
            purposes=0b10,
            expiry=licensing.clock.now() + 10_000,
        )


def test_a_changed_offer_has_no_signature(licensing):
    offer = licensing.offer()
    cheaper = license.SignedOffer(license.typed.Offer(**{**_fields(offer.offer), "price": Wei(1)}), offer.signature)
    with pytest.raises(Denied):
        licensing.accept(cheaper)


def test_a_cancelled_offer_cannot_be_accepted(licensing):
    offer = licensing.offer()
    license.cancel(offer, licensing.holder.address, licensing.send_as(licensing.holder))
    with pytest.raises(Reverted) as caught:
        licensing.accept(offer)
    assert caught.value.code == "offer-used"


def withdraw(licensing, index: int):
    consent_id = licensing.consents[index].id(licensing.world.chain.deployment.domains.consent)
    licensing.world.chain.send(Call("ConsentRegistry", "revokeConsent", (consent_id, ZERO32)), licensing.voices[index])
    return consent_id


def test_nobody_pays_for_a_license_that_would_open_nothing(licensing):
    chain, offer = licensing.world.chain, licensing.offer()
    withdraw(licensing, 0)
    late = withdraw(licensing, 1)
    before = license.balance(chain, licensing.licensee.address)
    with pytest.raises(license.NothingToOpen) as caught:
        licensing.accept(offer)
    assert (caught.value.exit_status, caught.value.facts["reason"]) == (5, "consent-withdrawn")
    assert caught.value.facts["consent"] in {
        "0x" + one.id(chain.deployment.domains.consent).hex() for one in licensing.consents
    }
    assert caught.value.next_step.startswith("Pay nothing for it. Its holder asks the voice owner for a new consent")
    assert (licensing.sent, license.balance(chain, licensing.licensee.address)) == ([], before)
    assert "0x" + late.hex() not in caught.value.detail


def test_who_pays_for_less_than_all_recordings_is_told_before(licensing):
    gone = withdraw(licensing, 1)
    made = licensing.licensed()
    [told] = licensing.told
    assert told.startswith("1 of 2 recordings can be opened under this offer: the voice owner withdrew it in block ")
    assert "0x" + gone.hex() in told
    use = access.LicensedUse(made, 0b10, b"DE")
    verdicts = [
        access.contract_verdict(licensing.world.chain, licensing.dataset, use, licensing.licensee.address, n)[0]
        for n in (0, 1)
    ]
    assert verdicts == ["allowed", "consent-withdrawn"]


def test_a_gateway_that_sends_another_offer_than_the_one_asked_for_is_not_believed(licensing):
    chain, cheap = licensing.world.chain, licensing.offer()
    asked = license.typed.digest(chain.deployment.domains.access, cheap.offer)

    class Gateway:
        def __init__(self, *rows) -> None:
            self.rows = rows

        def listing(self, kind, **filters):
            assert (kind, filters) == ("offers", {"offer": "0x" + asked.hex()})
            return Listing(tuple({"offer": canonical.loads(one.encode())} for one in self.rows), 1, ZERO32, "latest")

    assert offers.published(Gateway(cheap), chain, asked) == cheap
    with pytest.raises(offers.OfferDiffers):
        offers.published(Gateway(licensing.offer()), chain, asked)
    with pytest.raises(Missing):
        offers.published(Gateway(), chain, asked)


def test_a_consent_that_ended_or_a_purpose_nobody_gave_opens_nothing(licensing):
    chain, offer = licensing.world.chain, licensing.offer()
    given = replace(offer.offer, purposes=0b1000, nonce=7)
    wide = license.SignedOffer(
        given, licensing.holder.sign(license.typed.digest(chain.deployment.domains.access, given))
    )
    with pytest.raises(license.NothingToOpen, match=r"the terms do not allow train.voice-conversion") as caught:
        licensing.accept(wide)
    assert caught.value.next_step == "Pay nothing for it; ask its holder for another offer."
    with pytest.raises(license.NothingToOpen) as caught:
        license.check_prospects(chain, licensing.dataset, given, licensing.clock, licensing.told.append, offering=True)
    assert caught.value.next_step.startswith("Offer another purpose (--purpose)")
    said = replace(
        offer.offer,
        expiry=UnixSeconds(licensing.clock.now() + 2 * 10**8),
        deadline=UnixSeconds(licensing.clock.now() + 2 * 10**8 - 1),
    )
    late = license.SignedOffer(said, licensing.holder.sign(license.typed.digest(chain.deployment.domains.access, said)))
    chain.node.rpc.call("evm_increaseTime", 10**8 + 60)
    chain.node.rpc.call("evm_mine")
    with pytest.raises(license.NothingToOpen):
        licensing.accept(late)
    assert licensing.sent == []


def test_funding_counts_for_the_license(licensing):
    made = licensing.licensed()
    license.fund(licensing.world.chain, made, Wei(7), licensing.licensee.address, licensing.send_as(licensing.licensee))
    license.fund(licensing.world.chain, made, Wei(5), licensing.holder.address, licensing.send_as(licensing.holder))
    assert license.find(licensing.world.chain, made).funded == 12
    with pytest.raises(refusal.UnknownLicense):
        license.fund(
            licensing.world.chain, ZERO32, Wei(1), licensing.holder.address, licensing.send_as(licensing.holder)
        )
    with pytest.raises(
        license.TooFewTokens,
        match=f"^{checksummed(licensing.holder.address)} has [0-9.]+ TUSD, [0-9.]+ TUSD are needed",
    ):
        license.fund(
            licensing.world.chain, made, Wei(10**30), licensing.holder.address, licensing.send_as(licensing.holder)
        )


def test_the_licensee_ends_a_license_at_once_and_the_holder_with_notice(licensing):
    chain, first, second = licensing.world.chain, licensing.licensed(), licensing.licensed()
    license.terminate(chain, first, licensing.send_as(licensing.licensee))
    license.terminate(chain, second, licensing.send_as(licensing.holder))
    now = licensing.clock.now()
    assert license.find(chain, first).state(now) == "TERMINATED"
    assert license.find(chain, second).state(now) == "ACTIVE"
    assert license.find(chain, second).terminations


def test_the_contract_answers_in_our_words_and_one_voice_stops_its_own_recordings_only(licensing):
    chain, made = licensing.world.chain, licensing.licensed()
    use = access.LicensedUse(made, 0b10, b"DE")
    who = licensing.licensee.address

    def verdicts(use=use, who=who):
        return [access.contract_verdict(chain, licensing.dataset, use, who, index) for index in (0, 1)]

    assert verdicts() == [("allowed", ZERO32)] * 2
    assert verdicts(who=licensing.holder.address) == [("wrong-licensee", made)] * 2
    assert verdicts(access.LicensedUse(made, 0b100, b"DE")) == [("purpose-not-licensed", made)] * 2
    assert verdicts(access.LicensedUse(ZERO32, 0b10, b"DE")) == [("unknown-license", ZERO32)] * 2
    withdrawn = licensing.consents[0].id(chain.deployment.domains.consent)
    chain.send(Call("ConsentRegistry", "revokeConsent", (withdrawn, ZERO32)), licensing.voices[0])
    assert verdicts() == [("consent-withdrawn", withdrawn), ("allowed", ZERO32)]


def test_a_refusal_names_the_custom_error_and_changes_nothing(licensing):
    chain, made = licensing.world.chain, licensing.licensed()
    nonce = chain.node.nonce(licensing.licensee.address)
    with pytest.raises(Reverted) as caught:
        chain.send(
            Call("DataAccess", "recordAccess", (licensing.dataset_id, made, 0b100, 1, ZERO32)), licensing.licensee
        )
    assert caught.value.code == "purpose-not-licensed"
    assert caught.value.facts == {"contract": "DataAccess", "asked": 4, "granted": 2}
    assert chain.node.nonce(licensing.licensee.address) == nonce
    with pytest.raises(Reverted):
        chain.cost(
            Call("DataAccess", "recordAccess", (licensing.dataset_id, made, 0b100, 1, ZERO32)),
            licensing.licensee.address,
        )


def test_a_value_that_does_not_fit_is_invalid_before_anything_is_asked(licensing):
    for value in (-1, 1 << 256, "1", 1.5):
        with pytest.raises(Invalid):
            licensing.world.chain.send(Call("Token", "approve", (licensing.holder.address, value)), licensing.holder)
    with pytest.raises(Invalid):
        licensing.world.chain.read(Call("Token", "no such function", ()))


def test_reads_are_pinned_to_their_block(licensing):
    chain, before = licensing.world.chain, licensing.world.chain.head().number
    made = licensing.licensed()
    slot = Call("DataAccess", "license", (licensing.dataset_id, made))
    assert chain.read(slot, at=before)[0][0] == bytes(20)
    assert chain.read(slot)[0][0] == licensing.licensee.address


def test_two_processes_of_one_account_do_not_lose_a_transaction(licensing):
    """Both signed with the same nonce: the slower one signs again."""
    chain, other = licensing.world.chain, licensing.world.connect()
    stale = other.node.nonce(licensing.licensee.address)
    chain.send(Call("Token", "approve", (licensing.holder.address, 1)), licensing.licensee)
    answers = iter([stale])
    fresh = other.node.nonce
    other.node.nonce = lambda address: next(answers) if answers.__length_hint__() else fresh(address)  # type: ignore[method-assign]
    mined = other.send(Call("Token", "approve", (licensing.holder.address, 2)), licensing.licensee)
    assert mined.gas_used
    assert chain.read(Call("Token", "allowance", (licensing.licensee.address, licensing.holder.address))) == (2,)


def test_a_transaction_sent_twice_is_mined_once(licensing):
    chain = licensing.world.chain
    signed = chain.sign(Call("Token", "transfer", (licensing.holder.address, 5)), licensing.licensee)
    before = license.balance(chain, licensing.holder.address)
    for _ in range(3):
        chain.broadcast(signed)
    assert chain.mined(signed.tx).gas_used
    assert license.balance(chain, licensing.holder.address) == before + 5


def test_a_replaced_nonce_is_a_conflict(licensing):
    chain = licensing.world.chain
    signed = chain.sign(Call("Token", "transfer", (licensing.holder.address, 5)), licensing.licensee)
    chain.send(Call("Token", "transfer", (licensing.holder.address, 6)), licensing.licensee)
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
        EvmChain(chain.node, replace(made, chain_id=1))
    nowhere = {**made.contracts, "DataAccess": Address(b"\x01" * 20)}
    with pytest.raises(NoCode):
        EvmChain(chain.node, replace(made, contracts=nowhere))
    swapped = {**made.contracts, "DataAccess": made.contracts["Token"], "Token": made.contracts["DataAccess"]}
    with pytest.raises(AbiMismatch):
        EvmChain(chain.node, replace(made, contracts=swapped))
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
