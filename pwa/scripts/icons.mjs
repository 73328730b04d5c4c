/**
 * Draws the icons that the manifest names, as PNG, from `public/icon.svg`. Run after changing the drawing:
 * `node scripts/icons.mjs [path of a Chromium]`. The results are committed; the build does not need a browser.
 */
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const svg = readFileSync(new URL("../public/icon.svg", import.meta.url), "utf8");
/** Launchers cut maskable icons to a circle or a squircle: full ground, drawing inside the middle four fifths. */
const maskable = svg
  .replace(' rx="72"', "")
  .replace("<g fill", '<g transform="translate(51 44) scale(.8)"><g fill')
  .replace("</svg>", "</g></svg>");

const browser = await chromium.launch({
  executablePath: process.argv[2] ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage();
for (const [name, drawing, pixels] of /** @type {const} */ ([
  ["icon-192", svg, 192],
  ["icon-512", svg, 512],
  ["icon-maskable-512", maskable, 512],
])) {
  await page.setViewportSize({ width: pixels, height: pixels });
  await page.setContent(
    `<style>html,body{margin:0;background:transparent}svg{display:block;width:100vw;height:100vh}</style>${drawing}`,
  );
  await page.screenshot({ path: new URL(`../public/${name}.png`, import.meta.url).pathname, omitBackground: true });
}
await browser.close();
