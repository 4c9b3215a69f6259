// The contracts on Hardhat's own network, as a developer of viem deploys and calls them.
"use strict";
const hre = require("hardhat");
const viem = require("viem");
const { hardhat: chain } = require("viem/chains");

const WINDOW_S = 3_600;
const BOND = 1_000_000n;
const STAKE = 10_000_000n;
const ZERO = viem.zeroHash;
const NAMES = ["owner", "publisher", "guardian", "arbiter", "holder", "licensee", "meter", "payee", "other", "stranger"];

const digest = (text) => viem.keccak256(viem.toBytes(text));
const transport = viem.custom(hre.network.provider, { retryCount: 0 });
const node = viem.createPublicClient({ chain, transport, pollingInterval: 5, cacheTime: 0 });
const wallet = viem.createWalletClient({ chain, transport });

/** A deployed contract: `send` gives the events of its receipt by name, `read` the answer. */
class Deployed {
  constructor(address, abi) {
    Object.assign(this, { address, abi });
  }

  read(functionName, ...args) {
    return node.readContract({ ...this, functionName, args });
  }

  async send(account, functionName, ...args) {
    const { request } = await node.simulateContract({ ...this, functionName, args, account });
    const receipt = await node.waitForTransactionReceipt({ hash: await wallet.writeContract(request) });
    const logs = viem.parseEventLogs({ abi: this.abi, logs: receipt.logs });
    return Object.fromEntries(logs.map((log) => [log.eventName, log.args]));
  }
}

async function deployed(name, account, ...args) {
  const { abi, bytecode } = await hre.artifacts.readArtifact(name);
  const hash = await wallet.deployContract({ abi, bytecode, args, account });
  return new Deployed((await node.waitForTransactionReceipt({ hash })).contractAddress, abi);
}

/** All contracts as their manuals say, and who signs; a fresh chain each time. */
async function world() {
  await hre.network.provider.send("hardhat_reset");
  const accounts = await wallet.getAddresses();
  const who = Object.fromEntries(NAMES.map((name, at) => [name, accounts[at]]));
  const { owner, guardian, arbiter, publisher } = who;
  const of = { token: await deployed("Token", owner), consents: await deployed("ConsentRegistry", owner) };
  of.datasets = await deployed("DatasetRegistry", owner, owner, guardian);
  of.access = await deployed("DataAccess", owner, of.datasets.address, of.consents.address);
  of.usage = await deployed("UsageLedger", owner, owner);
  of.artifacts = await deployed("ArtifactRegistry", owner);
  const rules = [of.token.address, digest("ruleset"), WINDOW_S, BOND, STAKE, of.access.address];
  of.royalties = await deployed("RoyaltyDistributor", owner, ...rules, owner, guardian, arbiter, publisher);
  await of.usage.send(owner, "admitMeter", who.meter);
  await of.token.send(owner, "mint", who.licensee, 10n ** 9n);
  await of.token.send(owner, "mint", publisher, STAKE);
  await of.token.send(publisher, "approve", of.royalties.address, STAKE);
  await of.royalties.send(publisher, "stake");
  return { of, who };
}

async function advance(seconds) {
  await hre.network.provider.send("evm_increaseTime", [seconds]);
  await hre.network.provider.send("evm_mine");
}

/** The custom error with which a call is refused, and its arguments. */
async function refusal(call) {
  try {
    await call;
  } catch (error) {
    // Hardhat's own provider gives the data in an error that viem does not know as a revert.
    const cause = error.walk?.((one) => one.data?.data ?? (typeof one.data === "string" && one.data));
    const data = cause?.data?.data ?? cause?.data;
    if (!data) throw error;
    const { errorName, args } = viem.decodeErrorResult({ abi: error.abi, data });
    return [errorName, ...(args ?? [])];
  }
  throw new Error("the call was not refused");
}

module.exports = { world, advance, refusal, digest, node, wallet, chain, WINDOW_S, BOND, STAKE, ZERO };
