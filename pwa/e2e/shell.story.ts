/** What a browser keeps of the pages: a phone what a phone needs, a desk what somebody opened there. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { filesBeside, phoneFiles } from "../scripts/shell.mjs";
import { World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

/** Paths of the scripts and styles under assets/ in every cache of the browser. */
const kept = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const paths = new Set<string>();
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys()) paths.add(new URL(url).pathname.slice(1));
    }
    return [...paths].filter((path) => path.startsWith("assets/")).sort();
  });

test("a phone carries the phone's pages and no desk's", async () => {
  const phone = await world.phone();
  const manifest = JSON.parse(readFileSync(join(world.pages, ".vite", "manifest.json"), "utf8"));
  expect(await kept(phone.page)).toEqual([...phoneFiles(manifest), ...filesBeside(manifest)].sort());
  const strange: string[] = [];
  phone.page.on("request", (request) => {
    if (/\/assets\/(command|callback|devices)/.test(request.url())) strange.push(request.url());
  });
  await phone.page.reload();
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  expect(strange).toEqual([]);
  await phone.context.close();
});

test("a new version at the centre takes no page from under an open desk", async () => {
  const desk = await world.deskPage("dispatcher");
  await desk.locator(".wall-column, [data-column]").first().waitFor();
  await expect
    .poll(() => desk.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name)))
    .toEqual(expect.arrayContaining([expect.stringMatching(/\/assets\/callback-.*\.js/)]));

  const assets = join(world.pages, "assets");
  for (const file of readdirSync(assets)) rmSync(join(assets, file)); // another release has other names
  await desk.keyboard.press("5");
  await desk.getByText("今天没有要回访的").first().waitFor();
  await desk.keyboard.press("7");
  await desk.getByRole("heading", { name: "终端" }).waitFor();
});
