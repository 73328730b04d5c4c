/**
 * What an officer's phone has to fetch before it can work: the entry, the script that sets the theme before it, the
 * service worker, the device layer and the officer's desk with all its screens, and everything they import at once,
 * JavaScript and CSS, gzipped. Fails above the budget. Chunks that the officer's desk loads later are listed, not
 * counted. Reads `dist/.vite/manifest.json`, so run `npm run build` first.
 */
import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 130 * 1024;
const SHELL = ["index.html", "src/desks/officer/index.ts"]; // the desk brings the device layer with it
const BESIDE = ["boot.js", "sw.js"]; // not of the bundle, fetched all the same
const dist = new URL("../dist/", import.meta.url);
const manifestUrl = new URL(".vite/manifest.json", dist);
if (!existsSync(manifestUrl)) throw new Error("dist/ is missing: run `npm run build` first");
/** @type {Record<string, {file: string, css?: string[], imports?: string[], dynamicImports?: string[]}>} */
const manifest = JSON.parse(readFileSync(manifestUrl, "utf8"));

/** Manifest keys of `key` and everything it imports at once.
 * @param {string} key @param {Set<string>} seen */
function closure(key, seen) {
  const chunk = manifest[key];
  if (!chunk || seen.has(key)) return seen;
  seen.add(key);
  for (const next of chunk.imports ?? []) closure(next, seen);
  return seen;
}

/** @param {Iterable<string>} keys */
function filesOf(keys) {
  const files = new Set();
  for (const key of keys) {
    const chunk = manifest[key];
    if (!chunk) continue;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
  }
  return [...files].filter((file) => /\.(js|css)$/.test(file));
}

/** @param {string} file */
const gzipped = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
/** @param {number} bytes */
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

const shell = new Set();
for (const key of SHELL) {
  if (!manifest[key]) throw new Error(`${key} is not in the build: scripts/size.mjs and the pages disagree`);
  closure(key, shell);
}
let total = 0;
for (const file of [...BESIDE, ...filesOf(shell)]) {
  const bytes = gzipped(file);
  total += bytes;
  console.log(`${kib(bytes).padStart(10)}  ${file}`);
}
const later = new Set();
for (const key of shell) {
  if (key === "index.html") continue; // the other desks
  for (const next of manifest[key]?.dynamicImports ?? []) if (!shell.has(next)) closure(next, later);
}
for (const file of filesOf([...later].filter((key) => !shell.has(key))))
  console.log(`${kib(gzipped(file)).padStart(10)}  ${file} (later)`);

console.log(`${kib(total).padStart(10)}  officer shell, gzip, of ${kib(BUDGET_BYTES)}`);
if (total > BUDGET_BYTES) {
  console.error("The officer shell is over its budget: load what is not needed at once lazily.");
  process.exit(1);
}
