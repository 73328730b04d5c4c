import fc from "fast-check";
import { expect, it } from "vitest";
import { chipOf, reachedOf, type SyncFacts } from "./sync-chip";

const facts: fc.Arbitrary<SyncFacts> = fc.record({
  waiting: fc.nat(9),
  refused: fc.nat(3),
  sending: fc.option(fc.record({ done: fc.nat(9), all: fc.integer({ min: 1, max: 9 }) })),
  offlineSinceMs: fc.option(fc.nat()),
});

it("shows one state, in the rank 需处理 > 离线 > 上传中 > 待传 > 已确认", () => {
  const all: SyncFacts = { waiting: 3, refused: 1, sending: { done: 2, all: 5 }, offlineSinceMs: 7 };
  expect(chipOf(all)).toEqual({ state: "attention", n: 1 });
  expect(chipOf({ ...all, refused: 0 })).toEqual({ state: "offline", sinceMs: 7, waiting: 3 });
  expect(chipOf({ ...all, refused: 0, offlineSinceMs: null })).toEqual({ state: "uploading", done: 2, all: 5 });
  expect(chipOf({ ...all, refused: 0, offlineSinceMs: null, sending: null })).toEqual({ state: "pending", n: 3 });
  expect(chipOf({ waiting: 0, refused: 0, sending: null, offlineSinceMs: null })).toEqual({ state: "confirmed" });
});

it("says 已确认, and fills all three ticks, only when nothing waits, nothing was refused and the server answers", () => {
  fc.assert(
    fc.property(facts, (f) => {
      const chip = chipOf(f);
      const settled = f.waiting === 0 && f.refused === 0 && f.sending === null && f.offlineSinceMs === null;
      expect(chip.state === "confirmed").toBe(settled);
      expect(reachedOf(chip) === "centre").toBe(settled);
    }),
  );
});
