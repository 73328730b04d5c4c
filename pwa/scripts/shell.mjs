/**
 * Which files of the build an officer's phone needs: the entry, enrolment, and the officer's desk with all its screens,
 * which brings the device layer with it. The service worker keeps exactly these (`vite.config.ts`) and what is kept beside them, and
 * the size budgets count exactly these (`size.mjs`), so that neither can grow behind the other's back.
 *
 *     phoneFiles(manifest)     // ["assets/index-….js", "assets/officer-….css", …]
 */
/** Asked for by hand, where there may be no network: kept beside the shell, and nothing that a phone waits for. */
const BESIDE = ["src/desks/officer/views/later.ts", "src/codes/index.ts"];
const SHELL = ["index.html", "src/desks/enrol/index.ts", "src/desks/officer/index.ts"];

/** @typedef {{file: string, css?: string[], imports?: string[], dynamicImports?: string[]}} Chunk */

/** JavaScript and CSS of the shell and of everything it imports at once, by Vite's manifest of a build.
 * @param {Record<string, Chunk>} manifest
 * @returns {string[]} */
export function phoneFiles(manifest) {
  /** @type {Set<string>} */
  const files = new Set();
  /** @type {Set<string>} */
  const seen = new Set();
  /** @param {string} key */
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk) throw new Error(`${key} is not in the build: scripts/shell.mjs and the pages disagree`);
    if (seen.has(key) || BESIDE.includes(key)) return;
    seen.add(key);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const next of chunk.imports ?? []) visit(next);
    // what a screen of the phone loads later it loads all the same; the entry's later ones are the desks
    if (key !== "index.html") for (const next of chunk.dynamicImports ?? []) visit(next);
  };
  for (const key of SHELL) visit(key);
  return code(files);
}

/** What the worker keeps beside the shell.
 * @param {Record<string, Chunk>} manifest
 * @returns {string[]} */
export function filesBeside(manifest) {
  const shell = phoneFiles(manifest);
  /** @type {Set<string>} */
  const files = new Set();
  /** @type {Set<string>} */
  const seen = new Set();
  /** @param {string} key */
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk) throw new Error(`${key} is not in the build: scripts/shell.mjs and the pages disagree`);
    if (seen.has(key) || shell.includes(chunk.file)) return;
    seen.add(key);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const next of chunk.imports ?? []) visit(next);
  };
  for (const key of BESIDE) visit(key);
  return code(files).filter((file) => !shell.includes(file));
}

/** @param {Iterable<string>} files */
const code = (files) => [...files].filter((file) => /\.(js|css)$/.test(file));
