/**
 * Builds `dist/verifier.html`: the verifier as one file with script and style inside, which opens from a disk and whose own
 * policy lets it connect to nothing. Part of `npm run build`.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

const built = await build({
  configFile: false,
  logLevel: "warn",
  root: here(".."),
  publicDir: false,
  build: {
    write: false,
    target: ["chrome107", "safari16", "firefox115"],
    cssCodeSplit: false,
    lib: { entry: here("../src/verifier/main.ts"), formats: ["iife"], name: "ortooVerifier", fileName: "verifier" },
  },
});
const [output] = Array.isArray(built) ? built : [built];
if (!output || !("output" in output)) throw new Error("the build gave no files");
let script = "";
let style = "";
for (const piece of output.output) {
  if (piece.type === "chunk") script += piece.code;
  else if (piece.fileName.endsWith(".css")) style += String(piece.source);
}
if (!script || !style) throw new Error("the build gave no script or no style");
// A closing tag inside a string would end the element.
script = script.replaceAll("</script", "<\\/script");

const hash = (/** @type {string} */ text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
const page = `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>驿传 凭证核验</title>
<style>${style}</style>
</head>
<body>
<script>${script}</script>
</body>
</html>
`;
writeFileSync(here("../dist/verifier.html"), page);
console.log(`dist/verifier.html  ${(page.length / 1024).toFixed(1)} kB`);
