/**
 * Where a deadline stands: the arithmetic behind the ring, the bar and the wall row. Pure.
 *
 * A near deadline is one in its last third; past the deadline the bar is full and a mark shows where it was.
 * This shows a countdown; it never judges. Verdicts come with their evidence from elsewhere.
 *
 *     countdown(0, 30_000, 9_000)    // { tone: "running", leftMs: 21_000, fill: 0.3, mark: null }
 *     countdown(0, 30_000, 44_000)   // { tone: "over", leftMs: -14_000, fill: 1, mark: 0.68 }
 */
export type Tone = "running" | "near" | "over" | "done";

export interface Countdown {
  readonly tone: Tone;
  /** Time to the deadline, negative past it; when done, as it stood then. */
  readonly leftMs: number;
  /** How much of the bar is travelled, 0 to 1. */
  readonly fill: number;
  /** Where on a full bar the deadline was, when it is past. */
  readonly mark: number | null;
}

export function countdown(startMs: number, dueMs: number, nowMs: number, doneMs: number | null = null): Countdown {
  const whole = Math.max(1, dueMs - startMs);
  const gone = Math.max(0, (doneMs ?? nowMs) - startMs);
  const leftMs = whole - gone;
  const over = gone > whole;
  const fill = over ? 1 : gone / whole;
  const mark = over ? whole / gone : null;
  if (doneMs !== null) return { tone: "done", leftMs, fill, mark };
  if (over) return { tone: "over", leftMs, fill, mark };
  return { tone: gone * 3 >= whole * 2 ? "near" : "running", leftMs, fill, mark };
}
