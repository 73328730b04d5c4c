/** The chip is always there and always true: one state, by rank, and 已确认 only for everything. */
import { expect, test } from "vitest";
import { chipFacts, type SyncState } from "../../src/device/chip";
import { chipOf } from "../../src/ui/sync-chip";

const calm: SyncState = {
  head: 5,
  acked: 5,
  refusals: 0,
  unkept: 0,
  suspended: false,
  reachable: true,
  sending: null,
  lastContactMs: 1_000,
};
const chip = (over: Partial<SyncState>, nowMs = 61_000) => chipOf(chipFacts({ ...calm, ...over }, nowMs));

test("confirmed means acked = head and nothing refused", () => {
  expect(chip({})).toEqual({ state: "confirmed" });
  expect(chip({ acked: 4 })).toEqual({ state: "pending", n: 1 });
  expect(chip({ refusals: 1 })).toEqual({ state: "attention", n: 1 });
});

test("one state at a time: needs you > offline > sending > waiting > confirmed", () => {
  const all = { acked: 2, refusals: 1, reachable: false, sending: { done: 1, all: 3 } };
  expect(chip(all).state).toBe("attention");
  expect(chip({ ...all, refusals: 0 })).toEqual({ state: "offline", sinceMs: 1_000, waiting: 3 });
  expect(chip({ ...all, refusals: 0, reachable: true })).toEqual({ state: "uploading", done: 1, all: 3 });
  expect(chip({ ...all, refusals: 0, reachable: true, sending: null })).toEqual({ state: "pending", n: 3 });
});

test("a set that only memory holds is louder than anything else", () => {
  expect(chip({ unkept: 1, reachable: false })).toEqual({ state: "attention", n: 1 });
});

test("a device the centre refuses needs somebody, it is not just offline", () => {
  expect(chip({ suspended: true, reachable: false })).toEqual({ state: "attention", n: 1 });
});

test("offline without any contact ever, or with a clock set back, does not invent a silence", () => {
  expect(chip({ reachable: false, lastContactMs: null }, 9_000)).toEqual({
    state: "offline",
    sinceMs: 9_000,
    waiting: 0,
  });
  expect(chip({ reachable: false, lastContactMs: 10_000 }, 9_000)).toEqual({
    state: "offline",
    sinceMs: 9_000,
    waiting: 0,
  });
});
