// The same registry in Hardhat: the real contracts from the package's artifacts, called through viem.
"use strict";
const assert = require("node:assert/strict");
const hre = require("hardhat");
const viem = require("viem");
const { hardhat: chain } = require("viem/chains");
const { dataAccessAbi, datasetRegistryAbi, purposes } = require("@provenance-network/contracts");

const artifact = (name) => require(`@provenance-network/contracts/artifacts/${name}.json`);
const transport = viem.custom(hre.network.provider, { retryCount: 0 });
const node = viem.createPublicClient({ chain, transport, pollingInterval: 5 });
const wallet = viem.createWalletClient({ chain, transport });
const digest = (text) => viem.keccak256(viem.toBytes(text));
// One recording, in which no voice is heard; its leaf is the manifest's root.
const RECORDING = {
  index: 0,
  cidDigest: digest("cid"),
  keyCommitment: digest("key"),
  plaintextCommitment: digest("plain"),
  consentsHash: viem.zeroHash,
};
const LEAF = viem.encodeAbiParameters(
  ["uint32", "bytes32", "bytes32", "bytes32", "bytes32"].map((type) => ({ type })),
  Object.values(RECORDING),
);
const PARTS = [viem.keccak256(viem.keccak256(LEAF)), ...["manifest", "terms", "split"].map(digest)];

describe("ModelRegistry", () => {
  let holder, trainer, stranger, access, models, datasetId;

  async function deployed({ abi, bytecode }, ...args) {
    const hash = await wallet.deployContract({ abi, bytecode, args, account: holder });
    return (await node.waitForTransactionReceipt({ hash })).contractAddress;
  }

  async function sent(account, address, abi, functionName, ...args) {
    const { request, result } = await node.simulateContract({ account, address, abi, functionName, args });
    await node.waitForTransactionReceipt({ hash: await wallet.writeContract(request) });
    return result;
  }

  beforeEach(async () => {
    [holder, trainer, stranger] = await wallet.getAddresses();
    const consents = await deployed(artifact("ConsentRegistry"));
    const datasets = await deployed(artifact("DatasetRegistry"), holder, holder);
    access = await deployed(artifact("DataAccess"), datasets, consents);
    const { abi, bytecode } = await hre.artifacts.readArtifact("ModelRegistry");
    models = { address: await deployed({ abi, bytecode }, access), abi };
    datasetId = await sent(holder, datasets, datasetRegistryAbi, "register", ...PARTS, 3);
  });

  // No license here costs anything, so that nothing is called at the distributor's address.
  const licensed = (bits) => ({
    licensee: trainer,
    distributor: viem.zeroAddress,
    expiry: 4_000_000_000,
    purposes: bits,
    noticeDays: 0,
    nonce: 1n,
  });
  const named = () => ({
    registrant: holder,
    manifestRoot: PARTS[0],
    manifestDigest: PARTS[1],
    termsHash: PARTS[2],
  });
  const granted = (bits) => sent(holder, access, dataAccessAbi, "grant", { ...named(), ...licensed(bits) });

  const useVoice = (who, model, purpose, bits) => {
    const made = { datasetId, holder, transfers: 0, price: 0n, deadline: 0, termsHash: PARTS[2] };
    const offer = { ...made, ...licensed(bits) };
    const member = { holder: viem.zeroAddress, path: [] };
    const asked = { offer, licensee: trainer, member, who, purpose: purposes[purpose] };
    const query = { ...asked, ...named(), recording: RECORDING };
    const evidence = { path: [], consents: [], signatures: [] };
    return sent(who, models.address, models.abi, "useVoice", digest(model), query, evidence);
  };

  const train = (who, license) => sent(who, models.address, models.abi, "train", digest("model"), datasetId, license);

  it("lets a licensee train", async () => {
    await train(trainer, await granted(purposes["train.tts"]));
    const found = await node.readContract({ ...models, functionName: "trainerOf", args: [digest("model")] });
    assert.equal(found, trainer);
  });

  it("refuses everybody else, and other purposes", async () => {
    const license = await granted(purposes["train.tts"]);
    await assert.rejects(train(stranger, license), /AccessRefused/);
    await assert.rejects(train(trainer, digest("none")), /AccessRefused/);
  });

  it("takes a voice for its own purpose only, into the sender's model only", async () => {
    const bits = purposes["train.tts"] | purposes["train.asr"];
    await train(trainer, await granted(bits));
    await useVoice(trainer, "model", "train.tts", bits);
    await assert.rejects(useVoice(trainer, "model", "train.asr", bits), /NotThePurpose/);
    await assert.rejects(useVoice(trainer, "another model", "train.tts", bits), /NotTheTrainer/);
    await assert.rejects(useVoice(stranger, "model", "train.tts", bits), /NotTheTrainer/);
  });
});
