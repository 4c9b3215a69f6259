// Hardhat 2 with the compiler of npm instead of one that is downloaded.
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

module.exports = {
  solidity: { version: VERSION, settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "shanghai" } },
  paths: { cache: "cache/hardhat" },
};
