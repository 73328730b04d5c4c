/** The cache: data and cursor are one write, and the whole of it may go at any time. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { openDB } from "idb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CACHE_NAME, Cache, CursorMoved, type Entry, type Page } from "../../src/device/cache";

const SCOPE = `station:${"11".repeat(16)}:2026-03`;
const INCIDENT = "22".repeat(16);

const entry = (n: number): Entry => ({
  scope: SCOPE,
  n,
  idx: 100 + n,
  entity: INCIDENT,
  set: n.toString(16).padStart(64, "0"),
  ruling: Uint8Array.of(n),
  raw: Uint8Array.of(n, n),
});
const page = (after: number, to: number, over: Partial<Page> = {}): Page => ({
  scope: SCOPE,
  epoch: 1,
  after,
  to,
  head: new Uint8Array(16).fill(to),
  entries: Array.from({ length: to - after }, (_, i) => entry(after + i + 1)),
  reset: false,
  awaiting: null,
  ...over,
});
const nothing = { org: [], incidents: [] };

let cache: Cache;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  cache = new Cache();
});
afterEach(() => cache.close());

test("lines and cursor arrive together", async () => {
  await cache.apply(page(0, 3), { org: [], incidents: [{ id: INCIDENT, view: { status: "assigned" } }] });
  expect(await cache.cursor(SCOPE)).toMatchObject({ epoch: 1, n: 3 });
  expect((await cache.entriesOf(INCIDENT)).map((line) => line.n)).toEqual([1, 2, 3]);
  expect(await cache.incidents()).toHaveLength(1);
});

test("a crash between the two is impossible: an aborted page leaves neither", async () => {
  await cache.apply(page(0, 2), nothing);
  const real = IDBObjectStore.prototype.put;
  let puts = 0;
  IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...args: Parameters<typeof real>) {
    puts += 1;
    if (puts === 3) this.transaction.abort();
    return real.apply(this, args);
  };
  await expect(cache.apply(page(2, 5), nothing)).rejects.toThrow();
  IDBObjectStore.prototype.put = real;
  expect((await cache.cursor(SCOPE))?.n).toBe(2);
  expect(await cache.entriesOf(INCIDENT)).toHaveLength(2);
  await cache.apply(page(2, 5), nothing);
  expect((await cache.cursor(SCOPE))?.n).toBe(5);
});

test("a page that does not begin at the cursor is refused whole", async () => {
  await cache.apply(page(0, 2), nothing);
  await expect(cache.apply(page(0, 2), nothing)).rejects.toBeInstanceOf(CursorMoved);
  await expect(cache.apply(page(3, 4), nothing)).rejects.toBeInstanceOf(CursorMoved);
  expect(await cache.entriesOf(INCIDENT)).toHaveLength(2);
});

test("a new epoch replaces the lines of its scope and of no other", async () => {
  await cache.apply(page(0, 3), nothing);
  const other = { ...page(0, 1), scope: "org", entries: [{ ...entry(1), scope: "org" }] };
  await cache.apply(other, nothing);
  await cache.apply(page(0, 1, { epoch: 2, reset: true }), nothing);
  expect(await cache.cursor(SCOPE)).toMatchObject({ epoch: 2, n: 1 });
  expect((await cache.entriesOf(INCIDENT)).map((line) => line.scope).sort()).toEqual(["org", SCOPE]);
});

test("a cache from a newer version is dropped, not fought with", async () => {
  const newer = await openDB(CACHE_NAME, 9, { upgrade: (db) => void db.createObjectStore("future") });
  newer.close();
  await cache.apply(page(0, 1), nothing);
  expect((await cache.cursor(SCOPE))?.n).toBe(1);
});
