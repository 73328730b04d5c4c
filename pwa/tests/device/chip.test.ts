/** The chip is always there and always true: one state, by rank, and 已确认 only for everything. */
import { expect, test } from "vitest";
import { type ChipFacts, chipOf, clockIsOff } from "../../src/device/chip";

const calm: ChipFacts = {
  head: 5,
  acked: 5,
  attention: 0,
  unkept: 0,
  reachable: true,
  sending: null,
  lastContactMs: 1_000,
};

test("confirmed means acked = head and nothing refused", () => {
  expect(chipOf(calm, 2_000)).toEqual({ state: "confirmed" });
  expect(chipOf({ ...calm, acked: 4 }, 2_000)).toEqual({ state: "pending", count: 1 });
  expect(chipOf({ ...calm, attention: 1 }, 2_000)).toEqual({ state: "attention", count: 1 });
});

test("one state at a time: needs you > offline > sending > waiting > confirmed", () => {
  const all: ChipFacts = { ...calm, acked: 2, attention: 1, reachable: false, sending: { done: 1, all: 3 } };
  expect(chipOf(all, 61_000).state).toBe("attention");
  expect(chipOf({ ...all, attention: 0 }, 61_000)).toEqual({ state: "offline", sinceMs: 60_000, count: 3 });
  expect(chipOf({ ...all, attention: 0, reachable: true }, 61_000)).toEqual({ state: "sending", done: 1, all: 3 });
  expect(chipOf({ ...all, attention: 0, reachable: true, sending: null }, 61_000).state).toBe("pending");
});

test("a set that only memory holds is louder than anything else", () => {
  expect(chipOf({ ...calm, unkept: 1, reachable: false }, 2_000)).toEqual({ state: "attention", count: 1 });
});

test("offline without any contact ever does not invent a time, and a clock set back counts from zero", () => {
  expect(chipOf({ ...calm, reachable: false, lastContactMs: null }, 9_000)).toMatchObject({ sinceMs: null });
  expect(chipOf({ ...calm, reachable: false, lastContactMs: 10_000 }, 9_000)).toMatchObject({ sinceMs: 0 });
});

test("the clock chip shows beyond two seconds, either way", () => {
  expect([null, 0, 2_000, -2_000, 2_001, -2_001].map(clockIsOff)).toEqual([false, false, false, false, true, true]);
});
