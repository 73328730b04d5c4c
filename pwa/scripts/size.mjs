/**
 * What an officer's phone fetches before it can work and while it does: what the service worker keeps (`shell.mjs`), the
 * worker itself and the script that sets the theme; JavaScript and CSS, gzipped. Fails above the budget. Reads
 * `dist/.vite/manifest.json`, so run `npm run build` first.
 */
import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { filesBeside, phoneFiles } from "./shell.mjs";

const BUDGET_BYTES = 147 * 1024;
const BESIDE_BUDGET_BYTES = 35 * 1024;
const WITH_IT = ["boot.js", "sw.js"]; // not of the bundle, fetched all the same
const dist = new URL("../dist/", import.meta.url);
const manifestUrl = new URL(".vite/manifest.json", dist);
if (!existsSync(manifestUrl)) throw new Error("dist/ is missing: run `npm run build` first");

/** @param {string} file */
const gzipped = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
/** @param {number} bytes */
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

/** @param {string} what @param {string[]} files @param {number} budget */
function weigh(what, files, budget) {
  let total = 0;
  for (const file of files) {
    const bytes = gzipped(file);
    total += bytes;
    console.log(`${kib(bytes).padStart(10)}  ${file}`);
  }
  console.log(`${kib(total).padStart(10)}  ${what}, gzip, of ${kib(budget)}`);
  if (total <= budget) return;
  console.error(`Over its budget: ${what}. Load less, or write less.`);
  process.exitCode = 1;
}

const manifest = JSON.parse(readFileSync(manifestUrl, "utf8"));
weigh("kept beside the shell", filesBeside(manifest), BESIDE_BUDGET_BYTES);
weigh("officer shell", [...WITH_IT, ...phoneFiles(manifest)], BUDGET_BYTES);
