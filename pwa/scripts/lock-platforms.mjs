/**
 * Completes package-lock.json with the optional packages of other platforms. npm writes an entry only for what its
 * registry answers about; a mirror that carries one platform leaves the others out, and `npm ci` then refuses the
 * lock everywhere. Run after `npm install` changed the lock: `node scripts/lock-platforms.mjs`. Names, versions and
 * platforms come from the packages that ask for them; entries added here carry no integrity, so npm takes
 * that from the registry it installs from.
 */
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
/** @type {{packages: Record<string, any>}} */
const lock = JSON.parse(readFileSync(file, "utf8"));

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "aix", "win32"];
/** Processors as they appear in names, and as Node calls them. */
const PROCESSORS = /** @type {const} */ ([
  ["arm-", "arm"],
  ["arm64", "arm64"],
  ["x64", "x64"],
  ["ia32", "ia32"],
  ["loong64", "loong64"],
  ["ppc64", "ppc64"],
  ["riscv64", "riscv64"],
  ["s390x", "s390x"],
  ["wasm32", "wasm32"],
]);

/** What a name such as `@rollup/rollup-linux-arm64-musl` says about where it runs. @param {string} name */
function platformOf(name) {
  const words = `${name.split("/").at(-1)}-`;
  const os = SYSTEMS.find((system) => words.includes(`-${system}-`));
  const cpu = PROCESSORS.filter(([part]) => words.includes(`-${part}`)).at(-1)?.[1];
  const libc = words.includes("musl") ? "musl" : words.includes("gnu") && os === "linux" ? "glibc" : undefined;
  return { ...(cpu && { cpu: [cpu] }), ...(os && { os: [os] }), ...(libc && { libc: [libc] }) };
}

let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const hoisted = `node_modules/${name}`;
    if (lock.packages[nested] || lock.packages[hoisted]) continue;
    const exact = /^\d+\.\d+\.\d+$/.test(version);
    console.log(exact ? "added " : "not exact, left out ", hoisted, version);
    if (!exact) continue;
    lock.packages[hoisted] = {
      version,
      ...platformOf(name),
      ...(entry.dev && { dev: true }),
      license: entry.license,
      optional: true,
    };
    added += 1;
  }
}
if (added > 0) {
  const { "": root, ...rest } = lock.packages;
  const sorted = Object.fromEntries(Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, "en")));
  lock.packages = { "": root, ...sorted };
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(`${added} entries added`);
