// @vitest-environment happy-dom
/** The phone's own back button undoes one step at a time, and a look at the timeline is no step. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { goOn, open, screen } from "../../src/desks/officer/screens";

const JOB = { name: "job", incident: "a1" } as const;
const STORY = { name: "story", incident: "a1" } as const;

beforeEach(() => open({ name: "duty" }, { replace: true }));
afterEach(() => vi.restoreAllMocks());

test("going on from a timeline that was opened from the job goes back to it", () => {
  open(JOB);
  open(STORY);
  const back = vi.spyOn(history, "back").mockImplementation(() => undefined);
  const before = history.length;
  goOn(JOB);
  expect(back).toHaveBeenCalledOnce();
  expect(history.length).toBe(before);
});

test("going on from a timeline that was opened from a list takes its place, so back leads to the list", () => {
  open({ name: "list" });
  open(STORY);
  const before = history.length;
  goOn(JOB);
  expect(screen.value).toEqual(JOB);
  expect(history.length).toBe(before);
  // A second look and another way on still knows the list as the way back.
  open({ name: "story", incident: "b2" });
  const back = vi.spyOn(history, "back").mockImplementation(() => undefined);
  goOn(JOB);
  expect(back).toHaveBeenCalledOnce();
});
