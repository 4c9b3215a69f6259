// Writes manifest.json: what other tools make of a consent, its recordings' leaves and the dataset's ids:
// @openzeppelin/merkle-tree 1.0.8 for the root, @ethersproject 5 for the ABI, EIP-712 and the signature.
// Run: npm ci && node tests/golden/manifest.mjs
import { writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { defaultAbiCoder } from "@ethersproject/abi";
import { joinSignature } from "@ethersproject/bytes";
import { _TypedDataEncoder } from "@ethersproject/hash";
import { keccak256 } from "@ethersproject/keccak256";
import { SigningKey } from "@ethersproject/signing-key";
import { toUtf8Bytes } from "@ethersproject/strings";
import { computeAddress } from "@ethersproject/transactions";

const word = (text) => "0x" + createHash("sha256").update(text).digest("hex");
const abi = (types, values) => keccak256(defaultAbiCoder.encode(types, values));
const key = new SigningKey(word("a voice owner's key, for tests only"));
const domain = { name: "ConsentRegistry", version: "1", chainId: 31337, verifyingContract: "0x" + "c0".repeat(20) };
const holder = "0x" + "a1".repeat(20);
const types = {
  Consent: [
    ["address", "subject"], ["address", "holder"], ["bytes32", "voiceId"], ["bytes32", "scopeHash"],
    ["uint32", "purposes"], ["bytes32", "territories"], ["uint64", "notBefore"], ["uint64", "notAfter"], ["uint256", "nonce"],
  ].map(([type, name]) => ({ type, name })),
};
const scope = JSON.stringify({ codes: ["role:narrator"], format: "provenance/scope", recordings: "all", version: 1, words: null });
const consents = ["first voice", "second voice"].map((voice, nonce) => {
  const fields = {
    subject: computeAddress(key.publicKey).toLowerCase(),
    holder,
    voiceId: word(voice),
    scopeHash: word(scope),
    purposes: 0b110,
    territories: keccak256(toUtf8Bytes("EEA,KR,US")),
    notBefore: 1_780_000_000,
    notAfter: 1_880_000_000,
    nonce,
  };
  const id = _TypedDataEncoder.hash(domain, types, fields);
  return { fields, id, signature: joinSignature(key.signDigest(id)) };
});
const ids = consents.map((consent) => consent.id).sort();
const consentsHash = (list) => (list.length ? abi(["bytes32[]"], [list]) : "0x" + "00".repeat(32));
const voices = [[], [0], [1], [0, 1], [0], [], [1]];
const recordings = voices.map((heard, index) => {
  const consentIds = heard.map((voice) => consents[voice].id).sort();
  const words = [index, word(`cid ${index}`), word(`key ${index}`), word(`plaintext ${index}`), consentsHash(consentIds)];
  return { consentIds, words };
});
const leafTypes = ["uint32", "bytes32", "bytes32", "bytes32", "bytes32"];
const tree = StandardMerkleTree.of(recordings.map((recording) => recording.words), leafTypes);
const registry = "0x" + "d5".repeat(20);
const termsHash = word("terms");
const manifestDigest = word("manifest");
const idTypes = ["uint256", "address", "address", "bytes32", "bytes32", "bytes32"];
const datasetId = abi(idTypes, [31337, registry, holder, tree.root, manifestDigest, termsHash]);
writeFileSync(
  new URL("manifest.json", import.meta.url),
  JSON.stringify({
    contract: domain.verifyingContract,
    scope,
    consents,
    both: consentsHash(ids),
    recordings: recordings.map((recording) => ({ ...recording, leaf: tree.leafHash(recording.words), proof: tree.getProof(recording.words) })),
    root: tree.root,
    registry,
    manifestDigest,
    termsHash,
    datasetId,
    recordingIds: voices.map((_, index) => abi(["bytes32", "uint32"], [datasetId, index])),
  }) + "\n",
);
