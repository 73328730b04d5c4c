import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { claim } from "../../src/desks/command/wall/heard";
import { keyOf, wallAt } from "../../src/desks/command/wall/model";
import {
  FRESH_MS,
  freshRows,
  type Happening,
  happened,
  LATE_MS,
  news,
  type Switch,
  soundOf,
} from "../../src/desks/command/wall/sounding";
import { column, NOW, row, wall } from "./fixtures";

const c2 = (name: string, dueMs: number, part = {}) =>
  row(name, { ...part, deadline: { id: "C2", start_ms: dueMs - 30_000, due_ms: dueMs } });
const c1 = (name: string, dueMs: number, part = {}) =>
  row(name, { ...part, deadline: { id: "C1", start_ms: dueMs - 10_000, due_ms: dueMs } });
const kinds = (of: Parameters<typeof wall>[0], nowMs = NOW) =>
  happened(wallAt(wall(of), nowMs), nowMs).map(({ kind }) => kind);

describe("what is reason for a sound", () => {
  it("a limit that is broken, an order that no phone took, something put on a list", () => {
    expect(kinds({ signing: column([c2("runs", NOW + 1), c2("broken", NOW - 1)]) })).toEqual(["breach"]);
    expect(kinds({ signing: column([c1("sent", NOW - 1)]) }), "found by this page's own clock").toEqual([
      "undelivered",
    ]);
    expect(kinds({ undelivered: [c1("lost", NOW - 9_000, { told: "desk", told_at: NOW - 1_000 })] })).toEqual([
      "undelivered",
      "told",
    ]);
    const stuck = row("stuck", { told: "desk", told_at: NOW - 5, deadline: { id: "C3", due_ms: NOW - 5 } });
    expect(kinds({ signing: column([stuck]) }), "what has no limit breaks none").toEqual(["told"]);
  });

  it("never a drill, never what may be written on a phone out of reach", () => {
    expect(kinds({ signing: column([c2("drill", NOW - 1, { exercise: true })]) })).toEqual([]);
    const away = row("away", { device_last_contact_ms: NOW - 9e6, deadline: { id: "C6", due_ms: NOW - 1 } });
    expect(kinds({ feedback: column([away]) })).toEqual([]);
  });

  it("marks its row for a minute", () => {
    const broken = c2("broken", NOW - 1);
    const at = (ms: number) => freshRows(happened(wallAt(wall({ signing: column([broken]) }), ms), ms), ms);
    expect(at(NOW)).toEqual(new Set([keyOf(broken)]));
    expect(at(NOW + FRESH_MS)).toEqual(new Set());
  });
});

describe("when it sounds", () => {
  const both = happened(
    wallAt(wall({ signing: column([c2("broken", NOW - 1)]), undelivered: [c1("lost", NOW - 2)] }), NOW),
    NOW,
  );

  it("things that come together are one sound, the gravest that the switch lets through", () => {
    expect(soundOf(both, "all")).toBe("breach");
    const lost = both.filter(({ kind }) => kind === "undelivered");
    expect(soundOf(lost, "all")).toBe("undelivered");
    expect(soundOf(lost, "breaches")).toBeNull();
    expect(soundOf(both, "off")).toBeNull();
  });

  it("what happened long before the wall was opened makes no sound", () => {
    expect(news(both, new Set(), NOW)).toEqual(both);
    expect(news(both, new Set(), NOW + LATE_MS)).toEqual([]);
  });
});

describe("who sounds a thing", () => {
  /** Another page of the same browser: its own memory, the same IndexedDB. */
  const page = async (): Promise<typeof claim> => {
    vi.resetModules();
    return (await import("../../src/desks/command/wall/heard")).claim;
  };
  const thing = (key: string, agoMs = 0): Happening => ({ key, kind: "breach", row: key, atMs: NOW - agoMs });
  beforeEach(() => {
    globalThis.indexedDB = new IDBFactory();
  });

  it("of pages that look in the same moment one gets it", async () => {
    const pages = await Promise.all([page(), page(), page()]);
    const things = [thing("a"), thing("b")];
    const got = await Promise.all(pages.map((one) => one("seat", things, NOW)));
    expect(got.flat()).toEqual(things);
    expect(
      got.filter((mine) => mine.length > 0),
      "and all of what came together, as one sound",
    ).toHaveLength(1);
  });

  it("each person hears it, and nobody twice after a reload", async () => {
    const things = [thing("a")];
    expect(await (await page())("first", things, NOW)).toEqual(things);
    expect(await (await page())("second", things, NOW)).toEqual(things);
    expect(await (await page())("first", [...things, thing("b")], NOW)).toEqual([thing("b")]);
  });

  it("a browser that keeps nothing gives everything", async () => {
    globalThis.indexedDB = {
      open: () => {
        throw new DOMException("denied", "SecurityError");
      },
    } as unknown as IDBFactory;
    expect(await (await page())("seat", [thing("a")], NOW)).toEqual([thing("a")]);
  });

  it("each thing is heard once in its life, however often it is asked, drawn or reloaded", async () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 40_000 }),
      to: fc.constantFrom<Switch>("all", "breaches", "off"),
      reload: fc.boolean(),
    });
    const dues = fc.array(fc.integer({ min: -60_000, max: 600_000 }), { maxLength: 12 });
    let life = 0;
    const look = await page();
    await fc.assert(
      fc.asyncProperty(dues, fc.array(step, { maxLength: 40 }), async (made, steps) => {
        life += 1;
        const told = wall({ signing: column(made.map((dueIn, n) => c2(`r${n}`, NOW + dueIn))) });
        let asked: ReadonlySet<string> = new Set();
        let nowMs = NOW;
        const seen = new Set<string>();
        for (const { afterMs, to, reload } of steps) {
          nowMs += afterMs;
          const all = happened(wallAt(told, nowMs), nowMs);
          const fresh = all.filter(({ key, atMs }) => !seen.has(key) && nowMs - atMs <= LATE_MS);
          const mine = await look(`${life}`, news(all, asked, nowMs), nowMs);
          expect(mine).toEqual(fresh);
          expect(soundOf(mine, to) !== null).toBe(fresh.length > 0 && to !== "off");
          for (const { key } of fresh) seen.add(key);
          asked = new Set(reload ? [] : all.map(({ key }) => key));
        }
      }),
    );
  });
});
