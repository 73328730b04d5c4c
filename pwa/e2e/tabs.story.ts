/** Two tabs of one phone write at the same time, without a network, and the chain does not fork. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

async function selfReport(page: Page): Promise<void> {
  await page.getByRole("button", { name: "自接警" }).click();
  await page.locator(".tile").first().click();
  await page.getByRole("button", { name: "直接建单" }).click();
  await page.getByText("已建单").first().waitFor();
  await page.getByRole("button", { name: "返回" }).click();
  await page.getByRole("heading", { name: "在岗" }).waitFor();
}

test("two tabs share one chain", async () => {
  const phone = await world.phone();
  const other = await phone.context.newPage();
  await other.goto(`${world.url}/`);
  await other.getByRole("heading", { name: "在岗" }).waitFor();

  await phone.networkGone();
  for (let round = 0; round < 2; round++) await Promise.all([selfReport(phone.page), selfReport(other)]);
  const seqs = await phone.page.evaluate(
    () =>
      new Promise<number[]>((resolve, reject) => {
        const asked = indexedDB.open("ortoo-vault");
        asked.onerror = () => reject(asked.error);
        asked.onsuccess = () => {
          const all = asked.result.transaction("own").objectStore("own").getAll();
          all.onsuccess = () => resolve(all.result.map((set: { seq: number }) => set.seq));
        };
      }),
  );
  expect(seqs.sort((a, b) => a - b)).toEqual(seqs.map((_, n) => n));

  await phone.networkBack();
  await phone.chip("confirmed").waitFor({ timeout: 45_000 });
  const dispatcher = await world.desk("dispatcher");
  const { incidents } = await dispatcher.get("/api/incidents");
  expect(incidents.filter((one: { source: string }) => one.source === "self")).toHaveLength(4);
  const devices = await (await world.desk("admin")).get("/api/devices");
  expect(devices).toHaveLength(1);
  expect(devices[0]).toMatchObject({ have: seqs.length - 1, pending: 0 });
});
