import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyOf, wallAt } from "../../src/desks/command/wall/model";
import {
  FRESH_MS,
  freshRows,
  type Heard,
  happened,
  LATE_MS,
  type Switch,
  sounding,
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
    expect(sounding(both, new Map(), "all", NOW).sound).toBe("breach");
    const lost = both.filter(({ kind }) => kind === "undelivered");
    expect(sounding(lost, new Map(), "all", NOW).sound).toBe("undelivered");
    expect(sounding(lost, new Map(), "breaches", NOW).sound).toBeNull();
    expect(sounding(both, new Map(), "off", NOW).sound).toBeNull();
  });

  it("whoever switches sound on hears what comes, not what was", () => {
    const { heard } = sounding(both, new Map(), "off", NOW);
    expect(sounding(both, heard, "all", NOW + 1_000)).toEqual({ sound: null, heard });
  });

  it("what happened long before the wall was opened makes no sound", () => {
    expect(sounding(both, new Map(), "all", NOW + LATE_MS).sound).toBeNull();
  });

  it("each thing is heard once in its life, however often it is asked, drawn or reloaded", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 40_000 }),
      to: fc.constantFrom<Switch>("all", "breaches", "off"),
      reload: fc.boolean(),
    });
    const dues = fc.array(fc.integer({ min: -60_000, max: 600_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(dues, fc.array(step, { maxLength: 40 }), (made, steps) => {
        const told = wall({ signing: column(made.map((dueIn, n) => c2(`r${n}`, NOW + dueIn))) });
        let heard: Heard = new Map();
        let nowMs = NOW;
        let sounds = 0;
        const seen = new Set<string>();
        for (const { afterMs, to, reload } of steps) {
          nowMs += afterMs;
          const all = happened(wallAt(told, nowMs), nowMs);
          const news = all.filter(({ key, atMs }) => !seen.has(key) && nowMs - atMs <= LATE_MS);
          const now = sounding(all, heard, to, nowMs);
          expect(now.sound !== null).toBe(news.length > 0 && to !== "off");
          if (now.sound) sounds += 1;
          for (const { key } of news) seen.add(key);
          heard = reload ? new Map(JSON.parse(JSON.stringify([...now.heard]))) : now.heard;
        }
        expect(sounds).toBeLessThanOrEqual(made.length);
      }),
    );
  });
});
