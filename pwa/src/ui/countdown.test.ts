import fc from "fast-check";
import { expect, it } from "vitest";
import { countdown } from "./countdown";

it("runs, nears in the last third, and is over past the deadline, with a mark where it was", () => {
  expect(countdown(0, 30_000, 9_000)).toEqual({ tone: "running", leftMs: 21_000, fill: 0.3, mark: null });
  expect(countdown(0, 30_000, 19_999).tone).toBe("running");
  expect(countdown(0, 30_000, 20_000).tone).toBe("near");
  expect(countdown(0, 30_000, 30_000)).toMatchObject({ tone: "near", leftMs: 0, fill: 1, mark: null });
  expect(countdown(0, 30_000, 44_000)).toMatchObject({ tone: "over", leftMs: -14_000, fill: 1 });
  expect(countdown(0, 30_000, 60_000).mark).toBe(0.5);
});

it("stands still once done, early or late", () => {
  expect(countdown(0, 30_000, 999_000, 15_000)).toEqual({ tone: "done", leftMs: 15_000, fill: 0.5, mark: null });
  expect(countdown(0, 30_000, 999_000, 41_000)).toMatchObject({ tone: "done", leftMs: -11_000, fill: 1 });
});

it("never draws outside its bar, even with a deadline before its start or a clock that went back", () => {
  const ms = fc.integer({ min: -1_000_000, max: 1_000_000 });
  fc.assert(
    fc.property(ms, ms, ms, (start, due, now) => {
      const { fill, mark } = countdown(start, due, now);
      expect(fill >= 0 && fill <= 1).toBe(true);
      expect(mark === null || (mark > 0 && mark < 1)).toBe(true);
    }),
  );
});
