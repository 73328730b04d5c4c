/** A new version arrives while the outbox is full: it waits to be taken, and nothing unsent is lost by it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

/** Put another build in place: other pages, and a worker that lists them under another revision. */
function release(version: string): void {
  const page = join(world.pages, "index.html");
  const worker = join(world.pages, "sw.js");
  writeFileSync(page, readFileSync(page, "utf8").replace("<head>", `<head><meta name="story" content="${version}">`));
  const before = readFileSync(worker, "utf8");
  const after = before.replace(/("revision":")[0-9a-f]{32}(","url":"index.html")/, `$1${version.padEnd(32, "0")}$2`);
  if (after === before) throw new Error("the worker does not list index.html with a revision");
  writeFileSync(worker, after);
}

test("a phone takes a new version with unsent records and sends them afterwards", async () => {
  const phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  await phone.context.route("**/sync/v1/**", (route) => route.abort());
  for (let n = 0; n < 3; n++) {
    await phone.press("自接警");
    await phone.page.locator(".tile").nth(n).click();
    await phone.press("直接建单");
    await phone.page.getByText("已建单").first().waitFor();
    await phone.press("返回");
    await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  }
  const outbox = phone.page.getByRole("button", { name: /^待传 \d+/ }).last();
  const unsent = (await outbox.textContent())?.trim();
  expect(unsent).not.toBe("待传 0");

  release("beef");
  await phone.page.reload();
  const take = phone.page.getByRole("button", { name: "现在换" });
  await take.waitFor();
  expect(await phone.page.locator('meta[name="story"]').count()).toBe(0); // the old one goes on until it is told
  await take.click();
  await phone.page.locator('meta[name="story"]').waitFor({ state: "attached" });
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  expect((await outbox.textContent())?.trim()).toBe(unsent);

  await phone.context.unrouteAll({ behavior: "wait" });
  await outbox.click();
  await phone.press("立即上传");
  await phone.chip("confirmed").waitFor();
  const { incidents } = await (await world.desk("dispatcher")).get("/api/incidents");
  expect(incidents.filter((one: { source: string }) => one.source === "self")).toHaveLength(3);
});
