// Writes merkle.json: trees, proofs and leaf hashes made by @openzeppelin/merkle-tree 1.0.8.
// Run: npm ci && node tests/golden/merkle.mjs
import { writeFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const types = ["uint256", "address", "address", "uint256"];
const distributor = "0x" + "d1".repeat(20);
const address = (i) => "0x" + (i + 1).toString(16).padStart(40, "0");
const sizes = [1, 2, 3, 4, 5, 7, 8, 13, 31];
const trees = sizes.map((size) => {
  const values = [...Array(size).keys()].map((i) => ["31337", distributor, address(i), String(1_000_000n * BigInt(i) ** 3n + 1n)]);
  const tree = StandardMerkleTree.of(values, types);
  return {
    root: tree.root,
    leaves: values.map((value) => ({ value, hash: tree.leafHash(value), proof: tree.getProof(value) })),
  };
});
const recordings = StandardMerkleTree.of(
  [0, 1, 2].map((i) => [i, ...["a1", "b2", "c3", "d4"].map((b) => "0x" + b.repeat(31) + "0" + i)]),
  ["uint32", "bytes32", "bytes32", "bytes32", "bytes32"],
);
writeFileSync(new URL("merkle.json", import.meta.url), JSON.stringify({ distributor, trees, recordings: { root: recordings.root } }) + "\n");
