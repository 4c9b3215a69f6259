"""Register, license, use, pay, claim: Brownie compiles, calls and reads the contracts without a line of ours."""

import json
from pathlib import Path

import brownie
import pytest
from brownie import chain, web3
from conftest import BOND, STAKE, WINDOW_S, accept, digest

NAMES = (
    "ArtifactRegistry",
    "ConsentRegistry",
    "DataAccess",
    "DatasetRegistry",
    "RoyaltyDistributor",
    "Token",
    "UsageLedger",
)
BATCH = digest("batch root"), 1_000, digest("batch")


def said(event, name):
    """An event's argument, bytes as hex."""
    value = event[name]
    return "0x" + bytes(value).hex() if isinstance(value, bytes) else str(value)


def leaf(of, payee, cumulative):
    types = ["uint256", "address", "address", "uint256"]
    return web3.keccak(web3.keccak(web3.codec.encode(types, [chain.id, of.royalties.address, payee, cumulative])))


def without_metadata(code):
    """Runtime code without the CBOR tail, whose length is its last two bytes."""
    raw = bytes.fromhex(code.removeprefix("0x"))
    return raw[: -2 - int.from_bytes(raw[-2:], "big")]


@pytest.mark.parametrize("name", NAMES)
def test_brownie_compiles_the_code_that_is_published(name):
    published = json.loads(Path("abi", f"{name}.json").read_text("utf-8"))
    ours = getattr(brownie.project.get_loaded_projects()[0], name)._build["deployedBytecode"]
    assert without_metadata(ours) == without_metadata(published["deployedBytecode"])


def test_a_dataset_is_registered_once_and_its_event_tells_all(of, parties):
    parts = [digest(one) for one in ("root", "manifest", "terms", "split")]
    sent = of.datasets.register(*parts, 3, {"from": parties.holder})
    event = sent.events["DatasetRegistered"]
    told = [said(event, one) for one in ("manifestRoot", "manifestDigest", "termsHash", "splitHash")]
    assert told == ["0x" + bytes(one).hex() for one in parts]
    assert (event["holder"], event["items"]) == (parties.holder, 3)
    assert of.datasets.dataset(sent.return_value)[0] == parties.holder
    with brownie.reverts(revert_pattern="AlreadyRegistered: .*"):
        of.datasets.register(*parts, 3, {"from": parties.holder})


def test_only_the_holder_suspends_a_dataset(of, parties, dataset):
    with brownie.reverts(revert_pattern=f"NotHolder: .*, {parties.stranger.address.lower()}"):
        of.datasets.setStatus(dataset, 2, bytes(32), {"from": parties.stranger})
    of.datasets.setStatus(dataset, 2, bytes(32), {"from": parties.holder})
    assert tuple(of.datasets.standing(dataset)) == (parties.holder, 2, 0)


def test_a_signed_offer_is_accepted_once_and_its_price_and_a_deposit_fund_the_license(of, parties, dataset, offer):
    fields, signature = offer()
    of.token.approve(of.royalties, 350, {"from": parties.licensee})
    sent = accept(of, parties, fields, signature, deposit=100)
    funded = sent.events["Funded"]
    assert (funded["from"], said(funded, "memo"), funded["received"]) == (parties.licensee, str(sent.return_value), 350)
    assert (of.royalties.funded(), of.token.balanceOf(parties.holder)) == (350, 0)
    event = sent.events["LicenseGranted"]
    assert (event["licensee"], event["holder"], event["price"]) == (parties.licensee, parties.holder, 250)
    assert of.access.checkLicense(dataset, sent.return_value, parties.licensee, 0b10) == 0
    assert of.access.checkLicense(dataset, sent.return_value, parties.stranger, 0b10) == 2
    with brownie.reverts(revert_pattern="OfferUsed: .*"):
        accept(of, parties, fields, signature)


def test_an_offer_of_another_price_or_for_another_is_refused(of, parties, offer):
    fields, _ = offer()
    _, other_signature = offer(price=1)
    with brownie.reverts(f"BadSignature: {parties.holder.address.lower()}"):
        accept(of, parties, fields, other_signature)
    fields, signature = offer()
    with brownie.reverts(f"WrongLicensee: {parties.licensee.address.lower()}"):
        accept(of, parties, fields, signature, sender=parties.stranger)


def test_a_use_is_recorded_for_a_licensed_purpose_only(of, parties, dataset, licensed):
    sent = of.access.recordAccess(dataset, licensed, 0b10, 3, digest("receipt"), {"from": parties.licensee})
    event = sent.events["AccessRecorded"]
    assert (event["accessor"], event["purpose"], event["units"]) == (parties.licensee, 0b10, 3)
    with brownie.reverts("PurposeNotLicensed: 4, 3"):
        of.access.recordAccess(dataset, licensed, 0b100, 3, digest("receipt"), {"from": parties.licensee})


def test_a_terminated_license_allows_no_use(of, parties, dataset, licensed):
    of.access.terminate(dataset, licensed, bytes(32), {"from": parties.licensee})
    assert of.access.checkLicense(dataset, licensed, parties.licensee, 0b10) == 4
    with brownie.reverts(revert_pattern="LicenseInactive: .*, 2"):
        of.access.recordAccess(dataset, licensed, 0b10, 3, digest("receipt"), {"from": parties.licensee})


def test_batches_follow_the_meters_head(of, parties):
    head = of.usage.headOf(parties.meter)
    sent = of.usage.anchor(head, *BATCH, {"from": parties.meter})
    assert sent.events["UsageAnchored"]["count"] == 1_000
    assert of.usage.headOf(parties.meter) == sent.return_value != head
    with brownie.reverts(revert_pattern="HeadMismatch: .*"):
        of.usage.anchor(head, *BATCH, {"from": parties.meter})
    with brownie.reverts(f"NotMeter: {parties.stranger.address.lower()}"):
        of.usage.anchor(head, *BATCH, {"from": parties.stranger})


def test_a_funded_settlement_is_paid_to_both_payees_after_its_window(of, parties):
    of.token.approve(of.royalties, 1_000, {"from": parties.licensee})
    funded = of.royalties.fund(1_000, digest("license"), {"from": parties.licensee})
    assert funded.events["Funded"]["received"] == 1_000
    one, two = leaf(of, parties.payee.address, 600), leaf(of, parties.other.address, 300)
    root = web3.keccak(b"".join(sorted((one, two))))
    settle = {"from": parties.publisher}
    with brownie.reverts("Insolvent: 1001, 1000"):
        of.royalties.propose(1, root, 1_001, digest("heads"), digest("epoch"), settle)
    of.royalties.propose(1, root, 900, digest("heads"), digest("epoch"), settle)
    with brownie.reverts(revert_pattern="WindowOpen: [0-9]+"):
        of.royalties.claim(1, parties.payee, 600, [two], {"from": parties.stranger})
    chain.sleep(WINDOW_S)
    sent = of.royalties.claim(1, parties.payee, 600, [two], {"from": parties.stranger})
    assert sent.events["RoyaltyClaimed"]["amount"] == of.token.balanceOf(parties.payee) == 600
    with brownie.reverts(f"NothingDue: {parties.payee.address.lower()}"):
        of.royalties.claim(1, parties.payee, 600, [two], {"from": parties.payee})
    with brownie.reverts(revert_pattern="InvalidProof.*"):
        of.royalties.claim(1, parties.other, 301, [one], {"from": parties.other})
    of.royalties.claimMany(1, [(parties.other, 300, [one])], {"from": parties.stranger})
    assert (of.royalties.paid(), of.royalties.funded(), of.token.balanceOf(of.royalties)) == (
        *(900, 1_000, 100 + STAKE),
    )


def test_a_challenge_takes_the_bond_freezes_the_root_and_wins_half_the_stake(of, parties):
    of.token.approve(of.royalties, 1_000 + BOND, {"from": parties.licensee})
    of.royalties.fund(1_000, digest("license"), {"from": parties.licensee})
    wrong = leaf(of, parties.stranger.address, 1_000)
    of.royalties.propose(1, wrong, 1_000, digest("heads"), digest("epoch"), {"from": parties.publisher})
    with brownie.reverts(revert_pattern="WrongRoot: .*"):
        of.royalties.challenge(1, digest("another root"), digest("why"), {"from": parties.licensee})
    of.royalties.challenge(1, wrong, digest("why"), {"from": parties.licensee})
    chain.sleep(WINDOW_S)
    with brownie.reverts("UnderChallenge: 1"):
        of.royalties.claim(1, parties.stranger, 1_000, [], {"from": parties.stranger})
    sent = of.royalties.resolve(1, wrong, parties.licensee, True, {"from": parties.arbiter})
    event = sent.events["ChallengeResolved"]
    assert (event["challenger"], event["activeAt"]) == (parties.licensee, 0)
    assert tuple(of.royalties.owed(parties.licensee)) == (BOND + STAKE // 2, 0)
    of.royalties.unstake(parties.licensee, {"from": parties.licensee})
    assert of.token.balanceOf(of.royalties) == 1_000 + STAKE // 2


def test_an_artifact_of_ten_thousand_parents_is_one_event(of, parties):
    sent = of.artifacts.registerArtifact(
        1, digest("parents"), 10_000, digest("list"), digest("licenses"), {"from": parties.licensee}
    )
    assert sent.events["ArtifactRegistered"]["parentCount"] == 10_000
