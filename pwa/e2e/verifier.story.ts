/** Evidence leaves the house as one file, and any browser checks it from a disk, without a network (SPEC XP). */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Phone, until, World } from "./world";

const ORTOO = join(import.meta.dirname, "..", "..", ".venv", "bin", "ortoo");

let world: World;
let phone: Phone;
let incident: string;
let page: Page;
const at = (name: string) => join(world.dir, name);

/** The command line beside the running centre. */
function ortoo(...words: string[]): string {
  const env = { ...process.env, ORTOO_PWA_DIR: world.pages };
  return execFileSync(ORTOO, words, { env, encoding: "utf8" });
}

beforeAll(async () => {
  world = await World.open();
  phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  incident = (await dispatcher.dispatch("家庭纠纷", phone.person)).id;
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.press(/签收/);
  await until(
    "the signature at the centre",
    () => dispatcher.get(`/api/incidents/${incident}`),
    (seen) => seen.view.orders[0].status === "signed",
  );
  ortoo("export", "incident", incident, "--data", at("data"), "--out", at("evidence.ortoo"), "--with-verifier");
  const context = await world.browser("court", { width: 1200, height: 900 });
  await context.setOffline(true);
  page = context.pages()[0] ?? (await context.newPage());
});
afterAll(() => world.close());

async function judge(file: string): Promise<void> {
  await page.goto(pathToFileURL(at("verifier.html")).href);
  await page.locator("input[type=file]").first().setInputFiles(file);
}

test("the file is checked from a disk, says who did what, and names its key", async () => {
  await judge(at("evidence.ortoo"));
  await page.getByRole("heading", { name: "核验通过" }).waitFor();
  await page.getByText("家庭纠纷").first().waitFor();
  const [fingerprint = ""] = ortoo("log", "key", "--data", at("data")).split("\n");
  await page.getByText(fingerprint).waitFor();
  await page.getByText("请与中心公布的比对").waitFor();
  await page.locator(".field").fill(fingerprint);
  await page.keyboard.press("Enter");
  await page.getByText("与填写的一致").waitFor();
  expect(await page.locator(".story tbody tr").count()).toBeGreaterThan(2);
  await page.locator(".story").getByText("阿木尔").first().waitFor();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("heading", { name: "Sound" }).waitFor();
  expect(await page.evaluate(() => fetch("https://example.com").then(String, () => "refused"))).toBe("refused");
});

test("one flipped bit is found and its place is named, by the page and by the command line", async () => {
  const whole = readFileSync(at("evidence.ortoo"));
  const word = whole.indexOf(Buffer.from("家庭纠纷"));
  const bent = Buffer.from(whole);
  bent[word + 1] = (bent[word + 1] ?? 0) ^ 1;
  writeFileSync(at("bent.ortoo"), bent);
  await judge(at("bent.ortoo"));
  await page.getByRole("heading", { name: /发现 \d 处不符/ }).waitFor();
  await page.locator(".findings").getByText("bad_set").waitFor();
  await page
    .locator(".findings")
    .getByText(/^set \d+ of the file/)
    .first()
    .waitFor();
  const told = spawnSync(ORTOO, ["verify", at("bent.ortoo")], { encoding: "utf8" });
  expect(told.status).toBe(1);
  expect(told.stdout).toMatch(/bad_set: set \d+ of the file/);
  for (const place of [0, 40, Math.floor(whole.length / 2), whole.length - 3]) {
    const other = Buffer.from(whole);
    other[place] = (other[place] ?? 0) ^ 4;
    writeFileSync(at("bent.ortoo"), other);
    await judge(at("bent.ortoo"));
    await page.locator('.verdict[data-sound="false"]').waitFor();
  }
});

test("beside an earlier file a log that was set back is named", async () => {
  await phone.press(/出发|出警/);
  const dispatcher = await world.desk("dispatcher");
  await until(
    "the departure at the centre",
    () => dispatcher.get(`/api/incidents/${incident}`),
    (seen) => seen.view.orders[0].status !== "signed",
  );
  copyFileSync(at("evidence.ortoo"), at("earlier.ortoo"));
  ortoo("export", "incident", incident, "--data", at("data"), "--out", at("evidence.ortoo"));
  await judge(at("evidence.ortoo"));
  await page.getByRole("heading", { name: "核验通过" }).waitFor();
  await page.locator("input[type=file]").nth(1).setInputFiles(at("earlier.ortoo"));
  await page.getByText("与较早的凭证一致").waitFor();
  await judge(at("earlier.ortoo"));
  await page.getByRole("heading", { name: "核验通过" }).waitFor();
  await page.locator("input[type=file]").nth(1).setInputFiles(at("evidence.ortoo"));
  await page.locator(".findings").getByText("账本比以前短，被回退").waitFor();
});

test("the centre serves the page at a stable address, and it works there too", async () => {
  const served = await (await world.browser("served", { width: 1200, height: 900 })).newPage();
  await served.goto(`${world.url}/verifier.html`);
  await served.locator("input[type=file]").first().setInputFiles(at("evidence.ortoo"));
  await served.getByRole("heading", { name: "核验通过" }).waitFor();
});
