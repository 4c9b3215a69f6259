// Register, license, use, pay, claim, on Hardhat's network through viem.
"use strict";
const assert = require("node:assert/strict");
const { concat, encodeAbiParameters, encodePacked, keccak256, parseAbiParameters, stringToHex } = require("viem");
const { world, advance, refusal, digest, wallet, chain, WINDOW_S, BOND, STAKE, ZERO } = require("./world");

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
      transfers: 0,
      licensee: who.licensee,
      distributor: of.royalties.address,
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

  /** With 50 for the first use. */
  const accepted = (by, message, signature) =>
    of.access.send(by, "accept", message, who.holder, digest("root"), digest("manifest"), 50n, signature);

  async function licensed() {
    const [message, signature] = await offer();
    await of.token.send(who.licensee, "approve", of.royalties.address, 300n);
    return (await accepted(who.licensee, message, signature)).LicenseGranted;
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
    assert.deepEqual([known.holder, known.items, known.status, known.transfers], [who.holder, 3, 1, 0]);
    const again = of.datasets.send(who.holder, "register", ...PARTS, 3);
    assert.deepEqual(await refusal(again), ["AlreadyRegistered", datasetId]);
  });

  it("lets only the holder suspend it, and then makes no new license", async () => {
    const strangers = of.datasets.send(who.stranger, "setStatus", datasetId, 2, ZERO);
    assert.deepEqual(await refusal(strangers), ["NotHolder", datasetId, who.stranger]);
    await of.datasets.send(who.holder, "setStatus", datasetId, 2, ZERO);
    assert.deepEqual(await refusal(licensed()), ["DatasetInactive", datasetId, 2]);
  });

  it("accepts a signed offer once; price and deposit are the license's balance", async () => {
    const { licenseId, price } = await licensed();
    assert.equal(price, 250n);
    assert.equal(await of.token.read("balanceOf", of.royalties.address), STAKE + 300n);
    assert.equal(await of.royalties.read("funded"), 300n);
    assert.equal(await of.token.read("allowance", who.licensee, of.royalties.address), 0n);
    assert.equal(await of.access.read("checkLicense", datasetId, licenseId, who.licensee, 0b10), 0);
    assert.equal(await of.access.read("checkLicense", datasetId, licenseId, who.stranger, 0b10), 2);
    assert.equal((await refusal(licensed()))[0], "OfferUsed");
  });

  it("refuses an offer that says something else than what was signed, or is another's", async () => {
    const [message] = await offer();
    const [, cheap] = await offer({ price: 1n });
    assert.deepEqual(await refusal(accepted(who.licensee, message, cheap)), ["BadSignature", who.holder]);
    const [, signature] = await offer();
    assert.deepEqual(await refusal(accepted(who.stranger, message, signature)), ["WrongLicensee", who.licensee]);
  });

  it("ends an offer with the dataset's next transfer, also when it comes back", async () => {
    const [message, signature] = await offer();
    for (const [from, to] of [[who.holder, who.other], [who.other, who.holder]]) {
      await of.datasets.send(from, "transfer", datasetId, to);
      await of.datasets.send(to, "acceptTransfer", datasetId);
    }
    assert.deepEqual(await refusal(accepted(who.licensee, message, signature)), ["WrongTransfers", 2, 0]);
  });

  it("says who shares a dataset's earnings in the event itself", async () => {
    const share = (payee, bps) => encodePacked(["address", "uint16"], [payee, bps]);
    const payees = [who.payee, who.other].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
    const shares = concat([share(payees[0], 9_000), share(payees[1], 1_000)]);
    const { SplitSet } = await of.datasets.send(who.holder, "setSplit", datasetId, shares);
    assert.equal(SplitSet.shares, shares);
    const partial = of.datasets.send(who.holder, "setSplit", datasetId, share(who.payee, 9_999));
    assert.deepEqual(await refusal(partial), ["SharesPartial", 9_999n]);
  });

  it("lets a pool's curator name members, and a member leave after the notice", async () => {
    const pool = [ZERO, ...PARTS.slice(1)];
    const { datasetId: poolId } = (await of.datasets.send(who.other, "register", ...pool, 30)).DatasetRegistered;
    const { MembersSet } = await of.datasets.send(who.other, "setMembers", poolId, digest("members"), digest("list"));
    assert.equal(MembersSet.root, digest("members"));
    const { PoolLeft } = await of.datasets.send(who.holder, "leavePool", poolId, datasetId, false);
    assert.equal(await of.datasets.read("leavesAt", poolId, datasetId), PoolLeft.leavesAt);
    const theirs = of.datasets.send(who.holder, "setMembers", poolId, ZERO, ZERO);
    assert.deepEqual(await refusal(theirs), ["NotHolder", poolId, who.holder]);
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
    assert.equal(await of.token.read("balanceOf", of.royalties.address), STAKE + 100n);
    assert.equal(await of.token.read("balanceOf", who.other), 300n);
  });

  it("freezes a challenged root; who was right gets its bond and half the stake", async () => {
    await funded(1_000n);
    const wrong = leaf(who.stranger, 1_000n);
    await of.royalties.send(who.publisher, "propose", 1n, wrong, 1_000n, digest("heads"), digest("epoch"));
    await of.royalties.send(who.licensee, "challenge", 1n, wrong, digest("why"));
    await advance(WINDOW_S);
    const claim = of.royalties.send(who.stranger, "claim", 1n, who.stranger, 1_000n, []);
    assert.deepEqual(await refusal(claim), ["UnderChallenge", 1n]);
    const resolved = await of.royalties.send(who.arbiter, "resolve", 1n, wrong, who.licensee, true);
    assert.equal(resolved.ChallengeResolved.challenger, who.licensee);
    await of.royalties.send(who.licensee, "unstake", who.licensee);
    assert.equal(await of.token.read("balanceOf", of.royalties.address), 1_000n + STAKE / 2n);
  });

  it("keeps a reason of any script as it was given", async () => {
    const reason = stringToHex("отзыв 撤回同意", { size: 32 });
    const { ConsentRevoked } = await of.consents.send(who.holder, "revokeConsent", digest("consent"), reason);
    assert.equal(ConsentRevoked.reason, reason);
    assert.ok((await of.consents.read("revokedAt", who.holder, digest("consent"))) > 0);
  });

  it("registers an artifact of ten thousand parents in one event", async () => {
    const facts = [1, digest("parents"), 10_000, digest("list"), digest("licenses")];
    const sent = await of.artifacts.send(who.licensee, "registerArtifact", ...facts);
    assert.equal(sent.ArtifactRegistered.parentCount, 10_000);
  });
});
