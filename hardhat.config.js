// Hardhat 2 over the compiler of npm: the same settings as foundry.toml and scripts/compile.py, and the same bytecode.
"use strict";
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");

const VERSION = require("solc/package.json").version;

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve("solc/soljson.js"),
  isSolcJs: true,
  version: VERSION,
  longVersion: require("solc").version(),
}));

/** @type {import("hardhat/config").HardhatUserConfig} */
module.exports = {
  solidity: {
    version: VERSION,
    settings: {
      optimizer: { enabled: true, runs: 1_000_000 },
      evmVersion: "shanghai",
      metadata: { bytecodeHash: "none", appendCBOR: true },
    },
  },
  networks: { hardhat: { hardfork: "shanghai" } },
  paths: { sources: "contracts", tests: "test-hardhat", cache: "cache_hardhat", artifacts: "artifacts" },
};
