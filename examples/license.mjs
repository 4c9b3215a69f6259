// A dataset, an offer signed by its holder, a license accepted by its licensee, a use on record: with viem.
//   node license.mjs RPC DEPLOYMENT.json
// On a devnet `provenance devnet up` prints the RPC endpoint; the document is 31337.json in the folder of deployments
// that `provenance config paths` prints.
import { readFile } from "node:fs/promises";
import { argv, exit } from "node:process";
import { createPublicClient, createWalletClient, defineChain, http, keccak256, parseEventLogs, toBytes } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { dataAccessAbi, datasetRegistryAbi, eventsAbi, purposes, tokenAbi, typedData } from "@provenance-network/contracts";

// Every developer knows these keys. A real wallet keeps its own.
const MNEMONIC = "test test test test test test test test test test test junk";
const PRICE = 250n; // base units of the token
const DEPOSIT = 100n; // what the first use is paid from
const DAY_S = 86_400;

if (argv.length !== 4) {
  console.error("Usage: node license.mjs RPC DEPLOYMENT.json");
  exit(2);
}
const [rpc, document] = argv.slice(2);
const deployment = JSON.parse(await readFile(document, "utf8"));
/** @param {string} name */
const at = (name) => /** @type {`0x${string}`} */ (deployment.contracts[name].address);
const chain = defineChain({
  id: Number(deployment.chainId),
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [rpc] } },
});
const node = createPublicClient({ chain, transport: http(), pollingInterval: 50 });
const wallet = createWalletClient({ chain, transport: http() });
const holder = mnemonicToAccount(MNEMONIC, { addressIndex: 4 });
const licensee = mnemonicToAccount(MNEMONIC, { addressIndex: 5 });

/** Sends what `simulateContract` found right; the events of its receipt.
 * @param {any} request */
async function send(request) {
  const receipt = await node.waitForTransactionReceipt({ hash: await wallet.writeContract(request) });
  return parseEventLogs({ abi: eventsAbi, logs: receipt.logs });
}

/** @param {string} text */
const digest = (text) => keccak256(toBytes(text));
const now = Number((await node.getBlock()).timestamp);
const root = digest(`recordings of ${now}`);
const terms = digest("terms");

const registered = await node.simulateContract({
  account: holder,
  address: at("DatasetRegistry"),
  abi: datasetRegistryAbi,
  functionName: "register",
  args: [root, digest("manifest"), terms, digest("split"), 3],
});
const datasetId = registered.result;
await send(registered.request);

const offer = {
  datasetId,
  holder: holder.address,
  transfers: 0, // how often the dataset has changed hands
  licensee: licensee.address,
  distributor: at("RoyaltyDistributor"),
  price: PRICE,
  expiry: now + 30 * DAY_S,
  purposes: purposes["train.tts"] | purposes.evaluate,
  deadline: now + DAY_S,
  noticeDays: 30,
  termsHash: terms,
  nonce: 1n,
};
const { contract, types } = typedData.Offer;
const domain = { name: contract, version: "1", chainId: chain.id, verifyingContract: at(contract) };
const signature = await holder.signTypedData({ domain, types, primaryType: "Offer", message: offer });

const approved = await node.simulateContract({
  account: licensee,
  address: at("Token"),
  abi: tokenAbi,
  functionName: "approve",
  args: [at("RoyaltyDistributor"), PRICE + DEPOSIT],
});
await send(approved.request);
const accepted = await node.simulateContract({
  account: licensee,
  address: at("DataAccess"),
  abi: dataAccessAbi,
  functionName: "accept",
  args: [offer, holder.address, root, digest("manifest"), DEPOSIT, signature],
});
const licenseId = accepted.result;
await send(accepted.request);

const use = await node.simulateContract({
  account: licensee,
  address: at("DataAccess"),
  abi: dataAccessAbi,
  functionName: "recordAccess",
  args: [datasetId, licenseId, purposes["train.tts"], 3n, digest("access")],
});
for (const event of await send(use.request)) {
  if (event.eventName !== "AccessRecorded") continue;
  const { accessor, units } = event.args;
  console.log(JSON.stringify({ datasetId, licenseId, accessor, units: units.toString() }));
}
