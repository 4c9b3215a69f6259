// Register, license, use, pay, claim, on Hardhat's network through viem.
"use strict";
const assert = require("node:assert/strict");
const { concat, encodeAbiParameters, keccak256, parseAbiParameters, stringToHex } = require("viem");
const { world, advance, refusal, digest, wallet, chain, WINDOW_S, BOND, ZERO } = require("./world");

const FAR = 4_000_000_000; // [unix s]
const PARTS = ["root", "manifest", "terms", "split"].map(digest);

describe("a payment", () => {
  let of, who, datasetId;

  beforeEach(async () => {
    ({ of, who } = await world());
    ({ datasetId } = (await of.datasets.send(who.holder, "register", ...PARTS, 3)).DatasetRegistered);
  });

  async function offer(changes = {}) {
    const message = {
      datasetId,
      holder: who.holder,
      licensee: who.licensee,
      token: of.token.address,
      price: 250n,
      expiry: FAR,
      purposes: 0b11,
      deadline: FAR,
      noticeDays: 30,
      termsHash: digest("terms"),
      nonce: 1n,
      ...changes,
    };
    const fields = of.access.abi.find((one) => one.name === "offerDigestOf").inputs[0].components;
    const signature = await wallet.signTypedData({
      account: who.holder,
      domain: { name: "DataAccess", version: "1", chainId: chain.id, verifyingContract: of.access.address },
      types: { Offer: fields.map(({ name, type }) => ({ name, type })) },
      primaryType: "Offer",
      message,
    });
    return [message, signature];
  }

  async function licensed() {
    const [message, signature] = await offer();
    await of.token.send(who.licensee, "approve", of.access.address, 250n);
    const accepted = [message, who.holder, digest("root"), signature];
    return (await of.access.send(who.licensee, "accept", ...accepted)).LicenseGranted;
  }

  const leaf = (payee, cumulative) =>
    keccak256(
      keccak256(
        encodeAbiParameters(parseAbiParameters("uint256, address, address, uint256"), [
          BigInt(chain.id),
          of.royalties.address,
          payee,
          cumulative,
        ]),
      ),
    );

  async function funded(amount) {
    await of.token.send(who.licensee, "approve", of.royalties.address, amount + BOND);
    return (await of.royalties.send(who.licensee, "fund", amount, digest("license"))).Funded;
  }

  it("registers a dataset once, and tells all of it", async () => {
    const known = await of.datasets.read("dataset", datasetId);
    assert.deepEqual([known.holder, known.items, known.status], [who.holder, 3, 1]);
    const again = of.datasets.send(who.holder, "register", ...PARTS, 3);
    assert.deepEqual(await refusal(again), ["AlreadyRegistered", datasetId]);
  });

  it("lets only the holder suspend it, and then makes no new license", async () => {
    const strangers = of.datasets.send(who.stranger, "setStatus", datasetId, 2, ZERO);
    assert.deepEqual(await refusal(strangers), ["NotHolder", datasetId, who.stranger]);
    await of.datasets.send(who.holder, "setStatus", datasetId, 2, ZERO);
    assert.deepEqual(await refusal(licensed()), ["DatasetInactive", datasetId, 2]);
  });

  it("accepts a signed offer once; the price reaches the holder", async () => {
    const { licenseId, price } = await licensed();
    assert.equal(price, 250n);
    assert.equal(await of.token.read("balanceOf", who.holder), 250n);
    assert.equal(await of.access.read("checkLicense", datasetId, licenseId, who.licensee, 0b10), 0);
    assert.equal(await of.access.read("checkLicense", datasetId, licenseId, who.stranger, 0b10), 2);
    assert.equal((await refusal(licensed()))[0], "OfferUsed");
  });

  it("refuses an offer that says something else than what was signed, or is another's", async () => {
    const [message] = await offer();
    const [, cheap] = await offer({ price: 1n });
    const wrong = of.access.send(who.licensee, "accept", message, who.holder, digest("root"), cheap);
    assert.deepEqual(await refusal(wrong), ["BadSignature", who.holder]);
    const [, signature] = await offer();
    const another = of.access.send(who.stranger, "accept", message, who.holder, digest("root"), signature);
    assert.deepEqual(await refusal(another), ["WrongLicensee", who.licensee]);
  });

  it("records a use for a licensed purpose only, and none after the end", async () => {
    const { licenseId } = await licensed();
    const use = (purpose) =>
      of.access.send(who.licensee, "recordAccess", datasetId, licenseId, purpose, 3n, digest("receipt"));
    assert.equal((await use(0b10)).AccessRecorded.units, 3n);
    assert.deepEqual(await refusal(use(0b100)), ["PurposeNotLicensed", 4, 3]);
    await of.access.send(who.licensee, "terminate", datasetId, licenseId, ZERO);
    assert.deepEqual(await refusal(use(0b10)), ["LicenseInactive", licenseId, 2]);
  });

  it("chains batches behind the meter's head", async () => {
    const head = await of.usage.read("headOf", who.meter);
    const batch = (sender) => of.usage.send(sender, "anchor", head, digest("root"), 1_000n, digest("batch"));
    const anchored = (await batch(who.meter)).UsageAnchored;
    assert.equal(await of.usage.read("headOf", who.meter), anchored.head);
    assert.deepEqual(await refusal(batch(who.meter)), ["HeadMismatch", anchored.head, head]);
    assert.deepEqual(await refusal(batch(who.stranger)), ["NotMeter", who.stranger]);
  });

  it("pays a funded settlement to every payee, once, after its window", async () => {
    assert.equal((await funded(1_000n)).received, 1_000n);
    const [one, two] = [leaf(who.payee, 600n), leaf(who.other, 300n)];
    const root = keccak256(concat([one, two].sort()));
    const propose = (total) =>
      of.royalties.send(who.publisher, "propose", 1n, root, total, digest("heads"), digest("epoch"));
    const claim = (payee, sum, sibling) => of.royalties.send(who.stranger, "claim", 1n, payee, sum, [sibling]);
    assert.deepEqual(await refusal(propose(1_001n)), ["Insolvent", 1_001n, 1_000n]);
    const { activeAt } = (await propose(900n)).SettlementProposed;
    assert.deepEqual(await refusal(claim(who.payee, 600n, two)), ["WindowOpen", activeAt]);
    await advance(WINDOW_S);
    assert.equal((await claim(who.payee, 600n, two)).RoyaltyClaimed.amount, 600n);
    assert.deepEqual(await refusal(claim(who.payee, 600n, two)), ["NothingDue", who.payee]);
    assert.deepEqual(await refusal(claim(who.other, 301n, one)), ["InvalidProof"]);
    const rest = [{ payee: who.other, cumulative: 300n, proof: [one] }];
    await of.royalties.send(who.stranger, "claimMany", 1n, rest);
    assert.equal(await of.token.read("balanceOf", of.royalties.address), 100n);
    assert.equal(await of.token.read("balanceOf", who.other), 300n);
  });

  it("freezes a challenged root and returns the bond of one who was right", async () => {
    await funded(1_000n);
    const wrong = leaf(who.stranger, 1_000n);
    await of.royalties.send(who.publisher, "propose", 1n, wrong, 1_000n, digest("heads"), digest("epoch"));
    await of.royalties.send(who.licensee, "challenge", 1n, digest("why"));
    await advance(WINDOW_S);
    const claim = of.royalties.send(who.stranger, "claim", 1n, who.stranger, 1_000n, []);
    assert.deepEqual(await refusal(claim), ["UnderChallenge", 1n]);
    const resolved = await of.royalties.send(who.arbiter, "resolve", 1n, true);
    assert.equal(resolved.ChallengeResolved.bondTo, who.licensee);
    assert.equal(await of.token.read("balanceOf", of.royalties.address), 1_000n);
  });

  it("keeps a reason of any script as it was given", async () => {
    const reason = stringToHex("отзыв 撤回同意", { size: 32 });
    const { ConsentRevoked } = await of.consents.send(who.holder, "revokeConsent", digest("consent"), reason);
    assert.equal(ConsentRevoked.reason, reason);
    assert.equal(await of.consents.read("revokedAt", who.holder, digest("consent")), ConsentRevoked.at);
  });

  it("registers an artifact of ten thousand parents in one event", async () => {
    const facts = [1, digest("parents"), 10_000, digest("list"), digest("licenses")];
    const sent = await of.artifacts.send(who.licensee, "registerArtifact", ...facts);
    assert.equal(sent.ArtifactRegistered.parentCount, 10_000);
  });
});
