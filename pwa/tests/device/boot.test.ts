/** Boot markers: storage that was set back in part is noticed, and a crash, a tab or a missing cookie is not taken for it (FK9). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Place, sameStorage, startedBefore } from "../../src/device/boot";
import { Vault, VaultRefused } from "../../src/device/vault";

class Paper implements Place {
  readonly name: string;
  text: string | null = null;
  /** A place that takes nothing, as cookies that are switched off. */
  deaf = false;
  constructor(name: string) {
    this.name = name;
  }
  async read(): Promise<string | null> {
    return this.text;
  }
  async write(id: string): Promise<void> {
    if (!this.deaf) this.text = id;
  }
}

let vault: Vault;
let cookie: Paper;
let cache: Paper;
const start = (): Promise<boolean> => sameStorage(vault, [cache, cookie]);

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  vault = new Vault();
  cookie = new Paper("cookie");
  cache = new Paper("cache");
});
afterEach(() => vault.close());

test("start after start, all places agree, under a new id each time", async () => {
  const ids = new Set<string | null>();
  for (let n = 0; n < 4; n++) {
    expect(await start()).toBe(true);
    expect(cookie.text).toBe(cache.text);
    ids.add(cookie.text);
  }
  expect(ids.size).toBe(4);
});

test.each([
  [
    "the vault",
    async () => {
      const old = await vault.meta("boot");
      await start();
      await start();
      await vault.setMeta("boot", old);
    },
  ],
  [
    "the cookie",
    async () => {
      const old = cookie.text;
      await start();
      await start();
      cookie.text = old;
    },
  ],
  [
    "the cache, emptied",
    async () => {
      cache.text = null;
    },
  ],
  [
    "the cookie, wiped",
    async () => {
      cookie.text = null;
    },
  ],
] as const)("set back: %s", async (_what, befall) => {
  await start();
  await start();
  await befall();
  expect(await start()).toBe(false);
  expect(await start()).toBe(true); // and from then on all agree again
});

test("what is wiped right after the very first start is missed too", async () => {
  await start();
  cookie.text = null;
  expect(await start()).toBe(false);
});

test("a crash between the places is no disagreement, wherever it falls", async () => {
  await start();
  await start();
  const before = cookie.text;
  await start();
  cookie.text = before; // it had written the vault and the cache
  expect(await start()).toBe(true);
  const older = cookie.text;
  await start();
  [cookie.text, cache.text] = [older, older]; // it had written the vault only
  expect(await start()).toBe(true);
});

test("a place that never keeps anything does not count", async () => {
  cookie.deaf = true;
  for (let n = 0; n < 3; n++) expect(await start()).toBe(true);
  cookie.deaf = false;
  expect(await start()).toBe(true);
  cookie.text = null;
  expect(await start()).toBe(false);
});

test("a vault that takes no write is no disagreement, then or later", async () => {
  await start();
  const setMeta = vault.setMeta.bind(vault);
  vault.setMeta = () => Promise.reject(new VaultRefused("full"));
  expect(await start()).toBe(true);
  vault.setMeta = setMeta;
  expect(await start()).toBe(true);
});

test("tabs that start together agree", async () => {
  await start();
  expect(await Promise.all([start(), start(), start()])).toEqual([true, true, true]);
});

test("a browser whose vault is gone still knows that a phone was started in it", async () => {
  expect(await startedBefore([cache, cookie])).toBe(false);
  await start();
  globalThis.indexedDB = new IDBFactory();
  cookie.text = null;
  expect(await startedBefore([cache, cookie])).toBe(true);
});
