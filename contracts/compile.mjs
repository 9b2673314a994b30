// Compiles src/ and prints one JSON object: contract → {abi, deployedBytecode}. Only the contracts that
// are placed on the chain; the same input gives the same bytes.
//   npm ci --ignore-scripts && node compile.mjs > ../src/underround/local_venue/chain/contracts.json
// An argument names another folder whose node_modules hold the compiler.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const home = process.argv[2] ? pathToFileURL(`${process.argv[2]}/`) : import.meta.url;
const solc = createRequire(home)("solc");
const placed = [
  "CtfCollateralAdapter", "Exchange", "Multicall3", "NegRiskAdapter", "NegRiskCtfCollateralAdapter",
  "Offramp", "Onramp", "PolymarketUsd", "UsdcE", "Wallet", "WrappedCollateral",
];
const folder = new URL("src/", import.meta.url);
const sources = Object.fromEntries(
  readdirSync(folder).filter((name) => name.endsWith(".sol")).sort()
    .map((name) => [name, { content: readFileSync(new URL(name, folder), "utf8") }]),
);
const settings = {
  evmVersion: "shanghai",
  metadata: { bytecodeHash: "none", appendCBOR: false },
  optimizer: { enabled: true, runs: 1000 },
  outputSelection: { "*": { "*": ["abi", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"] } },
  viaIR: true,
};
const told = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
const problems = (told.errors ?? []).map((each) => each.formattedMessage);
if (problems.length) {
  process.stderr.write(problems.join("\n"));
  process.exit(1);
}
const compiled = {};
for (const file of Object.values(told.contracts)) {
  for (const [name, made] of Object.entries(file)) {
    if (!placed.includes(name)) continue;
    if (Object.keys(made.evm.deployedBytecode.immutableReferences).length) {
      process.stderr.write(`${name} has immutables: code that is placed cannot have any\n`);
      process.exit(1);
    }
    compiled[name] = { abi: made.abi, deployedBytecode: `0x${made.evm.deployedBytecode.object}` };
  }
}
const sorted = Object.fromEntries(placed.map((name) => [name, compiled[name]]));
process.stdout.write(`${JSON.stringify({ compiler: solc.version(), contracts: sorted })}\n`);
