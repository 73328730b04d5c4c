// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { correct, now, nowMs, startClock, stopClock } from "./now";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(1_773_297_131_400);
});
afterEach(() => {
  stopClock();
  correct(0);
  vi.useRealTimers();
});

it("ticks once a second, on the second", () => {
  startClock();
  const seen = new Set<number>();
  for (let step = 0; step < 50; step += 1) {
    vi.advanceTimersByTime(100);
    seen.add(now.value);
  }
  seen.delete(1_773_297_131_400); // the first reading, when it was started
  expect(seen.size).toBe(5);
  for (const at of seen) expect(at % 1000).toBeLessThan(10);
});

it("follows the server's clock, also between ticks", () => {
  startClock();
  correct(-1500);
  expect(now.value).toBe(1_773_297_129_900);
  vi.advanceTimersByTime(110);
  expect(now.value % 1000).toBeLessThan(10); // on the corrected second
  expect(nowMs()).toBe(Date.now() - 1500);
});

it("catches up at once when a hidden page is shown", () => {
  startClock();
  vi.setSystemTime(1_773_297_190_000); // the phone slept; timers did not fire
  document.dispatchEvent(new Event("visibilitychange"));
  expect(now.value).toBe(1_773_297_190_000);
});

it("stops when told to", () => {
  startClock();
  stopClock();
  const last = now.value;
  vi.advanceTimersByTime(5000);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(now.value).toBe(last);
});
