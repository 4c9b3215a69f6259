#!/usr/bin/env node
// The Solidity compiler of npm (WASM) behind the command line of the native one, for forge, py-solc-x, slither
// and brownie: --version, --standard-json, --combined-json FIELDS FILE…; nothing else.
"use strict";
const fs = require("fs");
const path = require("path");
const ROOT = path.resolve(fs.realpathSync(__filename), "..", "..");
const VERSION = "0.8.37";

function missing(found) {
  process.stderr.write(`Error: npm's solc ${VERSION} is needed beside this, found ${found}\n`);
  process.stderr.write(`Next: npm install solc@${VERSION}\n`);
  process.exit(69);
}

function npms(file) {
  try {
    return require(require.resolve(file, { paths: [ROOT, process.cwd()] }));
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    return missing("none");
  }
}

const load = () => npms("solc");

// A pipe takes 64 KiB at a time and then says EAGAIN: without the loop output is cut with exit 0.
function write(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

function find(name) {
  const npm = (base) => path.join(base, "node_modules", name);
  for (const file of [path.resolve(name), path.join(ROOT, name), npm(process.cwd()), npm(ROOT)])
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  return { error: "not found: " + name };
}

const compile = (input) => load().compile(JSON.stringify(input), { import: find });
const args = process.argv.slice(2);
if (args.includes("--version")) {
  const version = npms("solc/package.json").version;
  if (version !== VERSION) missing("solc " + version);
  write("solc, the solidity compiler commandline interface\nVersion: 0.8.37+commit.f401782d.Linux.g++\n");
} else if (args.includes("--standard-json")) {
  write(compile(JSON.parse(fs.readFileSync(0, "utf8")))); // --base-path and --allow-paths change nothing here
} else if (args.includes("--combined-json")) {
  const files = args.filter((arg) => arg.endsWith(".sol"));
  const sources = Object.fromEntries(files.map((file) => [file, { content: fs.readFileSync(file, "utf8") }]));
  const outputSelection = { "*": { "*": ["abi", "evm.bytecode", "evm.deployedBytecode"], "": ["ast"] } };
  const out = JSON.parse(compile({ language: "Solidity", sources, settings: { outputSelection } }));
  for (const error of out.errors ?? []) process.stderr.write(error.formattedMessage);
  const contracts = Object.entries(out.contracts ?? {}).flatMap(([file, all]) =>
    Object.entries(all).map(([name, one]) => [`${file}:${name}`,
      { abi: one.abi, bin: one.evm.bytecode.object, "bin-runtime": one.evm.deployedBytecode.object }]));
  write(JSON.stringify({ contracts: Object.fromEntries(contracts), version: "0.8.37+commit.f401782d" }));
  process.exitCode = (out.errors ?? []).some((error) => error.severity === "error") ? 1 : 0;
} else {
  process.stderr.write("only --version, --standard-json and --combined-json are known\n");
  process.exitCode = 2;
}
