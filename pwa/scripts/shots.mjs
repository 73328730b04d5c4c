/**
 * Pictures of the components page, in both themes and both languages, on a desk and on a phone:
 * `node scripts/shots.mjs [directory] [address] [path of a Chromium]`. Needs `npm run dev` or a running server.
 */
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [directory = "dist-shots", address = "http://127.0.0.1:5173", executablePath = "/usr/bin/chromium"] =
  process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--headless=new", "--no-sandbox", "--disable-gpu"] });
for (const [size, width, height] of /** @type {const} */ ([
  ["desk", 1440, 900],
  ["phone", 360, 740],
])) {
  for (const theme of ["day", "night"]) {
    for (const language of ["zh-CN", "en"]) {
      const context = await browser.newContext({ viewport: { width, height } });
      await context.addInitScript(
        ([t, l]) => {
          localStorage.setItem("ortoo.theme", t);
          localStorage.setItem("ortoo.language", l);
        },
        /** @type {const} */ ([theme, language]),
      );
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(String(error)));
      await page.goto(`${address}/desk/components`, { waitUntil: "networkidle" });
      await page.screenshot({ path: `${directory}/${size}-${theme}-${language}.png`, fullPage: true });
      await context.close();
    }
  }
}
await browser.close();
