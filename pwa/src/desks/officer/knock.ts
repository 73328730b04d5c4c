/**
 * What may be said of lock screen alerts on this phone: that they arrive only when one has, and otherwise which of the
 * reasons it is that they do not.
 *
 *     t(knockWord(device.push))      // 能到 · 没试过 · 没开 · 被拦下 · …
 */
import type { Push, PushState } from "../../device/push";

type Known = Pick<Push, "state" | "trial" | "last">;

/** Registered and a test has arrived, the last one not lost. */
export function reaches({ state, trial, last }: Known): boolean {
  const step = trial.value?.step;
  return state.value === "on" && last.value !== null && step !== "lost" && step !== "failed";
}

const WORDS = {
  unsupported: "knockCannot",
  unasked: "knockOff",
  blocked: "knockBlocked",
  off: "knockOff",
  on: "knockUntried",
  resting: "knockResting",
  untold: "knockUntried",
  notOffered: "knockCannot",
  noService: "knockCannot",
  refused: "knockCannot",
} as const satisfies Record<PushState, string>;

/** The word for a row. */
export const knockWord = (push: Known): (typeof WORDS)[PushState] | "knockOn" =>
  reaches(push) ? "knockOn" : WORDS[push.state.value];
