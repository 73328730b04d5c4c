import fc from "fast-check";
import { expect, it } from "vitest";
import { chipOf, reachedOf, type SyncFacts } from "./sync-chip";

const facts: fc.Arbitrary<SyncFacts> = fc
  .record({
    waiting: fc.nat(9),
    at: fc.nat(9),
    refused: fc.nat(3),
    sending: fc.option(fc.record({ done: fc.nat(9), all: fc.integer({ min: 1, max: 9 }) })),
    offlineSinceMs: fc.option(fc.nat()),
  })
  .map(({ at, ...rest }) => ({ ...rest, atStation: Math.min(at, rest.waiting) }));

it("shows one state, in the rank 需处理 > 离线 > 上传中 > 待传 > 已确认", () => {
  const all: SyncFacts = { waiting: 3, atStation: 2, refused: 1, sending: { done: 2, all: 5 }, offlineSinceMs: 7 };
  const calm: SyncFacts = { waiting: 0, atStation: 0, refused: 0, sending: null, offlineSinceMs: null };
  expect(chipOf(all)).toEqual({ state: "attention", n: 1 });
  expect(chipOf({ ...all, refused: 0 })).toEqual({ state: "offline", sinceMs: 7, waiting: 3 });
  expect(chipOf({ ...all, refused: 0, offlineSinceMs: null })).toEqual({ state: "uploading", done: 2, all: 5 });
  expect(chipOf({ ...calm, waiting: 3, atStation: 2 })).toEqual({ state: "pending", n: 3, atStation: 2 });
  expect(chipOf(calm)).toEqual({ state: "confirmed" });
});

it("says 已确认, and fills all three ticks, only when nothing waits, nothing was refused and the server answers", () => {
  fc.assert(
    fc.property(facts, (f) => {
      const settled = f.waiting === 0 && f.refused === 0 && f.sending === null && f.offlineSinceMs === null;
      expect(chipOf(f).state === "confirmed").toBe(settled);
      expect(reachedOf(f) === "centre").toBe(settled);
      // The ticks are those of the set that has come least far.
      expect(reachedOf(f) === "station").toBe(f.waiting > 0 && f.atStation === f.waiting);
    }),
  );
});
